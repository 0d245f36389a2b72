/* fake-qemu - as much of QEMU and of a guest as the host agent can tell from real ones, playing on cue.
 *
 * Like the real one it gets its listening sockets as descriptors 3 (QMP) and 4 (the virtio port of the guest agent), writes
 * and locks a pid file, and outlives the host agent. Options (from qemu.argv):
 *   -pidfile FILE         as QEMU
 *   --mode exit|hang|garbage|normal   before QMP: end (with --exit and --say), say nothing, send rubbish, or behave
 *   --exit N  --say TEXT  exit status, a line on standard error
 *   --port N  --kvm       what "info usernet" and query-kvm tell
 *   --deaf                ignores system_powerdown
 *   --listen-late         calls listen(2) only after half a second
 *   --disk FILE           locks it as QEMU locks an image
 *   --unread N            query-blockstats tells of no reads from the second disk until the Nth system_reset
 *   --dump WORD           screendump: "no-png" as QEMU before 7.1, "no-console", "never" (no answer), "torn" (half a picture)
 *
 * Cues are lines read from the file ./cues (when the host agent has connected first) and from the fifo ./cue (at any time):
 *   boot ID         the guest (re)boots under this boot id; its agent starts and opens the port
 *   version TEXT    from now on the guest agent calls itself that
 *   protocol N      and speaks that protocol
 *   agent           the guest agent starts again
 *   status TEXT     appends to the boot status (\t and \n as escapes) and tells it
 *   sshd            something listens on port 22
 *   listen PORT     something listens on TCP 127.0.0.1:PORT of the guest (an echo server)    unlisten PORT
 *   garbage N       N random bytes on the port       raw HEX   these bytes
 *   qmp LINE        sends a line on QMP
 *   reset           QMP event RESET by the guest     poweroff  SHUTDOWN by the guest, then exit 0
 *   exit N          exits                            kill      ends by SIGKILL
 *   state NAME      the machine stands still in this run state (paused, io-error, ...), or goes on ("running")
 *   ioerror REASON  a write to the disk fails and QEMU pauses    ioreport REASON   one fails and the guest is told
 * What it receives is appended to ./fake.log: "qmp COMMAND", "frame TYPE STREAM LENGTH", "hello dns=ADDRESS", "client",
 * "password WORD".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "kv.h"
#include "wire.h"

static const char *mode = "normal", *say_text, *pidfile, *disk, *dump = "";
static int exit_status, port = 2222;
static bool kvm, deaf, listen_late, busy;

static int qmp_listen = 3, ga_listen = 4, qmp_fd = -1, ga_fd = -1, cue_fd = -1, log_fd = -1;
static struct buf qmp_in, cue_in;
static struct wire_reader reader;
static char boot_id[64], session[20], host_session[20];
static struct buf status;
static bool booted, sshd, greeted;
static char run_state[32] = "running", version[64] = "9.9-fake", protocol[16] = "1";
static unsigned sessions;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n] = '\n';
	if (fd_write_all(log_fd, line, (size_t)n + 1) < 0)
		exit(99);
}

static void qmp_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void qmp_send(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	memcpy(line + n, "\r\n", 2);
	if (qmp_fd >= 0 && fd_write_all(qmp_fd, line, (size_t)n + 2) < 0)
		note("qmp write failed");
}

static void leave(int code)
{
	if (pidfile && code < 128)
		unlink(pidfile);
	exit(code);
}

static void send_frame(uint8_t type, const void *data, size_t n)
{
	uint8_t header[WIRE_HEADER];

	if (ga_fd < 0)
		return;
	wire_header(header, type, 0, (uint32_t)n);
	if (fd_write_all(ga_fd, header, sizeof(header)) < 0 || fd_write_all(ga_fd, data, n) < 0)
		note("ga write failed");
}

static void send_status(size_t from)
{
	for (size_t n; from < status.len; from += n) {
		uint8_t payload[8 + 4096];

		n = status.len - from > 4096 ? 4096 : status.len - from;
		wire_put64(payload, from);
		memcpy(payload + 8, status.data + from, n);
		send_frame(WIRE_STATUS, payload, 8 + n);
	}
}

static void send_hello(void)
{
	struct buf b = { 0 };

	kv_put(&b, "protocol", protocol);
	kv_put(&b, "version", version);
	kv_put(&b, "session", session);
	kv_put(&b, "boot_id", boot_id);
	send_frame(WIRE_HELLO, b.data, b.len);
	buf_free(&b);
}

static void on_hello(const struct wire_frame *f)
{
	struct err e = { 0 };
	struct kv kv = { 0 };

	if (kv_parse((const char *)f->payload, f->len, "HELLO", &kv, &e) < 0)
		return;
	note("hello dns=%s", kv_get(&kv, "none", "dns"));
	if (strcmp(host_session, kv_get(&kv, "", "session")) != 0) {
		snprintf(host_session, sizeof(host_session), "%s", kv_get(&kv, "", "session"));
		send_hello();
	}
	kv_free(&kv);
	greeted = true;
	send_status(0);
	if (sshd)
		send_frame(WIRE_SSHD, "", 0);
}

static void on_stream(const struct wire_frame *f);

static void read_ga(void)
{
	size_t room;
	uint8_t *at = wire_space(&reader, &room);
	ssize_t n = read(ga_fd, at, room);
	struct wire_frame f;

	if (n <= 0) {
		close(ga_fd);
		ga_fd = -1;
		greeted = false;
		return;
	}
	wire_fed(&reader, (size_t)n);
	while (wire_next(&reader, &f) == 1) {
		note("frame %u %u %u", f.type, f.stream, f.len);
		if (f.type == WIRE_HELLO)
			on_hello(&f);
		else if (f.type == WIRE_TIME)
			send_frame(WIRE_TIMED, "\0\0\0\0\0\0\0\0", 9);
		else if (f.stream)
			on_stream(&f);
	}
}

/* A server that sends back what it gets. */
static void on_stream(const struct wire_frame *f)
{
	uint8_t header[WIRE_HEADER], number[4] = { 0 };
	uint8_t answer = f->type == WIRE_OPEN ? WIRE_OPENED : f->type == WIRE_DATA ? WIRE_CREDIT_MORE : f->type;

	if (f->type == WIRE_RESET || f->type == WIRE_CREDIT_MORE)
		return;
	wire_put32(number, f->type == WIRE_DATA ? f->len : 0);
	wire_header(header, answer, f->stream, f->type == WIRE_EOF ? 0 : 4);
	if (fd_write_all(ga_fd, header, sizeof(header)) < 0 || fd_write_all(ga_fd, number, f->type == WIRE_EOF ? 0 : 4) < 0)
		note("ga write failed");
	if (f->type != WIRE_DATA)
		return;
	wire_header(header, WIRE_DATA, f->stream, f->len);
	if (fd_write_all(ga_fd, header, sizeof(header)) < 0 || fd_write_all(ga_fd, f->payload, f->len) < 0)
		note("ga write failed");
}

