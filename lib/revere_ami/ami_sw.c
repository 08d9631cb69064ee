/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Contexts (AMI-SW): mapping, rings, and the states a context goes through.
 *
 *   create            ring_setup     enable            disable           destroy
 *   unmapped -> disabled <-> disabled -> enabled -> disabled (quiesced) -> unmapped
 *                  ^                                    |
 *                  +-------------- reset ---------------+
 */


#include <rte_io.h>
#include <rte_malloc.h>

#include "ami_private.h"

static const char *const type_names[] = { [RVR_AMS_RX] = "RX", [RVR_AMS_TX] = "TX" };

/* ---- Registers of a context's page ---------------------------------------------------------- */

static volatile uint64_t *
page_reg(const struct revere_ami_sw *ami_sw, uint32_t offset)
{
	return (volatile uint64_t *)(ami_sw->page + offset);
}

static uint32_t
own_offset(enum rvr_ams_type type, uint8_t ams)
{
	return (type == RVR_AMS_TX ? RVR_WRITE_INDEX_TX : RVR_READ_INDEX_RX) + 8u * ams;
}

static uint32_t
device_offset(enum rvr_ams_type type, uint8_t ams)
{
	return (type == RVR_AMS_TX ? RVR_READ_INDEX_TX : RVR_WRITE_INDEX_RX) + 8u * ams;
}

/* Where software reads what the device writes: the page, or with Type B the table. */
static const volatile uint64_t *
device_view(const struct revere_ami_sw *ami_sw, uint32_t offset)
{
	if (ami_sw->table.va != NULL)
		return RTE_PTR_ADD(ami_sw->table.va, offset);
	return page_reg(ami_sw, offset);
}

static void
page_write(struct revere_ami_sw *ami_sw, uint32_t offset, uint64_t value)
{
	rte_io_wmb();
	__atomic_store_n(page_reg(ami_sw, offset), rvr_cpu_le64(value), __ATOMIC_RELEASE);
}

/* Both indices of a disabled context's ring; the device loads them at ENABLE. */
static void
set_indices(struct revere_ami_sw *ami_sw, struct socket *socket, uint64_t own, uint64_t device)
{
	uint32_t offset = device_offset(socket->conf.type, socket->conf.ams);

	page_write(ami_sw, offset, device);
	page_write(ami_sw, own_offset(socket->conf.type, socket->conf.ams), own);
	if (ami_sw->table.va != NULL)
		*(uint64_t *)RTE_PTR_ADD(ami_sw->table.va, offset) = rvr_cpu_le64(device);
	socket->ring.own = own;
	socket->ring.seen = device;
	socket->ring.broken = false;
}

/* ---- Mapping -------------------------------------------------------------------------------- */

/* One id: 0, -EEXIST it is somebody else's, or another errno. */
static int
map_id(struct revere_ami_sw *ami_sw)
{
	struct rvr_pf_ami_sw_map_req req = {
		.any_phy_ami_sw = 1,
		.ami_sw_id = ami_sw->id,
	};
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	struct rvr_pf_ami_sw_map_rsp rsp;
	int status, ret;

	rvr_pf_ami_sw_map_req_encode(request, &req, RVR_STATUS_OK);
	status = ami_mgt_status(ami_sw->dev, request, response);
	if (status < 0)
		return status;
	ret = revere_status_errno(RVR_PF_AMI_SW_MAP, (uint16_t)status);
	if (ret < 0 && ret != -EEXIST && ret != -ENOSPC)
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u can't be mapped: %s", ami_sw->id,
			revere_status_text(RVR_PF_AMI_SW_MAP, (uint16_t)status));
	if (ret < 0)
		return ret;
	rvr_pf_ami_sw_map_rsp_decode(response, &rsp);
	ami_sw->phy_id = (uint16_t)rsp.phy_ami_sw_id;
	return 0;
}

