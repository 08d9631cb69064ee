/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The minimal client: the Function and its management rings.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_io.h>
#include <rte_pause.h>

#include "client.h"

void
client_fail(struct client *c, const char *format, ...)
{
	struct client *tester = c->tester != NULL ? c->tester : c;
	va_list ap;

	va_start(ap, format);
	vsnprintf(tester->why, sizeof(tester->why), format, ap);
	va_end(ap);
	longjmp(tester->out, CLIENT_FAILED);
}

void
client_skip(struct client *c, const char *format, ...)
{
	struct client *tester = c->tester != NULL ? c->tester : c;
	va_list ap;

	va_start(ap, format);
	vsnprintf(tester->why, sizeof(tester->why), format, ap);
	va_end(ap);
	longjmp(tester->out, CLIENT_SKIPPED);
}

void
client_equal(struct client *c, const char *what, uint64_t have, uint64_t want)
{
	if (have != want)
		client_fail(c, "%s is 0x%" PRIx64 ", not 0x%" PRIx64, what, have, want);
}

/* ---- Time ---------------------------------------------------------------------------------- */

struct client_timer
client_timer(const struct client *c, unsigned int ms)
{
	(void)c;
	return (struct client_timer){
		.end = rte_get_timer_cycles() + rte_get_timer_hz() / 1000 * ms,
	};
}

static void
client_kick(struct client *c)
{
	if (c->transport->ops->kick != NULL)
		c->transport->ops->kick(c->transport);
}

bool
client_turn(struct client *c, struct client_timer *timer)
{
	client_kick(c);
	/* Spinning for long would starve a device that shares our CPU. */
	if (timer->turns++ < 1000)
		rte_pause();
	else
		usleep(20);
	return rte_get_timer_cycles() < timer->end;
}

void
client_settle(struct client *c)
{
	int i;

	for (i = 0; i < 3; i++) {
		client_kick(c);
		usleep(5000);
	}
}

/* ---- Memory and interrupts ----------------------------------------------------------------- */

void *
client_alloc(struct client *c, size_t size, size_t align, uint64_t *iova)
{
	const struct rte_memzone *mem;
	char name[RTE_MEMZONE_NAMESIZE];

	if (c->num_mem == CLIENT_MEM_MAX)
		client_fail(c, "the test needs more than %d pieces of memory", CLIENT_MEM_MAX);
	snprintf(name, sizeof(name), "test_revere_%s%u", c->tester != NULL ? "vf" : "",
		c->num_mem);
	mem = rte_memzone_reserve_aligned(name, size, SOCKET_ID_ANY, RTE_MEMZONE_IOVA_CONTIG,
					  (unsigned int)align);
	if (mem == NULL)
		client_skip(c, "no memory: %zu bytes, contiguous for the device", size);
	c->mem[c->num_mem++] = mem;
	memset(mem->addr, 0, size);
	if (iova != NULL)
		*iova = mem->iova;
	return mem->addr;
}

int
client_irq(struct client *c, uint32_t vector)
{
	int ret, fd;

	if (vector >= c->transport->vectors)
		client_skip(c, "the transport has %u interrupt vectors", c->transport->vectors);
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		client_skip(c, "no eventfd: %s", strerror(errno));
	ret = c->transport->ops->irq_set(c->transport, vector, fd);
	if (ret == 0)
		return fd;
	close(fd);
	if (ret == -ENOTSUP)
		client_skip(c, "the transport has no interrupts");
	client_fail(c, "irq_set of vector %u: %s", vector, strerror(-ret));
}

void
client_irq_close(struct client *c, uint32_t vector, int fd)
{
	c->transport->ops->irq_set(c->transport, vector, -1);
	close(fd);
}

uint64_t
client_irq_count(struct client *c, int fd, unsigned int ms)
{
	struct client_timer timer = client_timer(c, ms);
	eventfd_t value;

	do {
		if (eventfd_read(fd, &value) == 0)
			return value;
	} while (client_turn(c, &timer));
	return 0;
}

/* ---- The Function -------------------------------------------------------------------------- */

uint64_t
client_reg(struct client *c, uint32_t offset)
{
	return c->transport->ops->mgt_read64(c->transport, offset);
}

void
client_reg_write(struct client *c, uint32_t offset, uint64_t value)
{
	c->transport->ops->mgt_write64(c->transport, offset, value);
}

