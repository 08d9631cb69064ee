/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * The device as the machine around it sees it: made and taken away, its memory, bus and
 * interrupt wires, reset, its log.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "mgt.h"

static const struct aha_ops *const device_agents[] = {
	[REVERE_EMU_AGENT_INVERSION] = &aha_inversion_ops,
	[REVERE_EMU_AGENT_RNA] = &aha_rna_ops,
	[REVERE_EMU_AGENT_DMA] = &aha_dma_ops,
};

/* ---- Log and time ------------------------------------------------------------------------ */

void
amu_log(const struct amu *amu, enum revere_emu_log_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	if (level > amu->config.log_level ||
	    (amu->config.log == NULL && level > REVERE_EMU_LOG_WARNING))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (amu->config.log != NULL)
		amu->config.log(amu->config.log_arg, level, line);
	else
		fprintf(stderr, "revere-emu %s: %s\n", amu->name, line);
}

uint64_t
amu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- AMI-SW pages ------------------------------------------------------------------------ */

/* A file that neither grows nor shrinks: whom it is given can't take pages from under us. */
static int
sealed_file(uint64_t size)
{
	int fd = memfd_create("revere-ami-sw", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

uint8_t *
function_pages(struct amu_function *function)
{
	uint64_t size = (uint64_t)function->amu->config.num_ami_sw * RVR_AMI_SW_PAGE_STRIDE;
	void *(*place)(size_t size) = function->amu->config.pages_place;
	void *pages;
	int fd;

	if (function->pages != NULL)
		return function->pages;
	fd = sealed_file(REVERE_EMU_PAGES_OFFSET + size);
	if (fd < 0) {
		amu_log(function->amu, REVERE_EMU_LOG_ERR,
			"function %u: no file of %" PRIu64 " bytes for AMI-SW pages: %s",
			function->id, size, strerror(errno));
		return NULL;
	}
	pages = mmap(place == NULL ? NULL : place(size), size, PROT_READ | PROT_WRITE, MAP_SHARED,
		fd, REVERE_EMU_PAGES_OFFSET);
	if (pages == MAP_FAILED) {
		amu_log(function->amu, REVERE_EMU_LOG_ERR,
			"function %u: can't map %" PRIu64 " bytes of AMI-SW pages: %s",
			function->id, size, strerror(errno));
		close(fd);
		return NULL;
	}
	function->pages_fd = fd;
	function->pages_size = size;
	function->pages = pages;
	return function->pages;
}

/* Puts a file where a page is; the page's address stays, and is there at any moment. */
static int
page_replace(struct amu_function *function, unsigned int ami_sw_id, int fd, uint64_t offset)
{
	uint8_t *page = function->pages + (size_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;

	return mmap(page, RVR_AMI_SW_PAGE_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    fd, (off_t)offset) == MAP_FAILED ? -errno : 0;
}

/* A page of its own, with what the page holds; within a pause. */
static int
page_separate(struct amu_function *function, unsigned int ami_sw_id)
{
	const uint8_t *page = function->pages + (size_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;
	int fd = sealed_file(RVR_AMI_SW_PAGE_STRIDE), ret;

	if (fd < 0)
		return -ENOMEM;
	if (pwrite(fd, page, RVR_AMI_SW_PAGE_SIZE, 0) != (ssize_t)RVR_AMI_SW_PAGE_SIZE)
		ret = -ENOMEM;
	else
		ret = page_replace(function, ami_sw_id, fd, 0);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	function->page_fd[ami_sw_id] = fd;
	return 0;
}

/* Back in the file of all pages; who has the page's own file has nothing any more. */
static void
page_rejoin(struct amu_function *function, unsigned int ami_sw_id)
{
	if (function->page_fd[ami_sw_id] < 0)
		return;
	if (page_replace(function, ami_sw_id, function->pages_fd, REVERE_EMU_PAGES_OFFSET +
		    (uint64_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE) < 0)
		amu_log(function->amu, REVERE_EMU_LOG_ERR,
			"function %u: page of AMI-SW %u can't be mapped: %s", function->id,
			ami_sw_id, strerror(errno));
	close(function->page_fd[ami_sw_id]);
	function->page_fd[ami_sw_id] = -1;
}

static void
kept_drop(struct amu_function *function, unsigned int key)
{
	if (function->kept_fd[key] >= 0)
		close(function->kept_fd[key]);
	function->kept_fd[key] = -1;
}

static void
kept_drop_all(struct amu_function *function)
{
	for (unsigned int key = 0; function->kept_fd != NULL && key < REVERE_EMU_PAGES_KEPT; key++)
		kept_drop(function, key);
	free(function->kept_fd);
	function->kept_fd = NULL;
}

/* The file of a page that is kept, made if it isn't there. */
static int
kept_get(struct amu_function *function, unsigned int key)
{
	if (function->kept_fd == NULL) {
		function->kept_fd = malloc(REVERE_EMU_PAGES_KEPT * sizeof(*function->kept_fd));
		if (function->kept_fd == NULL)
			return -ENOMEM;
		for (unsigned int n = 0; n < REVERE_EMU_PAGES_KEPT; n++)
			function->kept_fd[n] = -1;
	}
	if (function->kept_fd[key] < 0)
		function->kept_fd[key] = sealed_file(RVR_AMI_SW_PAGE_STRIDE);
	return function->kept_fd[key] < 0 ? -ENOMEM : function->kept_fd[key];
}

/* Nobody looks at the page of an AMI-SW that is disabled: that needs no pause. */
static int
kept_bind(struct amu_function *function, int fd, unsigned int ami_sw_id)
{
	struct ami_sw *ami = function->ami_sw[ami_sw_id];
	int copy, ret;

	if (ami == NULL)
		return -EINVAL;
	if (ami->active)
		return -EBUSY;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -ENOMEM;
	ret = page_replace(function, ami_sw_id, fd, 0);
	if (ret < 0) {
		close(copy);
		return ret;
	}
	if (function->page_fd[ami_sw_id] >= 0)
		close(function->page_fd[ami_sw_id]);
	function->page_fd[ami_sw_id] = copy;
	return 0;
}

void
function_page_clear(struct amu_function *function, unsigned int ami_sw_id)
{
	off_t at = (off_t)ami_sw_id * RVR_AMI_SW_PAGE_STRIDE;

	if (function->pages == NULL)
		return;
	page_rejoin(function, ami_sw_id);
	/* Gives the memory back, and takes what a user left in it from all who map it. */
	if (fallocate(function->pages_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)REVERE_EMU_PAGES_OFFSET + at, RVR_AMI_SW_PAGE_STRIDE) != 0)
		memset(function->pages + at, 0, RVR_AMI_SW_PAGE_STRIDE);
}

/* All pages are in a file anew, of zeroes; within a pause. */
static void
pages_renew(struct amu_function *function)
{
	int fd = sealed_file(REVERE_EMU_PAGES_OFFSET + function->pages_size);
	bool renewed = fd >= 0 && dup3(fd, function->pages_fd, O_CLOEXEC) >= 0;
	unsigned int i;

	if (fd >= 0)
		close(fd);
	for (i = 0; i < function->amu->config.num_ami_sw; i++) {
		if (!renewed) {
			function_page_clear(function, i);
		} else if (function->page_fd[i] >= 0) {
			close(function->page_fd[i]);
			function->page_fd[i] = -1;
		}
	}
	if (!renewed)
		amu_log(function->amu, REVERE_EMU_LOG_WARNING, "function %u: no new file for "
			"AMI-SW pages: who had them before still has them", function->id);
	else if (mmap(function->pages, function->pages_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, function->pages_fd,
			 REVERE_EMU_PAGES_OFFSET) == MAP_FAILED)
		amu_log(function->amu, REVERE_EMU_LOG_ERR,
			"function %u: AMI-SW pages can't be mapped: %s", function->id,
			strerror(errno));
}

/* ---- Making and taking away -------------------------------------------------------------- */

static int
function_create(struct amu *amu, unsigned int id)
{
	struct amu_function *function = &amu->functions[id];
	unsigned int i;

	function->amu = amu;
	function->id = (uint16_t)id;
	function->enabled = id == 0;
	function->pages_fd = -1;
	pthread_mutex_init(&function->irq_lock, NULL);
	pthread_mutex_init(&function->trace_lock, NULL);
	function->ami_sw = calloc(amu->config.num_ami_sw, sizeof(*function->ami_sw));
	function->ami_hw = calloc(MGT_AMI_HW_IDS, sizeof(*function->ami_hw));
	function->irq_fd = malloc(amu->config.msix_vectors * sizeof(*function->irq_fd));
	function->page_fd = malloc(amu->config.num_ami_sw * sizeof(*function->page_fd));
	if (function->ami_sw == NULL || function->ami_hw == NULL || function->irq_fd == NULL ||
		function->page_fd == NULL)
		return -ENOMEM;
	for (i = 0; i < amu->config.num_ami_sw; i++)
		function->page_fd[i] = -1;
	for (i = 0; i < amu->config.msix_vectors; i++)
		function->irq_fd[i] = -1;
	return 0;
}

static void
function_destroy(struct amu_function *function)
{
	unsigned int i;

	/* Not reached by function_create(). */
	if (function->amu == NULL)
		return;
	for (i = 0; function->page_fd != NULL && i < function->amu->config.num_ami_sw; i++)
		if (function->page_fd[i] >= 0)
			close(function->page_fd[i]);
	free(function->page_fd);
	kept_drop_all(function);
	if (function->pages != NULL) {
		munmap(function->pages, function->pages_size);
		close(function->pages_fd);
	}
	free(function->ami_sw);
	free(function->ami_hw);
	free(function->irq_fd);
	dma_space_fini(&function->space);
	pasid_fini(function);
	pthread_mutex_destroy(&function->irq_lock);
	pthread_mutex_destroy(&function->trace_lock);
}

static void *
device_zalloc(size_t count, size_t size)
{
	void *memory;

	/* Sockets keep what moves a message in one cache line. */
	if (posix_memalign(&memory, AMU_CACHE_LINE, count * size) != 0)
		return NULL;
	return memset(memory, 0, count * size);
}

static int
ami_sw_create(struct amu *amu, unsigned int phy_id)
{
	struct ami_sw *ami = &amu->ami_sw[phy_id];
	unsigned int i;

	ami->amu = amu;
	ami->phy_id = (uint16_t)phy_id;
	ami->tx = device_zalloc(amu->config.num_ams, sizeof(*ami->tx));
	ami->rx = device_zalloc(amu->config.num_ams, sizeof(*ami->rx));
	if (ami->tx == NULL || ami->rx == NULL)
		return -ENOMEM;
	for (i = 0; i < amu->config.num_ams; i++) {
		ami->tx[i].tx = true;
		ami->tx[i].id = ami->rx[i].id = (uint8_t)i;
		ami->tx[i].ami_sw = ami->rx[i].ami_sw = ami;
	}
	return ami_sw_init(ami);
}

static void
ami_sw_destroy(struct ami_sw *ami)
{
	if (ami->tx != NULL && ami->rx != NULL)
		ami_sw_fini(ami);
	free(ami->tx);
	free(ami->rx);
}

static int
ami_hw_create(struct aha *aha, unsigned int phy_id)
{
	struct ami_hw *hw = &aha->ami_hw[phy_id];
	unsigned int num_ams = aha->amu->config.num_ams;

	hw->aha = aha;
	hw->phy_id = (uint16_t)phy_id;
	hw->tx = calloc(num_ams, sizeof(struct asn *));
	hw->rx = calloc(num_ams, sizeof(struct asn *));
	if (hw->tx == NULL || hw->rx == NULL)
		return -ENOMEM;
	return ami_hw_init(hw);
}

static int
aha_create(struct amu *amu, unsigned int id)
{
	const struct aha_ops *ops = device_agents[amu->config.agents[id]];
	struct aha *aha = calloc(1, sizeof(*aha));
	unsigned int i;
	int ret = 0;

	if (aha == NULL)
		return -ENOMEM;
	amu->aha[id] = aha;
	aha->id = (uint16_t)id;
	aha->amu = amu;
	aha->ami_hw = calloc(amu->config.num_ami_hw, sizeof(*aha->ami_hw));
	if (aha->ami_hw == NULL)
		return -ENOMEM;
	for (i = 0; i < amu->config.num_ami_hw && ret == 0; i++)
		ret = ami_hw_create(aha, i);
	if (ret == 0 && ops->init != NULL)
		ret = ops->init(aha);
	/* Set last: fini() is for agents that init() has made. */
	if (ret == 0)
		aha->ops = ops;
	return ret;
}

static void
aha_destroy(struct aha *aha)
{
	unsigned int i;

	if (aha == NULL)
		return;
	if (aha->ops != NULL && aha->ops->fini != NULL)
		aha->ops->fini(aha);
	for (i = 0; aha->ami_hw != NULL && i < aha->amu->config.num_ami_hw; i++) {
		if (aha->ami_hw[i].tx != NULL && aha->ami_hw[i].rx != NULL)
			ami_hw_fini(&aha->ami_hw[i]);
		free(aha->ami_hw[i].tx);
		free(aha->ami_hw[i].rx);
	}
	free(aha->ami_hw);
	free(aha);
}

static int
device_fill(struct amu *amu, char *error, size_t error_size)
{
	unsigned int i;
	int ret = 0;

	amu->num_functions = 1 + amu->config.num_vf;
	amu->num_aha = config_num_aha(&amu->config);
	amu->functions = calloc(amu->num_functions, sizeof(*amu->functions));
	amu->ami_sw = calloc(amu->config.num_ami_sw, sizeof(*amu->ami_sw));
	amu->aha = calloc(amu->num_aha, sizeof(*amu->aha));
	amu->asn = calloc(amu->config.num_asn, sizeof(struct asn *));
	if (amu->functions == NULL || amu->ami_sw == NULL || amu->aha == NULL || amu->asn == NULL)
		ret = -ENOMEM;
	for (i = 0; i < amu->num_functions && ret == 0; i++)
		ret = function_create(amu, i);
	for (i = 0; i < amu->config.num_ami_sw && ret == 0; i++)
		ret = ami_sw_create(amu, i);
	for (i = 0; i < amu->num_aha && ret == 0; i++) {
		if (amu->config.agents[i] != REVERE_EMU_AGENT_NONE)
			ret = aha_create(amu, i);
	}
	if (ret == 0 && function_pages(&amu->functions[0]) == NULL)
		ret = -ENOMEM;
	if (ret != 0) {
		if (error != NULL)
			snprintf(error, error_size,
				 "%s: can't make a device with %u AMI-SWs and %u VFs: %s",
				 amu->name, amu->config.num_ami_sw, amu->config.num_vf,
				 strerror(-ret));
		return ret;
	}
	ret = mgt_init(amu, error, error_size);
	return ret != 0 ? ret : amu_workers_start(amu, error, error_size);
}

/* Takes away what there is, which after a failure may be a part only. */
static void
device_free(struct amu *amu)
{
	unsigned int i;

	amu_workers_free(amu);
	for (i = 0; amu->aha != NULL && i < amu->num_aha; i++)
		aha_destroy(amu->aha[i]);
	for (i = 0; amu->ami_sw != NULL && i < amu->config.num_ami_sw; i++)
		ami_sw_destroy(&amu->ami_sw[i]);
	mgt_fini(amu);
	for (i = 0; amu->functions != NULL && i < amu->num_functions; i++)
		function_destroy(&amu->functions[i]);
	free(amu->asn);
	free(amu->aha);
	free(amu->ami_sw);
	free(amu->functions);
	pthread_mutex_destroy(&amu->mgt_lock);
}

struct revere_emu *
revere_emu_create(const char *name, const struct revere_emu_config *config, char *error,
		  size_t error_size)
{
	struct revere_emu *emu;
	int ret;

	ret = config_check(config, error, error_size);
	if (ret == 0 && (name[0] == '\0' || strlen(name) >= REVERE_EMU_NAME_MAX)) {
		if (error != NULL)
			snprintf(error, error_size, "name '%s': allowed are 1 to %u characters",
				 name, REVERE_EMU_NAME_MAX - 1);
		ret = -EINVAL;
	}
	emu = ret == 0 ? device_zalloc(1, sizeof(*emu)) : NULL;
	if (emu == NULL) {
		errno = ret != 0 ? -ret : ENOMEM;
		return NULL;
	}
	snprintf(emu->amu.name, sizeof(emu->amu.name), "%s", name);
	emu->amu.config = *config;
	config_resolve(&emu->amu.config);
	pthread_mutex_init(&emu->amu.mgt_lock, NULL);
	ret = device_fill(&emu->amu, error, error_size);
	if (ret != 0) {
		device_free(&emu->amu);
		free(emu);
		errno = -ret;
		return NULL;
	}
	return emu;
}

static void
function_unmap_all(struct amu_function *function)
{
	struct amu *amu = function->amu;
	unsigned int i;

	for (i = 0; i < amu->config.num_ami_sw; i++) {
		if (function->ami_sw[i] != NULL)
			cmd_ami_sw_unmap(function->ami_sw[i]);
	}
	cmd_ami_hws(function, cmd_ami_hw_unmap);
}

/* All sessions and mappings away; within a pause, or without workers. */
static void
device_clear(struct amu *amu)
{
	unsigned int i;

	amu->running = false;
	for (i = 0; i < amu->num_functions; i++)
		function_unmap_all(&amu->functions[i]);
	for (i = 0; i < amu->config.num_asn; i++) {
		if (amu->asn[i] != NULL)
			cmd_asn_free(amu->asn[i]);
	}
}

void
revere_emu_destroy(struct revere_emu *emu)
{
	struct amu *amu;

	if (emu == NULL)
		return;
	amu = &emu->amu;
	mgt_lock(amu);
	amu_pause(amu);
	device_clear(amu);
	amu_resume(amu);
	mgt_unlock(amu);
	amu_workers_stop(amu);
	device_free(amu);
	free(emu);
}

const struct revere_emu_config *
revere_emu_config_get(const struct revere_emu *emu)
{
	return &emu->amu.config;
}

/* ---- Bus: memory, interrupts, reset ------------------------------------------------------ */

static struct amu_function *
device_function(struct revere_emu *emu, unsigned int function)
{
	if (function < emu->amu.num_functions)
		return &emu->amu.functions[function];
	amu_log(&emu->amu, REVERE_EMU_LOG_WARNING, "function %u: the device has 0 to %u", function,
		emu->amu.num_functions - 1);
	return NULL;
}

void *
revere_emu_pages(struct revere_emu *emu, unsigned int function)
{
	struct amu_function *f = device_function(emu, function);
	void *pages;

	if (f == NULL)
		return NULL;
	mgt_lock(f->amu);
	pages = function_pages(f);
	mgt_unlock(f->amu);
	return pages;
}

int
revere_emu_pages_fd(struct revere_emu *emu, unsigned int function, uint64_t *size)
{
	if (revere_emu_pages(emu, function) == NULL)
		return -ENOMEM;
	if (size != NULL)
		*size = emu->amu.functions[function].pages_size;
	return emu->amu.functions[function].pages_fd;
}

int
revere_emu_page_fd(struct revere_emu *emu, unsigned int function, unsigned int ami_sw_id)
{
	struct amu_function *f = device_function(emu, function);
	int ret = -EINVAL;

	if (f == NULL || ami_sw_id >= f->amu->config.num_ami_sw)
		return -EINVAL;
	mgt_lock(f->amu);
	if (f->ami_sw[ami_sw_id] != NULL) {
		ret = f->page_fd[ami_sw_id];
		if (ret < 0) {
			amu_pause(f->amu);
			ret = page_separate(f, ami_sw_id);
			amu_resume(f->amu);
		}
		if (ret == 0)
			ret = f->page_fd[ami_sw_id];
	}
	mgt_unlock(f->amu);
	return ret;
}

int
revere_emu_page_kept(struct revere_emu *emu, unsigned int function, unsigned int key,
		     int ami_sw_id)
{
	struct amu_function *f = device_function(emu, function);
	int fd, ret = 0;

	if (f == NULL || key >= REVERE_EMU_PAGES_KEPT ||
	    ami_sw_id >= (int)f->amu->config.num_ami_sw)
		return -EINVAL;
	mgt_lock(f->amu);
	fd = kept_get(f, key);
	if (fd >= 0 && ami_sw_id >= 0)
		ret = kept_bind(f, fd, (unsigned int)ami_sw_id);
	mgt_unlock(f->amu);
	return ret < 0 ? ret : fd;
}

void
revere_emu_page_drop(struct revere_emu *emu, unsigned int function, unsigned int key)
{
	struct amu_function *f = device_function(emu, function);

	if (f == NULL)
		return;
	mgt_lock(f->amu);
	if (key >= REVERE_EMU_PAGES_KEPT)
		kept_drop_all(f);
	else if (f->kept_fd != NULL)
		kept_drop(f, key);
	mgt_unlock(f->amu);
}

/* A change of a Function's memory, between these two. */
static void
space_lock(struct amu_function *function)
{
	mgt_lock(function->amu);
	amu_pause(function->amu);
}

static void
space_unlock(struct amu_function *function)
{
	amu_resume(function->amu);
	mgt_unlock(function->amu);
	amu_wake(function->amu);
}

void
revere_emu_pages_renew(struct revere_emu *emu, unsigned int function)
{
	struct amu_function *f = device_function(emu, function);

	if (f == NULL)
		return;
	space_lock(f);
	if (f->pages != NULL)
		pages_renew(f);
	space_unlock(f);
}

int
revere_emu_dma_map(struct revere_emu *emu, unsigned int function, uint64_t iova, void *va,
		   uint64_t size, unsigned int prot)
{
	struct amu_function *f = device_function(emu, function);
	int ret;

	if (f == NULL)
		return -EINVAL;
	space_lock(f);
	ret = dma_space_map(&f->space, iova, va, size, prot);
	ami_remap(f, &f->space);
	space_unlock(f);
	return ret;
}

uint64_t
revere_emu_dma_unmap(struct revere_emu *emu, unsigned int function, uint64_t iova, uint64_t size)
{
	struct amu_function *f = device_function(emu, function);
	uint64_t unmapped;

	if (f == NULL)
		return 0;
	space_lock(f);
	unmapped = dma_space_unmap(&f->space, iova, size);
	ami_remap(f, &f->space);
	space_unlock(f);
	return unmapped;
}

int
revere_emu_dma_map_pasid(struct revere_emu *emu, unsigned int function, uint32_t pasid,
			 uint64_t iova, void *va, uint64_t size, unsigned int prot)
{
	struct amu_function *f = device_function(emu, function);
	int ret;

	if (f == NULL || pasid >> MGT_PASID_WIDTH != 0)
		return -EINVAL;
	space_lock(f);
	ret = pasid_map(f, pasid, iova, va, size, prot);
	space_unlock(f);
	return ret;
}

uint64_t
revere_emu_dma_unmap_pasid(struct revere_emu *emu, unsigned int function, uint32_t pasid,
			   uint64_t iova, uint64_t size)
{
	struct amu_function *f = device_function(emu, function);
	uint64_t unmapped;

	if (f == NULL)
		return 0;
	space_lock(f);
	unmapped = pasid_unmap(f, pasid, iova, size);
	space_unlock(f);
	return unmapped;
}

int
revere_emu_sva(struct revere_emu *emu, unsigned int function, bool enable)
{
	struct amu_function *f = device_function(emu, function);

	if (f == NULL)
		return -EINVAL;
	space_lock(f);
	dma_space_sva(&f->space, enable);
	ami_remap(f, &f->space);
	space_unlock(f);
	return 0;
}

/* Within a pause. */
static void
function_bus_master(struct amu_function *function, bool enable)
{
	function->bus_master = enable;
	function->space.bus_master = enable;
	dma_space_changed(&function->space);
	pasid_bus_master(function);
}

void
revere_emu_bus_master(struct revere_emu *emu, unsigned int function, bool enable)
{
	struct amu_function *f = device_function(emu, function);
	struct amu *amu = &emu->amu;

	if (f == NULL)
		return;
	mgt_lock(amu);
	if (f->bus_master == enable) {
		mgt_unlock(amu);
		return;
	}
	amu_pause(amu);
	function_bus_master(f, enable);
	ami_remap(f, NULL);
	amu_resume(amu);
	if (enable) {
		mgt_digests(f);
		mgt_ready(f);
		mgt_run_ready(amu);
	}
	mgt_unlock(amu);
	amu_wake(amu);
}

int
revere_emu_irq_set(struct revere_emu *emu, unsigned int function, unsigned int vector, int fd)
{
	struct amu_function *f = device_function(emu, function);

	if (f == NULL || vector >= emu->amu.config.msix_vectors)
		return -EINVAL;
	pthread_mutex_lock(&f->irq_lock);
	f->irq_fd[vector] = fd < 0 ? -1 : fd;
	pthread_mutex_unlock(&f->irq_lock);
	return 0;
}

/* Registers, rings and Bus Master Enable of a Function; within a pause. */
static void
function_reset(struct amu_function *function)
{
	function->resets++;
	function_bus_master(function, false);
	regs_reset(function);
	mgt_rings_reset(function);
	function->mgt->ready = false;
}

/* AMIs of a VF stop and are reset; they stay mapped, which is the PF's. Within a pause. */
static void
function_reset_amis(struct amu_function *function)
{
	struct amu *amu = function->amu;
	unsigned int i;

	for (i = 0; i < amu->config.num_ami_sw; i++) {
		if (function->ami_sw[i] != NULL)
			cmd_ami_sw_reset(function->ami_sw[i]);
	}
	cmd_ami_hws(function, cmd_ami_hw_reset);
}

static void
vf_reset(struct amu_function *function)
{
	const struct rvr_e_pf_vf_reset fields = {.source = function->id};
	struct amu *amu = function->amu;
	uint8_t msg[RVR_MGT_MSG_SIZE];

	amu_pause(amu);
	function_reset(function);
	function_reset_amis(function);
	ami_remap(function, NULL);
	cmd_asn_observe_all(amu);
	amu_resume(amu);
	rvr_e_pf_vf_reset_encode(msg, &fields, 0);
	mgt_exception(&amu->functions[0], msg);
}

/* The PF's reset is the device's: nothing is left of mappings and sessions, VFs are disabled. */
static void
pf_reset(struct amu *amu)
{
	unsigned int i, a;

	amu_pause(amu);
	device_clear(amu);
	for (i = 0; i < amu->config.num_ami_sw; i++)
		cmd_ami_sw_reset(&amu->ami_sw[i]);
	for (a = 0; a < amu->num_aha; a++) {
		for (i = 0; amu->aha[a] != NULL && i < amu->config.num_ami_hw; i++) {
			cmd_ami_hw_reset(&amu->aha[a]->ami_hw[i]);
			amu->aha[a]->ami_hw[i].log2_hw_cred_size = 0;
		}
	}
	for (i = 0; i < amu->num_functions; i++) {
		function_reset(&amu->functions[i]);
		amu->functions[i].enabled = i == 0;
		amu->functions[i].trapped = false;
		ami_remap(&amu->functions[i], NULL);
	}
	amu_resume(amu);
}

int
revere_emu_reset(struct revere_emu *emu, unsigned int function)
{
	struct amu_function *f = device_function(emu, function);

	if (f == NULL)
		return -EINVAL;
	mgt_lock(f->amu);
	if (function == 0)
		pf_reset(f->amu);
	else
		vf_reset(f);
	mgt_unlock(f->amu);
	return 0;
}

uint32_t
revere_emu_resets(struct revere_emu *emu, unsigned int function)
{
	struct amu_function *f = device_function(emu, function);
	uint32_t resets;

	if (f == NULL)
		return 0;
	mgt_lock(f->amu);
	resets = f->resets;
	mgt_unlock(f->amu);
	return resets;
}

/* ---- Ports of the network agent ---------------------------------------------------------- */

static struct aha *
device_rna(struct amu *amu)
{
	unsigned int i;

	for (i = 0; i < amu->num_aha; i++) {
		if (amu->aha[i] != NULL && amu->aha[i]->ops->kind == RVR_AHA_RNA)
			return amu->aha[i];
	}
	return NULL;
}

int
revere_emu_port_add(struct revere_emu *emu, const char *backend, const uint8_t mac[6], char *error,
		    size_t error_size)
{
	struct amu *amu = &emu->amu;
	struct aha *rna = device_rna(amu);
	int ret;

	if (rna == NULL) {
		if (error != NULL)
			snprintf(error, error_size, "port %s: the device has no network agent",
				 backend);
		return -ENODEV;
	}
	mgt_lock(amu);
	amu_pause(amu);
	ret = rna_port_add(rna, backend, mac, error, error_size);
	amu_resume(amu);
	mgt_unlock(amu);
	return ret;
}

int
revere_emu_port_remove(struct revere_emu *emu, unsigned int port)
{
	struct amu *amu = &emu->amu;
	struct aha *rna = device_rna(amu);
	int ret;

	if (rna == NULL)
		return -ENODEV;
	mgt_lock(amu);
	amu_pause(amu);
	ret = rna_port_remove(rna, port);
	amu_resume(amu);
	mgt_unlock(amu);
	return ret;
}