/* A VF can't map: its PF did, and what is mapped can be saved. */
static int
find_id(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = ami_sw->id };
	uint8_t request[RVR_MGT_MSG_SIZE], response[RVR_MGT_MSG_SIZE];
	int status;

	rvr_f_ami_sw_save_req_encode(request, &req, RVR_STATUS_OK);
	status = ami_mgt_status(ami_sw->dev, request, response);
	ami_sw->phy_id = UINT16_MAX;
	return status > 0 ? -EEXIST : status;
}

static void
unmap(struct revere_ami_sw *ami_sw)
{
	struct rvr_pf_ami_sw_unmap_req req = { .phy_ami_sw_id = ami_sw->phy_id };

	if (!ami_sw->dev->vf && ami_mgt_usable(ami_sw->dev))
		revere_pf_ami_sw_unmap(ami_sw->dev, &req, NULL);
}

/* Takes the lowest id that works; one that is somebody else's stays taken. */
static int
take_id(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev = ami_sw->dev;
	uint32_t id;
	int ret;

	for (;;) {
		ret = ami_idset_get(&dev->ami_sw_ids, &id);
		if (ret < 0)
			return ret;
		ami_sw->id = (uint16_t)id;
		ret = map_id(ami_sw);
		if (ret == 0)
			return 0;
		if (ret == -EEXIST)
			continue;
		ami_idset_put(&dev->ami_sw_ids, id);
		return ret;
	}
}

static void
give_id(struct revere_ami_sw *ami_sw)
{
	if (!ami_sw->dev->vf)
		ami_idset_put(&ami_sw->dev->ami_sw_ids, ami_sw->id);
}

static bool
id_used(struct revere_dev *dev, uint32_t id)
{
	struct revere_ami_sw *ami_sw;

	TAILQ_FOREACH(ami_sw, &dev->ami_sws, next)
		if (ami_sw->id == id)
			return true;
	return false;
}

