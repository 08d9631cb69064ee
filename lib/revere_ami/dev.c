/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/* A Function's life: bring-up, identification, agents, teardown. */


#include "ami_private.h"

/* ---- Identification ------------------------------------------------------------------------- */

static int
check_revision(struct revere_dev *dev)
{
	uint64_t aidr = dev_read(dev, RVR_AMU_AIDR);

	if (aidr == UINT64_MAX) {
		AMI_LOG(ERR, dev, "no device: its registers read as ones");
		return -ENODEV;
	}
	dev->info.arch_major = (uint8_t)rvr_get(aidr, RVR_AMU_AIDR_ARCH_MAJOR_REV);
	dev->info.arch_minor = (uint8_t)rvr_get(aidr, RVR_AMU_AIDR_ARCH_MINOR_REV);
	if (dev->info.arch_major != RVR_ARCH_MAJOR) {
		AMI_LOG(ERR, dev, "architecture revision %u.%u (AMU_AIDR %#" PRIx64
			") is not supported, only %u.x is: use drivers of a release for it",
			dev->info.arch_major, dev->info.arch_minor, aidr, RVR_ARCH_MAJOR);
		return -ENOTSUP;
	}
	return 0;
}

static int
read_features(struct revere_dev *dev)
{
	struct revere_dev_info *info = &dev->info;
	uint64_t idr = dev_read(dev, RVR_AMU_IDR);

	info->iidr = dev_read(dev, RVR_AMU_IIDR);
	info->ami_type = (enum rvr_ami_type)rvr_get(idr, RVR_AMU_IDR_AMI_TYPE);
	info->min_log2_msg_length = (uint8_t)rvr_get(idr, RVR_AMU_IDR_MIN_LOG2_MSG_LENGTH);
	info->max_log2_msg_length = (uint8_t)rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_MSG_LENGTH);
	info->max_log2_size = (uint8_t)rvr_get(idr, RVR_AMU_IDR_MAX_LOG2_SIZE);
	info->num_tx_ams = (uint8_t)(rvr_get(idr, RVR_AMU_IDR_NUM_TX_AMS_M1) + 1);
	info->num_rx_ams = (uint8_t)(rvr_get(idr, RVR_AMU_IDR_NUM_RX_AMS_M1) + 1);
	info->asn_prof = rvr_get(idr, RVR_AMU_IDR_ASN_PROF) != 0;
	info->tracing = rvr_get(idr, RVR_AMU_IDR_TRACING) != 0;
	if (info->ami_type <= RVR_AMI_TYPE_B && info->min_log2_msg_length >= 3 &&
		info->min_log2_msg_length <= info->max_log2_msg_length)
		return 0;
	AMI_LOG(ERR, dev, "AMU_IDR %#" PRIx64 " is not supported: AMI_TYPE %u, messages of 2^%u to "
		"2^%u DW", idr, info->ami_type, info->min_log2_msg_length,
		info->max_log2_msg_length);
	return -ENOTSUP;
}

/* The 0 to 1 edge of AMU_EN zeroes management indices and ERROR_STATE. */
static void
enable(struct revere_dev *dev, bool trace)
{
	uint64_t control = rvr_prep(RVR_AMU_CR_AMU_EN, 1) |
		rvr_prep(RVR_AMU_CR_ASN_PROF_EN, dev->info.asn_prof) |
		rvr_prep(RVR_AMU_CR_TRACE_EN, dev->info.tracing && trace);

	dev_write(dev, RVR_AMU_CR, 0);
	dev_write(dev, RVR_AMU_CR, control);
	dev->enabled = true;
}

