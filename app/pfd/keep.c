/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Descriptors that outlive the process that uses them: systemd keeps them (FileDescriptorStoreMax),
 * or, with --keeper, a small process that runs the service as its child, starts it again when it
 * dies, and speaks systemd's protocol: datagrams to $NOTIFY_SOCKET; $LISTEN_FDS, $LISTEN_FDNAMES.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "pfd.h"
#include "rvr_fds.h"

#define FDS_START 3 /* first descriptor that is handed over */
#define KEPT_MAX 1024
#define NAME_MAX_ 24
#define FAST_S 1     /* who dies so soon after its start, ... */
#define FAST_MAX 5   /* ... so often in a row, isn't started again */

/* ---- The service's side --------------------------------------------------------------------- */

/* Sends a datagram to who started us, if that one listens. */
static void
notify(const char *text, int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_name = &address, .msg_iov = &iov, .msg_iovlen = 1 };
	union rvr_fds room;
	int out;

	if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	msg.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	rvr_fds_put(&msg, &room, fd);
	out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (out < 0)
		return;
	if (sendmsg(out, &msg, MSG_NOSIGNAL) < 0)
		pfd_log(PFD_WARNING, "%s: %s", path, strerror(errno));
	close(out);
}

void
pfd_notify(const char *text)
{
	notify(text, -1);
}

void
pfd_keep(const char *name, int fd)
{
	char text[64];

	/* Ends of connections are ours to notice. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	notify(text, fd);
}

void
pfd_keep_no_more(const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify(text, -1);
}

void
pfd_kept(void (*fn)(void *arg, const char *name, int fd), void *arg)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	const char *names = getenv("LISTEN_FDNAMES");
	char *copy = strdup(names == NULL ? "" : names), *rest = copy, *name;
	int i, num = count == NULL ? 0 : atoi(count);

	/* They may be another's, whose environment we have. */
	if (pid == NULL || atoi(pid) != (int)getpid())
		num = 0;
	for (i = 0; i < num && copy != NULL; i++) {
		name = strsep(&rest, ":");
		fcntl(FDS_START + i, F_SETFD, FD_CLOEXEC);
		fn(arg, name == NULL ? "" : name, FDS_START + i);
	}
	free(copy);
}

/* ---- The keeper ----------------------------------------------------------------------------- */

struct keeper {
	int notify_fd, signal_fd;
	struct sockaddr_un address;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1]; /* as $NOTIFY_SOCKET */
	unsigned int num;
	struct {
		char name[NAME_MAX_];
		int fd;
	} kept[KEPT_MAX];
	pid_t child;
};

/* It may be the last one of a connection. */
static void
close_aside(int fd)
{
	pfd_aside(&(struct pfd_aside){ .conn = fd, .pipe = -1 });
}

static void
kept_remove(struct keeper *keeper, const char *name)
{
	unsigned int i, left = 0;

	for (i = 0; i < keeper->num; i++) {
		if (strcmp(keeper->kept[i].name, name) == 0)
			close_aside(keeper->kept[i].fd);
		else
			keeper->kept[left++] = keeper->kept[i];
	}
	keeper->num = left;
}

static void
kept_add(struct keeper *keeper, const char *name, int fd)
{
	kept_remove(keeper, name);
	if (keeper->num == KEPT_MAX) {
		pfd_log(PFD_WARNING, "more than %d descriptors: %s isn't kept", KEPT_MAX, name);
		close(fd);
		return;
	}
	snprintf(keeper->kept[keeper->num].name, NAME_MAX_, "%s", name);
	keeper->kept[keeper->num++].fd = fd;
}

/* Who has sent a message, as the kernel tells; 0 it doesn't. */
static pid_t
sender_of(struct msghdr *msg)
{
	struct ucred cred = { .pid = 0 };
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(msg); header != NULL; header = CMSG_NXTHDR(msg, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
			header->cmsg_len == CMSG_LEN(sizeof(cred)))
			memcpy(&cred, CMSG_DATA(header), sizeof(cred));
	return cred.pid;
}

/*
 * A datagram of the service: which descriptor to keep, or no longer. The socket's name is no
 * secret, so others may send, too: what isn't the child's is nothing.
 */
