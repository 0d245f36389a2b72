/* uses: limactl instance render */
/* limactl's flags: the rules of pflag and the texts of its errors (spec/cli.md section 1.3). */
#include <stdint.h>

#include "limactl/flags.h"

#include "tap.h"

static const struct flag_spec first[] = {
	{ .name = "force", .letter = 'f', .help = "a switch" },
	{ .name = "recursive", .letter = 'r' },
	{ .name = "format", .letter = 'o', .type = FLAG_STRING, .value = "table" },
	{ .name = "instance", .type = FLAG_STRING },
	{ .name = "cpus", .type = FLAG_INT },
	{ .name = "port", .type = FLAG_UINT16, .value = "22" },
	{ .name = "memory", .type = FLAG_FLOAT },
	{ .name = "timeout", .type = FLAG_DURATION, .value = "10m0s" },
	{ .name = "mount", .type = FLAG_SLICE },
	{ .name = "dns", .type = FLAG_IPS },
	{ .name = "set", .type = FLAG_ARRAY },
	{ .name = "verbose", .letter = 'v', .value = "true" },
	{ 0 },
};
static const struct flag_spec second[] = {
	{ .name = "tty" },
	{ .name = "verbose", .letter = 'v', .type = FLAG_STRING },
	{ .name = "size", .type = FLAG_STRING, .required = true },
	{ .name = "tag", .type = FLAG_STRING, .required = true },
	{ 0 },
};
static const struct flag_spec *const tables[] = { first, second, NULL };

#define WORDS_MAX 12

/* What parsing a line gives; words are separated by '|'. */
struct parsed {
	struct flags *f;
	struct strv args;
	struct err e;
	int r;
};

static struct parsed parse_stop(const char *line, bool stop)
{
	struct parsed p = { .f = flags_new(tables) };
	char *copy = xstrdup(line), *words[WORDS_MAX + 1];
	size_t n = 0;

	for (char *at = copy; *line && at && n < WORDS_MAX; n++) {
		char *bar = strchr(at, '|');

		words[n] = at;
		if (bar)
			*bar++ = '\0';
		at = bar;
	}
	p.r = flags_parse(p.f, words, n, stop, &p.args, &p.e);
	free(copy);
	return p;
}

static struct parsed parse(const char *line)
{
	return parse_stop(line, false);
}

static void done_with(struct parsed *p)
{
	flags_free(p->f);
	strv_free(&p->args);
}

static void fails(const char *line, const char *text)
{
	struct parsed p = parse(line);

	ok(p.r < 0 && p.e.code == EXIT_NO, "'%s' is refused", line);
	is_str(p.e.msg, text, line);
	done_with(&p);
}

static void args_are(const char *line, bool stop, const char *want)
{
	struct parsed p = parse_stop(line, stop);
	struct buf got = { 0 };

	for (size_t i = 0; i < p.args.n; i++)
		buf_addf(&got, "%s%s", i ? "|" : "", p.args.v[i]);
	ok(p.r == 0, "'%s' is parsed (%s)", line, p.e.msg);
	is_str(buf_str(&got), want, line);
	buf_free(&got);
	done_with(&p);
}

static void string_is(const char *line, const char *flag, const char *want)
{
	struct parsed p = parse(line);

	ok(p.r == 0 && flag_given(p.f, flag), "'%s' gives --%s (%s)", line, flag, p.e.msg);
	is_str(flag_string(p.f, flag), want, line);
	done_with(&p);
}

static void list_is(const char *line, const char *flag, const char *want)
{
	struct parsed p = parse(line);
	struct buf got = { 0 };

	for (size_t i = 0; i < flag_list(p.f, flag)->n; i++)
		buf_addf(&got, "<%s>", flag_list(p.f, flag)->v[i]);
	ok(p.r == 0, "'%s' is parsed (%s)", line, p.e.msg);
	is_str(buf_str(&got), want, line);
	buf_free(&got);
	done_with(&p);
}

static void int_is(const char *line, const char *flag, int64_t want)
{
	struct parsed p = parse(line);

	ok(p.r == 0, "'%s' is parsed (%s)", line, p.e.msg);
	is_num(flag_int(p.f, flag), want, line);
	done_with(&p);
}

