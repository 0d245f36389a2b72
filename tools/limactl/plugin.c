/* plugin - see plugin.h. */
#include "plugin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "spawn.h"

#define PREFIX "limactl-"
#define HEAD_MAX 4096 /* bytes of a script that are looked through for its description */

/* Adds the directory once. */
static void add_dir(struct strv *dirs, const char *dir)
{
	for (size_t i = 0; i < dirs->n; i++)
		if (!strcmp(dirs->v[i], dir))
			return;
	strv_add(dirs, dir);
}

static void add_parent(struct strv *dirs, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *dir = slash ? xstrndup(file, slash == file ? 1 : (size_t)(slash - file)) : NULL;

	if (dir)
		add_dir(dirs, dir);
	free(dir);
}

/* The program as it was called, which may be a link: a path, or what PATH has under the name. */
static char *called(const char *argv0)
{
	char *cwd, *path;

	if (!strchr(argv0, '/'))
		return program_find(argv0);
	if (*argv0 == '/')
		return xstrdup(argv0);
	cwd = getcwd(NULL, 0);
	path = cwd ? path_join(cwd, argv0) : NULL;
	free(cwd);
	return path;
}

void plugin_dirs(const char *argv0, struct strv *dirs)
{
	static const char *const below[] = { "libexec/lima", "lib/lima" };
	const char *path = getenv("PATH");
	struct err ignored = { 0 };
	char *as_called = called(argv0), *bin = dirs_bin(&ignored);
	size_t own;

	if (as_called)
		add_parent(dirs, as_called);
	if (bin)
		add_dir(dirs, bin);
	own = dirs->n;
	for (const char *p = path ? path : ""; *p; p += strcspn(p, ":"), p += *p == ':') {
		char *dir = xstrndup(p, strcspn(p, ":"));

		if (*dir == '/')
			add_dir(dirs, dir);
		free(dir);
	}
	for (size_t i = 0; i < own; i++)
		for (size_t k = 0; k < sizeof(below) / sizeof(*below); k++) {
			char *prefix = xstrndup(dirs->v[i], (size_t)(strrchr(dirs->v[i], '/') - dirs->v[i]));
			char *dir = path_join(prefix, below[k]);

			add_dir(dirs, dir);
			free(dir);
			free(prefix);
		}
	free(as_called);
	free(bin);
}

static bool executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *plugin_find(const char *argv0, const char *name)
{
	struct strv dirs = { 0 };
	char *found = NULL;

	if (strchr(name, '/'))
		return NULL;
	plugin_dirs(argv0, &dirs);
	for (size_t i = 0; i < dirs.n && !found; i++) {
		found = xasprintf("%s/" PREFIX "%s", dirs.v[i], name);
		if (!executable(found)) {
			free(found);
			found = NULL;
		}
	}
	strv_free(&dirs);
	return found;
}

/* --- listing --- */

/* The description that a script has in its first lines; "" for what is no script. */
static char *summary(const char *path)
{
	static const char open_tag[] = "<limactl-desc>", close_tag[] = "</limactl-desc>";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[HEAD_MAX + 1];
	ssize_t n = fd >= 0 ? read(fd, head, HEAD_MAX) : 0;
	char *from, *to, *text;

	if (fd >= 0)
		close(fd);
	head[n > 0 ? n : 0] = '\0';
	from = strncmp(head, "#!", 2) ? NULL : strstr(head, open_tag);
	to = from ? strstr(from, close_tag) : NULL;
	if (!to)
		return xstrdup("");
	from += sizeof(open_tag) - 1;
	text = xstrndup(from, (size_t)(to - from));
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	return text;
}

static bool known(const struct plugins *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name))
			return true;
	return false;
}

static void list_dir(const char *dir, struct plugins *list)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		const char *name = entry->d_name + strlen(PREFIX);
		char *path;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 || !*name || known(list, name))
			continue;
		path = path_join(dir, entry->d_name);
		if (!executable(path)) {
			free(path);
			continue;
		}
		list->v = xrealloc(list->v, (list->n + 1) * sizeof(*list->v));
		list->v[list->n++] = (struct plugin){ xstrdup(name), path, summary(path), !strncmp(name, "url-", 4) };
	}
	if (d)
		closedir(d);
}

static int by_name(const void *a, const void *b)
{
	const struct plugin *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void plugins_list(const char *argv0, struct plugins *list)
{
	struct strv dirs = { 0 };

	*list = (struct plugins){ 0 };
	plugin_dirs(argv0, &dirs);
	for (size_t i = 0; i < dirs.n; i++)
		list_dir(dirs.v[i], list);
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_name);
	strv_free(&dirs);
}

void plugins_free(struct plugins *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].path);
		free(list->v[i].summary);
	}
	free(list->v);
	*list = (struct plugins){ 0 };
}

/* --- running --- */

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int plugin_run(const char *argv0, const char *path, char *const *args, struct err *e)
{
	struct strv dirs = { 0 }, argv = { 0 };
	struct buf search = { 0 };
	const char *env[2] = { NULL, NULL };
	struct spawn s = { .in = SPAWN_INHERIT, .out = SPAWN_INHERIT, .err = SPAWN_INHERIT, .env = env };
	pid_t pid;
	int r;

	plugin_dirs(argv0, &dirs);
	buf_adds(&search, "PATH=");
	for (size_t i = 0; i < dirs.n; i++)
		buf_addf(&search, "%s%s", i ? ":" : "", dirs.v[i]);
	env[0] = buf_str(&search);
	strv_add(&argv, path);
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	s.argv = argv.v;
	/* ^C is for the plugin; we stay to hand on its status. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	r = spawn_start(&s, &pid, e);
	if (r == 0)
		r = wait_for(pid);
	buf_free(&search);
	strv_free(&argv);
	strv_free(&dirs);
	return r;
}
