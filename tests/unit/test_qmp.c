/* uses: hostagent dns loop */
/* qmp: replies, events between them, garbage, an end; against the other end of a socket pair. */
#include "hostagent/machine/qmp.h"

#include <sys/socket.h>
#include <unistd.h>

#include "file.h"
#include "tap.h"

static struct event_base *base;
static char news[4096]; /* what the client reported, in order */

static void note(const char *what, const char *more)
{
	snprintf(news + strlen(news), sizeof(news) - strlen(news), "%s%s%s ", what, more ? ":" : "", more ? more : "");
}

static void on_ready(void *arg)
{
	(void)arg;
	note("ready", NULL);
}

static void on_event(void *arg, const char *name, const cJSON *data)
{
	(void)arg;
	note(name, cJSON_IsTrue(cJSON_GetObjectItem(data, "guest")) ? "guest" : NULL);
}

static void on_ended(void *arg, const char *why)
{
	(void)arg;
	note("ended", why);
}

static void on_reply(void *arg, const cJSON *ret, const char *error)
{
	char *text = error ? NULL : cJSON_PrintUnformatted(ret);

	note(arg, error ? error : text);
	cJSON_free(text);
}

static int peer;

static struct qmp *connected(void)
{
	struct qmp_calls calls = { on_ready, on_event, on_ended, NULL };
	int pair[2];

	news[0] = '\0';
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	peer = pair[1];
	return qmp_new(base, pair[0], &calls);
}

static void say(const char *text, size_t n)
{
	if (fd_write_all(peer, text, n) < 0)
		exit(1);
	for (int i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* What the client has sent since the last call. */
static const char *heard(void)
{
	static char text[4096];
	ssize_t n = recv(peer, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

#define SAY(text) say(text, sizeof(text) - 1)
#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

static void talk(void)
{
	struct qmp *q = connected();

	SAY("{\"QMP\": {\"version\"");
	is_str(news, "", "half a greeting is waited for");
	SAY(": {}, \"capabilities\": []}}\r\n");
	is_str(heard(), "{\"execute\":\"qmp_capabilities\",\"id\":1}\n", "capabilities are negotiated");
	SAY("{\"return\": {}, \"id\": 1}\r\n");
	is_str(news, "ready ", "then it is ready");
	news[0] = '\0';
	qmp_send(q, "a", NULL, on_reply, (char[]){ "a" });
	qmp_send(q, "b", cJSON_CreateObject(), on_reply, (char[]){ "b" });
	say("", 0);
	is_str(heard(), "{\"execute\":\"a\",\"id\":2}\n{\"execute\":\"b\",\"arguments\":{},\"id\":3}\n", "commands");
	SAY("{\"event\": \"POWERDOWN\"}\r\n{\"return\": 5, \"id\": 2}\r\n{\"event\":\"RESET\",\"data\":{\"guest\":true}}\n"
	    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 3}\r\n");
	is_str(news, "POWERDOWN a:5 RESET:guest b:no ", "replies and events are told apart");
	news[0] = '\0';
	SAY("{\"return\": 7, \"id\": 99}\n{\"return\": {}}\n");
	is_str(news, "", "a reply to nothing is ignored");
	close(peer);
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	is_str(news, "ended:" QMP_CLOSED " ", "the end");
	is_num(qmp_send(q, "c", NULL, on_reply, NULL), -1, "after which nothing can be sent");
	qmp_free(q);
}

static void rubbish(const char *text, size_t n, const char *want, const char *name)
{
	struct qmp *q = connected();

	say(text, n);
	is_str(news, want, name);
	qmp_free(q);
	close(peer);
}

static void too_long(void)
{
	struct qmp *q = connected();
	char *big = malloc(QMP_LINE_MAX + 1);

	memset(big, ' ', QMP_LINE_MAX + 1);
	SAY(GREETING);
	evutil_make_socket_nonblocking(peer);
	for (size_t at = 0; at < QMP_LINE_MAX + 1 && !strstr(news, "ended");) {
		ssize_t n = write(peer, big + at, QMP_LINE_MAX + 1 - at);

		at += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	is_str(news, "ended:it sent a line that is too long for QMP ", "a line without end");
	free(big);
	qmp_free(q);
	close(peer);
}

static void flood(void)
{
	struct qmp *q = connected();
	int sent = 0;

	SAY(GREETING);
	while (qmp_send(q, "x", NULL, NULL, NULL) == 0)
		sent++;
	is_num(sent, QMP_PENDING_MAX - 1, "commands without replies are bounded");
	qmp_free(q);
	close(peer);
}

static void usernet(void)
{
	is_num(usernet_ssh_port("Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
				"  TCP[ESTABLISHED]   21       127.0.0.1 22    192.168.5.15    22     0     0\r\n"
				"  TCP[HOST_FORWARD]  13       127.0.0.1 8080    192.168.5.15    80     0     0\r\n"
				"  TCP[HOST_FORWARD]  12       127.0.0.1 37217    192.168.5.15    22     0     0\r\n"),
	       37217, "the port that leads to port 22");
	is_num(usernet_ssh_port("  TCP[HOST_FORWARD]  12               * 60022    192.168.5.15    22     0     0"), 60022,
	       "on any address");
	is_num(usernet_ssh_port("  UDP[HOST_FORWARD]  12       127.0.0.1 53    192.168.5.15    22     0     0\n"), 0, "udp is not ssh");
	is_num(usernet_ssh_port("  TCP[HOST_FORWARD]  12  127.0.0.1 99999 192.168.5.15 22 0 0\n\n"), 0, "no such port");
	is_num(usernet_ssh_port(""), 0, "nothing");
}

int main(void)
{
	base = event_base_new();
	talk();
	rubbish("SSH-2.0-\x1b[31m\n", 14, "ended:it sent something that is not QMP: SSH-2.0-?[31m ", "another protocol");
	rubbish("{\"return\":1}\n", 13, "ended:its first message was not the greeting of QMP ", "no greeting");
	rubbish("[]\n", 3, "ended:it sent something that is not QMP: [] ", "not an object");
	rubbish("\0\0\n", 3, "ended:it sent something that is not QMP: ?? ", "zero bytes");
	too_long();
	flood();
	usernet();
	event_base_free(base);
	return done();
}
