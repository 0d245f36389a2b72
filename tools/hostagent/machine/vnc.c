/* vnc - see vnc.h. */
#include "vnc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "file.h"
#include "hostagent/agent.h"
#include "instance_files.h"
#include "num.h"
#include "qmp.h"

#define VNC_FIRST_PORT 5900
#define DISPLAY_MAX 256

static void fail(struct agent *a, const char *what, const char *why)
{
	free(a->vnc.problem);
	a->vnc.problem = xasprintf("the VNC display cannot be used: %s: %s", what, why);
	log_error("%s", a->vnc.problem);
}

/* Letters and digits, each as likely as any other. */
static int make_password(char out[VNC_PASSWORD_LEN + 1])
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned n = sizeof(set) - 1, fair = 256 / n * n;
	unsigned char byte;

	for (size_t i = 0; i < VNC_PASSWORD_LEN;) {
		if (getrandom(&byte, 1, 0) != 1)
			return -1;
		if (byte < fair)
			out[i++] = set[byte % n];
	}
	out[VNC_PASSWORD_LEN] = '\0';
	return 0;
}

/* The display with the number that QEMU took, when it could choose among several ("to="). */
static char *display_of(const char *conf, int port)
{
	size_t n = strcspn(conf, ","), host = n;

	while (host > 0 && conf[host - 1] != ':')
		host--;
	if (port < VNC_FIRST_PORT || host == 0 || !strncmp(conf, "unix:", 5))
		return xstrndup(conf, n);
	return xasprintf("%.*s%d", (int)host, conf, port - VNC_FIRST_PORT);
}

static int port_of(const cJSON *ret)
{
	const char *service = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(ret, "service"));
	struct err none = { 0 };
	uint64_t port;

	return service && num_parse(service, 1, 65535, "port", &port, &none) == 0 ? (int)port : 0;
}

static void on_where(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;
	struct err e = { 0 };

	if (error) {
		fail(a, "query-vnc", error);
		return;
	}
	a->vnc.port = port_of(ret);
	free(a->vnc.display);
	a->vnc.display = display_of(kv_get(&a->conf, "", "video.vnc.display"), a->vnc.port);
	if (file_write(F_VNC_DISPLAY, a->vnc.display, strlen(a->vnc.display), 0600, &e) < 0)
		fail(a, F_VNC_DISPLAY, e.msg);
	else
		log_info("the VNC display is %s; see %s/%s and %s", a->vnc.display, a->dir, F_VNC_DISPLAY, F_VNC_PASSWORD);
}

static void on_password(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;
	struct err e = { 0 };

	(void)ret;
	if (error)
		fail(a, "change-vnc-password", error);
	else if (file_write(F_VNC_PASSWORD, a->vnc.password, VNC_PASSWORD_LEN, 0600, &e) < 0)
		fail(a, F_VNC_PASSWORD, e.msg);
	else
		qmp_send(a->m.qmp, "query-vnc", NULL, on_where, a);
	explicit_bzero(a->vnc.password, sizeof(a->vnc.password));
}

static bool known_already(struct agent *a)
{
	struct buf text = { 0 };
	struct err none = { 0 };
	const char *colon;
	uint64_t n;

	if (!path_exists(F_VNC_PASSWORD) || file_read(F_VNC_DISPLAY, DISPLAY_MAX, &text, &none) < 0)
		return false;
	colon = strrchr(buf_str(&text), ':');
	if (colon && num_parse(colon + 1, 0, 65535 - VNC_FIRST_PORT, "display", &n, &none) == 0)
		a->vnc.port = VNC_FIRST_PORT + (int)n;
	a->vnc.display = buf_detach(&text);
	return true;
}

void vnc_start(struct agent *a)
{
	cJSON *args;

	if (strcmp(kv_get(&a->conf, "", "video.display"), "vnc") != 0 || (a->m.adopted && known_already(a)))
		return;
	if (make_password(a->vnc.password) < 0) {
		fail(a, "password", "the kernel gave no random numbers");
		return;
	}
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "password", a->vnc.password);
	qmp_send(a->m.qmp, "change-vnc-password", args, on_password, a);
}

void vnc_end(struct agent *a)
{
	unlink(F_VNC_DISPLAY);
	unlink(F_VNC_PASSWORD);
	free(a->vnc.display);
	free(a->vnc.problem);
	a->vnc = (struct vnc){ 0 };
}

cJSON *vnc_json(const struct agent *a)
{
	cJSON *o;
	char *path;

	if (!a->vnc.display)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "display", a->vnc.display);
	if (a->vnc.port)
		cJSON_AddNumberToObject(o, "port", a->vnc.port);
	path = path_join(a->dir, F_VNC_PASSWORD);
	cJSON_AddStringToObject(o, "passwordFile", path);
	free(path);
	return o;
}
