/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * threshold=auto: who is to do which copies, so that the most gets done.
 *
 * What a copy costs is taken to be a constant and so much a byte, for the CPU that does it, for
 * the CPU that has it done (launch, submit, completion), and for the AMU. All of that is measured
 * when a device is started. A copy pays for the AMU if having it done costs the CPU less than
 * doing it: the length where both cost the same is the threshold. Submits and completions cost
 * once a burst, so the mean length of bursts counts, and now and then a copy of the CPU is timed:
 * memory that isn't in its cache costs more than the measurement at start had.
 *
 * That is right as long as the AMU keeps up. Whether it does, and what both do to each other's
 * caches, no model tells; so there are three ways, and what each gets done is measured:
 * - SPLIT: by the threshold, unless the AMU has too much to do: if it needs more than a few
 *   bursts' time for what it has, as the pace of its answers tells, or the ring fills, the CPU
 *   does everything until half of that is done, so that both work at full speed;
 * - AMU: the AMU does everything, also what by its length alone is the CPU's: copies may cost the
 *   CPU more than any measurement of single ones shows, if memory comes from another core;
 * - CPU: the CPU does everything.
 * The best one is taken; all have a short turn every now and then, one after the other. A turn can
 * hit a slow moment of the machine, so the median of the last rounds counts; with a new load the
 * first rounds follow each other. What counts is the time from when the user comes with work until
 * all of it has been reported; how long a user with nothing to do stays away says nothing.
 */

#include <pthread.h>

#include <rte_malloc.h>
#include <rte_pause.h>

#include "revere_dma.h"

#define SHORT 64u
#define LONG 4096u
#define BATCH 32u
#define BUFFERS (2 * BATCH)
#define ROUNDS 12u
#define NEVER 1e300
#define PATIENCE_MS 200u

#define SAMPLE_MIN 512u	  /* of shorter copies, looking at the clock is what costs most */
#define SAMPLE_MAX 8192u  /* longest copy that is timed, should the AMU have been to do it */
#define SAMPLE_TURN 16u	  /* of a period, whose next copy is timed */
#define SETTLE_TURNS 32u  /* submits of a period until what gets done is measured, */
#define WAY_TURNS 32u	  /* and while it is; both end when all has been reported, */
#define TURNS_MAX 2u	  /* or after that many times as many submits */
#define COLD_TURNS 480u	  /* to settle with another way, or */
#define COLD_JOBS 16384u  /* so many copies: buffers come round in the end, and until then are */
			  /* in the caches of who copied to them last */
#define LOSER 0.8	  /* of the best one, and a way isn't worth another look */
#define ROUNDS_SURE 2u	  /* after so many, */
#define ROUNDS_LOSER 4u	  /* but once in so many */
#define EXPLORE_COST 64	  /* so many times what a round took goes by until the next one; */
#define BUDGET_PART 32	  /* rounds that another load asks for come sooner, as long as all */
			  /* of them together don't take a larger part of the time */
#define LOAD_COST 4	  /* but all of them at once if the last time is that many times as */
			  /* long ago as it took */
#define LOAD_CHANGE 1.3	  /* lengths, or what gets done, that differ so much: another load, */
#define LOAD_SURE 8u	  /* if they do so in that many periods */
#define CHANGE 1.01	  /* a way has to be that much better than the one before */
#define WEIGHT 0.0625	  /* of a new value in a mean */
#define OUTLIER 4	  /* times the mean, and a value counts as interrupted */
#define PAUSE 50	  /* the same for the time between submits, */
#define LOST 16		  /* and where ways are compared: the AMU's last burst may take that */
#define BACKLOG_BURSTS 2  /* the AMU may be so many bursts behind */
#define BACKLOG_MIN_US 4  /* and at least so much */
#define BACKLOG_MAX_US 100

/* ---- Measuring ------------------------------------------------------------------------------ */

/** Costs of a batch in cycles, the least of all rounds. */
struct batch_cost {
	double launch; /**< enqueueing */
	double burst;  /**< submit and completions */
	double total;  /**< from the first to the last batch, if they follow each other */
	double cpu;    /**< done by the CPU */
};