void
client_reset(struct client *c)
{
	unsigned int i;
	int ret;

	ret = c->transport->ops->reset(c->transport);
	for (i = 0; i < c->num_ami; i++)
		free(c->ami[i]);
	for (i = 0; i < c->num_mem; i++)
		rte_memzone_free(c->mem[i]);
	c->num_ami = c->num_mem = 0;
	c->next_hw = 0;
	c->next_asn = 0;
	c->late_irqs = 0;
	memset(c->msk, 0, sizeof(c->msk));
	if (ret != 0)
		client_fail(c, "Function Level Reset: %s", strerror(-ret));
}

static void
client_identify(struct client *c)
{
	uint64_t idr = client_reg(c, RVR_AMU_IDR);

	client_equal(c, "AMU_AIDR.ArchMajorRev",
		     rvr_get(client_reg(c, RVR_AMU_AIDR), RVR_AMU_AIDR_ARCH_MAJOR_REV),
		     RVR_ARCH_MAJOR);
	c->lim = (struct client_limits){
		.ami_type = (enum rvr_ami_type)rvr_get(idr, RVR_AMU_IDR_AMI_TYPE),
		.min_log2_len = (unsigned int)rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH),
		.max_log2_len = (unsigned int)rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH),
		.max_log2_size = (unsigned int)rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_SIZE),
		.num_tx = (unsigned int)rvr_get(idr, RVR_AMU_IDR_NUM_TX_AMS_M1) + 1,
		.num_rx = (unsigned int)rvr_get(idr, RVR_AMU_IDR_NUM_RX_AMS_M1) + 1,
		.asn_prof = rvr_get(idr, RVR_AMU_IDR_ASN_PROF),
		.tracing = rvr_get(idr, RVR_AMU_IDR_TRACING),
	};
}

static void
client_msk_setup(struct client *c, enum rvr_msk k, int log2_size)
{
	struct client_msk *msk = &c->msk[k];
	uint32_t offset = 0x10u * k;

	msk->size = 1u << log2_size;
	msk->own = 0;
	msk->slots = client_alloc(c, (size_t)msk->size * RVR_MGT_MSG_SIZE, 64, &msk->iova);
	client_reg_write(c, RVR_MSK_BASE_PTR + offset, msk->iova);
	client_reg_write(c, RVR_MSK_CTRL + offset,
			 rvr_prep(RVR_MSK_CTRL_LOG2_SIZE, (uint64_t)log2_size));
}

void
client_mgt_rings(struct client *c, const struct client_mgt *mgt)
{
	client_msk_setup(c, RVR_MSK_COMMAND, mgt->command);
	client_msk_setup(c, RVR_MSK_RESPONSE, mgt->response);
	client_msk_setup(c, RVR_MSK_EXCEPTION, mgt->exception);
	if (mgt->trace >= 0)
		client_msk_setup(c, RVR_MSK_TRACE, mgt->trace);
}

void
client_start(struct client *c, const struct client_mgt *mgt)
{
	static const struct client_mgt one_slot = { 0, 0, 4, -1 };
	struct rvr_pf_probe_rsp pf;
	struct rvr_f_probe_rsp f;

	client_identify(c);
	client_reg_write(c, RVR_AMU_CR, rvr_prep(RVR_AMU_CR_AMU_EN, 1));
	client_mgt_rings(c, mgt == NULL ? &one_slot : mgt);
	client_equal(c, "PF-PROBE STATUS", client_pf_probe(c, NULL, &pf), 0);
	client_equal(c, "F-PROBE STATUS", client_f_probe(c, NULL, &f), 0);
	c->lim.max_ami_sw = (unsigned int)pf.max_ami_sw;
	c->lim.max_asn = (unsigned int)pf.max_asn;
	c->lim.num_aha = (unsigned int)pf.num_aha;
	c->lim.ami_per_f = (unsigned int)f.ami_per_f_m1 + 1;
	c->lim.prof_counters = (unsigned int)f.asn_prof_n_counters;
}

/* ---- Management ---------------------------------------------------------------------------- */

