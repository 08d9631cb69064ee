/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Address spaces of Functions and PASIDs: a million forged accesses, none of which may be served.
 *
 * Users with a context and a DMA agent's context each, on the PF and a VF, with PASID and without,
 * try to reach what isn't theirs: other users' memory, holes, what was unmapped under a request in
 * the ring, addresses at the edges, lengths that wrap, rings in foreign memory. Every user's secret
 * is of its own colour, so that one that leaks or is overwritten shows.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "emu_client.h"

#define USERS 6
#define MEMORY (1u << 20)   /* of a Function, for its management rings */
#define SPAN (256u << 10)   /* a user's own memory, at an IOVA that no other has */
#define GAP (64u << 10)	    /* behind it */
#define SECRET (128u << 10) /* where the half begins that nobody but the user may see */
#define BASE UINT64_C(0x7000000000)
#define COMMON UINT64_C(0x100000) /* an IOVA where every user has a page of its own */
#define COMMON_SIZE 4096u
#define MSG 128u
#define BURST 32u
#define OPS 4u /* that a batch message has */
#define FORGED 1000000u
#define FORGED_RINGS 20000u
#define EVER 0 /* ns: what is there is there at once */

struct user {
	struct ec *c;
	unsigned int sw, hw;
	bool pasid_enabled;
	uint32_t pasid;
	uint8_t *mem, *common;
	uint64_t iova;
	uint8_t colour;
	struct ec_ring tx, rx;
};

struct fixture {
	struct ec pf, vf;
	struct user user[USERS];
	uint64_t random, refused, served;
};

/* What a user asks for; from `expect` on all that it may be answered. */
struct attempt {
	uint64_t src, dst;
	uint32_t len;
	bool legal;
};

static uint32_t
chance(struct fixture *f, uint32_t below)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)(f->random >> 16) % below;
}

/* ---- Users -------------------------------------------------------------------------------- */

static void
user_map(struct user *u, uint64_t iova, uint8_t *va, uint64_t size)
{
	int ret = u->pasid_enabled ?
		revere_emu_dma_map_pasid(u->c->emu, u->c->function, u->pasid, iova, va, size, 3) :
		revere_emu_dma_map(u->c->emu, u->c->function, iova, va, size, 3);

	assert_int_equal(ret, 0);
}

static void
user_unmap(struct user *u, uint64_t iova, uint64_t size)
{
	uint64_t gone = u->pasid_enabled ?
		revere_emu_dma_unmap_pasid(u->c->emu, u->c->function, u->pasid, iova, size) :
		revere_emu_dma_unmap(u->c->emu, u->c->function, iova, size);

	assert_int_equal(gone, size);
}

static struct ec_ring
user_ring(struct user *u, bool tx)
{
	uint8_t *base = u->mem + (tx ? 0 : BURST * MSG);
	struct ec_ring ring =
		ec_ring_at(u->c, u->sw, 0, tx, (unsigned int)__builtin_ctz(BURST), MSG, base);

	EC_OK(u->c, f_ams_ring_configure, .ami_sw_id = u->sw, .ams_type = tx,
	      .log2_size = (unsigned int)__builtin_ctz(BURST),
	      .ring_base = u->iova + (uint64_t)(base - u->mem));
	return ring;
}

static void
user_sw_reset(struct user *u)
{
	EC_OK(u->c, f_ami_sw_disable, .ami_sw_id = u->sw);
	EC_OK(u->c, f_ami_sw_reset, .ami_sw_id = u->sw);
	EC_OK(u->c, f_ami_sw_configure, .ami_sw_id = u->sw, .pasid = u->pasid,
	      .pasid_enabled = u->pasid_enabled);
}

static void
user_sw_up(struct user *u)
{
	user_sw_reset(u);
	u->tx = user_ring(u, true);
	u->rx = user_ring(u, false);
	ec_sw_enable(u->c, u->sw);
}

