/* usernet - see usernet.h. What is asked of the daemon is in usernet_ask.c. */
#include "usernet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "dirs.h"
#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "instance_files.h"
#include "num.h"
#include "spawn.h"
#include "usernet_ask.h"

#define WAIT_ENV "LIMA_USERNET_RESOLVE_IP_ADDRESS_TIMEOUT" /* minutes */
#define WAIT_MIN 2
#define WAIT_MAX_MIN 1440
#define RETRY_S 1      /* before the daemon is looked for again; doubled up to */
#define RETRY_MAX_S 60
#define START_S 120    /* for whoever starts the daemons */
#define ARGV_MAX (1u << 20)

static void connect_events(struct usernet_card *c);

bool usernet_wanted(const struct agent *a)
{
	return a->usernet.n > 0;
}

void usernet_init(struct agent *a)
{
	size_t n = (size_t)kv_num(&a->conf, 0, "networks");
	const char *dir = kv_get(&a->conf, "", "networks.0.dir"), *end = strstr(dir, "/_networks/");

	if (!n)
		return;
	a->usernet.card = xcalloc(n, sizeof(*a->usernet.card));
	a->usernet.n = n;
	for (size_t i = 0; i < n; i++)
		a->usernet.card[i] = (struct usernet_card){
			.a = a, .first = i == 0, .name = kv_get(&a->conf, "", "networks.%zu.name", i),
			.dir = kv_get(&a->conf, "", "networks.%zu.dir", i), .mac = kv_get(&a->conf, "", "networks.%zu.mac", i),
		};
	if (end) { /* for those that start and end the daemons */
		char *home = xstrndup(dir, (size_t)(end - dir));

		setenv("LIMA_HOME", home, 1);
		free(home);
	}
}

/* --- the guest's address --- */

static void on_late(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;
	char *text = xasprintf("usernet unable to resolve IP for SSH forwarding: the guest has not asked for an address on the network "
			       "%s in time (" WAIT_ENV ")", a->usernet.card[0].name);

	(void)unused;
	(void)what;
	event_free(a->usernet.late);
	a->usernet.late = NULL;
	log_error("%s", text);
	boot_no_login(a, text);
	free(text);
}

static void wait_for_address(struct agent *a)
{
	const char *text = getenv(WAIT_ENV);
	uint64_t minutes = WAIT_MIN;
	struct err e = { 0 };
	struct timeval t;

	if (text && *text && num_parse(text, 0, WAIT_MAX_MIN, WAIT_ENV, &minutes, &e) < 0)
		log_warn("%s; %d is used", e.msg, WAIT_MIN);
	t = (struct timeval){ .tv_sec = (time_t)minutes * 60 };
	if (!a->usernet.late)
		a->usernet.late = evtimer_new(a->base, on_late, a);
	evtimer_add(a->usernet.late, &t);
}

static void on_event(void *arg, const char *line)
{
	struct usernet_card *c = arg;
	cJSON *o = cJSON_Parse(line);
	const cJSON *lease = cJSON_GetObjectItemCaseSensitive(o, "lease");
	const char *ip = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(lease, "ip"));
	const char *mac = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(lease, "mac"));
	struct in_addr address;

	if (ip && mac && !strcasecmp(mac, c->mac) && inet_pton(AF_INET, ip, &address) == 1 && strcmp(ip, c->ip) != 0) {
		inet_ntop(AF_INET, &address, c->ip, sizeof(c->ip));
		log_info("the guest's address on the network %s is %s", c->name, c->ip);
		if (c->first && c->a->usernet.late)
			evtimer_del(c->a->usernet.late);
		usernet_tell(c);
	}
	cJSON_Delete(o);
}

/* --- the daemon comes and goes --- */

static void set_problem(struct usernet_card *c, char *text)
{
	bool same = text && c->problem ? !strcmp(text, c->problem) : text == c->problem;

	free(c->problem);
	c->problem = text;
	if (!same && c->a->state == STATE_RUNNING)
		events_emit(&c->a->events, agent_status(c->a));
}

