/* uses: limactl instance render */
/* limactl's log lines: quoting, order of fields, levels, JSON (spec/cli.md section 2), and names in messages (%#q). */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "limactl/log.h"

#include "file.h"
#include "tap.h"

static char path[] = "/tmp/test_limactl_log.XXXXXX";
static int file, saved;

static void capture(void)
{
	saved = dup(STDERR_FILENO);
	if (ftruncate(file, 0) < 0 || lseek(file, 0, SEEK_SET) < 0 || dup2(file, STDERR_FILENO) < 0)
		abort();
}

/* What was written since capture(), without the time stamp's text. */
static char *captured(void)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	char *stamp, *result;

	dup2(saved, STDERR_FILENO);
	close(saved);
	if (file_read(path, 1 << 20, &text, &e) < 0)
		abort();
	stamp = strstr(buf_str(&text), "time\":\"");
	stamp = stamp ? stamp + 7 : strstr(buf_str(&text), "time=\"");
	if (stamp && *stamp == 't')
		stamp += 6;
	result = stamp ? xasprintf("%.*sNOW%s", (int)(stamp - text.data), text.data, stamp + strcspn(stamp, "\"")) : xstrdup(buf_str(&text));
	buf_free(&text);
	return result;
}

static void line_is(const char *want, const char *name)
{
	char *got = captured();

	is_str(got, want, name);
	free(got);
}

static void message(const char *msg, const char *want)
{
	char *line = xasprintf("time=\"NOW\" level=info%s%s\n", *want ? " msg=" : "", want);

	capture();
	log_with(LOG_INFO, msg, NULL);
	line_is(line, want);
	free(line);
}

static void test_quoting(void)
{
	message("done", "done");
	message("", "");
	message("two words", "\"two words\"");
	message("AZaz09-._/@^+", "AZaz09-._/@^+");
	message("a=b", "\"a=b\"");
	message("a:b", "\"a:b\"");
	message("`a`", "\"`a`\"");
	message("say \"hi\"", "\"say \\\"hi\\\"\"");
	message("C:\\x", "\"C:\\\\x\"");
	message("a\nb\tc", "\"a\\nb\\tc\"");
	message("\x01\x7f", "\"\\x01\\x7f\"");
	message("\x1b[31m", "\"\\x1b[31m\"");
	message("h\xc3\xa4user", "\"h\xc3\xa4user\"");
	message("\xe6\x97\xa5\xe6\x9c\xac", "\"\xe6\x97\xa5\xe6\x9c\xac\"");
	message("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
	message("a\xffz", "\"a\\xffz\"");
	message("\xc2\xa0", "\"\\u00a0\"");       /* no-break space */
	message("\xe2\x80\xae", "\"\\u202e\"");   /* right-to-left override */
	message("\xee\x80\x80", "\"\\ue000\"");   /* private */
	message("\xf3\xa0\x80\x81", "\"\\U000e0001\"");
}

static void test_fields(void)
{
	capture();
	log_with(LOG_WARN, "it failed", "key", "v 2", "error", "no", "empty", "", NULL);
	line_is("time=\"NOW\" level=warning msg=\"it failed\" empty= error=no key=\"v 2\"\n", "fields are sorted");
}

static void level_is(enum log_level level, const char *name)
{
	char *line = xasprintf("time=\"NOW\" level=%s msg=x\n", name);

	capture();
	log_msg(level, "%s", "x");
	line_is(line, name);
	free(line);
}

static void test_levels(void)
{
	struct err e = { 0 };

	ok(log_setup("trace", "text", false, &e) == 0, "trace");
	level_is(LOG_TRACE, "trace");
	level_is(LOG_DEBUG, "debug");
	level_is(LOG_INFO, "info");
	level_is(LOG_WARN, "warning");
	level_is(LOG_ERROR, "error");
	level_is(LOG_FATAL, "fatal");
	level_is(LOG_PANIC, "panic");
	ok(log_setup("WARN", "", false, &e) == 0 && log_level() == LOG_WARN, "words of levels in any case");
	capture();
	log_info("not told");
	log_warn("told");
	line_is("time=\"NOW\" level=warning msg=told\n", "what is below the level is left out");
	ok(log_setup("", "", true, &e) == 0 && log_level() == LOG_DEBUG, "--debug");
	ok(log_setup("error", "", true, &e) == 0 && log_level() == LOG_ERROR, "--log-level beats --debug");
	ok(log_setup("loud", "", false, &e) < 0 && e.code == EXIT_NO, "an unknown level");
	ok(log_setup("", "xml", false, &e) < 0, "an unknown format");
	is_str(e.msg, "unsupported log-format: `xml`", "and its text");
	is_num(log_level_parse("Warning"), LOG_WARN, "level of a field");
	is_num(log_level_parse("x"), -1, "no level");
}

static void test_json(void)
{
	struct err e = { 0 };

	ok(log_setup("", "json", false, &e) == 0, "json");
	capture();
	log_with(LOG_INFO, "a \"b\" <c>\n", "zone", "x", "error", "e", NULL);
	line_is("{\"error\":\"e\",\"level\":\"info\",\"msg\":\"a \\\"b\\\" \\u003cc\\u003e\\n\",\"time\":\"NOW\",\"zone\":\"x\"}\n",
		"one object, keys sorted");
	capture();
	log_warn("w");
	line_is("{\"level\":\"warning\",\"msg\":\"w\",\"time\":\"NOW\"}\n", "no fields");
	log_setup("", "text", false, &e);
}

/* RFC 3339 with the offset of the zone. */
static void test_time(void)
{
	struct buf text = { 0 };
	struct err e = { 0 };

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	capture();
	log_info("x");
	dup2(saved, STDERR_FILENO);
	close(saved);
	if (file_read(path, 1 << 20, &text, &e) < 0)
		abort();
	ok(strlen(buf_str(&text)) > 32 && !strncmp(buf_str(&text) + 6 + 19, "+05:30\" ", 8) && text.data[6 + 10] == 'T', "east: %.40s",
	   buf_str(&text));
	buf_free(&text);
	setenv("TZ", "UTC0", 1);
	tzset();
	capture();
	log_info("x");
	dup2(saved, STDERR_FILENO);
	close(saved);
	if (file_read(path, 1 << 20, &text, &e) < 0)
		abort();
	ok(!strncmp(buf_str(&text) + 6 + 19, "Z\" ", 3), "UTC: %.40s", buf_str(&text));
	buf_free(&text);
}

static void test_names(void)
{
	is_str(q("x"), "`x`", "a name");
	is_str(q(""), "``", "an empty name");
	is_str(q("a b\tc\"d\\"), "`a b\tc\"d\\`", "blanks, tab, quotes, backslash");
	is_str(q("a`b"), "\"a`b\"", "a backquote");
	is_str(q("a\nb"), "\"a\\nb\"", "a line break");
	is_str(q("a\x7f"), "\"a\\x7f\"", "DEL");
	is_str(q("\xef\xbb\xbf"), "\"\\ufeff\"", "a byte order mark");
	is_str(q("\xff"), "\"\\xff\"", "no UTF-8");
	is_str(q("\xc3\xa4"), "`\xc3\xa4`", "a letter beyond ASCII");
	is_str(qq("a\"b"), "\"a\\\"b\"", "%%q");
}

int main(void)
{
	file = mkstemp(path);
	if (file < 0)
		abort();
	test_quoting();
	test_fields();
	test_levels();
	test_json();
	test_time();
	test_names();
	close(file);
	unlink(path);
	return done();
}