static void
user_init(struct fixture *f, unsigned int id, struct ec *c, bool pasid_enabled, uint32_t pasid)
{
	struct user *u = &f->user[id];

	*u = (struct user){
		.c = c, .sw = id, .hw = id, .pasid_enabled = pasid_enabled, .pasid = pasid,
		.iova = BASE + (uint64_t)id * (SPAN + GAP), .colour = (uint8_t)(0x10 + id),
	};
	u->mem = calloc(1, SPAN);
	u->common = calloc(1, COMMON_SIZE);
	assert_non_null(u->mem);
	assert_non_null(u->common);
	memset(u->mem + SECRET, u->colour, SPAN - SECRET);
	memset(u->common, u->colour, COMMON_SIZE);
	user_map(u, u->iova, u->mem, SPAN);
	/* Without PASID, users of one Function have one space and one such page. */
	if (pasid_enabled)
		user_map(u, COMMON, u->common, COMMON_SIZE);
	EC_OK(&f->pf, pf_ami_sw_map, .phy_ami_sw_id = id, .ami_sw_id = id,
	      .f_owner = c->function);
	EC_OK(&f->pf, pf_ami_hw_map, .aha_id = 3, .phy_ami_hw_id = id, .ami_hw_id = id,
	      .f_owner = c->function);
	ec_session(&f->pf, 2 * id, EC_SW(id, 0), EC_HW(3, id, 0), MSG, 0);
	ec_session(&f->pf, 2 * id + 1, EC_HW(3, id, 0), EC_SW(id, 0), MSG, 0);
	EC_OK(c, f_ami_hw_configure, .ami_hw_id = id, .pasid = pasid,
	      .pasid_enabled = pasid_enabled);
	EC_OK(c, f_ami_hw_enable, .ami_hw_id = id);
	user_sw_up(u);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct revere_emu_config config;

	assert_non_null(f);
	revere_emu_config_init(&config);
	config.mode = REVERE_EMU_INLINE;
	config.num_vf = 1;
	config.num_ami_sw = 16;
	f->random = 0x2545f4914f6cdd1d;
	ec_open(&f->pf, &config, MEMORY);
	ec_open_vf(&f->vf, &f->pf, 1, MEMORY);
	user_init(f, 0, &f->pf, false, 0);
	user_init(f, 1, &f->pf, true, 0);
	user_init(f, 2, &f->pf, true, 1);
	user_init(f, 3, &f->pf, true, 0xfffff);
	user_init(f, 4, &f->vf, false, 0);
	user_init(f, 5, &f->vf, true, 1);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ec_close(&f->vf);
	ec_close(&f->pf);
	for (unsigned int n = 0; n < USERS; n++) {
		free(f->user[n].mem);
		free(f->user[n].common);
	}
	free(f);
	return 0;
}

static bool
all_of(const uint8_t *at, size_t size, uint8_t colour)
{
	return at[0] == colour && memcmp(at, at + 1, size - 1) == 0;
}

/* Secrets are whole; what users may write to has none but their own. */
static void
check_secrets(struct fixture *f)
{
	for (unsigned int n = 0; n < USERS; n++) {
		struct user *u = &f->user[n];

		assert_true(all_of(u->mem + SECRET, SPAN - SECRET, u->colour));
		assert_true(all_of(u->common, COMMON_SIZE, u->colour));
		for (size_t at = SECRET / 2; at < SECRET; at++)
			assert_true(u->mem[at] == 0 || u->mem[at] == u->colour);
	}
}

/* ---- Forged requests ----------------------------------------------------------------------- */

/* Where a user may write: the second quarter of its memory. */
static uint64_t
own_scratch(struct fixture *f, const struct user *u)
{
	return u->iova + SECRET / 2 + chance(f, SECRET / 2 - 4096);
}

static uint64_t
own_secret(struct fixture *f, const struct user *u)
{
	return u->iova + SECRET + chance(f, SPAN - SECRET - 4096);
}

/* Another user's memory; users of one Function without PASID would share theirs, here are none. */
static uint64_t
foreign(struct fixture *f, const struct user *u)
{
	unsigned int victim = (u->sw + 1 + chance(f, USERS - 1)) % USERS;

	return own_secret(f, &f->user[victim]);
}