static int
probe(struct revere_dev *dev)
{
	struct revere_dev_info *info = &dev->info;
	struct rvr_pf_probe_rsp pf;
	struct rvr_f_probe_rsp function;
	int ret;

	if (!dev->vf) {
		ret = revere_pf_probe(dev, NULL, &pf);
		if (ret < 0)
			return ret;
		info->max_ami_sw = (uint16_t)pf.max_ami_sw;
		info->max_asn = (uint32_t)pf.max_asn;
		info->num_aha = (uint16_t)pf.num_aha;
	}
	ret = revere_f_probe(dev, NULL, &function);
	if (ret == -ETIMEDOUT && dev->vf)
		AMI_LOG(ERR, dev, "a VF answers when its PF has enabled it");
	if (ret < 0)
		return ret;
	info->ami_per_function = (uint16_t)RTE_MIN(function.ami_per_f_m1 + 1, UINT16_MAX);
	info->asn_prof_counters = (uint32_t)function.asn_prof_n_counters;
	info->pasid_supported = function.pasid_supported != 0;
	info->pasid_width = (uint8_t)function.pasid_width;
	return 0;
}

static int
make_tables(struct revere_dev *dev)
{
	dev->aha_iidr = calloc((size_t)dev->info.num_aha + 1, sizeof(*dev->aha_iidr));
	dev->asn_by_id = calloc((size_t)dev->info.max_asn + 1, sizeof(*dev->asn_by_id));
	if (dev->aha_iidr == NULL || dev->asn_by_id == NULL ||
		ami_idset_init(&dev->ami_sw_ids, dev->info.ami_per_function) < 0 ||
		ami_idset_init(&dev->ami_hw_ids, AMI_HW_IDS) < 0 ||
		ami_idset_init(&dev->asn_ids, dev->info.max_asn) < 0) {
		AMI_LOG(ERR, dev, "no memory for tables of %u sessions", dev->info.max_asn);
		return -ENOMEM;
	}
	return 0;
}

/* ---- Bring-up and teardown ------------------------------------------------------------------ */

int
ami_dev_enable(struct revere_dev *dev)
{
	int ret;

	ami_mgt_fini(dev);
	enable(dev, dev->conf.trace_log2_size != 0);
	ret = ami_mgt_init(dev, &dev->conf);
	if (ret == 0 && dev->irq_enabled)
		revere_dev_irq_enable(dev, dev->irq_vector, true);
	return ret;
}

static int
bring_up(struct revere_dev *dev, const struct revere_dev_conf *conf)
{
	int ret = check_revision(dev);

	if (ret == 0)
		ret = read_features(dev);
	if (ret < 0)
		return ret;
	dev->conf = *conf;
	ret = ami_dev_enable(dev);
	if (ret == 0)
		ret = probe(dev);
	if (ret == 0)
		ret = make_tables(dev);
	return ret;
}

static struct revere_dev *
dev_alloc(const char *name, struct revere_transport *transport)
{
	struct revere_dev *dev = calloc(1, sizeof(*dev));
	pthread_mutexattr_t recursive;

	if (dev == NULL)
		return NULL;
	snprintf(dev->name, sizeof(dev->name), "%s", name);
	dev->transport = transport;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&dev->lock, &recursive);
	pthread_mutex_init(&dev->exception_lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	TAILQ_INIT(&dev->exception_users);
	TAILQ_INIT(&dev->ami_sws);
	TAILQ_INIT(&dev->ami_hws);
	TAILQ_INIT(&dev->asns);
	TAILQ_INIT(&dev->gifts);
	SLIST_INIT(&dev->limbo);
	return dev;
}

int
revere_dev_open(const char *name, struct revere_transport *transport,
	const struct revere_dev_conf *conf, struct revere_dev **dev)
{
	static const struct revere_dev_conf preset;
	struct revere_dev *opened;
	int ret;

	if (conf == NULL)
		conf = &preset;
	opened = dev_alloc(name, transport);
	if (opened == NULL)
		return -ENOMEM;
	opened->vf = conf->vf || transport->vf;
	ret = bring_up(opened, conf);
	if (ret < 0) {
		revere_dev_close(opened);
		return ret;
	}
	*dev = opened;
	return 0;
}

/* Sessions first, contexts last, as the model has it. */
static void
release_all(struct revere_dev *dev)
{
	struct revere_ami_sw *ami_sw;
	struct revere_ami_hw *ami_hw;
	struct revere_vf_gift *gift;
	struct asn *asn;

	while ((gift = TAILQ_FIRST(&dev->gifts)) != NULL)
		revere_vf_take(gift);
	while ((asn = TAILQ_FIRST(&dev->asns)) != NULL)
		revere_asn_destroy(dev, asn->id);
	while ((ami_hw = TAILQ_FIRST(&dev->ami_hws)) != NULL)
		revere_ami_hw_destroy(ami_hw);
	while ((ami_sw = TAILQ_FIRST(&dev->ami_sws)) != NULL)
		revere_ami_sw_destroy(ami_sw);
}