/* Whether QEMU connects again by itself; it can from version 8 on. */
static bool reconnects(const struct usernet_card *c)
{
	char *socket = xasprintf("/%s_qemu.sock", c->name);
	struct err ignored = { 0 };
	struct buf argv = { 0 };
	bool yes = false;
	const char *at;

	if (file_read(F_QEMU_ARGV, ARGV_MAX, &argv, &ignored) == 0 && (at = strstr(buf_str(&argv), socket)) != NULL)
		yes = !strncmp(at + strlen(socket), ",reconnect", strlen(",reconnect"));
	buf_free(&argv);
	free(socket);
	return yes;
}

/* The machine has lost its connection, for a while or until it is restarted. */
static void lose(struct usernet_card *c)
{
	char *text = reconnects(c) ? xasprintf("the network %s is gone; it is being started again", c->name) :
				     xasprintf("the network %s was interrupted, and this version of QEMU cannot connect to it again (8.0 can); "
					       "'make INSTANCE=%s restart' does", c->name, kv_get(&c->a->conf, "", "name"));

	if (!c->lost)
		log_error("%s", text);
	c->lost = true;
	set_problem(c, text);
}

static void start_daemons(struct usernet_card *c);

static void on_retry(evutil_socket_t unused, short what, void *arg)
{
	struct usernet_card *c = arg;

	(void)unused;
	(void)what;
	if (c->a->state == STATE_STOPPING)
		return;
	if (!c->events)
		start_daemons(c);
	else if (*c->ip)
		usernet_tell(c);
}

static void retry_later(struct usernet_card *c)
{
	struct timeval t = { .tv_sec = RETRY_MAX_S };

	if (c->failures < 6)
		t.tv_sec = RETRY_S << c->failures++;
	if (!c->retry)
		c->retry = evtimer_new(c->a->base, on_retry, c);
	evtimer_add(c->retry, &t);
}

static void on_started(void *arg, const struct job_result *r)
{
	struct agent *a = arg;

	a->usernet.starting = NULL;
	if (r->status != 0)
		log_error("starting the networks of this machine: %s", r->timed_out ? "no answer" : r->err);
	/* Ours may be there all the same. */
	for (size_t i = 0; i < a->usernet.n; i++)
		connect_events(&a->usernet.card[i]);
}

/* Has the daemons started that are gone; whoever does that sees to it that each is there only once. */
static void start_daemons(struct usernet_card *c)
{
	struct agent *a = c->a;
	struct err e = { 0 };
	char *bin = dirs_bin(&e), *program = bin ? path_join(bin, "lima-instance") : NULL;
	char *argv[] = { program, (char *)"networks", NULL };
	struct job_spec spec = { .argv = argv, .timeout_s = START_S, .done = on_started, .arg = a };

	if (program && !a->usernet.starting)
		a->usernet.starting = job_start(a->base, &spec, &e);
	if (!a->usernet.starting) {
		log_error("the networks of this machine cannot be started: %s", e.msg);
		retry_later(c);
	}
	free(program);
	free(bin);
}

/* At once the first time, later at a slower and slower pace. */
static void start_or_wait(struct usernet_card *c)
{
	if (c->failures) {
		retry_later(c);
	} else {
		c->failures = 1;
		start_daemons(c);
	}
}

static void on_gone(void *arg, int status, const char *body)
{
	struct usernet_card *c = arg;
	struct agent *a = c->a;

	(void)body;
	c->events = NULL;
	usernet_forget(c);
	if (a->state == STATE_STOPPING || !a->m.child)
		return;
	*c->ip = '\0';
	if (c->first)
		*a->usernet.exposed = '\0';
	if (status == 200 || c->lost)
		lose(c);
	start_or_wait(c);
}

void usernet_no_answer(struct usernet_card *c)
{
	log_warn("the daemon of the network %s does not answer", c->name); /* when it has ended, on_gone is about to come */
	if (c->first && !c->a->ssh_port)
		wait_for_address(c->a);
	retry_later(c);
}

