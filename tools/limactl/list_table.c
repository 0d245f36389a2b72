/* list_table - see list_table.h. */
#include "list_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "print.h"
#include "render/host.h"

#define COLUMNS_MAX 9
/* On a terminal: the width of a tab, and how many of them NAME, STATUS and SSH; CPUS, MEMORY and DISK; or one other column are
 * thought to take. */
#define TAB 8
#define FIRST_TABS 5
#define SIZE_TABS 3

enum column { NAME, STATUS, SSH, VMTYPE, ARCH, CPUS, MEMORY, DISK, DIR_ };

static const char *const headings[] = { "NAME", "STATUS", "SSH", "VMTYPE", "ARCH", "CPUS", "MEMORY", "DISK", "DIR" };

static char *ssh(const struct inspection *i)
{
	return xasprintf("%s:%d", tree_str(i->data, "", "sshAddress"), i->ssh_port);
}

static char *size(const struct inspection *i, const char *key)
{
	char text[32];

	size_format((uint64_t)tree_int(i->data, 0, "%s", key), text, sizeof(text));
	return xstrdup(text);
}

static char *cell(const struct inspection *i, enum column c)
{
	static const char *const keys[] = { [NAME] = "name",     [STATUS] = "status", [VMTYPE] = "vmType",
					    [ARCH] = "arch",     [MEMORY] = "memory", [DISK] = "disk",
					    [DIR_] = "dir" };

	switch (c) {
	case SSH:
		return ssh(i);
	case CPUS:
		return xasprintf("%lld", (long long)tree_int(i->data, 0, "cpus"));
	case MEMORY:
	case DISK:
		return size(i, keys[c]);
	case DIR_:
		return print_home(i->dir);
	default:
		return xstrdup(tree_str(i->data, "", "%s", keys[c]));
	}
}

static bool all_are(const struct inspection *v, size_t n, const char *key, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(tree_str(v[i].data, "", "%s", key), value) != 0)
			return false;
	return true;
}

/* The columns to show; returns how many. */
static size_t choose(const struct inspection *v, size_t n, int width, enum column shown[COLUMNS_MAX])
{
	bool show[COLUMNS_MAX] = { true, true, true, true, true, true, true, true, true };
	char *arch = host_arch();
	int tabs = FIRST_TABS;
	size_t count = 0;

	if (width && n) {
		show[VMTYPE] = (tabs + 7) * TAB <= width || !all_are(v, n, "vmType", tree_str(v[0].data, "", "vmType"));
		tabs += show[VMTYPE];
		show[ARCH] = (tabs + 6) * TAB <= width || !all_are(v, n, "arch", arch);
		tabs += show[ARCH] + SIZE_TABS;
		show[DIR_] = (tabs + 2) * TAB <= width;
	}
	free(arch);
	for (size_t c = 0; c < COLUMNS_MAX; c++)
		if (show[c])
			shown[count++] = (enum column)c;
	return count;
}

void list_table(const struct inspection *v, size_t n, int width, struct buf *out)
{
	enum column shown[COLUMNS_MAX];
	size_t columns = choose(v, n, width, shown);
	char **cells = xcalloc((n + 1) * columns, sizeof(*cells));

	for (size_t c = 0; c < columns; c++) {
		cells[c] = xstrdup(headings[shown[c]]);
		for (size_t i = 0; i < n; i++)
			cells[(i + 1) * columns + c] = cell(&v[i], shown[c]);
	}
	print_table((const char *const *)cells, n + 1, columns, out);
	for (size_t i = 0; i < (n + 1) * columns; i++)
		free(cells[i]);
	free(cells);
}