/* The lowest id of what the PF gave, with the agent that is wanted. */
static int
take_given(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev = ami_sw->dev;
	int ret = ami_sw->conf.agent_known ? ami_given_refresh(dev) : 0;
	uint32_t id;

	for (id = 0; id < dev->info.ami_per_function && ret == 0; id++) {
		if (id_used(dev, id) || (ami_sw->conf.agent_known &&
			!ami_given_connected(dev, (uint16_t)id, &ami_sw->conf.agent)))
			continue;
		ami_sw->id = (uint16_t)id;
		ret = find_id(ami_sw);
		if (ret == 0)
			return 0;
		/* Not mapped; the PF may do that later. */
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret < 0 ? ret : -ENOSPC;
}

/* Logs one line if it fails; what commands failed by has been logged. */
static int
map(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev = ami_sw->dev;
	int ret = dev->vf ? take_given(ami_sw) : take_id(ami_sw);

	if (ret == -ENOSPC && ami_sw->conf.optional)
		return ret;
	if (ret == -ENOSPC && dev->vf)
		AMI_LOG(ERR, dev, "no AMI-SW is left of those that the PF has given");
	else if (ret == -ENOSPC)
		AMI_LOG(ERR, dev, "no AMI-SW is left: this Function can have %u, the device has %u",
			dev->info.ami_per_function, dev->info.max_ami_sw);
	return ret;
}

/* ---- Configuration -------------------------------------------------------------------------- */

static struct rvr_f_ami_sw_configure_req
configuration(const struct revere_ami_sw *ami_sw)
{
	const struct revere_ami_sw_conf *conf = &ami_sw->conf;

	return (struct rvr_f_ami_sw_configure_req){
		.ami_sw_id = ami_sw->id,
		.pasid = conf->pasid,
		.pasid_enabled = conf->pasid_enabled,
		.tx_vector = conf->tx_vector,
		.tx_irq_enable = conf->tx_irq,
		.rx_vector = conf->rx_vector,
		.rx_irq_enable = conf->rx_irq,
		.typeb_tbl_base = ami_sw->table.va == NULL ? 0 : ami_sw->table.iova,
	};
}

static int
configure(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_configure_req req = configuration(ami_sw);

	return revere_f_ami_sw_configure(ami_sw->dev, &req, NULL);
}

/* That an AMI-SW is enabled CONFIGURE tells, by being refused; to others it does no harm. */
bool
ami_sw_was_stopped(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_configure_req req = configuration(ami_sw);
	uint8_t msg[RVR_MGT_MSG_SIZE];

	rvr_f_ami_sw_configure_req_encode(msg, &req, RVR_STATUS_OK);
	return ami_sw->enabled && ami_mgt_status(ami_sw->dev, msg, msg) == RVR_STATUS_OK;
}

static int
configure_ring(struct revere_ami_sw *ami_sw, const struct socket *socket)
{
	struct rvr_f_ams_ring_configure_req req = {
		.ami_sw_id = ami_sw->id,
		.ams_id = socket->conf.ams,
		.ams_type = socket->conf.type,
		.rx_mode = socket->conf.rx_mode,
		.log2_size = socket->conf.log2_size,
		.threshold = socket->conf.threshold,
		.ring_base = socket->mem.iova,
	};

	return revere_f_ams_ring_configure(ami_sw->dev, &req, NULL);
}

static int
send_disable(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_disable_req req = { .ami_sw_id = ami_sw->id };

	return revere_f_ami_sw_disable(ami_sw->dev, &req, NULL);
}

static int
send_reset(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_reset_req req = { .ami_sw_id = ami_sw->id };

	return revere_f_ami_sw_reset(ami_sw->dev, &req, NULL);
}

/* To the state after create: reset and configured. */
static int
reset_and_configure(struct revere_ami_sw *ami_sw)
{
	int ret = send_disable(ami_sw);

	ami_sw->enabled = ami_sw->enabled && ret < 0;
	if (ret == 0)
		ret = send_reset(ami_sw);
	if (ret < 0)
		return ret;
	if (ami_sw->table.va != NULL)
		memset(ami_sw->table.va, 0, ami_sw->table.size);
	ami_sw->masks[RVR_AMS_TX] = 0;
	ami_sw->masks[RVR_AMS_RX] = 0;
	return configure(ami_sw);
}

/* ---- Life ----------------------------------------------------------------------------------- */

/* Calls @p fn for each socket that has a ring, until one fails. */
static int
foreach_socket(struct revere_ami_sw *ami_sw,
	int (*fn)(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg), void *arg)
{
	unsigned int type, ams;
	int ret = 0;

	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		for (ams = 0; ams < dev_num_ams(ami_sw->dev, type) && ret == 0; ams++)
			if (ami_sw->sockets[type][ams] != NULL)
				ret = fn(ami_sw, ami_sw->sockets[type][ams], arg);
	return ret;
}

static int
free_socket(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	const bool *quiesced = arg;

	if (!*quiesced)
		ami_dev_limbo(ami_sw->dev, &socket->mem);
	ami_mem_free(&socket->mem);
	rte_free(socket);
	return 0;
}

/* What the device may still reach waits for the device's end, the rest is freed. */
static void
free_memory(struct revere_ami_sw *ami_sw, bool quiesced)
{
	if (ami_sw->sockets[RVR_AMS_TX] != NULL && ami_sw->sockets[RVR_AMS_RX] != NULL)
		foreach_socket(ami_sw, free_socket, &quiesced);
	free(ami_sw->sockets[RVR_AMS_TX]);
	free(ami_sw->sockets[RVR_AMS_RX]);
	if (!quiesced)
		ami_dev_limbo(ami_sw->dev, &ami_sw->table);
	ami_mem_free(&ami_sw->table);
	pthread_mutex_destroy(&ami_sw->mask_lock);
	free(ami_sw);
}

/* Memory of a context, where the device looks for it. */
static int
context_mem_alloc(struct revere_ami_sw *ami_sw, struct ami_mem *mem, size_t size, size_t align)
{
	const struct revere_ami_sw_conf *conf = &ami_sw->conf;

	if (conf->pasid_enabled)
		return ami_mem_alloc_pasid(mem, ami_sw->dev, conf->pasid, size, conf->numa_node);
	return ami_mem_alloc(mem, size, align, conf->numa_node);
}

static struct revere_ami_sw *
ami_sw_alloc(struct revere_dev *dev, const struct revere_ami_sw_conf *conf)
{
	struct revere_ami_sw *ami_sw = calloc(1, sizeof(*ami_sw));
	unsigned int type;

	if (ami_sw == NULL)
		return NULL;
	ami_sw->dev = dev;
	ami_sw->conf = *conf;
	pthread_mutex_init(&ami_sw->mask_lock, NULL);
	for (type = RVR_AMS_RX; type <= RVR_AMS_TX; type++)
		ami_sw->sockets[type] = calloc(dev_num_ams(dev, type), sizeof(struct socket *));
	if (ami_sw->sockets[RVR_AMS_TX] != NULL && ami_sw->sockets[RVR_AMS_RX] != NULL &&
		(dev->info.ami_type != RVR_AMI_TYPE_B ||
			context_mem_alloc(ami_sw, &ami_sw->table, RVR_AMI_SW_PAGE_SIZE,
				RVR_AMI_SW_PAGE_SIZE) == 0))
		return ami_sw;
	free_memory(ami_sw, true);
	return NULL;
}

/* The page, and a defined state; undoes the mapping if that fails. */
static int
start(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev = ami_sw->dev;
	int ret = -EIO;

	ami_sw->page = dev->transport->ops->ami_sw_page(dev->transport, ami_sw->id);
	if (ami_sw->page == NULL)
		AMI_LOG(ERR, dev, "AMI-SW %u has no page to map", ami_sw->id);
	else
		ret = reset_and_configure(ami_sw);
	if (ret == 0)
		return 0;
	unmap(ami_sw);
	give_id(ami_sw);
	return ret;
}

int
revere_ami_sw_create(struct revere_dev *dev, const struct revere_ami_sw_conf *conf,
	struct revere_ami_sw **ami_sw)
{
	static const struct revere_ami_sw_conf preset = { .numa_node = SOCKET_ID_ANY };
	struct revere_ami_sw *created;
	int ret;

	if (conf != NULL && conf->pasid_enabled) {
		ret = ami_dev_pasid_check(dev, "AMI-SW", conf->pasid);
		if (ret < 0)
			return ret;
	}
	created = ami_sw_alloc(dev, conf == NULL ? &preset : conf);
	if (created == NULL) {
		AMI_LOG(ERR, dev, "no memory for an AMI-SW");
		return -ENOMEM;
	}
	pthread_mutex_lock(&dev->lock);
	ret = map(created);
	if (ret == 0)
		ret = start(created);
	if (ret == 0)
		TAILQ_INSERT_TAIL(&dev->ami_sws, created, next);
	else
		free_memory(created, !dev->mgt.dirty);
	pthread_mutex_unlock(&dev->lock);
	if (ret == 0)
		*ami_sw = created;
	return ret;
}

void
revere_ami_sw_destroy(struct revere_ami_sw *ami_sw)
{
	struct revere_dev *dev;
	bool quiesced;

	if (ami_sw == NULL)
		return;
	dev = ami_sw->dev;
	pthread_mutex_lock(&dev->lock);
	quiesced = ami_mgt_usable(dev) && send_disable(ami_sw) == 0 && send_reset(ami_sw) == 0;
	unmap(ami_sw);
	TAILQ_REMOVE(&dev->ami_sws, ami_sw, next);
	give_id(ami_sw);
	free_memory(ami_sw, quiesced);
	pthread_mutex_unlock(&dev->lock);
}

int
revere_ami_sw_enable(struct revere_ami_sw *ami_sw)
{
	struct rvr_f_ami_sw_enable_req req = { .ami_sw_id = ami_sw->id };
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = revere_f_ami_sw_enable(ami_sw->dev, &req, NULL);
	ami_sw->enabled = ami_sw->enabled || ret == 0;
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

int
revere_ami_sw_disable(struct revere_ami_sw *ami_sw)
{
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = send_disable(ami_sw);
	ami_sw->enabled = ami_sw->enabled && ret < 0;
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

static int
reset_socket(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	RTE_SET_USED(arg);
	set_indices(ami_sw, socket, 0, 0);
	socket->ring.lost = 0;
	return configure_ring(ami_sw, socket);
}

int
revere_ami_sw_reset(struct revere_ami_sw *ami_sw)
{
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = reset_and_configure(ami_sw);
	if (ret == 0)
		ret = foreach_socket(ami_sw, reset_socket, NULL);
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

uint16_t
revere_ami_sw_id(const struct revere_ami_sw *ami_sw)
{
	return ami_sw->id;
}

uint16_t
revere_ami_sw_phy_id(const struct revere_ami_sw *ami_sw)
{
	return ami_sw->phy_id;
}

/* ---- Rings ---------------------------------------------------------------------------------- */

static int
check_ring(const struct revere_ami_sw *ami_sw, const struct revere_ring_conf *conf)
{
	const struct revere_dev_info *info = &ami_sw->dev->info;
	const char *type = type_names[conf->type == RVR_AMS_TX];
	unsigned int num = dev_num_ams(ami_sw->dev, conf->type);

	if (ami_sw->enabled) {
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: %s socket %u can't get a ring while enabled",
			ami_sw->id, type, conf->ams);
		return -EBUSY;
	}
	if (conf->ams >= num)
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: no %s socket %u, the device has %u",
			ami_sw->id, type, conf->ams, num);
	else if (conf->log2_size > info->max_log2_size)
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: %s ring of 2^%u slots, up to 2^%u are "
			"possible",
			ami_sw->id, type, conf->log2_size, info->max_log2_size);
	else if (conf->log2_msg_length < info->min_log2_msg_length ||
		conf->log2_msg_length > info->max_log2_msg_length)
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: %s ring for messages of 2^%u DW, 2^%u to "
			"2^%u are possible", ami_sw->id, type, conf->log2_msg_length,
			info->min_log2_msg_length, info->max_log2_msg_length);
	else if (conf->threshold > RTE_MIN(conf->log2_size, 15))
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: %s ring's threshold of 2^%u is beyond 2^%u",
			ami_sw->id, type, conf->threshold, RTE_MIN(conf->log2_size, 15));
	else
		return 0;
	return -ERANGE;
}