void usernet_known(struct usernet_card *c)
{
	c->failures = 0;
	if (c->problem && (!c->lost || reconnects(c))) {
		log_info("the network %s is there again", c->name);
		set_problem(c, NULL);
	}
}

static void connect_events(struct usernet_card *c)
{
	char *socket = xasprintf("%s/%s_ep.sock", c->dir, c->name);
	struct ask_spec spec = { .socket = socket, .method = "GET", .path = "/events", .line = on_event, .done = on_gone, .arg = c };

	if (!c->events)
		c->events = ask_start(c->a->base, &spec);
	if (!c->events && !c->failures && !reconnects(c)) /* nor could QEMU connect */
		lose(c);
	if (!c->events)
		start_or_wait(c);
	free(socket);
}

/* A machine that was taken over may have a card whose daemon was replaced when nobody looked. */
static bool replaced(const struct usernet_card *c)
{
	char *pidfile = xasprintf("%s/usernet_%s.pid", c->dir, c->name);
	struct stat daemon, qemu;
	bool yes = stat(pidfile, &daemon) == 0 && stat(F_QEMU_PID, &qemu) == 0 &&
		   (daemon.st_mtim.tv_sec > qemu.st_mtim.tv_sec ||
		    (daemon.st_mtim.tv_sec == qemu.st_mtim.tv_sec && daemon.st_mtim.tv_nsec > qemu.st_mtim.tv_nsec));

	free(pidfile);
	return yes;
}

void usernet_start(struct agent *a)
{
	struct usernet *u = &a->usernet;

	for (size_t i = 0; i < u->n; i++) {
		struct usernet_card *c = &u->card[i];

		if (!a->m.adopted) {
			c->lost = false;
			set_problem(c, NULL);
		} else if (replaced(c) && !reconnects(c)) {
			lose(c);
		}
		if (c->first && !*c->ip)
			wait_for_address(a);
		if (c->events && *c->ip)
			usernet_tell(c); /* of the machine before, which this host agent had taken over */
		connect_events(c);
	}
}

/* --- the end --- */

void usernet_end(struct agent *a)
{
	struct err e = { 0 };

	if (!*a->usernet.exposed)
		return;
	if (usernet_unexpose(&a->usernet.card[0], a->usernet.exposed, &e) < 0)
		log_warn("the port %s stays with the network %s: %s", a->usernet.exposed, a->usernet.card[0].name, e.msg);
	*a->usernet.exposed = '\0';
}

void usernet_free(struct agent *a)
{
	struct usernet *u = &a->usernet;

	for (size_t i = 0; i < u->n; i++) {
		struct usernet_card *c = &u->card[i];

		ask_cancel(c->events);
		usernet_forget(c);
		if (c->retry)
			event_free(c->retry);
		free(c->problem);
	}
	if (u->late)
		event_free(u->late);
	job_cancel(u->starting);
	free(u->card);
	*u = (struct usernet){ 0 };
}

void usernet_tidy(void)
{
	struct err ignored = { 0 };
	char *bin = dirs_bin(&ignored), *program = bin ? path_join(bin, "lima-instance") : NULL;
	char *argv[] = { program, (char *)"networks", NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = SPAWN_NULL, .err = SPAWN_NULL, .cwd = "/", .new_session = true };
	pid_t pid;

	if (program)
		spawn_start(&s, &pid, &ignored);
	free(program);
	free(bin);
}

/* --- telling --- */

void usernet_problems(const struct agent *a, struct strv *out)
{
	for (size_t i = 0; i < a->usernet.n; i++)
		if (a->usernet.card[i].problem)
			strv_add(out, a->usernet.card[i].problem);
}

cJSON *usernet_json(const struct agent *a)
{
	cJSON *list = a->usernet.n ? cJSON_CreateArray() : NULL;

	for (size_t i = 0; i < a->usernet.n; i++) {
		const struct usernet_card *c = &a->usernet.card[i];
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", c->name);
		cJSON_AddStringToObject(o, "mac", c->mac);
		if (*c->ip)
			cJSON_AddStringToObject(o, "address", c->ip);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