/* --- cues --- */

static void start_agent(void)
{
	snprintf(session, sizeof(session), "%016x", ++sessions * 7919 + (unsigned)getpid());
	booted = true;
	greeted = false;
	host_session[0] = '\0'; /* a new process knows nobody */
	qmp_send("{\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"event\":\"VSERPORT_CHANGE\","
		 "\"data\":{\"open\":true,\"id\":\"ga\"}}");
	send_hello();
}

static void cue_boot(const char *arg)
{
	snprintf(boot_id, sizeof(boot_id), "%s", arg);
	buf_free(&status);
	sshd = false;
	start_agent();
}

static void cue_agent(const char *arg)
{
	(void)arg;
	start_agent();
}

static void cue_version(const char *arg)
{
	snprintf(version, sizeof(version), "%s", arg);
}
static void cue_protocol(const char *arg)
{
	snprintf(protocol, sizeof(protocol), "%s", arg);
}

static void cue_status(const char *arg)
{
	size_t from = status.len;

	for (; *arg; arg++) {
		if (*arg == '\\' && (arg[1] == 't' || arg[1] == 'n'))
			buf_addc(&status, *++arg == 't' ? '\t' : '\n');
		else
			buf_addc(&status, *arg);
	}
	if (greeted)
		send_status(from);
}

