/* forward_owner - see forward_owner.h. Linux only, by /proc; elsewhere the answer is "". Used when a port is taken, so
 * that the message can say by whom. */
#include "forward_owner.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

/* The inode of a socket that is bound to the port; 0: none in this table. */
static unsigned long inode_in(const char *table, uint16_t port)
{
	unsigned long inode = 0, candidate;
	unsigned local;
	char line[512];
	FILE *f = fopen(table, "re");

	while (f && !inode && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &local, &candidate) == 2 &&
		    local == port)
			inode = candidate;
	if (f)
		fclose(f);
	return inode;
}

static bool has_socket(const char *pid, const char *want)
{
	char path[300], target[64];
	struct dirent *de;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && !found && (de = readdir(d))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, de->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = !strcmp(target, want);
	}
	if (d)
		closedir(d);
	return found;
}

/* A host agent runs in the folder of its instance, which has the instance's name. The kernel cuts names at 15 bytes. */
static void instance_of(const char *pid, const char *name, char *out, size_t n)
{
	char path[64], dir[PATH_MAX] = "";
	const char *slash;
	ssize_t len;

	out[0] = '\0';
	if (strcmp(name, "lima-hostagent"))
		return;
	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid);
	len = readlink(path, dir, sizeof(dir) - 1);
	dir[len > 0 ? len : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash && slash[1])
		snprintf(out, n, ", which forwards for the instance '%.76s'", slash + 1);
}

static void name_of(const char *pid, char *out, size_t n)
{
	char path[64], name[32] = "", instance[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		name[0] = '\0';
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	instance_of(pid, name, instance, sizeof(instance));
	snprintf(out, n, "%s (pid %.20s)%s", name, pid, instance);
}

void forward_owner(uint8_t proto, uint16_t port, char *out, size_t n)
{
	unsigned long inode = inode_in(proto == WIRE_UDP ? "/proc/net/udp" : "/proc/net/tcp", port);
	struct dirent *de;
	char want[64];
	DIR *d;

	out[0] = '\0';
	if (!inode)
		inode = inode_in(proto == WIRE_UDP ? "/proc/net/udp6" : "/proc/net/tcp6", port);
	if (!inode)
		return;
	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	d = opendir("/proc");
	while (d && !out[0] && (de = readdir(d)))
		if (isdigit((unsigned char)de->d_name[0]) && has_socket(de->d_name, want))
			name_of(de->d_name, out, n);
	if (d)
		closedir(d);
}