struct bench {
	struct revere_dma_vchan *vchan;
	uint8_t *src, *dst;
};

/** Until so many messages that weren't looked at have been answered. */
static bool
answers_wait(struct revere_dma_vchan *vchan, uint64_t count)
{
	uint64_t end = rte_get_timer_cycles() + PATIENCE_MS * rte_get_timer_hz() / MS_PER_S;
	uint32_t polls = 0;

	while (revere_ring_device_index(vchan->rx) - vchan->rx->own - vchan->taken < count) {
		rte_pause();
		if (++polls % 256 != 0)
			continue;
		revere_ring_doorbell(vchan->tx); /* as revere_dma_idle() */
		if (rte_get_timer_cycles() > end)
			return false;
	}
	return true;
}

static bool
jobs_wait(struct revere_dma_vchan *vchan)
{
	while (vchan->done != vchan->submitted) {
		if (!answers_wait(vchan, 1))
			return false;
		revere_dma_poll(vchan);
	}
	vchan->tail = vchan->done;
	vchan->limit = vchan->tail + vchan->capacity;
	return vchan->failed_jobs == 0;
}

static bool
batch_enqueue(const struct bench *bench, uint32_t batch, uint32_t length)
{
	uint32_t i, at;

	for (i = 0; i < BATCH; i++) {
		at = (batch * BATCH + i) % BUFFERS * LONG;
		if (revere_dma_amu_job(bench->vchan, (uintptr_t)(bench->src + at),
				       (uintptr_t)(bench->dst + at), length, RVR_DMA_COPY, 0) < 0)
			return false;
	}
	return true;
}

/** One batch for the AMU, and what of it is the CPU's work. */
static bool
batch_launch(const struct bench *bench, uint32_t batch, uint32_t length, struct batch_cost *cost)
{
	struct revere_dma_vchan *vchan = bench->vchan;
	uint64_t begin = rte_rdtsc_precise(), enqueued, submitted, answered, end;

	if (!batch_enqueue(bench, batch, length))
		return false;
	enqueued = rte_rdtsc_precise();
	revere_dma_publish(vchan);
	submitted = rte_rdtsc_precise();
	/* The burst may be in more than one message. */
	if (!answers_wait(vchan, vchan->tx->own - vchan->answered))
		return false;
	answered = rte_rdtsc_precise();
	if (!jobs_wait(vchan))
		return false;
	end = rte_rdtsc_precise();
	cost->launch = RTE_MIN(cost->launch, (double)(enqueued - begin));
	cost->burst = RTE_MIN(cost->burst, (double)(submitted - enqueued + end - answered));
	return true;
}

/** Several batches for the AMU without a pause. */
static bool
batches_stream(const struct bench *bench, uint32_t length, struct batch_cost *cost)
{
	uint64_t begin = rte_rdtsc_precise();
	uint32_t batch;

	for (batch = 0; batch < BUFFERS / BATCH; batch++) {
		if (!batch_enqueue(bench, batch, length))
			return false;
		revere_dma_publish(bench->vchan);
	}
	if (!jobs_wait(bench->vchan))
		return false;
	cost->total = RTE_MIN(cost->total,
			   (double)(rte_rdtsc_precise() - begin) * BATCH / BUFFERS);
	return true;
}

static void
batch_cpu(const struct bench *bench, uint32_t length, struct batch_cost *cost)
{
	uint64_t begin = rte_rdtsc_precise();
	uint32_t i;

	for (i = 0; i < BATCH; i++)
		revere_dma_cpu_piece(bench->vchan, (uintptr_t)(bench->src + i * LONG),
				     (uintptr_t)(bench->dst + i * LONG), length);
	cost->cpu = RTE_MIN(cost->cpu, (double)(rte_rdtsc_precise() - begin));
}

static bool
length_measure(const struct bench *bench, uint32_t length, struct batch_cost *cost)
{
	uint32_t round;

	*cost = (struct batch_cost){NEVER, NEVER, NEVER, NEVER};
	for (round = 0; round < ROUNDS; round++) {
		batch_cpu(bench, length, cost);
		if (!batch_launch(bench, round, length, cost) ||
		    !batches_stream(bench, length, cost))
			return false;
	}
	return true;
}