/* An address from which `len` bytes cross an edge of the user's memory. */
static uint64_t
edge(struct fixture *f, const struct user *u, uint32_t len)
{
	uint32_t outside = 1 + chance(f, len);

	return chance(f, 2) ? u->iova + SPAN - len + outside : u->iova - outside;
}

/* The end of all addresses is nobody's: ends there, or goes on at 0. */
static uint64_t
wrapping(struct fixture *f)
{
	return UINT64_MAX - chance(f, 8192);
}

static uint64_t
forged_address(struct fixture *f, const struct user *u, uint32_t *len)
{
	switch (chance(f, 6)) {
	case 0:
		return edge(f, u, *len);
	case 1:
		return u->iova + SPAN + chance(f, GAP - 4096);
	case 2:
		*len = 8192 + chance(f, UINT32_MAX - 8192);
		return wrapping(f);
	case 3:
		return ec_iova(u->c, u->c->cmd) + (u->pasid_enabled ? 0 : MEMORY);
	default:
		return foreign(f, u);
	}
}

static struct attempt
forge(struct fixture *f, const struct user *u)
{
	struct attempt a = { .len = 1 + chance(f, 4096) };

	if (chance(f, 32) == 0) {
		a.legal = true;
		a.dst = own_scratch(f, u);
		a.src = u->pasid_enabled ? COMMON : own_secret(f, u);
	} else if (chance(f, 2)) {
		a.dst = own_scratch(f, u);
		a.src = forged_address(f, u, &a.len);
	} else {
		a.src = own_secret(f, u);
		a.dst = forged_address(f, u, &a.len);
	}
	return a;
}

static void
put_first(uint8_t *slot, const struct attempt *a)
{
	struct rvr_dma_first req = {
		.src = rvr_cpu_le64(a->src), .dst = rvr_cpu_le64(a->dst),
		.len = rvr_cpu_le32(a->len),
	};

	memcpy(slot, &req, sizeof(req));
}

static void
put_batch(uint8_t *slot, const struct attempt *a)
{
	struct rvr_dma_batch req = {
		.count = rvr_cpu_le16(OPS - 1), .form = rvr_cpu_le32(RVR_DMA_FORM_BATCH),
	};

	memcpy(slot, &req, sizeof(req));
	for (unsigned int n = 0; n < OPS - 1; n++) {
		struct rvr_dma_op op = {
			.src = rvr_cpu_le64(a[n].src), .dst = rvr_cpu_le64(a[n].dst),
			.len = rvr_cpu_le32(a[n].len),
		};

		memcpy(slot + sizeof(req) + n * sizeof(op), &op, sizeof(op));
	}
}

static void
judge(struct fixture *f, const struct attempt *a, bool ok)
{
	if (a->legal)
		assert_true(ok);
	else if (ok)
		f->served++;
	else
		f->refused++;
}

/* A ring full of requests, first forms and batches by turns. */
static void
burst(struct fixture *f, struct user *u)
{
	struct attempt attempt[BURST][OPS - 1];
	bool batch = chance(f, 2);

	for (unsigned int n = 0; n < BURST; n++) {
		for (unsigned int k = 0; k < OPS - 1; k++)
			attempt[n][k] = forge(f, u);
		if (batch)
			put_batch(ec_slot(&u->tx, u->tx.index), attempt[n]);
		else
			put_first(ec_slot(&u->tx, u->tx.index), &attempt[n][0]);
		u->tx.index++;
	}
	ec_doorbell(&u->tx);
	revere_emu_kick(u->c->emu);
	assert_int_equal(ec_waiting(&u->rx), BURST);
	for (unsigned int n = 0; n < BURST; n++) {
		const uint8_t *slot = ec_slot(&u->rx, u->rx.index);
		struct rvr_dma_batch_answer answer;
		struct rvr_dma_first first;

		memcpy(&answer, slot, sizeof(answer));
		memcpy(&first, slot, sizeof(first));
		for (unsigned int k = 0; batch && k < OPS - 1; k++)
			judge(f, &attempt[n][k], (rvr_le64_cpu(answer.failed) >> k & 1) == 0);
		if (!batch)
			judge(f, &attempt[n][0], rvr_le32_cpu(first.rsvd0) == RVR_DMA_OK);
		u->rx.index++;
	}
	ec_release(&u->rx);
}