static void cue_sshd(const char *arg)
{
	(void)arg;
	sshd = true;
	if (greeted)
		send_frame(WIRE_SSHD, "", 0);
}

static void cue_port(const char *arg, char op)
{
	struct wire_addr a = { .proto = WIRE_TCP, .family = 4, .port = (uint16_t)atoi(arg), .ip = { 127, 0, 0, 1 } };
	uint8_t record[WIRE_PORT_SIZE];

	wire_port_put(record, op, &a);
	send_frame(WIRE_PORTS, record, sizeof(record));
}

static void cue_listen(const char *arg)
{
	cue_port(arg, '+');
}

static void cue_unlisten(const char *arg)
{
	cue_port(arg, '-');
}

static void cue_garbage(const char *arg)
{
	unsigned seed = 42;

	for (long n = atol(arg); n > 0; n--) {
		unsigned char c = (unsigned char)(rand_r(&seed) >> 3);

		if (ga_fd >= 0 && fd_write_all(ga_fd, &c, 1) < 0)
			return;
	}
}

static void cue_raw(const char *arg)
{
	unsigned v;

	for (; sscanf(arg, "%2x", &v) == 1; arg += 2) {
		unsigned char c = (unsigned char)v;

		if (ga_fd >= 0 && fd_write_all(ga_fd, &c, 1) < 0)
			return;
	}
}

static void cue_qmp(const char *arg)
{
	qmp_send("%s", arg);
}

static void cue_reset(const char *arg)
{
	(void)arg;
	qmp_send("{\"event\":\"RESET\",\"data\":{\"guest\":true,\"reason\":\"guest-reset\"}}");
}

static void cue_state(const char *arg)
{
	snprintf(run_state, sizeof(run_state), "%s", arg);
	qmp_send("{\"event\":\"%s\"}", strcmp(arg, "running") ? "STOP" : "RESUME");
}

static void block_error(const char *reason, const char *action)
{
	qmp_send("{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"\",\"node-name\":\"#block1\",\"reason\":\"%s\","
		 "\"operation\":\"write\",\"action\":\"%s\",\"nospace\":false}}", reason, action);
}

static void cue_ioerror(const char *arg)
{
	block_error(arg, "stop");
	cue_state("io-error");
}

static void cue_ioreport(const char *arg)
{
	block_error(arg, "report");
}

static void cue_poweroff(const char *arg)
{
	(void)arg;
	qmp_send("{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-shutdown\"}}");
	leave(0);
}

static void cue_exit(const char *arg)
{
	leave(atoi(arg));
}

static void cue_kill(const char *arg)
{
	(void)arg;
	kill(getpid(), SIGKILL);
}

static void cue(char *line)
{
	static const struct {
		const char *word;
		void (*fn)(const char *arg);
	} cues[] = {
		{ "boot", cue_boot },	{ "agent", cue_agent },	    { "status", cue_status }, { "sshd", cue_sshd },
		{ "garbage", cue_garbage }, { "raw", cue_raw },	    { "qmp", cue_qmp },	      { "reset", cue_reset },
		{ "poweroff", cue_poweroff }, { "exit", cue_exit }, { "kill", cue_kill },
		{ "version", cue_version }, { "protocol", cue_protocol },
		{ "state", cue_state },	{ "ioerror", cue_ioerror }, { "ioreport", cue_ioreport },
		{ "listen", cue_listen },   { "unlisten", cue_unlisten },
	};
	char *arg = strchr(line, ' ');

	if (arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof(cues) / sizeof(*cues); i++)
		if (!strcmp(line, cues[i].word))
			cues[i].fn(arg ? arg : "");
}