static void seconds_are(const char *text, int64_t want)
{
	char *line = xasprintf("--timeout=%s", text);
	struct parsed p = parse(line);

	ok(p.r == 0, "'%s' is a duration (%s)", text, p.e.msg);
	is_num(flag_seconds(p.f, "timeout"), want, text);
	done_with(&p);
	free(line);
}

static void bool_is(const char *line, const char *flag, bool want)
{
	struct parsed p = parse(line);

	ok(p.r == 0 && flag_bool(p.f, flag) == want, "'%s': --%s is %d (%s)", line, flag, want, p.e.msg);
	done_with(&p);
}

static void test_forms(void)
{
	string_is("--format=json", "format", "json");
	string_is("--format|json", "format", "json");
	string_is("-ojson", "format", "json");
	string_is("-o|json", "format", "json");
	string_is("-o=json", "format", "json");
	string_is("--format=", "format", "");
	string_is("--format|--force", "format", "--force");
	string_is("--format=a|--format=b", "format", "b");
	string_is("-fro|json", "format", "json");
	string_is("a|-frojson", "format", "json");
	bool_is("-fr", "force", true);
	bool_is("-fr", "recursive", true);
	bool_is("--force", "force", true);
	bool_is("--force=false", "force", false);
	bool_is("-f=false", "force", false);
	bool_is("--force|--force=F", "force", false);
	bool_is("", "force", false);
	bool_is("", "verbose", true); /* the first table hides the second's, with its letter */
	bool_is("-v=0", "verbose", false);
}

static void test_bools(void)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < 6; i++) {
		char *on = xasprintf("--tty=%s", yes[i]), *off = xasprintf("--tty=%s", no[i]);

		bool_is(on, "tty", true);
		bool_is(off, "tty", false);
		free(on);
		free(off);
	}
	args_are("--tty|false", false, "false"); /* a switch never takes the next word */
}

static void test_arguments(void)
{
	args_are("a|--force|b", false, "a|b");
	args_are("a|--|--force|-x", false, "a|--force|-x");
	args_are("--|--", false, "--");
	args_are("-|--force", false, "-");
	args_are("|a", false, "|a");
	args_are("--force|a|--bogus|-Z", true, "a|--bogus|-Z");
	args_are("--format|x|a|--|b", true, "a|--|b");
	args_are("--|a|--|b", true, "a|--|b");
}

static void test_lists(void)
{
	list_is("--mount|a,b|--mount|c", "mount", "<a><b><c>");
	list_is("--mount=\"a,b\",c", "mount", "<a,b><c>");
	list_is("--mount=\"say \"\"hi\"\"\"", "mount", "<say \"hi\">");
	list_is("--mount=", "mount", "");
	list_is("--mount=a,,b,", "mount", "<a><><b><>");
	list_is("--set|a,b|--set|c", "set", "<a,b><c>");
	list_is("--set=", "set", "<>");
	list_is("--dns|1.1.1.1,::1|--dns=8.8.8.8", "dns", "<1.1.1.1><::1><8.8.8.8>");
	list_is("--dns=\" 1.1.1.1\", '9.9.9.9'", "dns", "<1.1.1.1><9.9.9.9>");
}

static void test_numbers(void)
{
	int_is("", "port", 22);
	int_is("--cpus=4", "cpus", 4);
	int_is("--cpus=-4", "cpus", -4);
	int_is("--cpus=+4", "cpus", 4);
	int_is("--cpus=0x10", "cpus", 16);
	int_is("--cpus=010", "cpus", 8);
	int_is("--cpus=0b11", "cpus", 3);
	int_is("--cpus=-9223372036854775808", "cpus", INT64_MIN);
	int_is("--port=65535", "port", 65535);
	string_is("--memory=0.5", "memory", "0.5");
	string_is("--memory=1e1", "memory", "1e1");
	seconds_are("10m0s", 600);
	seconds_are("0", 0);
	seconds_are("1h2m3s", 3723);
	seconds_are("1.5m", 90);
	seconds_are("1500ms", 2);
	seconds_are("1\xc2\xb5s", 1);
	seconds_are("-5s", -5);
	seconds_are("+5s", 5);
}

