/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * revere-emu: a device of its own process, which others reach over vfio-user. Options, signals
 * and the loop that waits; all else is librevere_emu's.
 */

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "revere_emu.h"
#include "vfio_user/vfio_user.h"

#define MAX_SERVERS 256 /* the PF and its VFs */
#define MAX_PORTS 64
#define MAX_LINE 1024
#define RELEASE_MS 2000 /* that a client has to let go of the device at shutdown */
#define EXIT_USAGE 2

struct port {
	char *backend;
	uint8_t mac[6];
	bool has_mac;
};

struct options {
	struct revere_emu_config config;
	char *sockets[MAX_SERVERS]; /* by function, NULL: not served */
	struct port ports[MAX_PORTS];
	unsigned int num_ports;
	char *vf_dir; /* of sockets of VFs that have none of their own, or NULL */
	char *name;
};

struct daemon {
	struct revere_emu *emu;
	struct revere_emu_vfio_user *servers[MAX_SERVERS];
	unsigned int num_servers;
	int signal_fd;
	bool stopping;
	int64_t deadline_ms; /* of stopping */
};

/* ---- Log ----------------------------------------------------------------------------- */

static enum revere_emu_log_level log_level = REVERE_EMU_LOG_NOTICE;
static bool log_to_journal;

static const char *const level_names[] = {
	[REVERE_EMU_LOG_ERR] = "err",
	[REVERE_EMU_LOG_WARNING] = "warning",
	[REVERE_EMU_LOG_NOTICE] = "notice",
	[REVERE_EMU_LOG_INFO] = "info",
	[REVERE_EMU_LOG_DEBUG] = "debug",
};

static void
log_line(void *arg, enum revere_emu_log_level level, const char *line)
{
	(void)arg;
	if (level > log_level)
		return;
	if (log_to_journal)
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		fprintf(stderr, "revere-emu: %s: %s\n", level_names[level], line);
}

__attribute__((format(printf, 2, 3))) static void
say(enum revere_emu_log_level level, const char *format, ...)
{
	char line[MAX_LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_line(NULL, level, line);
}

/* ---- Options ------------------------------------------------------------------------- */

static const char help_head[] =
	"Usage: revere-emu --socket PATH [OPTION...]\n"
	"A Revere-AMU device in software, served to guests and other processes over vfio-user.\n"
	"\n"
	"  --socket PATH       serve the Physical Function on the UNIX socket PATH\n"
	"  --vf N=PATH         serve Virtual Function N (1..num_vf) on PATH; repeatable\n"
	"  --vfs N             have N Virtual Functions, as --num-vf N\n"
	"  --vf-socket DIR     serve each Virtual Function without --vf on DIR/vfN.sock\n"
	"  --port BACKEND[,mac=MAC]\n"
	"                      add a port to the network agent: loop, null, pair=NAME,\n"
	"                      tap=INTERFACE, af_packet=INTERFACE or\n"
	"                      pcap=in=FILE;out=FILE;rate=PACKETS;infinite; repeatable\n"
	"  --config FILE       read settings from FILE: lines `name = value`, # begins a comment;\n"
	"                      names are those of the options\n"
	"  --set NAME=VALUE    change a setting of the device; so does --NAME VALUE\n"
	"  --name NAME         of the device, in logs (default: revere0)\n"
	"  --log-level LEVEL   err, warning, notice, info or debug (default: notice)\n"
	"  --help, --version\n"
	"\n"
	"Later options and lines win. Settings of the device and their defaults:\n";

static const char help_tail[] =
	"worker_cpus=CPU[:CPU...] (-1, the default, is any)\n"
	"0 stands for a default that follows from other settings.\n"
	"\n"
	"SIGTERM and SIGINT end it cleanly, a second one at once; SIGUSR1 writes its state to\n"
	"standard error; SIGUSR2 is a fault: the device resets itself, drivers have to find that\n"
	"out. In QEMU (10.1 or later), with guest memory that is shared:\n"
	"  -device '{\"driver\":\"vfio-user-pci\","
	"\"socket\":{\"type\":\"unix\",\"path\":\"PATH\"}}'\n";

static void
help(void)
{
	struct revere_emu_config config;

	revere_emu_config_init(&config);
	fputs(help_head, stdout);
	config_dump(&config, stdout);
	fputs(help_tail, stdout);
}

__attribute__((format(printf, 3, 4))) static int
fail(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -EINVAL;
}

static int
set_string(char **to, const char *value, char *error, size_t size)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return fail(error, size, "no memory for options");
	free(*to);
	*to = copy;
	return 0;
}