/** A line through two points. */
static struct revere_dma_cost
line(double at_short, double at_long)
{
	double byte = RTE_MAX(at_long - at_short, 0.0) / (LONG - SHORT) / BATCH;

	return (struct revere_dma_cost){RTE_MAX(at_short / BATCH - byte * SHORT, 1.0), byte};
}

static bool
model_make(const struct bench *bench, struct revere_dma_model *model)
{
	struct batch_cost at_short, at_long;

	if (!length_measure(bench, SHORT, &at_short) || !length_measure(bench, LONG, &at_long))
		return false;
	model->cpu = line(at_short.cpu, at_long.cpu);
	/* Enqueueing costs the same for all lengths; a submit does not if it does the copies. */
	model->launch = line(at_short.burst, at_long.burst);
	model->launch_burst = model->launch.op * BATCH;
	model->launch.op = at_short.launch / BATCH;
	model->engine = line(at_short.total, at_long.total);
	return true;
}

/** Measures on a vchan that is started. */
static void
vchan_measure(struct revere_dma_vchan *vchan)
{
	struct revere_dma_model *model = &vchan->dma->model;
	size_t size = (size_t)BUFFERS * LONG;
	struct bench bench = {.vchan = vchan};

	vchan->split_below = 1;
	vchan->tuning = 0;
	bench.src = rte_zmalloc_socket("revere_dma_auto", 2 * size, LONG, vchan->dma->numa_node);
	bench.dst = bench.src == NULL ? NULL : bench.src + size;
	model->measured = bench.src != NULL && model_make(&bench, model);
	/* Then nothing is under way to memory that is freed. */
	revere_dma_vchan_stop(vchan);
	rte_free(bench.src);
}

static int
spare_measure(struct revere_dma_dev *dma)
{
	struct revere_dma_vchan *spare;
	int ret;

	spare = rte_zmalloc("revere_dma_spare", sizeof(*spare), RTE_CACHE_LINE_SIZE);
	if (spare == NULL)
		return -ENOMEM;
	ret = revere_dma_vchan_create(spare, dma, REVERE_DMA_SPARE, REVERE_DMA_SPARE_DESC);
	if (ret == 0) {
		ret = revere_dma_vchan_start(spare);
		if (ret == 0)
			vchan_measure(spare);
		revere_dma_vchan_destroy(spare);
	}
	rte_free(spare);
	if (ret < 0)
		return ret;
	dma->model.tried = true;
	if (!dma->model.measured)
		REVERE_DMA_LOG(WARNING, dma, "the device doesn't do the copies that it is measured "
			       "with: with %s=auto the CPU does all of them, until a channel is "
			       "set up again", REVERE_DMA_ARG_THRESHOLD);
	return 0;
}

