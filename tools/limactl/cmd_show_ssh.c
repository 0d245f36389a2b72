/* show-ssh - the options of ssh for an instance, in four forms. Source: spec/cli.md section 8.18.
 *
 * They are those of DIR/ssh.config, which the host agent writes at each start; for an instance that never ran the same text is made
 * here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "inspect.h"
#include "instance_files.h"
#include "kv.h"
#include "sshconf.h"

#define CONFIG_MAX (256u << 10)


/* The text of ssh.config. */
static int config_text(const struct inspection *i, struct buf *text, struct err *e)
{
	char *path = path_join(i->dir, F_SSH_CONFIG), *conf = path_join(i->dir, F_AGENT_CONF);
	size_t left_out = 0;
	struct kv kv;
	int r;

	if (path_exists(path)) {
		r = file_read(path, CONFIG_MAX, text, e);
	} else {
		r = kv_load(conf, &kv, e);
		if (r == 0) {
			r = sshconf_text(&kv, i->dir, i->ssh_port, SSH_AES_SLOW, text, &left_out, e);
			kv_free(&kv);
		} else {
			err_wrap(e, "instance %s was never built", q(i->name));
		}
	}
	free(conf);
	free(path);
	return r;
}

/* Calls for each "KEY VALUE" line. */
static void each(const struct buf *text, void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
	char *copy = xstrdup(buf_str(text)), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *key = line + strspn(line, " \t"), *value = key + strcspn(key, " \t");

		if (!*key || *key == '#' || !*value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		if (strcmp(key, "Host") != 0)
			fn(key, value, arg);
	}
	free(copy);
}

static void add_word(const char *key, const char *value, void *arg)
{
	const char *quote = strchr(value, '"') ? "'" : "";
	struct buf *out = arg;

	buf_addf(out, "%s-o %s%s=%s%s", out->len ? " " : "", quote, key, value, quote);
}

static void add_option(const char *key, const char *value, void *arg)
{
	buf_addf(arg, "%s=%s\n", key, value);
}

static void add_config(const char *key, const char *value, void *arg)
{
	buf_addf(arg, "  %s %s\n", key, value);
}

static int show(const char *format, const char *hostname, const struct buf *text, struct err *e)
{
	struct buf out = { 0 };

	if (!strcmp(format, "cmd") || !strcmp(format, "args"))
		each(text, add_word, &out);
	else if (!strcmp(format, "options"))
		each(text, add_option, &out);
	else if (!strcmp(format, "config"))
		each(text, add_config, &out);
	else
		return err_set(e, EXIT_NO, "unknown format: %s", q(format));
	if (!strcmp(format, "cmd"))
		printf("ssh %s %s\n", buf_str(&out), hostname);
	else if (!strcmp(format, "config"))
		printf("Host %s\n%s", hostname, buf_str(&out));
	else
		printf("%s%s", buf_str(&out), strcmp(format, "args") ? "" : "\n");
	buf_free(&out);
	return 0;
}

static int run(struct ctl *c, struct err *e)
{
	const char *hostname;
	struct inspection i;
	struct buf text = { 0 };
	int r;

	if (inspect_existing(c->args.v[0], &i, e) < 0)
		return -1;
	hostname = tree_str(i.data, "", "hostname");
	log_warn("`limactl show-ssh` is deprecated. Instead, use `ssh -F %s/" F_SSH_CONFIG " %s`.", i.dir, hostname);
	r = config_text(&i, &text, e);
	if (r == 0)
		r = show(flag_string(c->flags, "format"), hostname, &text, e);
	buf_free(&text);
	inspect_free(&i);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "format", .letter = 'f', .type = FLAG_STRING, .value = "cmd", .words = "cmd args options config",
	  .complete = COMPLETE_WORDS, .help = "cmd (a command line), args (its options), options (one a line) or config (as in ssh_config)" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_show_ssh = {
	.name = "show-ssh",
	.group = GROUP_ADVANCED,
	.use = "[flags] INSTANCE",
	.summary = "Show how ssh reaches an instance (deprecated; use `ssh -F DIR/ssh.config lima-INSTANCE`)",
	.min_args = 1,
	.max_args = 1,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