/* Ring of the size of @p conf; on failure the socket keeps what it had. */
static int
set_ring(struct revere_ami_sw *ami_sw, struct socket *socket, const struct revere_ring_conf *conf)
{
	struct revere_transport *transport = ami_sw->dev->transport;
	uint8_t shift = (uint8_t)(conf->log2_msg_length + rte_log2_u32(RVR_DW));
	struct socket old = *socket;
	size_t size = (size_t)1 << (conf->log2_size + shift);
	int ret;

	ret = context_mem_alloc(ami_sw, &socket->mem, size, RTE_CACHE_LINE_SIZE);
	if (ret < 0) {
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: no memory for a ring of %zu bytes",
			ami_sw->id, size);
		socket->mem = old.mem;
		return ret;
	}
	socket->conf = *conf;
	socket->ring = (struct revere_ring){
		.base = socket->mem.va,
		.mask = (UINT32_C(1) << conf->log2_size) - 1,
		.msg_size = UINT32_C(1) << shift,
		.msg_shift = shift,
		.own_reg = page_reg(ami_sw, own_offset(conf->type, conf->ams)),
		.seen_src = device_view(ami_sw, device_offset(conf->type, conf->ams)),
		.kick = transport->ops->kick == NULL ? NULL : transport,
		.overwriting = conf->type == RVR_AMS_RX && conf->rx_mode == RVR_RX_OVERWRITE,
		.ams = conf->ams,
	};
	ret = configure_ring(ami_sw, socket);
	if (ret < 0) {
		ami_mem_free(&socket->mem);
		*socket = old;
		return ret;
	}
	set_indices(ami_sw, socket, 0, 0);
	ami_mem_free(&old.mem);
	return 0;
}