static void test_errors(void)
{
	fails("--bogus", "unknown flag: --bogus");
	fails("--bogus=1", "unknown flag: --bogus");
	fails("a|--tty|--bogus", "unknown flag: --bogus");
	fails("-Z", "unknown shorthand flag: 'Z' in -Z");
	fails("-fZr", "unknown shorthand flag: 'Z' in -Zr");
	fails("--instance", "flag needs an argument: --instance");
	fails("-f|-o", "flag needs an argument: 'o' in -o");
	fails("-fo", "flag needs an argument: 'o' in -o");
	fails("--=x", "bad flag syntax: --=x");
	fails("---x", "bad flag syntax: ---x");
	fails("--tty=maybe",
	      "invalid argument \"maybe\" for \"--tty\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
	fails("--force=", "invalid argument \"\" for \"-f, --force\" flag: strconv.ParseBool: parsing \"\": invalid syntax");
	fails("--cpus=x", "invalid argument \"x\" for \"--cpus\" flag: strconv.ParseInt: parsing \"x\": invalid syntax");
	fails("--cpus=1.5", "invalid argument \"1.5\" for \"--cpus\" flag: strconv.ParseInt: parsing \"1.5\": invalid syntax");
	fails("--cpus=09", "invalid argument \"09\" for \"--cpus\" flag: strconv.ParseInt: parsing \"09\": invalid syntax");
	fails("--cpus=9223372036854775808", "invalid argument \"9223372036854775808\" for \"--cpus\" flag: strconv.ParseInt: parsing "
					    "\"9223372036854775808\": value out of range");
	fails("--port=65536",
	      "invalid argument \"65536\" for \"--port\" flag: strconv.ParseUint: parsing \"65536\": value out of range");
	fails("--port=-1", "invalid argument \"-1\" for \"--port\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax");
	fails("--memory=512MiB",
	      "invalid argument \"512MiB\" for \"--memory\" flag: strconv.ParseFloat: parsing \"512MiB\": invalid syntax");
	fails("--memory=1e99", "invalid argument \"1e99\" for \"--memory\" flag: strconv.ParseFloat: parsing \"1e99\": value out of range");
	fails("--timeout=5", "invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \"5\"");
	fails("--timeout=", "invalid argument \"\" for \"--timeout\" flag: time: invalid duration \"\"");
	fails("--timeout=x", "invalid argument \"x\" for \"--timeout\" flag: time: invalid duration \"x\"");
	fails("--timeout=5d", "invalid argument \"5d\" for \"--timeout\" flag: time: unknown unit \"d\" in duration \"5d\"");
	fails("--dns=a", "invalid argument \"a\" for \"--dns\" flag: invalid string being converted to IP address: a");
	fails("--mount=a\"b", "invalid argument \"a\\\"b\" for \"--mount\" flag: parse error on line 1, column 2: bare \" in non-quoted field");
	fails("--mount=\"a\"b", "invalid argument \"\\\"a\\\"b\" for \"--mount\" flag: parse error on line 1, column 3: extraneous or missing "
				"\" in quoted-field");
}

static void test_required(void)
{
	struct parsed p = parse("--tag=x"), none = parse(""), both = parse("--size=1|--tag=");

	ok(flags_check_required(p.f, &p.e) < 0, "a required flag is missing");
	is_str(p.e.msg, "required flag(s) \"size\" not set", "one missing flag");
	ok(flags_check_required(none.f, &none.e) < 0, "two are missing");
	is_str(none.e.msg, "required flag(s) \"size\", \"tag\" not set", "two missing flags");
	ok(flags_check_required(both.f, &both.e) == 0, "an empty value is a value");
	done_with(&p);
	done_with(&none);
	done_with(&both);
}

int main(void)
{
	test_forms();
	test_bools();
	test_arguments();
	test_lists();
	test_numbers();
	test_errors();
	test_required();
	return done();
}