static int
set_log_level(struct options *options, const char *value, char *error, size_t size)
{
	int level;

	for (level = REVERE_EMU_LOG_ERR; level <= REVERE_EMU_LOG_DEBUG; level++) {
		if (strcmp(value, level_names[level]) == 0) {
			log_level = (enum revere_emu_log_level)level;
			options->config.log_level = log_level;
			return 0;
		}
	}
	return fail(error, size, "log_level '%s': allowed are err, warning, notice, info, debug",
		value);
}

static int
set_vf(struct options *options, const char *value, char *error, size_t size)
{
	char *end;
	unsigned long function = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end != '=' || function == 0 ||
	    function >= MAX_SERVERS)
		return fail(error, size, "vf '%s': write N=PATH with N from 1 to %d", value,
			MAX_SERVERS - 1);
	return set_string(&options->sockets[function], end + 1, error, size);
}

static bool
parse_mac(const char *text, uint8_t mac[6])
{
	unsigned int i;
	char *end;

	for (i = 0; i < 6; i++) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
			return false;
		mac[i] = (uint8_t)strtoul(text, &end, 16);
		if (end != text + 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
		text = end + 1;
	}
	return true;
}

static int
add_port(struct options *options, const char *value, char *error, size_t size)
{
	static const char mac_key[] = ",mac=";
	struct port *port = &options->ports[options->num_ports];
	char *mac;
	int ret;

	if (options->num_ports == MAX_PORTS)
		return fail(error, size, "port '%s': %d ports are the most", value, MAX_PORTS);
	ret = set_string(&port->backend, value, error, size);
	if (ret < 0)
		return ret;
	options->num_ports++;
	mac = strstr(port->backend, mac_key);
	if (mac == NULL)
		return 0;
	*mac = '\0';
	port->has_mac = true;
	if (!parse_mac(mac + strlen(mac_key), port->mac))
		return fail(error, size, "port '%s': a MAC address is six bytes in hexadecimal "
			"with colons between, as 02:00:00:00:00:01", value);
	return 0;
}

static int
set_option(struct options *options, const char *name, const char *value, char *error, size_t size)
{
	char key[64];
	size_t i;

	for (i = 0; i < sizeof(key) - 1 && name[i] != '\0'; i++)
		key[i] = name[i] == '-' ? '_' : name[i];
	key[i] = '\0';
	if (strcmp(key, "socket") == 0)
		return set_string(&options->sockets[0], value, error, size);
	if (strcmp(key, "vfs") == 0)
		return revere_emu_config_set(&options->config, "num_vf", value, error, size);
	if (strcmp(key, "vf_socket") == 0)
		return set_string(&options->vf_dir, value, error, size);
	if (strcmp(key, "vf") == 0)
		return set_vf(options, value, error, size);
	if (strcmp(key, "port") == 0)
		return add_port(options, value, error, size);
	if (strcmp(key, "name") == 0)
		return set_string(&options->name, value, error, size);
	if (strcmp(key, "log_level") == 0)
		return set_log_level(options, value, error, size);
	return revere_emu_config_set(&options->config, key, value, error, size);
}

