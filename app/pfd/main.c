/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * revere-pfd: owns a Physical Function and gives contexts of it to other processes. Options,
 * sockets, signals, and the loop that waits.
 */

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pfd.h"
#include "rvr_fds.h"

#define EXIT_USAGE 2
#define MAX_EVENTS 64
#define ASIDES_MAX 512 /* descriptors that are being closed, before nobody comes any more */

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

struct options {
	const char *device, *vf_token, *socket, *policy;
	unsigned int mode;
	bool keeper;
};

/* What epoll tells: places of clients, and these. */
enum { EVENT_LISTEN = PFD_CLIENTS, EVENT_SIGNAL, EVENT_DEVICE, EVENT_EXCEPTION, EVENT_ASIDE };

struct daemon {
	const struct options *options;
	struct pfd pfd;
	struct pfd_policy *policy;
	struct pfd_device *device;
	int state_fd, listen_fd, signal_fd, epoll_fd;
	int kept[PFD_KEPT_MAX]; /* of the device: -1 none */
	int conns[PFD_CLIENTS]; /* -1 none */
	bool waiting[PFD_CLIENTS]; /* with a request, which is left in the socket */
	bool taking[PFD_CLIENTS]; /* what waits is being taken out of it by a thread */
	int aside_pipe[2];
	unsigned int asides; /* that are not done */
	uint32_t kept_serials[PFD_CLIENTS];
	bool stopping;
	int exit_code;
};

/* ---- Log ------------------------------------------------------------------------------------ */

static enum pfd_level log_level = PFD_NOTICE;
static const char *const level_names[] = {
	[PFD_ERR] = "err",
	[PFD_WARNING] = "warning",
	[PFD_NOTICE] = "notice",
	[PFD_INFO] = "info",
	[PFD_DEBUG] = "debug",
};

void
pfd_log(enum pfd_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (getenv("JOURNAL_STREAM") != NULL)
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "revere-pfd: %s: %s\n", level_names[level], line);
}

/* ---- Options -------------------------------------------------------------------------------- */

static const char help[] =
	"Usage: revere-pfd --device DEVICE --socket PATH --policy FILE [OPTION...]\n"
	"Owns the Physical Function of a Revere-AMU device and gives contexts of it to processes.\n"
	"\n"
	"  --device DEVICE    the Physical Function: socket of a vfio-user server, revere-emu,\n"
	"                     or a PCI address such as 0000:01:00.0, bound to vfio-pci\n"
	"  --vf-token UUID    who uses its VFs on vfio-pci has to give this, too\n"
	"  --socket PATH      serve processes on the UNIX socket PATH (pfd=PATH of their drivers)\n"
	"  --policy FILE      who may have what; SIGHUP reads it again\n"
	"  --mode MODE        permissions of the socket, octal (default: 666, the policy decides)\n"
	"  --keeper           run the service as a child, start it again when it dies, and keep\n"
	"                     its state meanwhile; systemd does that without\n"
	"  --log-level LEVEL  err, warning, notice, info or debug (default: notice)\n"
	"  --help, --version\n"
	"\n"
	"SIGUSR1 writes what each client has to the log.\n";

static bool
read_level(const char *text)
{
	unsigned int level;

	for (level = PFD_ERR; level <= PFD_DEBUG; level++) {
		if (strcmp(text, level_names[level]) == 0) {
			log_level = (enum pfd_level)level;
			return true;
		}
	}
	pfd_log(PFD_ERR, "--log-level %s: err, warning, notice, info or debug", text);
	return false;
}

static bool
read_mode(const char *text, unsigned int *mode)
{
	char *end;

	*mode = (unsigned int)strtoul(text, &end, 8);
	if (*text != '\0' && *end == '\0' && *mode <= 0777)
		return true;
	pfd_log(PFD_ERR, "--mode %s: an octal number up to 777", text);
	return false;
}