/* Calls fn with each whole line. */
static void lines(struct buf *b, void (*fn)(char *line))
{
	char *nl;

	while (b->len && (nl = memchr(b->data, '\n', b->len)) != NULL) {
		char *line = xstrndup(b->data, (size_t)(nl - b->data));

		buf_eat(b, (size_t)(nl - b->data) + 1);
		fn(line);
		free(line);
	}
}

static void read_cues(int fd)
{
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0)
		buf_add(&cue_in, chunk, (size_t)n);
	lines(&cue_in, cue);
}

/* --- QMP --- */

static long id_of(const char *line)
{
	const char *p = strstr(line, "\"id\":");

	return p ? atol(p + 5) : 0;
}

#include "fake_qemu_begin.h"
#include "fake_qemu_lock.h"
#include "fake_qemu_screen.h"
#include "fake_qemu_snapshot.h"

static void command(char *line)
{
	const char *p = strstr(line, "\"execute\":\"");
	char name[64] = "?";
	long id = id_of(line);

	if (p)
		sscanf(p + 11, "%63[^\"]", name);
	note("qmp %s", name);
	if (busy) /* one command after the other, as QEMU does */
		return;
	if (!strcmp(name, "query-kvm")) {
		qmp_send("{\"return\":{\"enabled\":%s,\"present\":true},\"id\":%ld}", kvm ? "true" : "false", id);
	} else if (!strcmp(name, "query-status")) {
		qmp_send("{\"return\":{\"running\":%s,\"singlestep\":false,\"status\":\"%s\"},\"id\":%ld}",
			 strcmp(run_state, "running") ? "false" : "true", run_state, id);
	} else if (!strcmp(name, "cont")) {
		cue_state("running");
		qmp_send("{\"return\":{},\"id\":%ld}", id);
	} else if (!strcmp(name, "change-vnc-password")) {
		char word[64] = "";

		text_of(line, "password", word, sizeof(word));
		note("password %s", word);
		qmp_send("{\"return\":{},\"id\":%ld}", id);
	} else if (!strcmp(name, "query-vnc")) {
		qmp_send("{\"return\":{\"enabled\":true,\"auth\":\"vnc\",\"family\":\"ipv4\",\"clients\":[],"
			 "\"service\":\"5907\",\"host\":\"127.0.0.1\"},\"id\":%ld}", id);
	} else if (!strcmp(name, "screendump")) {
		screendump(line, id);
	} else if (!strcmp(name, "human-monitor-command") && !strstr(line, "info usernet")) {
		monitor(line, id);
	} else if (!strcmp(name, "human-monitor-command")) {
		qmp_send("{\"return\":\"Hub -1 (net0):\\r\\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port "
			 "RecvQ SendQ\\r\\n  TCP[HOST_FORWARD]  12       127.0.0.1 %d    192.168.5.15    22     0     0\\r\\n"
			 "  UDP[236 sec]     -   192.168.5.15 47618   192.168.5.3    53     0     0\\r\\n\",\"id\":%ld}",
			 port, id);
	} else if (!strcmp(name, "query-blockstats")) {
		query_blockstats(id);
	} else if (!strcmp(name, "system_reset")) {
		system_reset(id);
	} else if (!strcmp(name, "system_powerdown")) {
		qmp_send("{\"event\":\"POWERDOWN\"}");
		qmp_send("{\"return\":{},\"id\":%ld}", id);
		if (!deaf)
			cue_poweroff("");
	} else if (!strcmp(name, "quit")) {
		qmp_send("{\"return\":{},\"id\":%ld}", id);
		qmp_send("{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":false,\"reason\":\"host-qmp-quit\"}}");
		leave(0);
	} else {
		qmp_send("{\"return\":{},\"id\":%ld}", id);
	}
}