static char *
strip(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* "name = value" or "name=value". */
static int
set_line(struct options *options, char *line, char *error, size_t size)
{
	char *equals = strchr(line, '=');

	if (equals == NULL)
		return fail(error, size, "'%s': write name = value", line);
	*equals = '\0';
	return set_option(options, strip(line), strip(equals + 1), error, size);
}

static int
read_config(struct options *options, const char *path, char *error, size_t size)
{
	char line[MAX_LINE], why[512], *text;
	FILE *file = fopen(path, "re");
	unsigned int number = 0;
	int ret = 0;

	if (file == NULL)
		return fail(error, size, "can't read config '%s': %s", path, strerror(errno));
	while (ret == 0 && fgets(line, sizeof(line), file) != NULL) {
		number++;
		text = strip(line);
		if (text[0] == '\0' || text[0] == '#')
			continue;
		text[strcspn(text, "#")] = '\0';
		ret = set_line(options, text, why, sizeof(why));
		if (ret < 0)
			fail(error, size, "%s:%u: %s", path, number, why);
	}
	fclose(file);
	return ret;
}

/* One option with its value, the rest of the same word or the next one. @return words used */
static int
parse_option(struct options *options, int argc, char **argv, char *error, size_t size)
{
	char word[MAX_LINE], *equals;
	const char *value;
	int used = 1, ret;

	if (strncmp(argv[0], "--", 2) != 0 || argv[0][2] == '\0')
		return fail(error, size, "'%s' is no option, see --help", argv[0]);
	snprintf(word, sizeof(word), "%s", argv[0] + 2);
	equals = strchr(word, '=');
	if (equals != NULL) {
		*equals = '\0';
		value = equals + 1;
	} else if (argc < 2) {
		return fail(error, size, "%s needs a value, see --help", argv[0]);
	} else {
		value = argv[1];
		used = 2;
	}
	if (strcmp(word, "config") == 0) {
		ret = read_config(options, value, error, size);
	} else if (strcmp(word, "set") == 0) {
		char setting[MAX_LINE];

		snprintf(setting, sizeof(setting), "%s", value);
		ret = set_line(options, setting, error, size);
	} else {
		ret = set_option(options, word, value, error, size);
	}
	return ret < 0 ? ret : used;
}

/* DIR/vfN.sock for those that were given no path. */
static int
place_vfs(struct options *options, char *error, size_t size)
{
	char path[MAX_LINE];
	unsigned int i;
	int ret = 0;

	if (options->vf_dir != NULL && options->config.num_vf == 0)
		return fail(error, size, "vf_socket '%s': there are no Virtual Functions, give "
			"--vfs N", options->vf_dir);
	for (i = 1; options->vf_dir != NULL && i <= options->config.num_vf && ret == 0; i++) {
		if (options->sockets[i] != NULL)
			continue;
		snprintf(path, sizeof(path), "%s/vf%u.sock", options->vf_dir, i);
		ret = set_string(&options->sockets[i], path, error, size);
	}
	return ret;
}

static int
parse_options(struct options *options, int argc, char **argv, char *error, size_t size)
{
	int i, used;

	for (i = 1; i < argc; i += used) {
		used = parse_option(options, argc - i, argv + i, error, size);
		if (used < 0)
			return used;
	}
	used = place_vfs(options, error, size);
	if (used < 0)
		return used;
	for (i = 0; i < MAX_SERVERS; i++)
		if (options->sockets[i] != NULL)
			return 0;
	return fail(error, size, "nothing to serve on: give --socket PATH, see --help");
}

static void
options_free(struct options *options)
{
	unsigned int i;

	for (i = 0; i < MAX_SERVERS; i++)
		free(options->sockets[i]);
	for (i = 0; i < MAX_PORTS; i++)
		free(options->ports[i].backend);
	free(options->vf_dir);
	free(options->name);
}

/* ---- Signals ------------------------------------------------------------------------- */

/* Ends up in the default action, with the same fault again, if no client is to blame. */
static void
on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!revere_emu_vfio_user_sigbus(info->si_addr))
		signal(number, SIG_DFL);
}

