/* num: strict numbers, and sizes as lima-yaml section 2 describes them. */
#include "num.h"

#include "tap.h"

static void size_is(const char *text, unsigned long long want)
{
	struct err e = { 0 };
	uint64_t got = 0;
	int r = size_parse(text, "disk", &got, &e);

	ok(r == 0 && got == want, "size '%s' is %llu (%s)", text, want, r ? e.msg : "parsed");
}

static void size_bad(const char *text)
{
	struct err e = { 0 };
	uint64_t got = 0;

	ok(size_parse(text, "disk", &got, &e) < 0 && e.code == EXIT_BADDATA, "size '%s' is refused", text);
}

int main(void)
{
	static const char *const bad[] = { "", "GiB", "-1", "4GiBB", "4GiB ", "4  GiB", "1e", "NaN", "inf", "0x10", " 4", "4EiB",
					   "9999999PiB", "4 4", "1.2.3", "+4" };
	struct err e = { 0 };
	uint64_t n = 0;
	char text[32];

	size_is("0", 0);
	size_is("100", 100);
	size_is("4GiB", 4ULL << 30);
	size_is("4gb", 4ULL << 30);
	size_is("4 GiB", 4ULL << 30);
	size_is("1.5k", 1536);
	size_is("1e3MiB", 1000ULL << 20);
	size_is("128KiB", 131072);
	size_is("7b", 7);
	size_is("2P", 2ULL << 50);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		size_bad(bad[i]);
	size_format(4ULL << 30, text, sizeof(text));
	is_str(text, "4GiB", "format 4 GiB");
	size_format(4162897920ULL, text, sizeof(text));
	is_str(text, "3.877GiB", "format with a fraction");
	size_format(536870912, text, sizeof(text));
	is_str(text, "512MiB", "format mebibytes");
	size_format(1048576000, text, sizeof(text));
	is_str(text, "1000MiB", "format below the next unit");
	size_format(0, text, sizeof(text));
	is_str(text, "0B", "format zero");
	ok(num_parse("65535", 1, 65535, "port", &n, &e) == 0 && n == 65535, "upper bound");
	ok(num_parse("65536", 1, 65535, "port", &n, &e) < 0, "beyond the upper bound");
	ok(num_parse("0", 1, 65535, "port", &n, &e) < 0, "below the lower bound");
	ok(num_parse("-1", 0, 9, "port", &n, &e) < 0, "a sign");
	ok(num_parse(" 4", 0, 9, "port", &n, &e) < 0, "a blank");
	ok(num_parse("0x4", 0, 9, "port", &n, &e) < 0, "hexadecimal");
	ok(num_parse("18446744073709551616", 0, UINT64_MAX, "n", &n, &e) < 0, "2^64");
	return done();
}
