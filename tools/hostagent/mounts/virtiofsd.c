/* virtiofsd - see virtiofsd.h. */
#include "virtiofsd.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "spawn.h"

#define JSON_MAX 65536

/* Whether it knows --readonly (from 1.11 on). */
static bool has_read_only(const char *path)
{
	char *argv[] = { (char *)path, (char *)"--help", NULL };
	struct buf out = { 0 }, err = { 0 };
	struct err e = { 0 };
	int status;
	bool has = spawn_run(argv, &out, &err, &status, &e) == 0 && strstr(buf_str(&out), "--readonly");

	buf_free(&out);
	buf_free(&err);
	return has;
}

/* Whether it runs, and which of the two it is. */
static bool try_program(const char *path, struct virtiofsd *v)
{
	char *argv[] = { (char *)path, (char *)"--version", NULL };
	struct buf out = { 0 }, err = { 0 };
	struct err e = { 0 };
	int status = 1;
	bool works = access(path, X_OK) == 0 && spawn_run(argv, &out, &err, &status, &e) == 0 && status == 0;

	if (works)
		*v = (struct virtiofsd){ .path = xstrdup(path), .rust = !strstr(buf_str(&out), "QEMU Project") };
	buf_free(&out);
	buf_free(&err);
	return works;
}

/* A vhost-user description (QEMU: docs/interop/vhost-user.json). */
static bool try_description(const char *file, struct virtiofsd *v)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	cJSON *o = file_read(file, JSON_MAX, &text, &e) == 0 ? cJSON_ParseWithLength(buf_str(&text), text.len) : NULL;
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(o, "type");
	const cJSON *binary = cJSON_GetObjectItemCaseSensitive(o, "binary");
	bool found = cJSON_IsString(type) && !strcmp(type->valuestring, "fs") && cJSON_IsString(binary) &&
		     binary->valuestring[0] == '/' && try_program(binary->valuestring, v);

	cJSON_Delete(o);
	buf_free(&text);
	return found;
}

static int is_json(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".json");
}

static bool try_folder(const char *dir, struct virtiofsd *v)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_json, alphasort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		char *file = path_join(dir, list[i]->d_name);

		found = found || try_description(file, v);
		free(file);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found;
}

static bool try_prefix(const char *prefix, size_t n, const char *below, struct virtiofsd *v)
{
	char *dir = xasprintf("%.*s/%s", (int)n, prefix, below);
	bool found = try_folder(dir, v);

	free(dir);
	return found;
}

int virtiofsd_find(const char *qemu, struct virtiofsd *v, struct err *e)
{
	static const char *const places[] = { "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd",
					      "/usr/local/libexec/virtiofsd", "/opt/homebrew/libexec/virtiofsd" };
	const char *home = getenv("HOME"), *slash = strstr(qemu, "/bin/");

	if (home && try_prefix(home, strlen(home), ".local/share/qemu/vhost-user", v))
		return 0;
	if (slash && try_prefix(qemu, (size_t)(slash - qemu), "share/qemu/vhost-user", v))
		return 0;
	if (try_folder("/usr/share/qemu/vhost-user", v))
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (try_program(places[i], v))
			return 0;
	return err_set(e, EXIT_UNAVAIL,
		       "mountType virtiofs needs the program virtiofsd, which was not found; install it (Debian: package "
		       "virtiofsd, or qemu-system-common up to Debian 12), or use another mountType");
}

void virtiofsd_argv(const struct virtiofsd *v, const char *dir, bool writable, const char *confine, struct strv *argv)
{
	bool option = !writable && v->rust && has_read_only(v->path);
	struct buf source = { 0 };

	if (!writable && !option) {
		strv_add(argv, confine);
		strv_add(argv, "--read-only");
		strv_add(argv, "--keep-root");
		strv_add(argv, dir);
	}
	strv_add(argv, v->path);
	if (option)
		strv_add(argv, "--readonly");
	strv_add(argv, "--fd=3");
	if (v->rust) {
		strv_add(argv, "--shared-dir");
		strv_add(argv, dir);
		return;
	}
	/* The option parser of libfuse splits at commas and takes the backslash as an escape. */
	for (; *dir; dir++) {
		if (*dir == ',' || *dir == '\\')
			buf_addc(&source, '\\');
		buf_addc(&source, *dir);
	}
	strv_add(argv, "-o");
	strv_addf(argv, "source=%s", buf_str(&source));
	buf_free(&source);
}
