/* locator_image - a file name of a disk image taken as a template: what system, which architecture, which instance
 * name. The rules are guesses about how distributions name their images. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "locator_priv.h"

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}

/* The length of the suffix that `list` has for the first n bytes of s, 0 when none fits. */
static size_t listed_suffix(const char *s, size_t n, const char *const *list)
{
	for (; *list; list++) {
		size_t k = strlen(*list);

		if (n >= k && !strncmp(s + n - k, *list, k))
			return k;
	}
	return 0;
}

/* The length of the image suffix (".qcow2.xz"), 0 when there is none. */
static size_t suffix_length(const char *s)
{
	static const char *const types[] = {".img", ".qcow2", ".raw", ".iso", ".ipsw", NULL};
	static const char *const packed[] = {".gz", ".xz", ".bz2", ".zst", ".zstd", NULL};
	size_t n = strlen(s), outer = listed_suffix(s, n, packed), inner = listed_suffix(s, n - outer, types);

	return inner ? inner + outer : 0;
}

bool locator_is_image(const char *locator)
{
	return suffix_length(locator) > 0;
}

static bool word_char(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

/* The first place of `word` that has no letter, digit or '_' on either side; NULL when there is none. */
static const char *find_word(const char *s, const char *word, bool any_case)
{
	size_t n = strlen(word);

	for (const char *p = s; *p; p++)
		if (!(any_case ? strncasecmp(p, word, n) : strncmp(p, word, n)) && (p == s || !word_char(p[-1])) &&
		    !word_char(p[n]))
			return p;
	return NULL;
}

static const char *os_of(const char *name)
{
	if (find_word(name, "FreeBSD", true))
		return "FreeBSD";
	return find_word(name, "macOS", true) || ends_with(name, ".ipsw") ? "Darwin" : "Linux";
}

static const char *host_arch(void)
{
	static struct utsname u;

	if (uname(&u) < 0)
		return "x86_64";
	return !strcmp(u.machine, "arm64") ? "aarch64" : !strcmp(u.machine, "amd64") ? "x86_64" : u.machine;
}

/* NULL when the name does not tell. */
static const char *arch_of(const char *name)
{
	static const struct {
		const char *word, *arch;
	} words[] = {
	    {"aarch64", "aarch64"}, {"arm64", "aarch64"}, {"x86_64", "x86_64"},	  {"amd64", "x86_64"},
	    {"armhf", "armv7l"},    {"armv7l", "armv7l"}, {"ppc64el", "ppc64le"}, {"ppc64le", "ppc64le"},
	    {"riscv64", "riscv64"}, {"s390x", "s390x"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (find_word(name, words[i].word, false))
			return words[i].arch;
	return NULL;
}

/* --- the instance name --- */

static void cut(char *s, size_t n)
{
	memmove(s, s + n, strlen(s + n) + 1);
}

/* Removes every "-WORD", "_WORD" and ".WORD" that ends at the end of a word. */
static void remove_tag(char *s, const char *word)
{
	size_t n = strlen(word);

	while (*s) {
		if (strchr("-_.", *s) && !strncmp(s + 1, word, n) && !word_char(s[n + 1]))
			cut(s, n + 1);
		else
			s++;
	}
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Removes "-20260712" and "-20260712-2537". */
static void remove_dates(char *s)
{
	while (*s) {
		size_t n = 9, more;

		if (!strchr("-_.", *s) || strncmp(s + 1, "20", 2) || digits(s + 1) != 8) {
			s++;
			continue;
		}
		more = s[n] && strchr("-_.", s[n]) ? digits(s + n + 1) : 0;
		if (more && !word_char(s[n + 1 + more]))
			n += 1 + more;
		if (word_char(s[n]))
			s++;
		else
			cut(s, n);
	}
}

/* "rocky-9-9.8" -> "rocky-9.8". */
static void join_versions(char *s)
{
	for (char *p = s; (p = strchr(p, '-')); p++) {
		size_t n = digits(p + 1);

		if (n && p[n + 1] == '-' && !strncmp(p + 1, p + n + 2, n) && p[2 * n + 2] == '.') {
			cut(p, n + 1);
			return;
		}
	}
}

static char *replace_first(char *s, const char *from, const char *to)
{
	char *hit = strstr(s, from), *all;

	if (!hit)
		return s;
	all = xasprintf("%.*s%s%s", (int)(hit - s), s, to, hit + strlen(from));
	free(s);
	return all;
}

static char *tidy(char *s)
{
	size_t n;

	s = replace_first(s, "universalmac_", "macos-");
	s = replace_first(s, "arm64-aarch64", "arm64");
	remove_tag(s, host_arch());
	remove_dates(s);
	if (!strncmp(s, "arch", 4) && !word_char(s[4]))
		s = replace_first(s, "arch", "archlinux");
	join_versions(s);
	n = strncmp(s, "macos-", 6) ? 0 : 6 + strspn(s + 6, "0123456789.");
	if (n > 6 && (s[n] == '-' || s[n] == '_'))
		s[n] = '\0';
	return s;
}

char *locator_image_name(const char *locator)
{
	static const char *const tags[] = {
	    "base",    "basic",	       "cloud", "cloudimg", "cloudinit", "current", "daily",	 "default",
	    "generic", "genericcloud", "kvm",	"latest",   "linux",	 "minimal", "openstack", "release",
	    "restore", "server",       "std",	"stream",   "uefi",	 "vm",
	};
	const char *slash = strrchr(locator, '/');
	char *s = xstrdup(slash ? slash + 1 : locator);

	for (char *p = s; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	s[strlen(s) - suffix_length(s)] = '\0';
	if (!strncmp(s, "nocloud_", 8))
		cut(s, 8);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		remove_tag(s, tags[i]);
	return tidy(s);
}

/* A double-quoted YAML text. */
static void put_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

int locator_image(const char *location, struct locator_source *s, struct err *e)
{
	const char *slash = strrchr(location, '/'), *name = slash ? slash + 1 : location;
	const char *os = os_of(name), *arch = arch_of(name);

	for (const char *p = location; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, EXIT_USAGE, "the location of the image has control characters in it");
	if (!arch && !strcmp(os, "Darwin"))
		arch = "aarch64";
	if (!arch) {
		arch = host_arch();
		s->note = xasprintf("the name %s does not tell an architecture; %s is assumed", name, arch);
	}
	buf_addf(&s->text, "os: %s\narch: %s\nimages:\n- location: ", os, arch);
	put_quoted(&s->text, location);
	buf_addf(&s->text, "\n  arch: %s\n", arch);
	return 0;
}
