/* host - see host.h. */
#include "host.h"

#include <ctype.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "out.h"

#define SMALL_FILE 4096
#define ZONE_DEPTH 4 /* America/Argentina/Buenos_Aires */

char *host_arch(void)
{
	static const char *const names[][2] = {
		{ "x86_64", "x86_64" }, { "aarch64", "aarch64" }, { "armv7l", "armv7l" },   { "armv8l", "armv7l" },
		{ "arm64", "aarch64" }, { "ppc64le", "ppc64le" }, { "riscv64", "riscv64" }, { "s390x", "s390x" },
	};
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strcmp(u.machine, names[i][0]))
				return xstrdup(names[i][1]);
	return xstrdup("");
}

/* A small text file without the white space around it; NULL when it cannot be read. */
static char *trimmed(const char *path)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	char *start, *copy = NULL;

	if (file_read(path, SMALL_FILE, &text, &e) == 0) {
		while (text.len && isspace((unsigned char)text.data[text.len - 1]))
			text.data[--text.len] = '\0';
		start = text.len ? text.data : NULL;
		while (start && isspace((unsigned char)*start))
			start++;
		copy = start ? xstrdup(start) : NULL;
	}
	buf_free(&text);
	return copy;
}

const char *host_zone_name(const char *zoneinfo)
{
	const char *at = zoneinfo + strlen(zoneinfo);

	/* The folder of all zones is the nearest one with Etc/UTC in it. */
	for (int i = 0; i < ZONE_DEPTH && at > zoneinfo; i++) {
		char probe[PATH_MAX];

		do
			at--;
		while (at > zoneinfo && *at != '/');
		if (snprintf(probe, sizeof(probe), "%.*s/Etc/UTC", (int)(at - zoneinfo), zoneinfo) < PATH_MAX &&
		    access(probe, F_OK) == 0)
			return at + 1;
	}
	return NULL;
}

/* Names of zones are harmless words; anything else in /etc/timezone is not used. */
static bool is_zone(const char *name)
{
	char path[PATH_MAX];

	if (!isalpha((unsigned char)*name) || strstr(name, "..") ||
	    name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")])
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	return access(path, R_OK) == 0;
}

static char *timezone_of_host(void)
{
	char *name = trimmed("/etc/timezone"), path[PATH_MAX];
	const char *found;

	if (name && is_zone(name))
		return name;
	free(name);
	if (!realpath("/etc/localtime", path))
		return xstrdup("");
	found = host_zone_name(path);
	return xstrdup(found ? found : "");
}

static void account(struct host *h)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *home = getenv("HOME");

	h->uid = (uint32_t)getuid();
	h->user = xstrdup(pw ? pw->pw_name : "lima");
	h->comment = xstrdup(pw && pw->pw_gecos ? pw->pw_gecos : "");
	h->comment[strcspn(h->comment, ",")] = '\0';
	h->home = xstrdup(home && *home == '/' ? home : pw ? pw->pw_dir : "/");
}

static bool have_virtiofsd(void)
{
	static const char *const places[] = { "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/bin/virtiofsd",
					      "/usr/local/bin/virtiofsd", "/usr/lib/virtiofsd", NULL };

	for (const char *const *p = places; *p; p++)
		if (access(*p, X_OK) == 0)
			return true;
	return false;
}

void host_load(struct host *h)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	const char *tmp = getenv("TMPDIR");
	cpu_set_t set;

	*h = (struct host){ .arch = host_arch(), .timezone = timezone_of_host(), .machine_id = out_machine_id() };
	account(h);
	h->cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) :
								 (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (h->cpus == 0)
		h->cpus = 1;
	h->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
	h->tmpdir = xstrdup(tmp && *tmp ? tmp : "/tmp");
	h->virtiofsd = have_virtiofsd();
}

void host_free(struct host *h)
{
	free(h->user);
	free(h->comment);
	free(h->home);
	free(h->arch);
	free(h->timezone);
	free(h->machine_id);
	free(h->tmpdir);
	*h = (struct host){ 0 };
}