static bool
read_token(const char *text, struct options *options)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;

	while (form[i] != '\0' && (form[i] == '-' ? text[i] == '-' :
			isxdigit((unsigned char)text[i])))
		i++;
	options->vf_token = text;
	if (form[i] == '\0' && text[i] == '\0')
		return true;
	pfd_log(PFD_ERR, "--vf-token %s: a UUID such as 5f0e6ba6-18b0-4d0a-8f27-2d1d32e51c55",
		text);
	return false;
}

static bool
options_complete(const struct options *options)
{
	const char *missing = options->device == NULL ? "--device" :
		options->socket == NULL ? "--socket" :
		options->policy == NULL ? "--policy" : NULL;

	if (missing == NULL)
		return true;
	pfd_log(PFD_ERR, "%s is missing, see --help", missing);
	return false;
}

/* false: *code is what to exit with. */
static bool
read_options(int argc, char **argv, struct options *options, int *code)
{
	enum { DEVICE = 1, VF_TOKEN, SOCKET, POLICY, MODE, KEEPER, LEVEL, HELP, VERSION };
	static const struct option longs[] = {
		{ "device", required_argument, NULL, DEVICE },
		{ "vf-token", required_argument, NULL, VF_TOKEN },
		{ "socket", required_argument, NULL, SOCKET },
		{ "policy", required_argument, NULL, POLICY },
		{ "mode", required_argument, NULL, MODE },
		{ "keeper", no_argument, NULL, KEEPER },
		{ "log-level", required_argument, NULL, LEVEL },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },
		{ NULL, 0, NULL, 0 },
	};
	bool fine = true;
	int option;

	*code = EXIT_USAGE;
	while (fine && (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case DEVICE:
			options->device = optarg;
			break;
		case VF_TOKEN:
			fine = read_token(optarg, options);
			break;
		case SOCKET:
			options->socket = optarg;
			break;
		case POLICY:
			options->policy = optarg;
			break;
		case MODE:
			fine = read_mode(optarg, &options->mode);
			break;
		case KEEPER:
			options->keeper = true;
			break;
		case LEVEL:
			fine = read_level(optarg);
			break;
		case HELP:
		case VERSION:
			fputs(option == HELP ? help : "revere-pfd " REVERE_VERSION "\n", stdout);
			*code = EXIT_SUCCESS;
			return false;
		default:
			return false;
		}
	}
	if (fine && optind < argc) {
		pfd_log(PFD_ERR, "'%s' is no option, see --help", argv[optind]);
		return false;
	}
	return fine && options_complete(options);
}

/* ---- Clients -------------------------------------------------------------------------------- */

static void
client_name(const struct daemon *daemon, unsigned int place, char name[24])
{
	snprintf(name, 24, "c%u.%u", place, daemon->pfd.state->clients[place].serial);
}

