/* uses: fetch */
/* locator: what a location is, and what is none. */
#include "fetch/locator.h"

#include <unistd.h>

#include "tap.h"

static void url(const char *text, const char *host, const char *shown)
{
	struct err e = { 0 };
	struct locator l;

	if (ok(locator_parse(text, &l, &e) == 0 && l.kind == LOCATOR_URL, "URL %s", text)) {
		is_str(l.host, host, "its host");
		is_str(l.shown, shown, "what is shown");
		is_str(l.text, text, "the text is kept");
	}
	locator_free(&l);
}

static void file(const char *text, const char *path)
{
	struct err e = { 0 };
	struct locator l;

	ok(locator_parse(text, &l, &e) == 0 && l.kind == LOCATOR_FILE, "file %s %s", text, e.msg);
	is_str(l.path, path, "its path");
	locator_free(&l);
}

static void bad(const char *text)
{
	struct err e = { 0 };
	struct locator l;

	ok(locator_parse(text, &l, &e) < 0 && e.code == EXIT_BADDATA, "'%.40s' is refused: %.80s", text, e.msg);
}

int main(void)
{
	struct err e = { 0 };
	struct locator l;
	char *big = calloc(1, LOCATOR_MAX + 2);

	setenv("HOME", "/home/me", 1);
	ok(chdir("/tmp") == 0, "in /tmp");
	url("https://Example.ORG/a/B?c#d", "example.org", "https://Example.ORG/a/B?c#d");
	url("HTTP://h:80", "h:80", "HTTP://h:80");
	url("http://[::1]:8080/x", "[::1]:8080", "http://[::1]:8080/x");
	url("https://u:p@h/x@y", "h", "https://...@h/x@y");
	url("https://u@evil@h?@z", "h", "https://...@h?@z");
	file("/a b", "/a b");
	file("file:///a", "/a");
	file("a", "/tmp/a");
	file("./a", "/tmp/a");
	file("~", "/home/me");
	file("~/a", "/home/me/a");
	file("file:/x", "/tmp/file:/x");
	ok(locator_parse("recipe:debian-12", &l, &e) == 0 && l.kind == LOCATOR_RECIPE, "a recipe");
	is_str(l.name, "debian-12", "its name");
	locator_free(&l);
	bad("");
	bad("recipe:");
	bad("recipe:../../etc");
	bad("recipe:a b");
	bad("ftp://h/x");
	bad("file://h/x");
	bad("http://");
	bad("http://:80/");
	bad("http://u@/x");
	bad("http://h/a b");
	bad("http://h/a\nb");
	bad("http://h/\x7f");
	bad("~root/x");
	memset(big, 'a', LOCATOR_MAX + 1);
	bad(big);
	setenv("HOME", "relative", 1);
	bad("~/a");
	free(big);
	return done();
}
