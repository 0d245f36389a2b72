/* dns_conf - see dns_conf.h. */
#include "dns_conf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DNS_PORT = 53,
	CONF_MAX = 1 << 16,
	NDOTS_MAX = 15, TIMEOUT_S = 5, TIMEOUT_MAX_S = 30, ATTEMPTS = 2, ATTEMPTS_MAX = 5,
};

/* The first `max` bytes of a file as text; NULL when it cannot be read. The caller frees it. */
static char *head_of(const char *path, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf text = { 0 };
	char part[8192];
	ssize_t n;

	if (fd < 0)
		return NULL;
	while (text.len < max && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)n);
	close(fd);
	return buf_detach(&text);
}

/* --- resolv.conf --- */

socklen_t dns_addr_size(const union dns_addr *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static bool parse_v6(char *text, union dns_addr *a)
{
	char *zone = strchr(text, '%');

	if (zone) {
		*zone++ = '\0';
		a->v6.sin6_scope_id = if_nametoindex(zone);
	}
	a->v6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1;
}

static bool parse_server(char *text, union dns_addr *a)
{
	unsigned long port = DNS_PORT;

	memset(a, 0, sizeof(*a));
	if (*text == '[') {
		char *end = strstr(++text, "]:"), *rest;

		if (!end)
			return false;
		*end = '\0';
		port = strtoul(end + 2, &rest, 10);
		if (*rest || port == 0 || port > 65535)
			return false;
	}
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1)
		a->v4.sin_family = AF_INET;
	else if (!parse_v6(text, a))
		return false;
	if (a->sa.sa_family == AF_INET)
		a->v4.sin_port = htons((uint16_t)port);
	else
		a->v6.sin6_port = htons((uint16_t)port);
	return true;
}

static void add_server(struct dns_conf *c, char **save)
{
	char *word = strtok_r(NULL, " \t\r", save);

	if (word && c->servers < DNS_SERVERS_MAX && parse_server(word, &c->server[c->servers]))
		c->servers++;
}

/* The last line counts, also of `domain`. */
static void set_search(struct dns_conf *c, char **save)
{
	char *word;

	c->searches = 0;
	while ((word = strtok_r(NULL, " \t\r", save)))
		if (c->searches < DNS_SEARCH_MAX && dns_name_from_text(word, &c->search[c->searches]) &&
		    c->search[c->searches].len > 1)
			c->searches++;
}

static bool number_option(const char *word, const char *name, unsigned min, unsigned max, unsigned *out)
{
	size_t n = strlen(name);
	unsigned long v;

	if (strncmp(word, name, n) || word[n] != ':')
		return false;
	v = strtoul(word + n + 1, NULL, 10);
	*out = v < min ? min : v > max ? max : (unsigned)v;
	return true;
}

static void set_options(struct dns_conf *c, char **save)
{
	char *word;

	while ((word = strtok_r(NULL, " \t\r", save))) {
		if (number_option(word, "ndots", 0, NDOTS_MAX, &c->ndots) ||
		    number_option(word, "timeout", 1, TIMEOUT_MAX_S, &c->timeout_s) ||
		    number_option(word, "attempts", 1, ATTEMPTS_MAX, &c->attempts))
			continue;
		if (!strcmp(word, "rotate"))
			c->rotate = true;
		else if (!strcmp(word, "use-vc"))
			c->use_tcp = true;
	}
}

void dns_conf_parse(struct dns_conf *c, char *text)
{
	char *lines = NULL, loopback[] = "127.0.0.1";

	c->servers = c->searches = 0;
	c->ndots = 1;
	c->timeout_s = TIMEOUT_S;
	c->attempts = ATTEMPTS;
	c->rotate = c->use_tcp = false;
	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *save = NULL, *word;

		line[strcspn(line, "#;")] = '\0';
		word = strtok_r(line, " \t\r", &save);
		if (!word)
			continue;
		if (!strcmp(word, "nameserver"))
			add_server(c, &save);
		else if (!strcmp(word, "search") || !strcmp(word, "domain"))
			set_search(c, &save);
		else if (!strcmp(word, "options"))
			set_options(c, &save);
	}
	if (c->servers == 0)
		c->servers = parse_server(loopback, &c->server[0]);
	c->generation++;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       !memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) &&
	       !memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim));
}

void dns_conf_refresh(struct dns_conf *c)
{
	struct stat now = { 0 };
	char *text;

	if (stat(c->path, &now) < 0)
		now = (struct stat){ 0 };
	if (c->known && same_file(&now, &c->seen))
		return;
	c->seen = now;
	c->known = true;
	text = head_of(c->path, CONF_MAX);
	if (!text)
		text = xstrdup("");
	dns_conf_parse(c, text);
	free(text);
}

/* --- hosts --- */

/* The address at the beginning of a line; its size, 4 or 16, or 0. */
static size_t host_address(char *line, char **save, uint8_t ip[16])
{
	char *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r", save);
	if (!word)
		return 0;
	word[strcspn(word, "%")] = '\0';
	if (inet_pton(AF_INET, word, ip) == 1)
		return 4;
	return inet_pton(AF_INET6, word, ip) == 1 ? 16 : 0;
}

bool dns_hosts_find(const char *path, const struct dns_name *name, uint16_t type, struct buf *data)
{
	char *text = head_of(path, DNS_HOSTS_MAX), *lines = NULL, *save, *word;
	struct dns_name candidate;
	bool found = false;
	uint8_t ip[16];

	for (char *line = text ? strtok_r(text, "\n", &lines) : NULL; line; line = strtok_r(NULL, "\n", &lines)) {
		size_t size = host_address(line, &save, ip);

		while (size && (word = strtok_r(NULL, " \t\r", &save))) {
			if (!dns_name_from_text(word, &candidate) || !dns_name_equal(&candidate, name))
				continue;
			found = true;
			if (size == (type == DNS_A ? 4 : 16))
				buf_add(data, ip, size);
			break;
		}
	}
	free(text);
	return found;
}

bool dns_hosts_reverse(const char *path, const uint8_t *ip, size_t size, struct dns_name *name)
{
	char *text = head_of(path, DNS_HOSTS_MAX), *lines = NULL, *save, *word;
	bool found = false;
	uint8_t have[16];

	for (char *line = text ? strtok_r(text, "\n", &lines) : NULL; line && !found;
	     line = strtok_r(NULL, "\n", &lines))
		found = host_address(line, &save, have) == size && !memcmp(have, ip, size) &&
			(word = strtok_r(NULL, " \t\r", &save)) && dns_name_from_text(word, name);
	free(text);
	return found;
}