int
revere_ami_sw_ring_setup(struct revere_ami_sw *ami_sw, const struct revere_ring_conf *conf)
{
	struct socket *socket, **at;
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	ret = check_ring(ami_sw, conf);
	if (ret < 0) {
		pthread_mutex_unlock(&ami_sw->dev->lock);
		return ret;
	}
	at = &ami_sw->sockets[conf->type == RVR_AMS_TX][conf->ams];
	socket = *at;
	if (socket == NULL)
		socket = rte_zmalloc_socket("revere", sizeof(*socket), RTE_CACHE_LINE_SIZE,
			ami_sw->conf.numa_node);
	ret = socket == NULL ? -ENOMEM : set_ring(ami_sw, socket, conf);
	if (ret == 0)
		*at = socket;
	else if (*at == NULL)
		rte_free(socket);
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

struct revere_ring *
revere_ami_sw_ring(struct revere_ami_sw *ami_sw, enum rvr_ams_type type, uint8_t ams)
{
	struct socket *socket;

	if (ams >= dev_num_ams(ami_sw->dev, type))
		return NULL;
	socket = ami_sw->sockets[type == RVR_AMS_TX][ams];
	return socket == NULL ? NULL : &socket->ring;
}

uint64_t
revere_ami_sw_digest(struct revere_ami_sw *ami_sw, enum rvr_ams_type type)
{
	uint32_t offset = type == RVR_AMS_TX ? RVR_TX_DIGEST : RVR_RX_DIGEST;
	uint64_t digest;

	digest = rvr_le64_cpu(__atomic_load_n(device_view(ami_sw, offset), __ATOMIC_ACQUIRE));
	rte_io_rmb();
	return digest;
}

void
revere_ami_sw_irq_mask(struct revere_ami_sw *ami_sw, enum rvr_ams_type type, uint8_t ams,
	bool unmask)
{
	uint32_t offset = type == RVR_AMS_TX ? RVR_TX_DIGEST_MASK : RVR_RX_DIGEST_MASK;
	uint64_t *mask = &ami_sw->masks[type == RVR_AMS_TX];
	uint64_t bit = UINT64_C(1) << (ams % RVR_AMS_MAX);

	pthread_mutex_lock(&ami_sw->mask_lock);
	*mask = unmask ? *mask & ~bit : *mask | bit;
	page_write(ami_sw, offset, *mask);
	pthread_mutex_unlock(&ami_sw->mask_lock);
	dev_kick(ami_sw->dev);
}

void
ami_sw_masks_set(struct revere_ami_sw *ami_sw, uint64_t tx, uint64_t rx)
{
	pthread_mutex_lock(&ami_sw->mask_lock);
	ami_sw->masks[RVR_AMS_TX] = tx;
	ami_sw->masks[RVR_AMS_RX] = rx;
	page_write(ami_sw, RVR_TX_DIGEST_MASK, tx);
	page_write(ami_sw, RVR_RX_DIGEST_MASK, rx);
	pthread_mutex_unlock(&ami_sw->mask_lock);
}

static int
drop_socket(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	ami_sw->sockets[socket->conf.type][socket->conf.ams] = NULL;
	return free_socket(ami_sw, socket, arg);
}

void
ami_sw_rings_drop(struct revere_ami_sw *ami_sw)
{
	bool quiesced = reset_and_configure(ami_sw) == 0;

	foreach_socket(ami_sw, drop_socket, &quiesced);
}

/* ---- Save and restore ----------------------------------------------------------------------- */

static int
save_socket(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	struct rvr_f_ams_ring_save_req req = {
		.ami_sw_id = ami_sw->id,
		.ams_id = socket->conf.ams,
		.ams_type = socket->conf.type,
	};
	bool tx = socket->conf.type == RVR_AMS_TX;
	uint64_t device = revere_ring_device_index(&socket->ring);
	struct revere_ami_sw_state *state = arg;
	struct revere_ami_sw_socket_state *saved =
		tx ? &state->tx[socket->conf.ams] : &state->rx[socket->conf.ams];

	saved->configured = true;
	saved->read = tx ? device : socket->ring.own;
	saved->write = tx ? socket->ring.own : device;
	return revere_f_ams_ring_save(ami_sw->dev, &req, &saved->ring);
}

int
revere_ami_sw_save(struct revere_ami_sw *ami_sw, struct revere_ami_sw_state *state)
{
	struct rvr_f_ami_sw_save_req req = { .ami_sw_id = ami_sw->id };
	int ret;

	memset(state, 0, sizeof(*state));
	pthread_mutex_lock(&ami_sw->dev->lock);
	if (ami_sw->enabled) {
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u can't be saved while enabled", ami_sw->id);
		ret = -EBUSY;
	} else {
		ret = revere_f_ami_sw_save(ami_sw->dev, &req, &state->ami_sw);
	}
	if (ret == 0)
		ret = foreach_socket(ami_sw, save_socket, state);
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}

static const struct revere_ami_sw_socket_state *
saved_socket(const struct revere_ami_sw_state *state, const struct socket *socket)
{
	return socket->conf.type == RVR_AMS_TX ? &state->tx[socket->conf.ams] :
		&state->rx[socket->conf.ams];
}

static int
check_saved(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	const struct revere_ami_sw_socket_state *saved = saved_socket(arg, socket);

	if (saved->configured && saved->ring.log2_size == socket->conf.log2_size)
		return 0;
	AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u: the state to restore has another ring on %s socket "
		"%u", ami_sw->id, type_names[socket->conf.type], socket->conf.ams);
	return -EINVAL;
}

