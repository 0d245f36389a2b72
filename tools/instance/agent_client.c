/* agent_client - HTTP over ha.sock, as little as is needed.
 *
 * Requests say HTTP/1.0, so the answer is a body up to the end of the connection: no chunks to decode, and the same for
 * the endless one of /v1/events.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "unixsock.h"

#define BODY_MAX (64u << 20) /* a screenshot may be large */
#define HEADER_MAX 8192
#define CONNECT_MS 3000

static int connect_agent(const struct instance *in, struct err *e)
{
	char *path = instance_path(in, F_HA_SOCK);
	int fd = unixsock_connect(path, CONNECT_MS, e); /* a host agent that is stopped leaves its queue full some day */

	if (fd < 0 && e->code != EXIT_USAGE)
		err_sys(e, errno == EAGAIN ? EXIT_TRYAGAIN : EXIT_NO, "no host agent answers on %s", path);
	free(path);
	return fd;
}

/* Reads byte by byte up to the empty line behind the headers, so that nothing of the body is taken. */
static int read_status(int fd, int timeout_ms, int *ret_status, struct err *e)
{
	char head[HEADER_MAX];
	size_t n = 0;

	while (n < sizeof(head) - 1) {
		struct pollfd p = { fd, POLLIN, 0 };
		int ready = poll(&p, 1, timeout_ms);
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return err_set(e, EXIT_TRYAGAIN, "the host agent did not answer within %d ms", timeout_ms);
		got = read(fd, head + n, 1);
		if (got <= 0)
			break;
		n++;
		head[n] = '\0';
		if (n >= 4 && !memcmp(head + n - 4, "\r\n\r\n", 4)) {
			if (sscanf(head, "HTTP/1.%*d %d", ret_status) == 1)
				return 0;
			break;
		}
	}
	return err_set(e, EXIT_UNAVAIL, "the host agent gave no proper answer");
}

static int send_request(const struct instance *in, const char *method, const char *path, const char *body, struct err *e)
{
	int fd = connect_agent(in, e);
	char *text;
	int r;

	if (fd < 0)
		return -1;
	text = xasprintf("%s %s HTTP/1.0\r\nHost: lima-hostagent\r\nContent-Length: %zu\r\n\r\n%s", method, path,
			 body ? strlen(body) : 0, body ? body : "");
	r = send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text) ? 0 : -1;
	free(text);
	if (r == 0)
		return fd;
	err_sys(e, EXIT_UNAVAIL, "cannot write to the host agent");
	close(fd);
	return -1;
}

int agent_exchange(const struct instance *in, const char *method, const char *path, const char *body, int timeout_ms,
		   struct buf *ret_body, struct err *e)
{
	struct timeval limit = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	int fd = send_request(in, method, path, body, e), status = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (read_status(fd, timeout_ms, &status, e) < 0 || fd_read_all(fd, "the host agent's answer", BODY_MAX, ret_body, e) < 0)
		status = -1;
	close(fd);
	return status;
}

int agent_request(const struct instance *in, const char *method, const char *path, const char *body, int timeout_ms,
		  char **ret_body, struct err *e)
{
	struct buf out = { 0 };
	int status = agent_exchange(in, method, path, body, timeout_ms, &out, e);

	*ret_body = NULL;
	if (status < 0) {
		buf_free(&out);
		return -1;
	}
	*ret_body = buf_detach(&out);
	if (status / 100 == 2)
		return 0;
	return err_set(e, EXIT_UNAVAIL, "the host agent answered %s %s with %d: %.200s", method, path, status, *ret_body);
}

char *agent_reason(const struct buf *body)
{
	cJSON *o = cJSON_ParseWithLength(buf_str(body), body->len);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "message"));
	char *reason = xstrdup(text ? text : "no reason given");

	cJSON_Delete(o);
	return reason;
}

int agent_events(const struct instance *in, bool now, struct err *e)
{
	int fd = send_request(in, "GET", now ? "/v1/events?from=now" : "/v1/events", NULL, e), status = 0;

	if (fd < 0)
		return -1;
	if (read_status(fd, 5000, &status, e) == 0 && status == 200)
		return fd;
	if (status)
		err_set(e, EXIT_UNAVAIL, "the host agent answered GET /v1/events with %d", status);
	close(fd);
	return -1;
}
