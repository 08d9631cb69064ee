/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Traffic management: which transmit queue goes next, and when. Only ports that are shaped or
 * paused come here; there, messages stay in their session until their queue is granted one:
 *
 *   receive() of a queue -> it waits -> rna_tm_poll() grants, pulls one message -> receive() sends
 *
 * Queues of one priority are served by start-time fair queueing: the one that has had the least,
 * by its weight, is next; one that had nothing to send has lost its claim on that time.
 */

#include "steer.h"

#define GRANTS 64 /* messages in one turn: other ports want theirs too */
#define IDLE_NS 1000000u
#define DELAY_NS 100000000u

/* ---- Token buckets ------------------------------------------------------------------------ */

/** Time since the bucket was filled; a turn may be behind it by what happened in the turn. */
static uint64_t
bucket_time(const struct rna_bucket *bucket, uint64_t now)
{
	return now > bucket->when ? now - bucket->when : 0;
}

/** What comes with time, as far as it fits. */
static void
bucket_fill_idle(struct rna_bucket *bucket, uint64_t now)
{
	uint64_t time = bucket_time(bucket, now);
	double tokens = bucket->tokens + (double)time * bucket->rate;

	/* What a delay has left in it isn't idle time's: it goes when there was some. */
	if (time > IDLE_NS || bucket->tokens <= bucket->burst)
		tokens = tokens < bucket->burst ? tokens : bucket->burst;
	bucket->tokens = tokens;
	bucket->when += time;
}

/**
 * The same while messages wait: an adapter would have sent all the time, so time in which this
 * thread did not run is made up for.
 */
static void
bucket_fill_busy(struct rna_bucket *bucket, uint64_t now)
{
	uint64_t time = bucket_time(bucket, now);

	bucket->tokens += (double)(time < DELAY_NS ? time : DELAY_NS) * bucket->rate;
	bucket->when += time;
}

static bool
bucket_has(const struct rna_bucket *bucket)
{
	return bucket->rate == 0 || bucket->tokens > 0;
}

static void
bucket_take(struct rna_bucket *bucket, uint64_t packets, uint64_t bytes)
{
	if (bucket->rate != 0)
		bucket->tokens -= (double)(bytes + packets * bucket->overhead);
}

/* ---- Queues ------------------------------------------------------------------------------- */

static void
queue_waits(struct rna_tm *tm, struct rna_tm_queue *tq, uint64_t now)
{
	if (tq->waiting)
		return;
	bucket_fill_idle(&tq->bucket, now);
	if (tm->waiting == 0)
		bucket_fill_idle(&tm->bucket, now);
	tq->waiting = true;
	tm->waiting++;
	if (tq->served < tm->served)
		tq->served = tm->served;
}

static void
queue_waits_no_more(struct rna_tm *tm, struct rna_tm_queue *tq)
{
	if (tq->waiting)
		tm->waiting--;
	tq->waiting = false;
}

uint32_t
rna_tm_take(struct rna_queue *q)
{
	struct rna_tm *tm = &q->port->steer->tm;
	struct rna_tm_queue *tq = &tm->queue[q->id];

	if (tq->granted) {
		tq->granted = false;
		return 1;
	}
	queue_waits(tm, tq, amu_now_ns());
	if (q->port->poller != NULL)
		aha_poll_soon(q->port->poller->hw);
	return 0;
}

void
rna_tm_sent(struct rna_queue *q, uint64_t packets, uint64_t bytes)
{
	struct rna_tm *tm = &q->port->steer->tm;
	struct rna_tm_queue *tq = &tm->queue[q->id];

	bucket_take(&tq->bucket, packets, bytes);
	bucket_take(&tm->bucket, packets, bytes);
	tm->served = tq->served;
	tq->served += (double)bytes / tq->weight;
}

void
rna_tm_forget(struct rna_port *port, unsigned int queue)
{
	queue_waits_no_more(&port->steer->tm, &port->steer->tm.queue[queue]);
	port->steer->tm.queue[queue].granted = false;
}

/* ---- The next one ------------------------------------------------------------------------- */

static bool
queue_is_before(const struct rna_tm_queue *a, const struct rna_tm_queue *b)
{
	return a->prio != b->prio ? a->prio < b->prio : a->served < b->served;
}

/** Of the queues that wait and have tokens, the one whose turn it is. */
static struct rna_queue *
queue_next(struct rna_port *port, uint64_t now)
{
	struct rna_tm *tm = &port->steer->tm;
	struct rna_queue *next = NULL;
	unsigned int i;

	for (i = 0; i < port->rna->max_queues; i++) {
		struct rna_tm_queue *tq = &tm->queue[i];

		if (!tq->waiting || port->queue[i] == NULL)
			continue;
		bucket_fill_busy(&tq->bucket, now);
		if (bucket_has(&tq->bucket) &&
			(next == NULL || queue_is_before(tq, &tm->queue[next->id])))
			next = port->queue[i];
	}
	return next;
}

/** Lets a queue send a message, if it has one: it may have been taken back by a reset. */
static void
queue_grant(struct rna_tm *tm, struct rna_queue *q, uint64_t now)
{
	struct rna_tm_queue *tq = &tm->queue[q->id];
	struct asn *asn = q->hw->rx[RVR_RNA_RX_PACKETS];

	/* Whether it still waits then, receive() finds out. */
	queue_waits_no_more(tm, tq);
	tq->granted = true;
	if (asn != NULL && asn_pull(asn) && q->hw->rx[RVR_RNA_RX_PACKETS] == asn)
		queue_waits(tm, tq, now);
	tq->granted = false;
}

static bool
is_paused(struct rna_port *port, uint64_t now)
{
	struct rna_tm *tm = &port->steer->tm;

	if (tm->paused_until == 0)
		return false;
	if (now < tm->paused_until)
		return true;
	tm->paused_until = 0;
	rna_tm_update(port);
	return false;
}

bool
rna_tm_poll(struct rna_port *port)
{
	struct rna_tm *tm = &port->steer->tm;
	uint64_t now = amu_now_ns();
	unsigned int i;

	if (is_paused(port, now))
		return tm->waiting > 0;
	if (tm->waiting > 0)
		bucket_fill_busy(&tm->bucket, now);
	for (i = 0; i < GRANTS && tm->waiting > 0 && bucket_has(&tm->bucket); i++) {
		struct rna_queue *q = queue_next(port, now);

		/* A port that loops back may have paused itself. */
		if (q == NULL || tm->paused_until != 0)
			break;
		queue_grant(tm, q, now);
	}
	return tm->waiting > 0 || i > 0;
}

/* ---- Settings ----------------------------------------------------------------------------- */

void
rna_tm_update(struct rna_port *port)
{
	struct rna_tm *tm = &port->steer->tm;
	unsigned int i;

	tm->shaped = tm->bucket.rate != 0;
	for (i = 0; i < port->rna->max_queues; i++)
		tm->shaped |= tm->queue[i].bucket.rate != 0;
	port->gated = tm->shaped || tm->paused_until != 0;
	for (i = 0; i < port->rna->max_queues && !port->gated; i++)
		rna_tm_forget(port, i);
	if (port->poller != NULL)
		aha_poll_soon(port->poller->hw);
}
