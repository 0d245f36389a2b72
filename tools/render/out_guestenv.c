/* out_guestenv - the environment of the guest: `env:` and the host's proxy settings. See out.h.
 *
 * A proxy on the host's own loopback is reached from the guest at the gateway. A name that the host resolves to the
 * loopback means that too; it is asked for at every rendering, which is every start, and at most a few seconds. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "out.h"
#include "out_text.h"

#define RESOLVE_S 3

static const char *const proxy_names[] = { "ftp_proxy", "http_proxy", "https_proxy", "no_proxy" };
#define PROXY_NAMES 4
#define PROXY_NAME_SIZE 16

static char *upper_case(const char *name, char out[PROXY_NAME_SIZE])
{
	size_t i = 0;

	for (; name[i]; i++)
		out[i] = (char)toupper((unsigned char)name[i]);
	out[i] = '\0';
	return out;
}

static struct kv_pair *find(struct kv *env, const char *key)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strcmp(env->pair[i].key, key))
			return &env->pair[i];
	return NULL;
}

static void set(struct kv *env, const char *key, const char *value)
{
	struct kv_pair *p = find(env, key);

	if (p) {
		char *copy = xstrdup(value); /* value may be the one we free */

		free(p->value);
		p->value = copy;
		return;
	}
	env->pair = xrealloc(env->pair, (env->n + 1) * sizeof(*env->pair));
	env->pair[env->n++] = (struct kv_pair){ xstrdup(key), xstrdup(value) };
}

static void drop(struct kv *env, struct kv_pair *p)
{
	free(p->key);
	free(p->value);
	*p = env->pair[--env->n];
}

static bool is_name(const char *key)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *key && !(*key >= '0' && *key <= '9') && key[strspn(key, chars)] == '\0';
}

static void add_document(const struct node *doc, struct kv *env, struct diag *d)
{
	const struct node *map = map_get(doc, "env");

	for (size_t i = 0; map && map->type == NODE_MAP && i < map->n; i++) {
		char *key = xasprintf("env.%s", map->key[i]), tmp[32];
		const char *value = out_scalar(map->item[i], tmp);

		if (!is_name(map->key[i]))
			diag_error(d, map->key_pos ? map->key_pos[i] : map->pos, key,
				   "the name of a variable has only letters, digits and '_', and no digit in front");
		else if (strpbrk(value, "\r\n"))
			diag_error(d, map->item[i]->pos, key,
				   "the value has more than one line, which /etc/environment cannot hold");
		else if (strchr(value, '#'))
			diag_error(d, map->item[i]->pos, key,
				   "a '#' begins a comment in /etc/environment; set this variable in a script instead");
		else
			set(env, map->key[i], value);
		free(key);
	}
}

static void add_process(struct kv *env, struct diag *d)
{
	for (size_t i = 0; i < 2 * PROXY_NAMES; i++) {
		char upper[PROXY_NAME_SIZE];
		const char *name = i % 2 ? upper_case(proxy_names[i / 2], upper) : proxy_names[i / 2];
		const char *value = getenv(name);

		if (!value)
			continue;
		if (text_is_printable(value) && !strchr(value, '#'))
			set(env, name, value);
		else
			diag_warn(d, (struct pos){ 0 }, NULL,
				  "%s is not given to the guest: /etc/environment cannot hold '#' or control bytes",
				  name);
	}
}

static bool loopback_address(const char *text)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, text, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

static bool any_loopback(const struct addrinfo *list)
{
	for (; list; list = list->ai_next) {
		char text[INET6_ADDRSTRLEN] = "";
		const void *address = list->ai_family == AF_INET6 ?
				      (const void *)&((struct sockaddr_in6 *)list->ai_addr)->sin6_addr :
				      (const void *)&((struct sockaddr_in *)list->ai_addr)->sin_addr;

		if ((list->ai_family == AF_INET || list->ai_family == AF_INET6) &&
		    inet_ntop(list->ai_family, address, text, sizeof(text)) && loopback_address(text))
			return true;
	}
	return false;
}

/* Asks the host's resolver. One that does not answer in time counts as no: its thread may outlive this call, so that
 * what it works on is never freed then. */