static int
watch(const struct daemon *daemon, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event event = { .events = events, .data.u32 = what };

	return epoll_ctl(daemon->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

uint64_t
pfd_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
listen_watch(struct daemon *daemon)
{
	struct epoll_event event = { .events = daemon->asides < ASIDES_MAX ? EPOLLIN : 0,
		.data.u32 = EVENT_LISTEN };

	epoll_ctl(daemon->epoll_fd, EPOLL_CTL_MOD, daemon->listen_fd, &event);
}

/* Who sends what takes long to close keeps others from coming, in the end, not from going on. */
static void
aside(struct daemon *daemon, struct pfd_aside what)
{
	what.pipe = daemon->aside_pipe[1];
	pfd_aside(&what);
	if (++daemon->asides != ASIDES_MAX)
		return;
	pfd_log(PFD_WARNING, "%u descriptors of clients aren't closed yet: new ones have to wait",
		daemon->asides);
	listen_watch(daemon);
}

static void
close_conn(struct daemon *daemon, int fd)
{
	aside(daemon, (struct pfd_aside){ .conn = fd, .done.place = PFD_CLIENTS });
}

static void
client_drop(struct daemon *daemon, unsigned int place)
{
	struct pfd_client *client = &daemon->pfd.state->clients[place];
	struct pfd_usage usage = client->usage;
	uint64_t begin = pfd_now_us();
	char name[24];

	if (!client->used)
		return;
	client_name(daemon, place, name);
	pfd_client_remove(&daemon->pfd, place);
	pfd_log(PFD_INFO, "client %u (process %d) is gone: %u contexts, %u of agents, %u sessions "
		"are free, it took %" PRIu64 " us", place, (int)client->peer.pid, usage.contexts,
		usage.agents_contexts, usage.sessions, pfd_now_us() - begin);
	pfd_keep_no_more(name);
	if (daemon->conns[place] >= 0)
		close_conn(daemon, daemon->conns[place]);
	daemon->conns[place] = -1;
	daemon->waiting[place] = false;
	daemon->taking[place] = false;
}

/* Sends a reply, once: who doesn't take it has broken the protocol. */
static int
send_reply(int fd, const struct pfd_reply *reply)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)reply->data, .iov_len = reply->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;

	rvr_fds_put(&msg, &room, reply->fd);
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Whoever waits is heard of when its connection ends, and not before its request has its turn. */
static int
client_waits(struct daemon *daemon, unsigned int place, bool waiting)
{
	struct epoll_event event = { .events = EPOLLRDHUP | (waiting ? 0 : EPOLLIN),
		.data.u32 = place };

	if (daemon->waiting[place] == waiting)
		return 0;
	daemon->waiting[place] = waiting;
	return epoll_ctl(daemon->epoll_fd, EPOLL_CTL_MOD, daemon->conns[place], &event) < 0 ?
		-errno : 0;
}

static void
close_all(const int *fds, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num && i < RVR_FDS_MAX; i++)
		close(fds[i]);
}

static bool
all_harmless(const int *fds, unsigned int num)
{
	unsigned int i;

	for (i = 0; i < num && i < RVR_FDS_MAX; i++)
		if (!pfd_is_memory(fds[i]) && rvr_fds_is_eventfd(fds[i]) <= 0)
			return false;
	/* More than there is room for weren't looked at. */
	return num <= RVR_FDS_MAX;
}

/* A packet with descriptors that nothing is done with, not even closed here. */
static int
client_strange(struct daemon *daemon, unsigned int place, const void *packet, const int *fds,
	unsigned int num)
{
	struct pfd_aside what = { .conn = fcntl(daemon->conns[place], F_DUPFD_CLOEXEC, 0),
		.take = true, .num = num < RVR_FDS_MAX ? num : RVR_FDS_MAX,
		.done = { place, daemon->pfd.state->clients[place].serial } };
	struct rvr_pfd_header header;
	struct pfd_reply reply;
	int ret;

	memcpy(&header, packet, sizeof(header));
	memcpy(what.fds, fds, what.num * sizeof(*fds));
	pfd_refuse(&reply, rvr_le16_cpu(header.type), rvr_le32_cpu(header.id), ENODEV, num >
		RVR_FDS_MAX ? "more descriptors than any request has" : "its descriptor is neither "
		"memory (memfd, tmpfs, hugetlbfs) nor an eventfd");
	ret = send_reply(daemon->conns[place], &reply);
	daemon->taking[place] = true;
	aside(daemon, what);
	return what.conn < 0 ? -EMFILE : ret < 0 ? ret : client_waits(daemon, place, true);
}

/*
 * One request. It stays in the socket until it is answered, for a process after this one, or for
 * later. < 0: the client is gone.
 */