/* Requests lie in the ring when what they name is unmapped. */
static void
burst_unmapped(struct fixture *f, struct user *u)
{
	const uint64_t at = u->iova + SECRET, size = SPAN - SECRET;
	struct attempt a = { .dst = u->iova + SECRET / 2 };

	for (unsigned int n = 0; n < BURST; n++) {
		a.len = 1 + chance(f, 4096);
		a.src = own_secret(f, u);
		put_first(ec_slot(&u->tx, u->tx.index++), &a);
	}
	ec_doorbell(&u->tx);
	user_unmap(u, at, size);
	revere_emu_kick(u->c->emu);
	user_map(u, at, u->mem + SECRET, size);
	assert_int_equal(ec_waiting(&u->rx), BURST);
	for (unsigned int n = 0; n < BURST; n++) {
		struct rvr_dma_first first;

		memcpy(&first, ec_slot(&u->rx, u->rx.index++), sizeof(first));
		judge(f, &a, rvr_le32_cpu(first.rsvd0) == RVR_DMA_OK);
	}
	ec_release(&u->rx);
}

static void
test_requests(void **state)
{
	struct fixture *f = *state;
	unsigned int round = 0;

	while (f->refused + f->served < FORGED) {
		struct user *u = &f->user[round % USERS];

		if (round % 64 < USERS)
			burst_unmapped(f, u);
		else
			burst(f, u);
		if (round++ % 512 == 0)
			check_secrets(f);
	}
	check_secrets(f);
	assert_int_equal(f->served, 0);
	print_message("%llu forged requests, %llu served\n", (unsigned long long)f->refused,
		      (unsigned long long)f->served);
}

/* ---- Forged rings -------------------------------------------------------------------------- */

static uint64_t
forged_ring(struct fixture *f, const struct user *u)
{
	const uint32_t bytes = BURST * MSG;

	switch (chance(f, 4)) {
	case 0:
		return u->iova + SPAN - 8 * (1 + chance(f, bytes / 8 - 1));
	case 1:
		return u->iova - 8 * (1 + chance(f, bytes / 8));
	case 2:
		return (UINT64_MAX & ~UINT64_C(7)) - 8 * chance(f, bytes / 8);
	default:
		return foreign(f, u) & ~UINT64_C(7);
	}
}