void
client_send(struct client *c, const void *request)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);
	struct client_msk *msk = &c->msk[RVR_MSK_COMMAND];

	while (msk->own - client_reg(c, RVR_MGT_READ_INDEX_TX) >= msk->size)
		if (!client_turn(c, &timer))
			client_fail(c, "command ring stays full before opcode %u, ERROR_STATE %u",
				    rvr_msg_opcode(request), client_error_state(c));
	memcpy(msk->slots + (msk->own % msk->size) * RVR_MGT_MSG_SIZE, request, RVR_MGT_MSG_SIZE);
	rte_io_wmb();
	client_reg_write(c, RVR_MGT_WRITE_INDEX_TX, ++msk->own);
}

bool
client_take(struct client *c, enum rvr_mgt_rx ring, void *msg, unsigned int ms)
{
	struct client_timer timer = client_timer(c, ms);
	struct client_msk *msk = &c->msk[RVR_MSK_RESPONSE + ring];

	while (client_reg(c, RVR_MGT_WRITE_INDEX_RX + 8u * ring) == msk->own)
		if (!client_turn(c, &timer))
			return false;
	rte_io_rmb();
	memcpy(msg, msk->slots + (msk->own % msk->size) * RVR_MGT_MSG_SIZE, RVR_MGT_MSG_SIZE);
	client_reg_write(c, RVR_MGT_READ_INDEX_RX + 8u * ring, ++msk->own);
	return true;
}

uint16_t
client_exec(struct client *c, const void *request, void *response)
{
	uint8_t rsp[RVR_MGT_MSG_SIZE];

	client_send(c, request);
	if (!client_take(c, RVR_MGT_RX_RESPONSE, rsp, c->timeout_ms))
		client_fail(c, "no response to opcode %u within %u ms, ERROR_STATE %u",
			    rvr_msg_opcode(request), c->timeout_ms, client_error_state(c));
	if (rvr_msg_opcode(rsp) != rvr_msg_opcode(request))
		client_fail(c, "response to opcode %u carries opcode %u", rvr_msg_opcode(request),
			    rvr_msg_opcode(rsp));
	if (response != NULL)
		memcpy(response, rsp, sizeof(rsp));
	return rvr_msg_status(rsp);
}

#define CLIENT_COMMAND_(CMD, cmd, opcode, text)                                                \
	uint16_t client_##cmd(struct client *c, const struct rvr_##cmd##_req *req,             \
			      struct rvr_##cmd##_rsp *rsp)                                     \
	{                                                                                      \
		uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];                 \
		uint16_t status;                                                               \
											       \
		rvr_##cmd##_req_encode(request, req, 0);                                       \
		status = client_exec(c, request, response);                                    \
		if (rsp != NULL)                                                               \
			rvr_##cmd##_rsp_decode(response, rsp);                                 \
		return status;                                                                 \
	}
RVR_COMMANDS(CLIENT_COMMAND_)

void
client_ring_fault(struct client *c, const struct client_ami *ami, uint8_t ams)
{
	struct rvr_e_f_ami_ring_fault fault;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (!client_take(c, RVR_MGT_RX_EXCEPTION, msg, c->timeout_ms))
		client_fail(c, "no E-F-AMI-RING-FAULT within %u ms", c->timeout_ms);
	client_equal(c, "exception's OPCODE", rvr_msg_opcode(msg), RVR_E_F_AMI_RING_FAULT);
	rvr_e_f_ami_ring_fault_decode(msg, &fault);
	client_equal(c, "E-F-AMI-RING-FAULT.AMI_ID", fault.ami_id, ami->id);
	client_equal(c, "E-F-AMI-RING-FAULT.AMS_ID", fault.ams_id, ams);
}

void
client_no_exception(struct client *c)
{
	uint8_t msg[RVR_MGT_MSG_SIZE];

	if (client_take(c, RVR_MGT_RX_EXCEPTION, msg, 0))
		client_fail(c, "exception %u, none was due", rvr_msg_opcode(msg));
}

uint16_t
client_error_state(struct client *c)
{
	return (uint16_t)rvr_get(client_reg(c, RVR_AMU_SR), RVR_AMU_SR_ERROR_STATE);
}

void
client_error_wait(struct client *c, enum rvr_error_state state)
{
	struct client_timer timer = client_timer(c, c->timeout_ms);

	while (client_error_state(c) == RVR_ERROR_STATE_NONE && client_turn(c, &timer))
		;
	client_equal(c, "ERROR_STATE", client_error_state(c), state);
}