static int
restore_socket(struct revere_ami_sw *ami_sw, struct socket *socket, void *arg)
{
	const struct revere_ami_sw_socket_state *saved = saved_socket(arg, socket);
	bool tx = socket->conf.type == RVR_AMS_TX;

	socket->conf.rx_mode = (enum rvr_rx_mode)saved->ring.rx_mode;
	socket->conf.threshold = (uint8_t)saved->ring.threshold;
	socket->ring.overwriting = !tx && socket->conf.rx_mode == RVR_RX_OVERWRITE;
	set_indices(ami_sw, socket, tx ? saved->write : saved->read,
		tx ? saved->read : saved->write);
	return configure_ring(ami_sw, socket);
}

static void
restore_conf(struct revere_ami_sw *ami_sw, const struct rvr_f_ami_sw_save_rsp *saved)
{
	struct revere_ami_sw_conf *conf = &ami_sw->conf;

	conf->tx_irq = saved->tx_irq_enable != 0;
	conf->rx_irq = saved->rx_irq_enable != 0;
	conf->tx_vector = (uint16_t)saved->tx_vector;
	conf->rx_vector = (uint16_t)saved->rx_vector;
	/* The PASID stays: the context's memory is in its space. */
}

int
revere_ami_sw_restore(struct revere_ami_sw *ami_sw, const struct revere_ami_sw_state *state)
{
	struct revere_ami_sw_state copy = *state;
	int ret;

	pthread_mutex_lock(&ami_sw->dev->lock);
	if (ami_sw->enabled) {
		AMI_LOG(ERR, ami_sw->dev, "AMI-SW %u can't be restored while enabled", ami_sw->id);
		ret = -EBUSY;
	} else {
		ret = foreach_socket(ami_sw, check_saved, &copy);
	}
	if (ret == 0) {
		restore_conf(ami_sw, &copy.ami_sw);
		ret = reset_and_configure(ami_sw);
	}
	if (ret == 0)
		ret = foreach_socket(ami_sw, restore_socket, &copy);
	pthread_mutex_unlock(&ami_sw->dev->lock);
	return ret;
}
