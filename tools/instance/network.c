/* network - see network.h. */
#include "network.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "dirs.h"
#include "file.h"
#include "instance_files.h"
#include "kv.h"
#include "name.h"
#include "usernet.h"

#define D_NETWORKS "_networks"
#define NETWORKS_LOCK "_locks/_networks"
#define LOCK_WAIT_MS 60000
#define ASK_MS 3000

/* --- the lock --- */

/* Waits without a word: others hold it for a moment only. */
static int take_lock(const char *home, struct lock *l, struct err *e)
{
	char *path = path_join(home, NETWORKS_LOCK), *dir = path_join(home, "_locks");
	int r = dir_make(dir, 0700, e);

	*l = (struct lock){ -1 };
	while (r == 0 && (r = lock_take(path, 0, l, e)) < 0 && e->code == EXIT_TRYAGAIN && lock_await(path, LOCK_WAIT_MS)) {
		*e = (struct err){ 0 };
		r = 0;
	}
	free(dir);
	free(path);
	return r;
}

/* --- who needs what --- */

/* The networks of agent.conf: `have` is called for each. -1 when the file cannot be read. */
typedef int have_fn(void *arg, const struct usernet *u, struct err *e);

static int each_network(const struct instance *in, have_fn *have, void *arg, struct err *e)
{
	char *path = instance_path(in, F_AGENT_CONF);
	struct kv conf;
	size_t n;
	int r = kv_load(path, &conf, e);

	free(path);
	if (r < 0)
		return -1;
	n = (size_t)kv_num(&conf, 0, "networks");
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct usernet u = { kv_get(&conf, "", "networks.%zu.name", i), kv_get(&conf, "", "networks.%zu.dir", i),
				     kv_get(&conf, "", "networks.%zu.subnet", i) };

		r = have(arg, &u, e);
	}
	kv_free(&conf);
	return r;
}

static bool listed(const struct strv *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static int add_name(void *arg, const struct usernet *u, struct err *e)
{
	(void)e;
	if (!listed(arg, u->name))
		strv_add(arg, u->name);
	return 0;
}

static int is_instance(const struct dirent *de)
{
	struct err ignored = { 0 };

	return de->d_name[0] != '.' && de->d_name[0] != '_' && name_check_instance(de->d_name, &ignored) == 0;
}

/* Some command changes it at this moment, and may be about to start it. */
static bool is_locked(const struct instance *in)
{
	char *path = xasprintf("%s/_locks/%s", in->home, in->name);
	bool yes = lock_held(path, NULL);

	free(path);
	return yes;
}

/* Calls `each` for every instance until it returns something else than 0, and returns that. */
static int each_instance(const char *home, int (*each)(const struct instance *in, void *arg, struct err *e), void *arg, struct err *e)
{
	struct dirent **entry = NULL;
	int n = scandir(home, &entry, is_instance, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		struct instance in;
		struct err ignored = { 0 };

		if (r == 0 && instance_open(entry[i]->d_name, &in, &ignored) == 0) {
			r = each(&in, arg, e);
			instance_close(&in);
		}
		free(entry[i]);
	}
	free(entry);
	return r;
}

/* What the host agent started with: lima.yaml may have been changed since. */
static int ask_agent(const struct instance *in, struct strv *names, struct err *e)
{
	const cJSON *net, *list;
	char *body = NULL;
	cJSON *o;

	if (agent_request(in, "GET", "/v1/info", NULL, ASK_MS, &body, e) < 0)
		return -1;
	o = cJSON_Parse(body);
	list = cJSON_GetObjectItemCaseSensitive(o, "networks");
	cJSON_ArrayForEach(net, list) {
		struct usernet u = { .name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(net, "name")) };

		if (u.name)
			add_name(names, &u, e);
	}
	cJSON_Delete(o);
	free(body);
	return 0;
}

struct needed {
	struct strv names;
	bool asked; /* the host agents too */
};

/* An error when what a running machine needs cannot be found out. */
static int need_of(const struct instance *in, void *arg, struct err *e)
{
	struct needed *need = arg;
	struct err ignored = { 0 };
	bool up = instance_up(in);

	if (!up && !is_locked(in))
		return 0;
	if (each_network(in, add_name, &need->names, up ? e : &ignored) < 0 && up)
		return -1;
	/* A machine without host agent has nobody to ask. One that is on its way out has no network to lose. */
	if (!up || !need->asked || ask_agent(in, &need->names, &ignored) == 0 || ignored.code == EXIT_NO || !instance_up(in))
		return 0;
	*e = ignored;
	return -1;
}

/* --- ending --- */

static int is_network(const struct dirent *de)
{
	struct err ignored = { 0 };

	return name_check(de->d_name, "name", &ignored) == 0;
}