static int
client_request(struct daemon *daemon, unsigned int place)
{
	uint8_t packet[RVR_PFD_MESSAGE_MAX] = { 0 };
	struct iovec iov = { .iov_base = packet, .iov_len = sizeof(packet) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = daemon->conns[place], fds[RVR_FDS_MAX], ret = 0;
	struct pfd_reply reply = { .fd = -1 };
	bool answered = true;
	unsigned int num;
	union rvr_fds room;
	ssize_t got;

	rvr_fds_expect(&msg, &room);
	got = recvmsg(fd, &msg, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return -ECONNRESET;
	num = rvr_fds_take(&msg, fds, RVR_FDS_MAX);
	if (!all_harmless(fds, num))
		return client_strange(daemon, place, packet, fds, num);
	/* Bytes beyond the room are not there to be parsed, but its size tells that first. */
	if ((size_t)got > sizeof(packet))
		pfd_refuse(&reply, 0, 0, EMSGSIZE, "longer than any request");
	else
		answered = pfd_serve(&daemon->pfd, place, packet, (size_t)got, fds, num, &reply);
	if (answered) {
		ret = send_reply(fd, &reply);
		recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
	}
	close_all(fds, num);
	if (answered && reply.fd >= 0)
		close(reply.fd);
	return ret < 0 ? ret : client_waits(daemon, place, !answered);
}

/* Requests for which contexts have come, or can't come. */
static void
serve_waiting(struct daemon *daemon)
{
	unsigned int place;

	for (place = 0; place < PFD_CLIENTS; place++)
		if (daemon->waiting[place] && !daemon->taking[place] &&
			!pfd_waits(&daemon->pfd, place) &&
			client_request(daemon, place) < 0)
			client_drop(daemon, place);
}

static int
peer_of(int fd, struct pfd_peer *peer, char reason[RVR_PFD_REASON])
{
	socklen_t size = sizeof(struct ucred);
	struct ucred cred;

	*peer = (struct pfd_peer){ .num_gids = 1 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return pfd_wrong(reason, -errno, "who it is isn't known: %s", strerror(errno));
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gids[0] = cred.gid;
	size = (PFD_GROUPS - 1) * sizeof(gid_t);
	/* A policy denies some of them, maybe: who isn't known whole isn't judged. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &peer->gids[1], &size) < 0)
		return pfd_wrong(reason, -EACCES, "user %u is in %zu groups, up to %d are known",
			(unsigned int)cred.uid, size / sizeof(gid_t), PFD_GROUPS - 1);
	peer->num_gids += (unsigned int)(size / sizeof(gid_t));
	return 0;
}

static void
client_new(struct daemon *daemon, int fd)
{
	char reason[RVR_PFD_REASON] = "", name[24];
	struct pfd_peer peer;
	struct pfd_reply reply;
	int ret = peer_of(fd, &peer, reason);
	unsigned int place;

	if (ret == 0)
		ret = pfd_client_add(&daemon->pfd, &peer, reason);
	if (ret < 0) {
		pfd_log(PFD_INFO, "process %d: %s", (int)peer.pid, reason);
		pfd_refuse(&reply, RVR_PFD_HELLO, 0, -ret, reason);
		send_reply(fd, &reply);
		close_conn(daemon, fd);
		return;
	}
	place = (unsigned int)ret;
	daemon->conns[place] = fd;
	client_name(daemon, place, name);
	pfd_keep(name, fd);
	pfd_log(PFD_INFO, "client %u: process %d of user %u", place, (int)peer.pid,
		(unsigned int)peer.uid);
	if (watch(daemon, fd, EPOLLIN | EPOLLRDHUP, place) < 0)
		client_drop(daemon, place);
}

static void
accept_all(struct daemon *daemon)
{
	int fd, i;

	/* Those who are clients have their turn too. */
	for (i = 0; i < MAX_EVENTS && daemon->asides < ASIDES_MAX; i++) {
		fd = accept4(daemon->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		client_new(daemon, fd);
	}
}

/* ---- Signals, exceptions -------------------------------------------------------------------- */

static void
policy_reload(struct daemon *daemon)
{
	char error[512];
	struct pfd_policy *policy = pfd_policy_read(daemon->options->policy, error, sizeof(error));

	if (policy == NULL) {
		pfd_log(PFD_ERR, "the policy stays as it was: %s", error);
		return;
	}
	pfd_policy_free(daemon->policy);
	daemon->policy = policy;
	daemon->pfd.policy = policy;
	pfd_vfs_apply(&daemon->pfd);
	pfd_log(PFD_NOTICE, "policy read again");
}

static void
dump(const struct daemon *daemon)
{
	const struct pfd_state *state = daemon->pfd.state;
	const struct pfd_client *client;
	unsigned int i, parked = 0;

	pfd_log(PFD_NOTICE, "%u clients, %u contexts, %u of agents, %u sessions, %u vectors, %"
		PRIu64 " MiB", state->usage.clients, state->usage.contexts,
		state->usage.agents_contexts, state->usage.sessions, state->usage.vectors,
		state->usage.memory >> 20);
	for (i = 0; i < state->ami_sws; i++)
		parked += state->ami_sw[i].owner != 0 && !state->ami_sw[i].taken;
	pfd_log(PFD_NOTICE, "%u contexts are parked", parked);
	for (i = 0; i < PFD_CLIENTS; i++) {
		client = &state->clients[i];
		if (client->used)
			pfd_log(PFD_NOTICE, "client %u: process %d of user %u, %u contexts, %u of "
				"agents, %u sessions, %u vectors, %" PRIu64 " MiB", i,
				(int)client->peer.pid, (unsigned int)client->peer.uid,
				client->usage.contexts, client->usage.agents_contexts,
				client->usage.sessions, client->usage.vectors,
				client->usage.memory >> 20);
	}
}

static void
dump_vfs(const struct daemon *daemon)
{
	const struct pfd_vf *vf;
	unsigned int i;

	for (i = 1; i < PFD_VFS; i++) {
		vf = &daemon->pfd.state->vfs[i];
		if (vf->used)
			pfd_log(PFD_NOTICE, "VF %u: %s, %u contexts, %" PRIu64 " commands trapped, "
				"%" PRIu64 " altered, %" PRIu64 " refused, %" PRIu64 " resets", i,
				vf->ready ? "enabled" : "not enabled", vf->num, vf->trapped,
				vf->altered, vf->refused, vf->resets);
	}
}

static void
handle_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;

	while (read(daemon->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			policy_reload(daemon);
		} else if (info.ssi_signo == SIGUSR1) {
			dump_vfs(daemon);
			dump(daemon);
		} else {
			daemon->stopping = true;
		}
	}
}

/* Threads are done: whose packet one has taken is heard again. */
static void
handle_asides(struct daemon *daemon)
{
	struct pfd_aside_done done;

	while (read(daemon->aside_pipe[0], &done, sizeof(done)) == sizeof(done)) {
		if (daemon->asides-- == ASIDES_MAX)
			listen_watch(daemon);
		if (done.place >= PFD_CLIENTS || daemon->conns[done.place] < 0 ||
			daemon->pfd.state->clients[done.place].serial != done.serial)
			continue;
		daemon->taking[done.place] = false;
		client_waits(daemon, done.place, false);
	}
}

static void
handle_exceptions(struct daemon *daemon)
{
	uint64_t count;

	if (read(pfd_device_event_fd(daemon->device), &count, sizeof(count)) < 0 &&
		errno != EAGAIN)
		return;
	pfd_exceptions(&daemon->pfd);
	/* Those that came meanwhile have their turn after the clients'. */
	pfd_device_again(daemon->device);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static const char *const kept_names[PFD_KEPT_MAX] = {
	[PFD_KEPT_DEVICE] = "device",
	[PFD_KEPT_RINGS] = "rings",
	[PFD_KEPT_CONTAINER] = "container",
};

static bool
take_kept_device(struct daemon *daemon, const char *name, int fd)
{
	unsigned int i;

	for (i = 0; i < PFD_KEPT_MAX; i++) {
		if (strcmp(name, kept_names[i]) != 0)
			continue;
		daemon->kept[i] = fd;
		return true;
	}
	return false;
}

/* What a process before this one has left. */
static void
take_kept(void *arg, const char *name, int fd)
{
	struct daemon *daemon = arg;
	unsigned int place, serial;

	if (take_kept_device(daemon, name, fd))
		return;
	if (strcmp(name, "state") == 0)
		daemon->state_fd = fd;
	else if (strcmp(name, "listen") == 0)
		daemon->listen_fd = fd;
	else if (sscanf(name, "c%u.%u", &place, &serial) == 2 && place < PFD_CLIENTS &&
		daemon->conns[place] < 0) {
		daemon->conns[place] = fd;
		daemon->kept_serials[place] = serial;
	} else {
		close(fd);
		pfd_keep_no_more(name);
	}
}

static int
state_map(struct daemon *daemon)
{
	struct stat st;
	void *at;

	if (fstat(daemon->state_fd, &st) < 0 || (size_t)st.st_size != sizeof(struct pfd_state))
		return -EINVAL;
	at = mmap(NULL, sizeof(struct pfd_state), PROT_READ | PROT_WRITE, MAP_SHARED,
		daemon->state_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	daemon->pfd.state = at;
	return 0;
}

/* Clients of which the connection was kept go on, others are gone. */
static void
clients_adopt(struct daemon *daemon)
{
	struct pfd_state *state = daemon->pfd.state;
	unsigned int place, kept = 0, gone = 0;
	char name[32];

	for (place = 0; place < PFD_CLIENTS; place++) {
		if (daemon->conns[place] >= 0 && (!state->clients[place].used ||
			state->clients[place].serial != daemon->kept_serials[place])) {
			snprintf(name, sizeof(name), "c%u.%u", place,
				daemon->kept_serials[place]);
			pfd_keep_no_more(name);
			close_conn(daemon, daemon->conns[place]);
			daemon->conns[place] = -1;
		}
		if (daemon->conns[place] >= 0) {
			kept++;
			watch(daemon, daemon->conns[place], EPOLLIN | EPOLLRDHUP, place);
		} else if (state->clients[place].used) {
			gone++;
			client_drop(daemon, place);
		}
	}
	pfd_log(PFD_NOTICE, "took over %u clients; %u had gone", kept, gone);
}

static int
state_make(struct daemon *daemon)
{
	int ret;

	daemon->state_fd = memfd_create("revere-pfd-state", MFD_CLOEXEC);
	if (daemon->state_fd < 0 ||
		ftruncate(daemon->state_fd, sizeof(struct pfd_state)) < 0)
		return -errno;
	ret = state_map(daemon);
	if (ret < 0)
		return ret;
	/* The file's zeroes need no memory. */
	daemon->pfd.state->magic = PFD_STATE_MAGIC;
	daemon->pfd.state->version = PFD_STATE_VERSION;
	daemon->pfd.state->size = sizeof(struct pfd_state);
	return 0;
}

/* The device and the state that were kept; false: there are none, or of no use. */
static bool
adopt(struct daemon *daemon)
{
	unsigned int i;

	if (daemon->kept[PFD_KEPT_DEVICE] < 0 || daemon->kept[PFD_KEPT_RINGS] < 0 ||
		daemon->state_fd < 0)
		return false;
	if (state_map(daemon) < 0 ||
		!pfd_state_valid(daemon->pfd.state, sizeof(struct pfd_state))) {
		pfd_log(PFD_WARNING, "the state that was kept isn't of this version");
		return false;
	}
	daemon->device = pfd_device_adopt(daemon->kept);
	for (i = 0; i < PFD_KEPT_MAX; i++)
		daemon->kept[i] = -1;
	return daemon->device != NULL;
}

static void
keep_no_more(void)
{
	unsigned int i;

	for (i = 0; i < PFD_KEPT_MAX; i++)
		pfd_keep_no_more(kept_names[i]);
	pfd_keep_no_more("state");
}

/* Clients of a device that isn't there any more learn it by the end of their connections. */
static void
forget_kept(struct daemon *daemon)
{
	unsigned int place, i;
	char name[32];

	for (place = 0; place < PFD_CLIENTS; place++) {
		if (daemon->conns[place] < 0)
			continue;
		snprintf(name, sizeof(name), "c%u.%u", place, daemon->kept_serials[place]);
		pfd_keep_no_more(name);
		close_conn(daemon, daemon->conns[place]);
		daemon->conns[place] = -1;
	}
	keep_no_more();
	for (i = 0; i < PFD_KEPT_MAX; i++)
		if (daemon->kept[i] >= 0)
			close(daemon->kept[i]);
	if (daemon->pfd.state != NULL)
		munmap(daemon->pfd.state, sizeof(struct pfd_state));
	if (daemon->state_fd >= 0)
		close(daemon->state_fd);
	daemon->pfd.state = NULL;
}

static int
start_anew(struct daemon *daemon)
{
	int ret, i, fd;

	forget_kept(daemon);
	daemon->device = pfd_device_open(daemon->options->device,
		daemon->options->vf_token);
	if (daemon->device == NULL)
		return -ENODEV;
	ret = state_make(daemon);
	if (ret < 0)
		return ret;
	pfd_keep("state", daemon->state_fd);
	/* The device itself is the last one: with it all is there. */
	for (i = PFD_KEPT_MAX - 1; i >= 0; i--) {
		fd = pfd_device_kept(daemon->device, (enum pfd_kept_fd)i);
		if (fd >= 0)
			pfd_keep(kept_names[i], fd);
	}
	return 0;
}

static int
bind_socket(int fd, const struct sockaddr_un *address, unsigned int mode)
{
	struct stat st;
	mode_t mask;
	int ret;

	if (lstat(address->sun_path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -ENOTSOCK;
		/* Of a service that was killed; one that is there would answer. */
		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return -EADDRINUSE;
		unlink(address->sun_path);
	}
	mask = umask(0777 & ~mode);
	ret = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	umask(mask);
	return ret < 0 ? ret : listen(fd, SOMAXCONN) < 0 ? -errno : 0;
}

static int
listen_start(struct daemon *daemon)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = daemon->options->socket;
	int ret = -ENAMETOOLONG;

	if (daemon->listen_fd >= 0)
		return 0;
	daemon->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->listen_fd < 0)
		return -errno;
	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		ret = bind_socket(daemon->listen_fd, &address, daemon->options->mode);
	}
	if (ret < 0)
		pfd_log(PFD_ERR, "can't serve on socket %s: %s", path, strerror(-ret));
	else
		pfd_keep("listen", daemon->listen_fd);
	return ret;
}

static int
watches_start(struct daemon *daemon)
{
	uint32_t gone_events;
	sigset_t signals;
	int ret, gone_fd = pfd_device_gone_fd(daemon->device, &gone_events);

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	daemon->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (daemon->signal_fd < 0)
		return -errno;
	ret = watch(daemon, daemon->signal_fd, EPOLLIN, EVENT_SIGNAL);
	if (ret == 0)
		ret = watch(daemon, daemon->listen_fd, EPOLLIN, EVENT_LISTEN);
	if (ret == 0)
		ret = watch(daemon, daemon->aside_pipe[0], EPOLLIN, EVENT_ASIDE);
	if (ret == 0)
		ret = watch(daemon, gone_fd, gone_events, EVENT_DEVICE);
	if (ret == 0)
		ret = watch(daemon, pfd_device_event_fd(daemon->device), EPOLLIN, EVENT_EXCEPTION);
	return ret;
}

static int
start(struct daemon *daemon)
{
	char error[512];
	bool adopted;
	int ret = 0;

	daemon->policy = pfd_policy_read(daemon->options->policy, error, sizeof(error));
	if (daemon->policy == NULL) {
		pfd_log(PFD_ERR, "%s", error);
		daemon->exit_code = EXIT_USAGE;
		return -EINVAL;
	}
	daemon->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (daemon->epoll_fd < 0 || pipe2(daemon->aside_pipe, O_CLOEXEC) < 0 ||
		fcntl(daemon->aside_pipe[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	pfd_kept(take_kept, daemon);
	adopted = adopt(daemon);
	if (!adopted)
		ret = start_anew(daemon);
	if (ret < 0)
		return ret;
	daemon->pfd.policy = daemon->policy;
	daemon->pfd.backend = pfd_device_backend(daemon->device);
	daemon->pfd.arg = daemon->device;
	daemon->pfd.vectors = pfd_device_vectors(daemon->device);
	ret = listen_start(daemon);
	if (ret == 0)
		ret = watches_start(daemon);
	if (ret < 0)
		return ret;
	if (adopted) {
		pfd_recover(&daemon->pfd);
		clients_adopt(daemon);
	}
	pfd_vfs_apply(&daemon->pfd);
	handle_exceptions(daemon);
	pfd_notify("READY=1");
	pfd_log(PFD_NOTICE, "serving on %s", daemon->options->socket);
	return 0;
}

static void
handle_event(struct daemon *daemon, const struct epoll_event *event)
{
	switch (event->data.u32) {
	case EVENT_LISTEN:
		accept_all(daemon);
		break;
	case EVENT_SIGNAL:
		handle_signals(daemon);
		break;
	case EVENT_DEVICE:
		pfd_log(PFD_ERR, "the device is gone: %s", daemon->pfd.backend->isolates ?
			"its server closed the connection" :
			"an error, or the kernel takes it away");
		daemon->stopping = true;
		daemon->exit_code = EXIT_FAILURE;
		break;
	case EVENT_EXCEPTION:
		handle_exceptions(daemon);
		break;
	case EVENT_ASIDE:
		handle_asides(daemon);
		break;
	default:
		/* Requests before the end of a connection are of no use to anyone. */
		if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ||
			client_request(daemon, event->data.u32) < 0)
			client_drop(daemon, event->data.u32);
		break;
	}
}

static void
stop(struct daemon *daemon)
{
	unsigned int place;

	pfd_notify("STOPPING=1");
	if (daemon->pfd.state != NULL && daemon->device != NULL)
		for (place = 0; place < PFD_CLIENTS; place++)
			client_drop(daemon, place);
	keep_no_more();
	pfd_keep_no_more("listen");
	if (daemon->listen_fd >= 0)
		unlink(daemon->options->socket);
	pfd_device_close(daemon->device);
	pfd_policy_free(daemon->policy);
}

static int
run(const struct options *options)
{
	struct daemon daemon = {
		.options = options,
		.state_fd = -1,
		.listen_fd = -1,
	};
	struct epoll_event events[MAX_EVENTS];
	unsigned int place;
	int num, i, timeout;

	for (place = 0; place < PFD_CLIENTS; place++)
		daemon.conns[place] = -1;
	for (i = 0; i < PFD_KEPT_MAX; i++)
		daemon.kept[i] = -1;
	if (start(&daemon) < 0) {
		if (daemon.exit_code == 0)
			daemon.exit_code = EXIT_FAILURE;
		daemon.stopping = true;
	}
	while (!daemon.stopping) {
		timeout = pfd_tick(&daemon.pfd);
		serve_waiting(&daemon);
		num = epoll_wait(daemon.epoll_fd, events, MAX_EVENTS, timeout);
		for (i = 0; i < num && !daemon.stopping; i++)
			handle_event(&daemon, &events[i]);
	}
	stop(&daemon);
	return daemon.exit_code;
}

int
main(int argc, char **argv)
{
	struct options options = { .mode = 0666 };
	struct rlimit files;
	int code, i, kept = 0;

	if (!read_options(argc, argv, &options, &code))
		return code;
	/* A client has one, and as many wait to be handed on to the next service. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!options.keeper)
		return run(&options);
	for (i = 0; i < argc; i++)
		if (strcmp(argv[i], "--keeper") != 0)
			argv[kept++] = argv[i];
	argv[kept] = NULL;
	return pfd_keeper(argv);
}
