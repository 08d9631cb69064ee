/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * More contexts than the device has. Which are parked for others, and which of those come back:
 * their pages tell, as they are files that this process can read, too. A context that is parked
 * wants to come back when its client has written a doorbell, when its agent has called, or when its
 * client asks for something that concerns it: such a request waits, too. The one that was idle
 * longest makes room for it; if none is idle those who are busy take turns, each for as long as any
 * other.
 *
 * Clients have no say in that, so none of them can hold a context against the others.
 */

#include <string.h>

#include "pfd.h"

#define IDLE_MS 20	/* without a change of its indices, and with nothing to do */
#define SLICE_MS 20	/* who is busy stays at least so long */
#define STUCK_MS 20	/* without a change of the device's indices, with something to do */
#define STUCK_WAIT_MS 100 /* for it, unless its client does something */
#define TICK_US 5000	/* of switching at a time: requests are waiting */
#define SHARE 3		/* times what it took to switch who is busy, before it is done again */
#define POLL_MS 1
#define QUIET_US 10000	/* between looks while nobody is parked, so that who is idle is known */

static uint64_t
now_ms(void)
{
	return pfd_now_us() / 1000;
}

/* ---- What a page tells ----------------------------------------------------------------------- */

struct look {
	uint64_t own, device, masks; /* sums of indices and masks */
	bool waiting; /* messages for the device */
};

static uint64_t
word(const volatile uint64_t *words, uint32_t offset, unsigned int number)
{
	return words[offset / sizeof(uint64_t) + number];
}

static uint64_t
mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void
look_at(struct pfd *pfd, uint16_t id, struct look *look)
{
	const struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	const volatile uint64_t *words;
	uint64_t left;
	unsigned int n;

	memset(look, 0, sizeof(*look));
	words = ami_sw->enabled ? pfd->backend->page_words(pfd->arg, id) : NULL;
	if (words == NULL)
		return;
	for (left = ami_sw->tx_used; left != 0; left &= left - 1) {
		uint64_t own, device;

		n = (unsigned int)__builtin_ctzll(left);
		own = word(words, RVR_WRITE_INDEX_TX, n);
		device = word(words, RVR_READ_INDEX_TX, n);
		look->own = mix(look->own, own);
		look->device = mix(look->device, device);
		look->waiting = look->waiting || own != device;
	}
	for (left = ami_sw->rx_used; left != 0; left &= left - 1) {
		n = (unsigned int)__builtin_ctzll(left);
		look->own = mix(look->own, word(words, RVR_READ_INDEX_RX, n));
		look->device = mix(look->device, word(words, RVR_WRITE_INDEX_RX, n));
	}
	look->masks = mix(word(words, RVR_TX_DIGEST_MASK, 0), word(words, RVR_RX_DIGEST_MASK, 0));
	/* A fault is the end of it, until its client resets it. */
	look->waiting = look->waiting && !ami_sw->faulted;
}

/* An agent has something for it, which it can have. */
static bool
is_called(const struct pfd_ami_sw *ami_sw)
{
	return ami_sw->called && ami_sw->enabled && !ami_sw->faulted;
}

/* What has happened on a context that the device has. */
static bool
update(struct pfd *pfd, uint16_t id, uint64_t now)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct look look;

	look_at(pfd, id, &look);
	if (look.own != ami_sw->seen_own || look.device != ami_sw->seen_device)
		ami_sw->changed = now;
	if (look.device != ami_sw->seen_device) {
		ami_sw->moved = now;
		ami_sw->called = false;
	}
	ami_sw->seen_own = look.own;
	ami_sw->seen_device = look.device;
	ami_sw->seen_masks = look.masks;
	return look.waiting || is_called(ami_sw);
}

/* Since when a parked context has something to do; 0 it hasn't. */
static uint64_t
wanted(struct pfd *pfd, uint16_t id, uint64_t now)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct look look;
	bool wants;

	look_at(pfd, id, &look);
	wants = (look.waiting || is_called(ami_sw)) && (!ami_sw->stuck ||
		look.own != ami_sw->seen_own || now - ami_sw->since >= STUCK_WAIT_MS);
	/* Whether an interrupt is due the device has to say. */
	wants = wants || (ami_sw->enabled && look.masks != ami_sw->seen_masks);
	if (!wants)
		ami_sw->wanted = 0;
	else if (ami_sw->wanted == 0)
		ami_sw->wanted = now;
	return ami_sw->wanted;
}