/* Blocked before the device's threads begin, so that none of them gets these. */
static int
signals_open(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaction(SIGBUS, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
status(struct daemon *d)
{
	unsigned int i;

	revere_emu_dump(d->emu, STDERR_FILENO);
	for (i = 0; i < d->num_servers; i++)
		revere_emu_vfio_user_dump(d->servers[i], STDERR_FILENO);
}

/* Clients that listen to it are asked to let go first, as a guest's hot-unplug needs a moment. */
static void
stop(struct daemon *d)
{
	unsigned int i;

	d->deadline_ms = now_ms();
	if (!d->stopping)
		for (i = 0; i < d->num_servers; i++)
			if (revere_emu_vfio_user_request_release(d->servers[i]) == 0)
				d->deadline_ms = now_ms() + RELEASE_MS;
	d->stopping = true;
}

static void
take_signals(struct daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			status(d);
		else if (info.ssi_signo == SIGUSR2)
			revere_emu_reset(d->emu, 0);
		else
			stop(d);
	}
}

/* ---- The daemon ---------------------------------------------------------------------- */

static bool
stopped(const struct daemon *d)
{
	unsigned int i;

	if (!d->stopping)
		return false;
	if (now_ms() >= d->deadline_ms)
		return true;
	for (i = 0; i < d->num_servers; i++)
		if (revere_emu_vfio_user_connected(d->servers[i]))
			return false;
	return true;
}

static int
serve(struct daemon *d)
{
	struct pollfd fds[1 + MAX_SERVERS];
	unsigned int i;
	int ret;

	fds[0] = (struct pollfd){ .fd = d->signal_fd, .events = POLLIN };
	for (i = 0; i < d->num_servers; i++)
		fds[1 + i] = (struct pollfd){
			.fd = revere_emu_vfio_user_fd(d->servers[i]), .events = POLLIN };
	while (!stopped(d)) {
		ret = poll(fds, 1 + d->num_servers, d->stopping ? 10 : -1);
		if (ret < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < d->num_servers; i++)
			if (ret > 0 && fds[1 + i].revents != 0)
				revere_emu_vfio_user_process(d->servers[i]);
		take_signals(d);
	}
	return 0;
}

static int
ports_add(struct daemon *d, const struct options *options, char *error, size_t size)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < options->num_ports && ret >= 0; i++)
		ret = revere_emu_port_add(d->emu, options->ports[i].backend,
			options->ports[i].has_mac ? options->ports[i].mac : NULL, error, size);
	return ret < 0 ? ret : 0;
}

static int
servers_open(struct daemon *d, const struct options *options, char *error, size_t size)
{
	struct revere_emu_vfio_user *server;
	unsigned int i;

	for (i = 0; i < MAX_SERVERS; i++) {
		if (options->sockets[i] == NULL)
			continue;
		server = revere_emu_vfio_user_create(d->emu, i, options->sockets[i], error, size);
		if (server == NULL)
			return -errno;
		d->servers[d->num_servers++] = server;
	}
	/* Who waits for one of them may use all. */
	for (i = 0; i < MAX_SERVERS; i++)
		if (options->sockets[i] != NULL)
			say(REVERE_EMU_LOG_NOTICE, "function %u: serving on %s", i,
				options->sockets[i]);
	return 0;
}

static void
daemon_close(struct daemon *d)
{
	while (d->num_servers > 0)
		revere_emu_vfio_user_destroy(d->servers[--d->num_servers]);
	revere_emu_destroy(d->emu);
	if (d->signal_fd >= 0)
		close(d->signal_fd);
}

static int
run(const struct options *options)
{
	char error[512] = "";
	struct daemon d = { .signal_fd = signals_open() };
	int ret = -EINVAL;

	d.emu = revere_emu_create(options->name != NULL ? options->name : "revere0",
		&options->config, error, sizeof(error));
	if (d.emu != NULL)
		ret = ports_add(&d, options, error, sizeof(error));
	if (ret == 0)
		ret = servers_open(&d, options, error, sizeof(error));
	if (ret == 0) {
		ret = serve(&d);
		if (ret < 0)
			snprintf(error, sizeof(error), "can't wait for clients: %s",
				strerror(-ret));
	}
	if (ret < 0)
		say(REVERE_EMU_LOG_ERR, "%s", error[0] != '\0' ? error : strerror(-ret));
	daemon_close(&d);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --help and --version win over everything else on the line. */
static bool
asks_for(int argc, char **argv, const char *option, const char *letter)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], option) == 0 || strcmp(argv[i], letter) == 0)
			return true;
	return false;
}

/* Pages that are files of their own have a descriptor each. */
static void
raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int
main(int argc, char **argv)
{
	static struct options options;
	char error[1024];
	int ret = EXIT_USAGE;

	if (asks_for(argc, argv, "--help", "-h")) {
		help();
		return EXIT_SUCCESS;
	}
	if (asks_for(argc, argv, "--version", "-V")) {
		puts("revere-emu " REVERE_VERSION);
		return EXIT_SUCCESS;
	}
	raise_descriptors();
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
	revere_emu_config_init(&options.config);
	options.config.log = log_line;
	options.config.log_level = log_level;
	if (parse_options(&options, argc, argv, error, sizeof(error)) < 0)
		say(REVERE_EMU_LOG_ERR, "%s", error);
	else
		ret = run(&options);
	options_free(&options);
	return ret;
}