/* The context's owner is told which ring it is, nobody else anything. */
static void
assert_told(struct fixture *f, const struct user *u)
{
	struct ec *other = u->c == &f->pf ? &f->vf : &f->pf;
	struct rvr_e_f_ami_ring_fault fault;
	uint8_t msg[RVR_MGT_MSG_SIZE] = { 0 };

	assert_true(ec_exception(u->c, msg, EVER));
	assert_int_equal(rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	rvr_e_f_ami_ring_fault_decode(msg, &fault);
	assert_int_equal(fault.ami_id, u->sw);
	assert_false(ec_exception(u->c, msg, EVER));
	assert_false(ec_exception(other, msg, EVER));
}

static void
test_rings(void **state)
{
	struct fixture *f = *state;

	for (unsigned int n = 0; n < FORGED_RINGS; n++) {
		struct user *u = &f->user[n % USERS];
		bool tx = chance(f, 2);

		user_sw_reset(u);
		u->tx = user_ring(u, true);
		u->rx = user_ring(u, false);
		EC_OK(u->c, f_ams_ring_configure, .ami_sw_id = u->sw, .ams_type = tx,
		      .log2_size = (unsigned int)__builtin_ctz(BURST),
		      .ring_base = forged_ring(f, u));
		atomic_store(u->tx.write, 1);
		EC_OK(u->c, f_ami_sw_enable, .ami_sw_id = u->sw);
		revere_emu_kick(u->c->emu);
		assert_told(f, u);
		assert_int_equal(atomic_load(u->tx.read), 0);
		assert_int_equal(atomic_load(u->rx.write), 0);
		if (n % 512 == 0)
			check_secrets(f);
	}
	check_secrets(f);
	/* Each comes back, and is served again in its own space. */
	for (unsigned int n = 0; n < USERS; n++) {
		user_sw_up(&f->user[n]);
		burst(f, &f->user[n]);
	}
	assert_int_equal(f->served, 0);
}

/* ---- Spaces come and go -------------------------------------------------------------------- */

/* A context that changes its PASID leaves all behind that it knew of the former space. */
static void
test_change_pasid(void **state)
{
	struct fixture *f = *state;
	struct user *u = &f->user[1];
	struct attempt a = { .src = COMMON, .dst = u->iova + SECRET / 2, .len = 64 };
	struct rvr_dma_first first;

	user_sw_up(u);
	EC_OK(u->c, f_ami_hw_disable, .ami_hw_id = u->hw);
	EC_OK(u->c, f_ami_hw_configure, .ami_hw_id = u->hw, .pasid = 77, .pasid_enabled = 1);
	EC_OK(u->c, f_ami_hw_enable, .ami_hw_id = u->hw);
	put_first(ec_slot(&u->tx, u->tx.index++), &a);
	ec_doorbell(&u->tx);
	revere_emu_kick(u->c->emu);
	assert_int_equal(ec_waiting(&u->rx), 1);
	memcpy(&first, ec_slot(&u->rx, u->rx.index++), sizeof(first));
	assert_int_equal(rvr_le32_cpu(first.rsvd0), RVR_DMA_SRC_FAULT);
	ec_release(&u->rx);
	EC_OK(u->c, f_ami_hw_disable, .ami_hw_id = u->hw);
	EC_OK(u->c, f_ami_hw_configure, .ami_hw_id = u->hw, .pasid = u->pasid,
	      .pasid_enabled = 1);
	EC_OK(u->c, f_ami_hw_enable, .ami_hw_id = u->hw);
	burst(f, u);
}

static void
test_map_rules(void **state)
{
	struct fixture *f = *state;
	struct revere_emu *emu = f->pf.emu;
	uint8_t *mem = f->user[0].mem;

	assert_int_equal(revere_emu_dma_map_pasid(emu, 0, 1u << 20, 0, mem, 4096, 3), -EINVAL);
	assert_int_equal(revere_emu_dma_map_pasid(emu, 2, 1, 0, mem, 4096, 3), -EINVAL);
	assert_int_equal(revere_emu_dma_map_pasid(emu, 0, 9, 0, mem, 0, 3), -EINVAL);
	assert_int_equal(revere_emu_dma_unmap_pasid(emu, 0, 9, 0, UINT64_MAX), 0);
	assert_int_equal(revere_emu_dma_map_pasid(emu, 0, 9, 0, mem, 4096, 3), 0);
	assert_int_equal(revere_emu_dma_map_pasid(emu, 0, 9, 4095, mem, 2, 3), -EEXIST);
	/* The same IOVA in another space is another one. */
	assert_int_equal(revere_emu_dma_map_pasid(emu, 0, 8, 0, mem, 4096, 3), 0);
	assert_int_equal(revere_emu_dma_map_pasid(emu, 1, 9, 0, mem, 4096, 3), 0);
	assert_int_equal(revere_emu_dma_unmap_pasid(emu, 0, 9, 0, UINT64_MAX), 4096);
	assert_int_equal(revere_emu_dma_unmap_pasid(emu, 0, 8, 0, UINT64_MAX), 4096);
	assert_int_equal(revere_emu_dma_unmap_pasid(emu, 1, 9, 0, UINT64_MAX), 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_rules),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_change_pasid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