/* ---- Making room ----------------------------------------------------------------------------- */

static bool
has_ami_hw_of(const struct pfd *pfd, uint16_t id, int aha_id)
{
	const struct pfd_state *state = pfd->state;
	uint32_t i;
	int hw;

	for (i = 0; i < state->asns; i++)
		if (state->asn_owner[i] == state->ami_sw[id].owner &&
			pfd_asn_is_of(pfd, i, id, &hw) && hw >= 0 && state->ami_hw[hw].taken &&
			state->ami_hw[hw].aha_id == aha_id)
			return true;
	return false;
}

/* Who is to be parked: of equals the one that comes first in time. */
struct choice {
	int id; /* -1 nobody */
	unsigned int rank; /* the lower the better */
	uint64_t time;
};

enum { RANK_IDLE, RANK_OWN, RANK_BUSY };

static struct choice
rate(struct pfd *pfd, uint16_t id, uint16_t owner, uint64_t now)
{
	const struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	bool waiting = update(pfd, id, now);

	if (!waiting && now - ami_sw->changed >= IDLE_MS)
		return (struct choice){ id, RANK_IDLE, ami_sw->changed };
	return (struct choice){ id, ami_sw->owner == owner ? RANK_OWN : RANK_BUSY, ami_sw->since };
}

/*
 * @p owner asks for it and waits, so one is chosen in any case if there is one: who asks pays for
 * that with its own contexts first. 0: nobody asks, who is busy has its time.
 */
static struct choice
choose(struct pfd *pfd, uint16_t owner, int aha_id)
{
	struct choice best = { -1, RANK_BUSY + 1, 0 }, it;
	uint64_t now = now_ms();
	bool busy = owner != 0 || pfd_now_us() >= pfd->next_us;
	uint32_t i;

	for (i = 0; i < pfd->state->ami_sws; i++) {
		if (pfd->state->ami_sw[i].owner == 0 || !pfd->state->ami_sw[i].taken)
			continue;
		it = rate(pfd, (uint16_t)i, owner, now);
		if (it.rank > best.rank || (it.rank == best.rank && it.time >= best.time))
			continue;
		if (owner == 0 && it.rank != RANK_IDLE && (!busy || now - it.time < SLICE_MS))
			continue;
		if (pfd_can_park(pfd, (uint16_t)i) &&
			(aha_id < 0 || has_ami_hw_of(pfd, (uint16_t)i, aha_id)))
			best = it;
	}
	return best;
}

static void
park(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	uint64_t now = now_ms();
	bool waiting = update(pfd, id, now);

	ami_sw->stuck = waiting && now - ami_sw->moved >= STUCK_MS &&
		now - ami_sw->since >= STUCK_MS;
	/* The agent says it again. */
	ami_sw->called = false;
	pfd_park(pfd, id);
}

/* A process that dies meanwhile leaves it to the next one to park the AMI-HW. */
static void
switching_ami_hw(struct pfd *pfd, uint32_t id)
{
	__atomic_store_n(&pfd->state->switching_ami_hw, id, __ATOMIC_SEQ_CST);
}

/* An AMI-HW that nothing is connected with yet, or any more. */
static bool
make_room_alone(struct pfd *pfd, int aha_id)
{
	const struct pfd_ami_hw *ami_hw;
	uint32_t i;
	int sw;

	for (i = 0; i < pfd->state->ami_hws; i++) {
		ami_hw = &pfd->state->ami_hw[i];
		if (ami_hw->owner == 0 || !ami_hw->taken || (!ami_hw->plain && !ami_hw->keeps) ||
			ami_hw->aha_id != aha_id || pfd_pinned(pfd, true, i) ||
			pfd_ami_hw_joined(pfd, (uint16_t)i, &sw))
			continue;
		switching_ami_hw(pfd, i + 1);
		pfd_park_ami_hw(pfd, (uint16_t)i);
		switching_ami_hw(pfd, 0);
		return true;
	}
	return false;
}

bool
pfd_make_room(struct pfd *pfd, uint16_t owner, int aha_id)
{
	struct choice choice;

	if (!pfd->backend->isolates)
		return false;
	if (aha_id >= 0 && make_room_alone(pfd, aha_id))
		return true;
	choice = choose(pfd, owner, aha_id);
	if (choice.id >= 0)
		park(pfd, (uint16_t)choice.id);
	return choice.id >= 0;
}