static void
keeper_receive(struct keeper *keeper)
{
	char text[256];
	struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char *rest = text, *line, *name = NULL;
	bool add = false, drop = false;
	union {
		struct cmsghdr header;
		char bytes[sizeof(union rvr_fds) + CMSG_SPACE(sizeof(struct ucred))];
	} room;
	int fd = -1;
	ssize_t got;

	msg.msg_control = room.bytes;
	msg.msg_controllen = sizeof(room.bytes);
	got = recvmsg(keeper->notify_fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0)
		return;
	text[got] = '\0';
	rvr_fds_take(&msg, &fd, 1);
	if (sender_of(&msg) != keeper->child)
		rest = NULL;
	while ((line = strsep(&rest, "\n")) != NULL) {
		add = add || strcmp(line, "FDSTORE=1") == 0;
		drop = drop || strcmp(line, "FDSTOREREMOVE=1") == 0;
		if (strncmp(line, "FDNAME=", 7) == 0)
			name = line + 7;
	}
	if (drop && name != NULL)
		kept_remove(keeper, name);
	if (add && name != NULL && fd >= 0)
		kept_add(keeper, name, fd);
	else if (fd >= 0)
		close(fd);
}

/* In the child: what is kept becomes descriptors 3 and on. */
static void
child_run(struct keeper *keeper, char *const argv[], const sigset_t *mask)
{
	char names[KEPT_MAX * NAME_MAX_] = "", number[16];
	unsigned int i;

	sigprocmask(SIG_SETMASK, mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Out of the way first, whatever numbers they have. */
	for (i = 0; i < keeper->num; i++)
		keeper->kept[i].fd = fcntl(keeper->kept[i].fd, F_DUPFD_CLOEXEC,
			FDS_START + KEPT_MAX);
	for (i = 0; i < keeper->num; i++) {
		dup2(keeper->kept[i].fd, FDS_START + (int)i);
		strcat(names, i == 0 ? "" : ":");
		strcat(names, keeper->kept[i].name);
	}
	snprintf(number, sizeof(number), "%u", keeper->num);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("NOTIFY_SOCKET", keeper->path, 1);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static int
keeper_open(struct keeper *keeper, sigset_t *mask)
{
	socklen_t size = sizeof(keeper->address);
	const int on = 1;
	sigset_t signals;

	keeper->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	keeper->address.sun_family = AF_UNIX;
	/* The kernel picks an abstract name. */
	if (keeper->notify_fd < 0 ||
		setsockopt(keeper->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
		bind(keeper->notify_fd, (const struct sockaddr *)&keeper->address,
			sizeof(sa_family_t)) < 0 ||
		getsockname(keeper->notify_fd, (struct sockaddr *)&keeper->address, &size) < 0)
		return -errno;
	keeper->path[0] = '@';
	memcpy(keeper->path + 1, keeper->address.sun_path + 1,
		size - offsetof(struct sockaddr_un, sun_path) - 1);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, mask);
	keeper->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return keeper->signal_fd < 0 ? -errno : 0;
}

/* Until the child ends: its wait status. Other signals are handed on. */
static int
keeper_wait(struct keeper *keeper, bool *stopping)
{
	struct pollfd fds[] = { { keeper->notify_fd, POLLIN, 0 },
		{ keeper->signal_fd, POLLIN, 0 } };
	struct signalfd_siginfo info;
	int status;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 0;
		if ((fds[0].revents & POLLIN) != 0)
			keeper_receive(keeper);
		while (read(keeper->signal_fd, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo == SIGCHLD)
				continue;
			*stopping = *stopping || info.ssi_signo == SIGTERM ||
				info.ssi_signo == SIGINT;
			kill(keeper->child, (int)info.ssi_signo);
		}
		if (waitpid(keeper->child, &status, WNOHANG) == keeper->child)
			return status;
	}
}

int
pfd_keeper(char *const argv[])
{
	static struct keeper keeper;
	unsigned int fast = 0;
	bool stopping = false;
	time_t started;
	sigset_t mask;
	int status, ret = keeper_open(&keeper, &mask);

	if (ret < 0) {
		pfd_log(PFD_ERR, "keeper: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	for (;;) {
		started = time(NULL);
		keeper.child = fork();
		if (keeper.child == 0)
			child_run(&keeper, argv, &mask);
		if (keeper.child < 0)
			return EXIT_FAILURE;
		status = keeper_wait(&keeper, &stopping);
		/* What it has sent before its end. */
		while (recv(keeper.notify_fd, NULL, 0, MSG_PEEK | MSG_DONTWAIT) >= 0)
			keeper_receive(&keeper);
		if (stopping || (WIFEXITED(status) && WEXITSTATUS(status) != EXIT_FAILURE))
			return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
		fast = time(NULL) - started > FAST_S ? 0 : fast + 1;
		pfd_log(PFD_WARNING, "the service has died (status %#x)%s", status,
			WIFEXITED(status) && fast >= FAST_MAX ? "" : ", it is started again");
		if (WIFEXITED(status) && fast >= FAST_MAX)
			return EXIT_FAILURE;
	}
}