static void read_qmp(void)
{
	char chunk[4096];
	ssize_t n = read(qmp_fd, chunk, sizeof(chunk));

	if (n <= 0) {
		close(qmp_fd);
		qmp_fd = -1;
		return;
	}
	buf_add(&qmp_in, chunk, (size_t)n);
	lines(&qmp_in, command);
}

static void accept_qmp(void)
{
	qmp_fd = accept4(qmp_listen, NULL, NULL, SOCK_CLOEXEC);
	note("client");
	buf_free(&qmp_in);
	qmp_send("%s", !strcmp(mode, "garbage") ?
			       "SSH-2.0-OpenSSH_9.2\x1b[31m" :
			       "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},\"package\":\"\"},"
			       "\"capabilities\":[\"oob\"]}}");
}

static void accept_ga(void)
{
	static bool again;
	int fd = again ? -1 : open("cues", O_RDONLY | O_CLOEXEC);

	ga_fd = accept4(ga_listen, NULL, NULL, SOCK_CLOEXEC);
	wire_reset(&reader);
	host_session[0] = '\0';
	again = true;
	if (fd >= 0)
		read_cues(fd);
}

static void play(void)
{
	for (;;) {
		/* One client at a time, like a chardev; and a port that the guest has not opened is not read. */
		struct pollfd p[] = {
			{ qmp_fd < 0 ? qmp_listen : -1, POLLIN, 0 },
			{ ga_fd < 0 ? ga_listen : -1, POLLIN, 0 },
			{ qmp_fd, POLLIN, 0 },
			{ ga_fd, booted ? POLLIN : 0, 0 },
			{ cue_fd, POLLIN, 0 },
		};

		if (poll(p, sizeof(p) / sizeof(*p), -1) < 0)
			exit(98);
		if (p[0].revents)
			accept_qmp();
		if (p[1].revents)
			accept_ga();
		if (p[2].revents)
			read_qmp();
		if (p[3].revents)
			read_ga();
		if (p[4].revents)
			read_cues(cue_fd);
	}
}

static void options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--kvm") || !strcmp(argv[i], "--deaf") || !strcmp(argv[i], "--listen-late")) {
			*(argv[i][2] == 'k' ? &kvm : argv[i][2] == 'd' ? &deaf : &listen_late) = true;
			continue;
		}
		if (!strcmp(argv[i], "-pidfile"))
			pidfile = next;
		else if (!strcmp(argv[i], "--mode"))
			mode = next;
		else if (!strcmp(argv[i], "--exit"))
			exit_status = atoi(next);
		else if (!strcmp(argv[i], "--say"))
			say_text = next;
		else if (!strcmp(argv[i], "--port"))
			port = atoi(next);
		else if (!strcmp(argv[i], "--unread"))
			unread = atoi(next);
		else if (!strcmp(argv[i], "--disk"))
			disk = next;
		else if (!strcmp(argv[i], "--dump"))
			dump = next;
		else
			continue;
		i++;
	}
}

static void on_term(int sig)
{
	(void)sig;
	if (pidfile)
		unlink(pidfile);
	_exit(0);
}

int main(int argc, char **argv)
{
	options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_term);
	log_fd = open("fake.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	note("start");
	if (say_text)
		fprintf(stderr, "%s\n", say_text);
	if (!strcmp(mode, "exit"))
		return exit_status;
	if (disk)
		lock_range(disk, F_OFD_SETLK, 100, 200);
	if (pidfile)
		lock_range(pidfile, F_SETLK, 0, 0);
	if (listen_late)
		usleep(500000);
	if (listen(qmp_listen, 1) < 0 || listen(ga_listen, 1) < 0)
		return 96;
	if (!strcmp(mode, "hang"))
		for (;;)
			pause();
	mkfifo("cue", 0600);
	cue_fd = open("cue", O_RDWR | O_CLOEXEC);
	play();
}
