/* uses: hostagent dns loop */
/* Port forwarding rules by the table in tests/data/forward, which a program that knows only the documentation has worked
 * out: each scene alone, and all those that may be mixed in one list, as they are in the real guest of
 * tests/vm/forwards.bats. */
#include "hostagent/forward/forward_rules.h"

#include <arpa/inet.h>

#include "buf.h"
#include "tap.h"

#define TABLE "tests/data/forward/table"

enum { SSH = 60022, LINE = 256, CASES_MIN = 500 };

struct list {
	struct buf text;
	size_t n;
};

/* "guestPortRange=1-5" is guestPort0 and guestPort1 of agent.conf; all other keys are the same. */
static void add_rule(struct list *l, char *words)
{
	char *save = NULL, *dash;

	for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		bool port = !strncmp(word, "guestPort", 9) || !strncmp(word, "hostPort", 8);

		*value++ = '\0';
		dash = port ? strchr(value, '-') : NULL;
		if (dash)
			*dash++ = '\0';
		buf_addf(&l->text, "portForwards.%zu.%.*s%s=%s\n", l->n, port ? (int)strcspn(word, "P") + 4 : 64, word,
			 port ? "0" : "", value);
		if (port)
			buf_addf(&l->text, "portForwards.%zu.%.*s1=%s\n", l->n, (int)strcspn(word, "P") + 4, word,
				 dash ? dash : value);
	}
	l->n++;
}

static void load(const struct list *l, struct forward_rules *r)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	struct kv kv = { 0 };

	buf_addf(&text, "portForwards=%zu\n%.*s", l->n, (int)l->text.len, l->text.data ? l->text.data : "");
	if (kv_parse(text.data, text.len, "test", &kv, &e) < 0 || forward_rules_load(&kv, SSH, r, &e) < 0)
		ok(false, "rules are read: %s", e.msg);
	kv_free(&kv);
	buf_free(&text);
}

/* "tcp [::1]:80 -> WANT" */
static void check(const struct forward_rules *r, char *line, const char *scene)
{
	char *save = NULL, *proto = strtok_r(line, " ", &save), *where = strtok_r(NULL, " ", &save);
	char *arrow = strtok_r(NULL, " ", &save), *want = strtok_r(NULL, " ", &save), *colon = strrchr(where, ':');
	struct wire_addr a = { .proto = strcmp(proto, "udp") ? WIRE_TCP : WIRE_UDP, .family = *where == '[' ? 6 : 4 };
	char ip_text[64], got[160] = "none", name[2 * LINE];
	const struct forward_rule *rule;
	struct ip ip;

	snprintf(name, sizeof(name), "%s: %s %s", scene, proto, where);
	snprintf(ip_text, sizeof(ip_text), "%.*s", (int)(colon - where) - (a.family == 6 ? 2 : 0),
		 where + (a.family == 6));
	if (!arrow || !want || inet_pton(a.family == 6 ? AF_INET6 : AF_INET, ip_text, a.ip) != 1) {
		ok(false, "a case that can be read: %s", name);
		return;
	}
	a.port = (uint16_t)atoi(colon + 1);
	ip_of_wire(&a, &ip);
	rule = forward_rules_match(r, a.proto, &ip, a.port);
	if (rule && rule->host_socket)
		snprintf(got, sizeof(got), "%s", rule->host_socket);
	else if (rule)
		ip_format(&rule->host_ip, forward_host_port(rule, a.port), got, sizeof(got));
	is_str(got, want, name);
}

/* Goes through the table. With `mixed`, the cases of scenes that may be mixed are checked against those rules; without,
 * each scene against its own. First all rules of a scene are read, then its cases. */
static int run(FILE *table, const struct forward_rules *mixed)
{
	struct forward_rules own = { 0 };
	struct list rules = { 0 };
	char line[LINE], scene[LINE + 8] = "";
	bool alone = false, loaded = false;
	int cases = 0;

	rewind(table);
	while (fgets(line, sizeof(line), table)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "scene ", 6) || !strncmp(line, "alone ", 6)) {
			snprintf(scene, sizeof(scene), "%s%s", mixed ? "mixed: " : "", line + 6);
			alone = *line == 'a';
			loaded = false;
			buf_free(&rules.text);
			rules = (struct list){ 0 };
			forward_rules_free(&own);
		} else if (!strncmp(line, "rule ", 5)) {
			add_rule(&rules, line + 5);
		} else if (strstr(line, " -> ") && *line != '#' && !(mixed && alone)) {
			if (!loaded)
				load(&rules, &own);
			loaded = true;
			check(mixed ? mixed : &own, line, scene);
			cases++;
		}
	}
	buf_free(&rules.text);
	forward_rules_free(&own);
	return cases;
}

static void mix(FILE *table, struct list *all)
{
	char line[LINE];
	bool alone = false;

	rewind(table);
	while (fgets(line, sizeof(line), table)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "scene ") == line || strstr(line, "alone ") == line)
			alone = *line == 'a';
		if (!strncmp(line, "rule ", 5) && !alone)
			add_rule(all, line + 5);
	}
}

int main(void)
{
	FILE *table = fopen(TABLE, "re");
	struct forward_rules mixed;
	struct list all = { 0 };

	if (!table) {
		printf("Bail out! cannot read " TABLE "\n");
		return 1;
	}
	ok(run(table, NULL) >= CASES_MIN, "at least %d cases, each scene alone", CASES_MIN);
	mix(table, &all);
	load(&all, &mixed);
	ok(run(table, &mixed) >= CASES_MIN, "at least %d cases, all scenes in one list", CASES_MIN);
	forward_rules_free(&mixed);
	buf_free(&all.text);
	fclose(table);
	return done();
}