int
revere_dma_auto_measure(struct revere_dma_dev *dma, bool again)
{
	/* One at a time, also of different devices: they would measure each other. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!dma->model.measured && (again || !dma->model.tried))
		ret = spare_measure(dma);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- Deciding ------------------------------------------------------------------------------- */

/** What the CPU spends on a copy that the AMU does, with bursts as they are. */
static double
launch_cycles(const struct revere_dma_vchan *vchan)
{
	const struct revere_dma_model *model = &vchan->dma->model;

	return model->launch.op + model->launch_burst / RTE_MAX(vchan->tune.burst, 1.0);
}

/** Makes of all that what the next copy is compared with. */
static void
split_set(struct revere_dma_vchan *vchan)
{
	const struct revere_dma_auto *tune = &vchan->tune;
	bool cpu = tune->way == RTE_PMD_REVERE_DMA_WAY_CPU || tune->overloaded;
	bool amu = tune->way == RTE_PMD_REVERE_DMA_WAY_AMU && vchan->dma->model.measured;

	vchan->split_below = amu ? 1 : cpu ? UINT32_MAX : tune->threshold;
	if (tune->sampling)
		vchan->split_below = RTE_MAX(vchan->split_below, SAMPLE_MAX);
}

static void
decide(struct revere_dma_vchan *vchan)
{
	const struct revere_dma_model *model = &vchan->dma->model;
	struct revere_dma_auto *tune = &vchan->tune;
	double gain = model->cpu.byte * tune->cpu_scale - model->launch.byte;
	double bytes = UINT32_MAX;

	if (model->measured && gain > 0)
		bytes = (launch_cycles(vchan) - model->cpu.op * tune->cpu_scale) / gain;
	tune->threshold = bytes >= UINT32_MAX ? UINT32_MAX : (uint32_t)RTE_MAX(bytes, 1.0);
	tune->decisions++;
	split_set(vchan);
}

void
revere_dma_auto_begin(struct revere_dma_vchan *vchan)
{
	vchan->tune.cpu_scale = 1;
	vchan->tune.engine_scale = 1;
	vchan->tune.budget = NEVER; /* until a load is known */
	vchan->tune.burst = BATCH;
	vchan->tune.interval = BATCH * RTE_MAX(vchan->dma->model.launch.op, 1.0);
	vchan->tune.rest = vchan->tune.interval;
	vchan->tune.last = rte_rdtsc();
	vchan->tune.sent = vchan->amu_ops;
	decide(vchan);
}

static double
engine_cycles(const struct revere_dma_vchan *vchan, uint64_t ops, uint64_t bytes)
{
	const struct revere_dma_cost *engine = &vchan->dma->model.engine;

	return engine->op * (double)ops + engine->byte * (double)bytes;
}

/** Cycles that the AMU needs for what it has been given. */
static double
backlog(const struct revere_dma_vchan *vchan)
{
	return vchan->tune.engine_scale *
	       engine_cycles(vchan, vchan->amu_ops - vchan->answered_ops,
			     vchan->amu_bytes - vchan->answered_bytes);
}

/** Cycles of work that the AMU may have before it. */
static double
backlog_most(const struct revere_dma_vchan *vchan)
{
	double us = (double)rte_get_tsc_hz() / US_PER_S;

	return RTE_MIN(RTE_MAX(vchan->tune.interval * BACKLOG_BURSTS, us * BACKLOG_MIN_US),
		    us * BACKLOG_MAX_US);
}

/** More in flight and the user would soon wait. */
static bool
ring_fills(const struct revere_dma_vchan *vchan)
{
	return vchan->head - vchan->done > vchan->nb_desc / 2u;
}

static void
overload(struct revere_dma_vchan *vchan)
{
	vchan->tune.overloaded = true;
	vchan->tune.overloads++;
	split_set(vchan);
}

/** A mean with a new value; a thread that lost its CPU for a while changes little. */
static double
mean(double old, double value)
{
	return old + (RTE_MIN(value, OUTLIER * old) - old) * WEIGHT;
}

void
revere_dma_auto_answers(struct revere_dma_vchan *vchan, uint64_t now)
{
	struct revere_dma_auto *tune = &vchan->tune;
	double cycles = engine_cycles(vchan, vchan->answered_ops - tune->answered_ops,
				      vchan->answered_bytes - tune->answered_bytes);

	tune->answered_ops = vchan->answered_ops;
	tune->answered_bytes = vchan->answered_bytes;
	if (tune->way != RTE_PMD_REVERE_DMA_WAY_SPLIT) { /* nothing follows from its pace */
		tune->busy_since = 0;
		return;
	}
	/* Its pace is known if it had something to do all the time. */
	if (tune->busy_since != 0 && cycles > 0)
		tune->engine_scale = mean(tune->engine_scale,
					  (double)(now - tune->busy_since) / cycles);
	tune->busy_since = vchan->amu_ops == vchan->answered_ops ? 0 : now;
	if (!tune->overloaded || backlog(vchan) > backlog_most(vchan) / 2 || ring_fills(vchan))
		return;
	tune->overloaded = false;
	split_set(vchan);
}

/** Has the CPU do the next copy, whatever its length. */
static void
sample_next(struct revere_dma_vchan *vchan)
{
	vchan->tune.sampling = true;
	split_set(vchan);
}

static void
sample_end(struct revere_dma_vchan *vchan)
{
	vchan->tune.sampling = false;
	split_set(vchan);
}

void
revere_dma_auto_sample(struct revere_dma_vchan *vchan, uint32_t length, uint64_t cycles)
{
	const struct revere_dma_cost *cpu = &vchan->dma->model.cpu;
	struct revere_dma_auto *tune = &vchan->tune;
	double expected = cpu->op + cpu->byte * length;

	sample_end(vchan);
	if (vchan->dma->model.measured && length >= SAMPLE_MIN)
		tune->cpu_scale = mean(tune->cpu_scale, (double)cycles / expected);
}

/** Bytes copied, by whoever. */
static uint64_t
bytes_done(const struct revere_dma_vchan *vchan)
{
	return vchan->answered_bytes + vchan->count.cpu_bytes;
}

/** The median of the last looks at a way. */
static double
merit(const struct revere_dma_auto *tune, enum rte_pmd_revere_dma_way way)
{
	uint32_t i, j, count = RTE_MIN(tune->looks[way], REVERE_DMA_ROUNDS);
	double sorted[REVERE_DMA_ROUNDS];

	for (i = 0; i < count; i++) {
		for (j = i; j > 0 && sorted[j - 1] > tune->merits[way][i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = tune->merits[way][i];
	}
	return count == 0 ? 1 : (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

/** The way that gets most done; of ways that are nearly as good the one before. */
static enum rte_pmd_revere_dma_way
way_best(const struct revere_dma_auto *tune)
{
	enum rte_pmd_revere_dma_way best = tune->best;
	unsigned int way;

	for (way = 0; way < REVERE_DMA_WAYS; way++)
		if (merit(tune, way) > merit(tune, best) * (best == tune->best ? CHANGE : 1))
			best = way;
	return best;
}

/** Whether a look at a way may change anything; a look at a loser is the exception. */
static bool
look_pays(const struct revere_dma_auto *tune, enum rte_pmd_revere_dma_way way)
{
	if (tune->rounds < ROUNDS_SURE || tune->rounds % ROUNDS_LOSER == 0)
		return true;
	/* One that did well when looked at last is looked at until that is sure. */
	return merit(tune, way) > LOSER ||
	       tune->merits[way][(tune->looks[way] - 1) % REVERE_DMA_ROUNDS] > LOSER;
}

/**
 * Goes on to the next way to be looked at: in the other order each time, as caches get warmer, and
 * machines faster, while they are looked at. @return whether there is one
 */
static bool
explore_next(struct revere_dma_auto *tune)
{
	while (tune->exploring > 0) {
		tune->exploring--;
		tune->way = (enum rte_pmd_revere_dma_way)(tune->rounds % 2 == 0 ?
			tune->exploring : REVERE_DMA_WAYS - 1 - tune->exploring);
		if (look_pays(tune, tune->way))
			return true;
	}
	return false;
}

/** Begins a round of looks, the first one with the CPU's: that tells pauses of the user. */
static void
explore(struct revere_dma_auto *tune)
{
	RTE_BUILD_BUG_ON(RTE_PMD_REVERE_DMA_WAY_CPU != REVERE_DMA_WAYS - 1);
	tune->odd = 0;
	tune->pace = 0;
	tune->cost = 0;
	tune->since = 0;
	memset(tune->score, 0, sizeof(tune->score));
	tune->exploring = REVERE_DMA_WAYS;
	explore_next(tune);
	tune->looking = true;
}

/** All have been looked at: goes on with the best one, or looks again if that isn't sure yet. */
static void
explore_end(struct revere_dma_auto *tune)
{
	double best = RTE_MAX(RTE_MAX(tune->score[0], tune->score[1]), tune->score[2]);
	unsigned int way;

	RTE_BUILD_BUG_ON(REVERE_DMA_WAYS != 3);
	for (way = 0; way < REVERE_DMA_WAYS; way++)
		if (tune->score[way] > 0)
			tune->merits[way][tune->looks[way]++ % REVERE_DMA_ROUNDS] =
				tune->score[way] / best;
	tune->rounds++;
	tune->best = tune->way = way_best(tune);
	tune->looking = false;
	if (tune->rounds < REVERE_DMA_ROUNDS && tune->budget > tune->cost)
		explore(tune);
	else if (tune->budget >= NEVER)
		tune->budget = 0;
}

static bool
differs(double a, double b)
{
	return a > b * LOAD_CHANGE || b > a * LOAD_CHANGE;
}

/** Nothing is known of this load; finding out is free, unless loads change all the time. */
static void
load_new(struct revere_dma_auto *tune, double length)
{
	tune->rounds = 0;
	memset(tune->looks, 0, sizeof(tune->looks));
	tune->odd = 0;
	tune->length = length;
	if (tune->learnt < LOAD_COST * REVERE_DMA_ROUNDS * tune->cost)
		return;
	tune->learnt = 0;
	tune->budget = NEVER;
}

/** A period of the way that is the best, as far as is known. */
static void
load_look(struct revere_dma_auto *tune, double length, double score)
{
	bool sure = tune->rounds >= REVERE_DMA_ROUNDS;

	if (tune->pace == 0) { /* the first one after a look at all of them */
		tune->pace = score;
		tune->length = length;
	}
	if (!differs(length, tune->length) && !differs(score, tune->pace))
		tune->odd = 0;
	else if (tune->odd < LOAD_SURE)
		tune->odd++;
	if (tune->odd == LOAD_SURE && differs(length, tune->length))
		load_new(tune, length);
	if (tune->budget >= tune->cost && (!sure || tune->odd == LOAD_SURE ||
	    tune->since >= EXPLORE_COST * tune->cost))
		explore(tune);
}

/** A way has had its turn. */
static void
way_end(struct revere_dma_vchan *vchan)
{
	struct revere_dma_auto *tune = &vchan->tune;
	uint64_t jobs = RTE_MAX(vchan->head - tune->jobs, UINT64_C(1));
	double bytes = (double)(bytes_done(vchan) - tune->bytes);
	double score = bytes / RTE_MAX(tune->cycles, 1.0);

	if (tune->looking) {
		tune->score[tune->way] = score;
		if (!explore_next(tune))
			explore_end(tune);
	} else {
		load_look(tune, bytes / (double)jobs, score);
	}
	if (tune->way != RTE_PMD_REVERE_DMA_WAY_SPLIT)
		tune->overloaded = false;
}

void
revere_dma_auto_burst(struct revere_dma_vchan *vchan)
{
	vchan->tune.begun = rte_rdtsc();
}

void
revere_dma_auto_empty(struct revere_dma_vchan *vchan)
{
	struct revere_dma_auto *tune = &vchan->tune;

	/* The first time counts: polls in vain follow. */
	if (tune->empty == 0)
		tune->empty = rte_rdtsc();
}

/**
 * Cycles since the last submit, but for a pause of the user: if all had been reported, and more
 * time than usual went by until the next burst began. What is usual shows where the CPU does the
 * copies, and all is reported after each burst.
 */
static double
interval_worked(struct revere_dma_auto *tune, uint64_t now, bool idle)
{
	double interval = (double)(now - tune->last), rest;

	if (idle) {
		rest = (double)(tune->begun - tune->empty);
		if (rest > OUTLIER * tune->rest)
			interval -= rest - tune->rest;
		if (tune->way == RTE_PMD_REVERE_DMA_WAY_CPU)
			tune->rest = mean(tune->rest, rest);
	}
	tune->empty = 0;
	tune->begun = 0;
	tune->last = now;
	return interval;
}

/** Whether a part of a period ends with this submit. */
static bool
part_ends(struct revere_dma_auto *tune, uint32_t turns, bool idle)
{
	if (tune->turns < turns || (!idle && tune->turns < turns * TURNS_MAX))
		return false;
	tune->turns = 0;
	return true;
}

/** Buffers may still be in the caches of who copied to them last. */
static bool
is_cold(const struct revere_dma_vchan *vchan)
{
	return vchan->tune.looking && vchan->head - vchan->tune.jobs < COLD_JOBS;
}

/** Time for looks is spent, or comes in. */
static void
budget_turn(struct revere_dma_auto *tune, double interval)
{
	if (tune->looking) {
		tune->cost += interval;
		tune->budget -= interval;
		return;
	}
	tune->since += interval;
	tune->learnt += interval;
	if (tune->budget < NEVER)
		tune->budget = RTE_MIN(tune->budget + interval / BUDGET_PART,
				    REVERE_DMA_ROUNDS * tune->cost);
}

/** Counts submits, and the time between them. */
static void
period_turn(struct revere_dma_vchan *vchan, double interval, bool idle)
{
	struct revere_dma_auto *tune = &vchan->tune;

	tune->turns++;
	budget_turn(tune, RTE_MIN(interval, (double)rte_get_tsc_hz() / MS_PER_S));
	/*
	 * Who had nothing to submit for a while has not been slow, nor who lost the CPU once, but
	 * who had no room was.
	 */
	tune->cycles += tune->no_room ? interval : RTE_MIN(interval, LOST * tune->interval);
	tune->no_room = vchan->limit - vchan->head < vchan->nb_desc / 4u;
	if (tune->settled && part_ends(tune, WAY_TURNS, idle)) {
		tune->settled = false;
		way_end(vchan);
		decide(vchan);
		tune->jobs = vchan->head;
	} else if (!tune->settled && part_ends(tune, is_cold(vchan) ? COLD_TURNS : SETTLE_TURNS,
					       idle)) {
		tune->settled = true;
		tune->bytes = bytes_done(vchan);
		tune->jobs = vchan->head;
		tune->cycles = 0;
	}
}

void
revere_dma_auto_turn(struct revere_dma_vchan *vchan, uint64_t now)
{
	struct revere_dma_auto *tune = &vchan->tune;
	uint64_t asked = __atomic_load_n(&vchan->asked, __ATOMIC_RELAXED);
	uint64_t sent = vchan->amu_ops - tune->sent;
	bool idle = tune->empty >= tune->last && tune->begun > tune->empty;
	double interval;

	if (unlikely(asked != tune->asked ||
		     revere_dma_threshold_mode(asked) != RTE_PMD_REVERE_DMA_AUTO)) {
		revere_dma_threshold_apply(vchan);
		return;
	}
	interval = interval_worked(tune, now, idle);
	tune->interval += (RTE_MIN(interval, PAUSE * tune->interval) - tune->interval) * WEIGHT;
	tune->sent = vchan->amu_ops;
	if (sent > 0)
		tune->burst = mean(tune->burst, (double)sent);
	if (tune->busy_since == 0 && sent > 0 && tune->way == RTE_PMD_REVERE_DMA_WAY_SPLIT)
		tune->busy_since = now;
	period_turn(vchan, interval, idle);
	if (tune->turns == SAMPLE_TURN && !tune->settled)
		sample_next(vchan);
	else if (tune->sampling) /* no copy of a whole job came */
		sample_end(vchan);
	if (tune->way == RTE_PMD_REVERE_DMA_WAY_SPLIT && !tune->overloaded &&
	    (backlog(vchan) > backlog_most(vchan) || ring_fills(vchan)))
		overload(vchan);
}

void
revere_dma_auto_tell(const struct revere_dma_vchan *vchan,
		     struct rte_pmd_revere_dma_threshold *threshold)
{
	const struct revere_dma_model *model = &vchan->dma->model;
	const struct revere_dma_auto *tune = &vchan->tune;

	threshold->bytes = vchan->split_below;
	threshold->way = tune->way;
	threshold->idle_bytes = tune->threshold;
	threshold->launch_cycles = launch_cycles(vchan);
	threshold->cpu_cycles = model->cpu.op * tune->cpu_scale;
	threshold->cpu_cycles_byte = model->cpu.byte * tune->cpu_scale;
	threshold->amu_cycles = model->engine.op * tune->engine_scale;
	threshold->amu_cycles_byte = model->engine.byte * tune->engine_scale;
	threshold->decisions = tune->decisions;
	threshold->overloads = tune->overloads;
}
