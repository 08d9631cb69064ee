/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * More contexts than the device has. Which are parked for others, and which of those come back:
 * their pages tell, as they are files that this process can read, too. A context that is parked
 * wants to come back when its client has written a doorbell. The one that was idle longest makes
 * room for it; if none is idle those who are busy take turns, each for as long as any other.
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

/* What has happened on a context that the device has. */
static bool
update(struct pfd *pfd, uint16_t id, uint64_t now)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct look look;

	look_at(pfd, id, &look);
	if (look.own != ami_sw->seen_own || look.device != ami_sw->seen_device)
		ami_sw->changed = now;
	if (look.device != ami_sw->seen_device)
		ami_sw->moved = now;
	ami_sw->seen_own = look.own;
	ami_sw->seen_device = look.device;
	ami_sw->seen_masks = look.masks;
	return look.waiting;
}

/* Since when a parked context has something to do; 0 it hasn't. */
static uint64_t
wanted(struct pfd *pfd, uint16_t id, uint64_t now)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	struct look look;
	bool wants;

	look_at(pfd, id, &look);
	wants = look.waiting && (!ami_sw->stuck || look.own != ami_sw->seen_own ||
		now - ami_sw->since >= STUCK_WAIT_MS);
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
		if (ami_hw->owner == 0 || !ami_hw->taken || !ami_hw->plain ||
			ami_hw->aha_id != aha_id || pfd->pinned_ami_hw == i + 1 ||
			pfd_ami_hw_joined(pfd, (uint16_t)i, &sw))
			continue;
		switching_ami_hw(pfd, i + 1);
		pfd_detach_ami_hw(pfd, (uint16_t)i);
		switching_ami_hw(pfd, 0);
		return true;
	}
	return false;
}

bool
pfd_make_room(struct pfd *pfd, uint16_t owner, int aha_id)
{
	struct choice choice;

	if (aha_id >= 0 && make_room_alone(pfd, aha_id))
		return true;
	choice = choose(pfd, owner, aha_id);
	if (choice.id >= 0)
		park(pfd, (uint16_t)choice.id);
	return choice.id >= 0;
}

/* ---- For requests ---------------------------------------------------------------------------- */

int
pfd_have_ami_sw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_sw *ami_sw = &pfd->state->ami_sw[id];
	int ret = 0;

	pfd->pinned_ami_sw = id + 1u;
	if (ami_sw->taken)
		return 0;
	do {
		ret = pfd_restore(pfd, id);
	} while (ret > 0 && pfd->lacks && pfd_make_room(pfd, ami_sw->owner, pfd->lacking));
	return ret;
}

int
pfd_have_ami_hw(struct pfd *pfd, uint16_t id)
{
	struct pfd_ami_hw *ami_hw = &pfd->state->ami_hw[id];
	int ret, sw;

	pfd->pinned_ami_hw = id + 1u;
	if (ami_hw->taken)
		return 0;
	if (pfd_ami_hw_joined(pfd, id, &sw) && sw >= 0)
		return pfd_have_ami_sw(pfd, (uint16_t)sw);
	do {
		switching_ami_hw(pfd, id + 1u);
		ret = pfd_attach_ami_hw(pfd, id);
		if (ret != 0)
			pfd_detach_ami_hw(pfd, id);
		switching_ami_hw(pfd, 0);
	} while (ret > 0 && pfd->lacks &&
		pfd_make_room(pfd, ami_hw->owner, ami_hw->aha_id));
	return ret;
}

/* ---- By turns -------------------------------------------------------------------------------- */

/* The parked context that has waited longest, -1 none waits. */
static int
next_wanted(struct pfd *pfd, uint64_t now, bool *parked)
{
	uint64_t first = UINT64_MAX, since;
	int id = -1;
	uint32_t i;

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
		if (since == 0 || since >= first)
			continue;
		first = since;
		id = (int)i;
	}
	return id;
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

/* false: it has to wait. */
static bool
bring_back(struct pfd *pfd, uint16_t id)
{
	struct choice choice = { .id = -1 };
	uint64_t begin = pfd_now_us(), end;
	int ret = RVR_STATUS_OTHER;

	pfd->pinned_ami_sw = id + 1u;
	pfd->pinned_ami_hw = 0;
	pfd->lacks = true;
	pfd->lacking = -1;
	if (pfd_ami_sw_free(pfd))
		ret = pfd_restore(pfd, id);
	if (ret > 0 && pfd->lacks) {
		if (pfd->lacking >= 0 && make_room_alone(pfd, pfd->lacking))
			return true;
		choice = choose(pfd, 0, pfd->lacking);
		if (choice.id < 0)
			return false;
		park(pfd, (uint16_t)choice.id);
		ret = pfd_restore(pfd, id);
	}
	end = pfd_now_us();
	if (choice.id >= 0 && choice.rank != RANK_IDLE)
		pfd->next_us = end + SHARE * (end - begin);
	if (ret != 0 && !pfd->lacks)
		give_up(pfd, id, ret);
	return ret == 0 || !pfd->lacks;
}

static bool
any_parked(const struct pfd_state *state)
{
	uint32_t i;

	for (i = 0; i < state->ami_sws; i++)
		if (state->ami_sw[i].owner != 0 && !state->ami_sw[i].taken)
			return true;
	return false;
}

int
pfd_tick(struct pfd *pfd)
{
	uint64_t begin = pfd_now_us();
	bool parked;
	int id;

	if (!any_parked(pfd->state) && begin - pfd->looked_us < QUIET_US)
		return -1;
	pfd->looked_us = begin;
	do {
		id = next_wanted(pfd, now_ms(), &parked);
	} while (id >= 0 && bring_back(pfd, (uint16_t)id) && pfd_now_us() - begin < TICK_US);
	return parked ? POLL_MS : -1;
}