/* ---- For requests ---------------------------------------------------------------------------- */

static bool
is_there(const struct pfd *pfd, const struct pfd_need *needs, uint32_t num)
{
	const struct pfd_state *state = pfd->state;
	uint32_t i;

	for (i = 0; i < num; i++)
		if (needs[i].ami_hw ? !state->ami_hw[needs[i].id].taken :
			!state->ami_sw[needs[i].id].taken)
			return false;
	return true;
}

struct pfd_need
pfd_need_ami_hw(const struct pfd *pfd, uint16_t id)
{
	int sw;

	if (!pfd->state->ami_hw[id].taken && pfd_ami_hw_joined(pfd, id, &sw) && sw >= 0)
		return (struct pfd_need){ .id = (uint16_t)sw };
	return (struct pfd_need){ .ami_hw = true, .id = id };
}

/* Who is asked about is not idle: its client has more to ask, as a rule. */
static void
note_use(struct pfd *pfd, const struct pfd_need *needs, uint32_t num)
{
	uint32_t i;

	for (i = 0; i < num; i++)
		if (!needs[i].ami_hw)
			pfd->state->ami_sw[needs[i].id].changed = now_ms();
}

int
pfd_have(struct pfd *pfd, uint16_t owner, const struct pfd_need *needs, uint32_t num)
{
	struct pfd_asked *asked = &pfd->state->clients[owner - 1].asked;

	if (is_there(pfd, needs, num)) {
		note_use(pfd, needs, num);
		return 0;
	}
	if (asked->num != 0 && asked->failed != 0)
		return asked->failed;
	/* After a restart it is asked for again, and keeps its time. */
	if (asked->num == 0) {
		memcpy(asked->needs, needs, num * sizeof(*needs));
		asked->failed = 0;
		asked->since = now_ms();
		asked->num = num;
	}
	return PFD_WAITS;
}

static bool
waits(const struct pfd *pfd, const struct pfd_client *client)
{
	const struct pfd_asked *asked = &client->asked;

	return client->used && asked->num != 0 && asked->failed == 0 &&
		!is_there(pfd, asked->needs, asked->num);
}

bool
pfd_waits(const struct pfd *pfd, unsigned int place)
{
	return waits(pfd, &pfd->state->clients[place]);
}

/* ---- By turns -------------------------------------------------------------------------------- */

/* What is to come back next, and for whom. */
struct turn {
	uint64_t since; /* it is wanted */
	const struct pfd_need *needs;
	uint32_t num; /* 0: there is none */
	struct pfd_asked *asked; /* a request, NULL: a doorbell */
	struct pfd_need context; /* of the doorbell */
};

static void
next_request(struct pfd *pfd, struct turn *turn)
{
	struct pfd_client *client = pfd->state->clients;

	for (; client < pfd->state->clients + PFD_CLIENTS; client++)
		if (waits(pfd, client) && client->asked.since < turn->since)
			*turn = (struct turn){ client->asked.since, client->asked.needs,
				client->asked.num, &client->asked, { .id = 0 } };
}

/* Who has waited longest. */
static void
next_turn(struct pfd *pfd, uint64_t now, struct turn *turn, bool *parked)
{
	uint64_t since;
	uint32_t i;

	*turn = (struct turn){ .since = UINT64_MAX };
	*parked = false;
	for (i = 0; i < pfd->state->ami_sws; i++) {
		const struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[i];

		if (ami_sw->owner == 0)
			continue;
		if (ami_sw->taken) {
			update(pfd, (uint16_t)i, now);
			continue;
		}
		*parked = true;
		since = wanted(pfd, (uint16_t)i, now);
		if (since == 0 || since >= turn->since)
			continue;
		*turn = (struct turn){ .since = since, .num = 1, .context = { .id = (uint16_t)i } };
	}
	next_request(pfd, turn);
	if (turn->num != 0 && turn->asked == NULL)
		turn->needs = &turn->context;
	*parked = *parked || turn->asked != NULL;
}