static bool resolves_to_loopback(const char *name)
{
	struct timespec limit = { .tv_sec = RESOLVE_S };
	struct gaicb *ask = xcalloc(1, sizeof(*ask));
	struct addrinfo *hints = xcalloc(1, sizeof(*hints));
	bool found = false;

	hints->ai_socktype = SOCK_STREAM;
	ask->ar_name = xstrdup(name);
	ask->ar_request = hints;
	if (getaddrinfo_a(GAI_NOWAIT, &ask, 1, NULL) == 0)
		gai_suspend((const struct gaicb *const *)&ask, 1, &limit);
	if (gai_error(ask) == EAI_INPROGRESS && gai_cancel(ask) != EAI_CANCELED)
		return false;
	if (ask->ar_result) {
		found = any_loopback(ask->ar_result);
		freeaddrinfo(ask->ar_result);
	}
	free((char *)ask->ar_name);
	free(hints);
	free(ask);
	return found;
}

/* All variables mostly name the same proxy, which is asked for once. */
static bool same_or_resolve(const char *name)
{
	static char *last;
	static bool found;

	if (last && !strcmp(last, name))
		return found;
	free(last);
	last = xstrdup(name);
	found = resolves_to_loopback(name);
	return found;
}

static bool is_loopback(const char *host)
{
	size_t n = strlen(host);

	if (!strcasecmp(host, "localhost") || (n > 10 && !strcasecmp(host + n - 10, ".localhost")))
		return true;
	return loopback_address(host) || same_or_resolve(host);
}

/* SCHEME://[USER@]HOST[:PORT]... with the host replaced when it is a loopback one; NULL when it stays as it is. */
static char *through_gateway(const char *url, const char *gateway)
{
	const char *start = strstr(url, "://"), *end, *host, *host_end;
	char *name, *result = NULL;

	if (!start)
		return NULL;
	start += 3;
	end = start + strcspn(start, "/?#");
	host = start;
	for (const char *p = start; p < end; p++)
		if (*p == '@')
			host = p + 1;
	if (*host == '[') {
		host_end = memchr(host, ']', (size_t)(end - host));
		if (!host_end)
			return NULL;
		name = xstrndup(host + 1, (size_t)(host_end - host - 1));
		host_end++;
	} else {
		host_end = memchr(host, ':', (size_t)(end - host));
		if (!host_end)
			host_end = end;
		name = xstrndup(host, (size_t)(host_end - host));
	}
	if (is_loopback(name))
		result = xasprintf("%.*s%s%s", (int)(host - url), url, gateway, host_end);
	free(name);
	return result;
}

static void settle_proxy(struct kv *env, const char *name, const char *gateway)
{
	struct kv_pair *p = find(env, name);
	char *changed;

	if (!p)
		return;
	if (!*p->value) {
		drop(env, p);
		return;
	}
	changed = strcasecmp(name, "no_proxy") ? through_gateway(p->value, gateway) : NULL;
	if (changed)
		set(env, name, changed);
	free(changed);
}

static void same_in_both_cases(struct kv *env, const char *lower, const char *upper)
{
	struct kv_pair *a = find(env, lower), *b = find(env, upper);

	if (a)
		set(env, upper, a->value);
	else if (b)
		set(env, lower, b->value);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct kv_pair *)a)->key, ((const struct kv_pair *)b)->key);
}

void out_guest_env(const struct node *doc, const char *gateway, struct kv *env, struct diag *d)
{
	*env = (struct kv){ 0 };
	add_document(doc, env, d);
	if (tree_bool(doc, true, "propagateProxyEnv"))
		add_process(env, d);
	for (size_t i = 0; i < PROXY_NAMES; i++) {
		char upper[PROXY_NAME_SIZE];

		upper_case(proxy_names[i], upper);
		settle_proxy(env, proxy_names[i], gateway);
		settle_proxy(env, upper, gateway);
		same_in_both_cases(env, proxy_names[i], upper);
	}
	if (env->n)
		qsort(env->pair, env->n, sizeof(*env->pair), by_key);
}