/* The device must not reach the memory that is freed next. */
static void
stop(struct revere_dev *dev)
{
	if (!dev->enabled || revere_transport_gone(dev->transport))
		return;
	dev_write(dev, RVR_AMU_CR, 0);
	/* Flushes the write; and a device that left something undone is reset. */
	dev_read(dev, RVR_AMU_CR);
	if ((dev->mgt.dirty || dev->mgt.broken || !SLIST_EMPTY(&dev->limbo)) &&
		dev->transport->ops->reset(dev->transport) < 0)
		AMI_LOG(WARNING, dev, "device couldn't be reset");
	dev->enabled = false;
}

void
revere_dev_close(struct revere_dev *dev)
{
	struct exception_user *user;
	struct limbo *limbo;

	if (dev == NULL)
		return;
	release_all(dev);
	stop(dev);
	while ((limbo = SLIST_FIRST(&dev->limbo)) != NULL) {
		SLIST_REMOVE_HEAD(&dev->limbo, next);
		ami_mem_free(&limbo->mem);
		free(limbo);
	}
	while ((user = TAILQ_FIRST(&dev->exception_users)) != NULL) {
		TAILQ_REMOVE(&dev->exception_users, user, next);
		free(user);
	}
	ami_mgt_fini(dev);
	ami_idset_fini(&dev->ami_sw_ids);
	ami_idset_fini(&dev->ami_hw_ids);
	ami_idset_fini(&dev->asn_ids);
	ami_given_fini(dev);
	free(dev->aha_iidr);
	free(dev->asn_by_id);
	pthread_mutex_destroy(&dev->lock);
	pthread_mutex_destroy(&dev->exception_lock);
	free(dev);
}

void
ami_dev_limbo(struct revere_dev *dev, struct ami_mem *mem)
{
	struct limbo *limbo;

	if (mem->va == NULL)
		return;
	limbo = calloc(1, sizeof(*limbo));
	/* Better lost than written to by the device when it is somebody else's. */
	if (limbo == NULL)
		return;
	limbo->mem = *mem;
	*mem = (struct ami_mem){ 0 };
	SLIST_INSERT_HEAD(&dev->limbo, limbo, next);
}

/* ---- Access --------------------------------------------------------------------------------- */

const struct revere_dev_info *
revere_dev_info(const struct revere_dev *dev)
{
	return &dev->info;
}

const char *
revere_dev_name(const struct revere_dev *dev)
{
	return dev->name;
}

struct revere_transport *
revere_dev_transport(const struct revere_dev *dev)
{
	return dev->transport;
}

uint64_t
revere_dev_reg_read(struct revere_dev *dev, uint32_t offset)
{
	return dev_read(dev, offset);
}

void
revere_dev_reg_write(struct revere_dev *dev, uint32_t offset, uint64_t value)
{
	dev_write(dev, offset, value);
}

void
revere_dev_irq_enable(struct revere_dev *dev, uint32_t vector, bool enable)
{
	uint64_t on = enable ? 1 : 0;

	dev->irq_vector = vector;
	dev->irq_enabled = enable;
	dev_write(dev, RVR_MGT_RX_VECTOR, rvr_prep(RVR_MGT_RX_VECTOR_RX_VECTOR, vector));
	/* Responses and traces are polled for: exceptions alone interrupt. */
	dev_write(dev, RVR_MGT_RX_DIGEST_MASK,
		UINT64_C(1) << RVR_MGT_RX_RESPONSE | UINT64_C(1) << RVR_MGT_RX_TRACE);
	dev_write(dev, RVR_MGT_RX_IRQ_CTRL, rvr_prep(RVR_MGT_RX_IRQ_CTRL_ENABLE, on));
	dev_write(dev, RVR_ERR_IRQ_CTRL, rvr_prep(RVR_ERR_IRQ_CTRL_VECTOR, vector) |
		rvr_prep(RVR_ERR_IRQ_CTRL_ENABLE, on));
}