/* The networks that run and that `need` does not have. */
static void unneeded(const char *home, const struct needed *need, struct strv *out)
{
	char *all = path_join(home, D_NETWORKS);
	struct dirent **entry = NULL;
	int n = scandir(all, &entry, is_network, alphasort);

	for (int i = 0; i < n; i++) {
		char *dir = path_join(all, entry[i]->d_name);

		if (!listed(&need->names, entry[i]->d_name) && usernet_runs(dir, NULL))
			strv_add(out, entry[i]->d_name);
		free(dir);
		free(entry[i]);
	}
	free(entry);
	free(all);
}

static void end_all(const char *home, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		char *dir = xasprintf("%s/" D_NETWORKS "/%s", home, names->v[i]);
		struct err e = { 0 };

		if (usernet_end(names->v[i], dir, &e) < 0)
			say("%s", e.msg);
		free(dir);
	}
}

/* The files first; the host agents are asked only when that leaves something to end. */
static int end_unneeded(const char *home, struct err *e)
{
	struct needed need = { 0 };
	struct strv out = { 0 };
	int r = each_instance(home, need_of, &need, e);

	if (r == 0)
		unneeded(home, &need, &out);
	if (out.n) {
		need.asked = true;
		r = each_instance(home, need_of, &need, e);
		strv_free(&out);
		if (r == 0)
			unneeded(home, &need, &out);
	}
	end_all(home, &out);
	strv_free(&out);
	strv_free(&need.names);
	return r;
}

static bool any_runs(const char *home)
{
	struct needed none = { 0 };
	struct strv out = { 0 };
	bool yes;

	unneeded(home, &none, &out);
	yes = out.n > 0;
	strv_free(&out);
	return yes;
}

void networks_tidy(void)
{
	struct err e = { 0 };
	char *home = dirs_home(&e);
	struct lock lock;

	if (home && any_runs(home) && take_lock(home, &lock, &e) == 0) {
		end_unneeded(home, &e);
		lock_release(&lock);
	}
	if (e.code)
		say("networks that no machine needs any more may go on: %s", e.msg);
	free(home);
}

/* --- starting --- */

/* A daemon keeps the addresses that it was started with. */
static int check_subnet(const struct usernet *u, struct err *e)
{
	char *now = usernet_subnet(u->dir);
	int r = 0;

	if (*now && strcmp(now, u->subnet) != 0)
		r = err_set(e, EXIT_TRYAGAIN, "the network %s runs with the addresses %s, networks.yaml says %s; the change needs all instances "
			    "on that network to be stopped at once", u->name, now, u->subnet);
	free(now);
	return r;
}

static int start_one(void *arg, const struct usernet *u, struct err *e)
{
	(void)arg;
	return usernet_runs(u->dir, NULL) ? check_subnet(u, e) : usernet_start(u, e);
}

static int has_any(void *arg, const struct usernet *u, struct err *e)
{
	(void)u;
	(void)e;
	*(bool *)arg = true;
	return 0;
}

int networks_start(const struct instance *in, struct err *e)
{
	struct lock lock;
	bool any = false;
	int r;

	if (each_network(in, has_any, &any, e) < 0)
		return -1;
	if (!any)
		return 0;
	r = take_lock(in->home, &lock, e);
	if (r == 0)
		r = each_network(in, start_one, NULL, e);
	lock_release(&lock);
	return r;
}

static int start_of(const struct instance *in, void *arg, struct err *e)
{
	struct err own = { 0 };

	(void)arg;
	if (instance_up(in) && each_network(in, start_one, NULL, &own) < 0 && !e->code)
		*e = own; /* the others go on */
	return 0;
}

int networks_reconcile(struct err *e)
{
	char *home = dirs_home(e);
	bool any = home && path_exists(home); /* a host agent may end when all has been removed */
	struct lock lock;
	int r = !home ? -1 : any ? take_lock(home, &lock, e) : 0;

	if (any && r == 0) {
		each_instance(home, start_of, NULL, e);
		if (!e->code)
			end_unneeded(home, e);
		lock_release(&lock);
	}
	free(home);
	return e->code ? -1 : r;
}

int verb_networks(const struct request *rq, struct err *e)
{
	(void)rq;
	return networks_reconcile(e);
}

/* --- questions --- */

struct users {
	const char *name;
	struct strv *running, *stopped;
};

static int user_of(const struct instance *in, void *arg, struct err *e)
{
	struct users *u = arg;
	struct needed need = { 0 };
	struct err ignored = { 0 };
	bool up = instance_up(in);

	(void)e;
	each_network(in, add_name, &need.names, &ignored);
	if (up)
		ask_agent(in, &need.names, &ignored);
	if (listed(&need.names, u->name) && (up ? u->running : u->stopped))
		strv_add(up ? u->running : u->stopped, in->name);
	strv_free(&need.names);
	return 0;
}

int networks_users(const char *name, struct strv *running, struct strv *stopped, struct err *e)
{
	struct users u = { name, running, stopped };
	char *home = dirs_home(e);
	int r = home ? each_instance(home, user_of, &u, e) : -1;

	free(home);
	return r;
}