/* A context that can't be had again is as one whose ring is gone. */
static void
give_up(struct pfd *pfd, uint16_t id, int ret)
{
	const struct rvr_e_f_ami_ring_fault fault = { .ami_id = id };
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	uint8_t msg[RVR_MGT_MSG_SIZE];

	pfd_log(PFD_WARNING, "AMI-SW %u of client %u can't be restored: %s %d", id,
		ami_sw->owner - 1u, ret < 0 ? "error" : "status", ret);
	ami_sw->faulted = true;
	rvr_e_f_ami_ring_fault_encode(msg, &fault, RVR_STATUS_OK);
	pfd_tell(pfd, ami_sw->owner, msg);
}

static int
attach_alone(struct pfd *pfd, uint16_t id)
{
	int ret;

	switching_ami_hw(pfd, id + 1u);
	ret = pfd_attach_ami_hw(pfd, id);
	if (ret != 0)
		pfd_park_ami_hw(pfd, id);
	switching_ami_hw(pfd, 0);
	return ret;
}

static int
attach(struct pfd *pfd, const struct pfd_need *need)
{
	pfd->lacks = true;
	pfd->lacking = -1;
	if (need->ami_hw)
		return attach_alone(pfd, need->id);
	return pfd_ami_sw_free(pfd) ? pfd_restore(pfd, need->id) : RVR_STATUS_OTHER;
}

/* What it takes is free, or is made so in due turn: 0, PFD_WAITS, a STATUS or another errno. */
static int
bring(struct pfd *pfd, const struct pfd_need *need)
{
	uint64_t begin = pfd_now_us(), end;
	struct choice choice;
	bool busy = false;
	int ret;

	while ((ret = attach(pfd, need)) > 0 && pfd->lacks) {
		if (pfd->lacking >= 0 && make_room_alone(pfd, pfd->lacking))
			continue;
		choice = choose(pfd, 0, pfd->lacking);
		if (choice.id < 0) {
			ret = PFD_WAITS;
			break;
		}
		busy = busy || choice.rank != RANK_IDLE;
		park(pfd, (uint16_t)choice.id);
	}
	end = pfd_now_us();
	if (busy)
		pfd->next_us = end + SHARE * (end - begin);
	return ret;
}

/* Whether there is anyone to wait for. */
static bool
any_gives_way(const struct pfd *pfd)
{
	uint32_t i;

	for (i = 0; i < pfd->state->ami_sws; i++)
		if (pfd->state->ami_sw[i].owner != 0 && pfd_can_park(pfd, (uint16_t)i) &&
			(pfd->lacking < 0 || has_ami_hw_of(pfd, (uint16_t)i, pfd->lacking)))
			return true;
	return false;
}

/* false: it has to wait, and as it is the first one others wait, too. */
static bool
bring_back(struct pfd *pfd, const struct turn *turn)
{
	int ret = 0;
	uint32_t i;

	pfd->pinned = turn->needs;
	pfd->num_pinned = turn->num;
	for (i = 0; i < turn->num && ret == 0; i++)
		if (!is_there(pfd, &turn->needs[i], 1))
			ret = bring(pfd, &turn->needs[i]);
	if (ret == PFD_WAITS && turn->asked != NULL && !any_gives_way(pfd))
		ret = -EBUSY;
	pfd->num_pinned = 0;
	if (ret == 0 || ret == PFD_WAITS)
		return ret == 0;
	if (turn->asked != NULL)
		turn->asked->failed = ret;
	else
		give_up(pfd, turn->context.id, ret);
	return true;
}

static bool
any_parked(const struct pfd *pfd)
{
	const struct pfd_state *state = pfd->state;
	uint32_t i;

	for (i = 0; i < state->ami_sws; i++)
		if (state->ami_sw[i].owner != 0 && !state->ami_sw[i].taken)
			return true;
	for (i = 0; i < PFD_CLIENTS; i++)
		if (waits(pfd, &state->clients[i]))
			return true;
	return false;
}

int
pfd_tick(struct pfd *pfd)
{
	uint64_t begin = pfd_now_us();
	struct turn turn;
	bool parked, came;

	if (!pfd->backend->isolates || (!any_parked(pfd) && begin - pfd->looked_us < QUIET_US))
		return -1;
	pfd->looked_us = begin;
	do {
		next_turn(pfd, now_ms(), &turn, &parked);
		came = turn.num != 0 && bring_back(pfd, &turn);
		/* A request is carried out before anybody else takes what was brought for it. */
		if (came && turn.asked != NULL)
			return 0;
	} while (came && pfd_now_us() - begin < TICK_US);
	return parked ? POLL_MS : -1;
}