/* ---- Address spaces of PASIDs --------------------------------------------------------------- */

int
ami_dev_pasid_check(struct revere_dev *dev, const char *what, uint32_t pasid)
{
	if (!dev->info.pasid_supported || dev->transport->ops->dma_map_pasid == NULL) {
		AMI_LOG(ERR, dev, "%s with PASID %u: the %s has no PASIDs", what, pasid,
			dev->info.pasid_supported ? "way to the device" : "device");
		return -ENOTSUP;
	}
	if (pasid >> dev->info.pasid_width == 0)
		return 0;
	AMI_LOG(ERR, dev, "%s with PASID %u: the device has PASIDs of %u bits", what, pasid,
		dev->info.pasid_width);
	return -ERANGE;
}

int
revere_dma_map(struct revere_dev *dev, uint32_t pasid, void *va, uint64_t iova, size_t size)
{
	int ret = ami_dev_pasid_check(dev, "memory", pasid);

	if (ret < 0)
		return ret;
	ret = dev->transport->ops->dma_map_pasid(dev->transport, pasid, va, iova, size);
	if (ret < 0)
		AMI_LOG(ERR, dev, "%zu bytes at IOVA %#" PRIx64 " can't be mapped for PASID %u: %s",
			size, iova, pasid, strerror(-ret));
	return ret;
}

int
revere_dma_unmap(struct revere_dev *dev, uint32_t pasid, void *va, uint64_t iova, size_t size)
{
	int ret = ami_dev_pasid_check(dev, "memory", pasid);

	if (ret < 0)
		return ret;
	return dev->transport->ops->dma_unmap_pasid(dev->transport, pasid, va, iova, size);
}

/* ---- Agents --------------------------------------------------------------------------------- */

static int
probe_aha(struct revere_dev *dev, uint16_t aha_id, uint64_t *iidr)
{
	struct rvr_pf_probe_aha_req req;
	struct rvr_pf_probe_aha_rsp rsp;
	int ret;

	if (dev->vf) {
		*iidr = rvr_prep(RVR_AMU_IIDR_PRODUCT, ami_given_kind(dev, aha_id));
		return 0;
	}
	if (aha_id >= dev->info.num_aha)
		return -EINVAL;
	for (; dev->aha_probed <= aha_id; dev->aha_probed++) {
		req.aha_id = dev->aha_probed;
		ret = revere_pf_probe_aha(dev, &req, &rsp);
		if (ret < 0)
			return ret;
		dev->aha_iidr[dev->aha_probed] = rsp.aha_iidr;
	}
	*iidr = dev->aha_iidr[aha_id];
	return 0;
}

int
revere_aha_iidr(struct revere_dev *dev, uint16_t aha_id, uint64_t *iidr)
{
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = probe_aha(dev, aha_id, iidr);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

int
revere_aha_find(struct revere_dev *dev, enum rvr_aha_kind kind, unsigned int nth)
{
	uint32_t aha_id;
	uint64_t iidr;
	int ret = -ENOENT;

	pthread_mutex_lock(&dev->lock);
	if (dev->vf)
		ret = ami_given_aha(dev, kind, nth);
	for (aha_id = 0; aha_id < dev->info.num_aha; aha_id++) {
		ret = probe_aha(dev, (uint16_t)aha_id, &iidr);
		if (ret < 0)
			break;
		ret = -ENOENT;
		if (rvr_get(iidr, RVR_AMU_IIDR_PRODUCT) == (uint64_t)kind && nth-- == 0) {
			ret = (int)aha_id;
			break;
		}
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

const char *
revere_aha_kind_name(unsigned int kind)
{
	switch (kind) {
	case RVR_AHA_NONE:
		return "none";
	case RVR_AHA_INVERSION:
		return "inversion";
	case RVR_AHA_RNA:
		return "RNA";
	case RVR_AHA_CRYPTO:
		return "crypto";
	case RVR_AHA_DMA:
		return "DMA";
	default:
		return "unknown";
	}
}
