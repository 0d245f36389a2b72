/* keys - see keys.h.
 *
 * A pair is made under temporary names (which tmp_sweep knows), flushed, and renamed: the public half first. A private
 * key under its final name therefore always has its public half; a public half alone is what a killed run left. */
#include "keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "instance_files.h"
#include "lock.h"
#include "out_text.h"
#include "spawn.h"

#define KEY_FILE_MAX (64u << 10)
#define DOT_SSH_MAX 256 /* files looked at */

/* The value of a base64 digit, -1 for anything else. */
static int b64(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Decodes exactly n base64 digits with their padding into out (3 * n / 4 bytes). The length, or 0 when malformed. */
static size_t decode64(const char *s, size_t n, unsigned char *out)
{
	size_t len = 0, pad = 0;

	if (n == 0 || n % 4)
		return 0;
	while (pad < 2 && s[n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;

		for (size_t j = i; j < i + 4; j++) {
			int d = j >= n - pad ? 0 : b64(s[j]);

			if (d < 0)
				return 0;
			v = v << 6 | (uint32_t)d;
		}
		out[len++] = (unsigned char)(v >> 16);
		out[len++] = (unsigned char)(v >> 8);
		out[len++] = (unsigned char)v;
	}
	return len - pad;
}

bool key_is_public(const char *line, size_t *ret_len)
{
	size_t type = strcspn(line, " "), blob = line[type] ? strcspn(line + type + 1, " ") : 0, n;
	unsigned char *raw;
	bool good;

	if (type == 0 || blob == 0)
		return false;
	raw = xmalloc(blob);
	n = decode64(line + type + 1, blob, raw);
	/* RFC 4253, 6.6: the blob is a string (u32 length, bytes) that names the format, then what depends on it. */
	good = n > 4 + type && raw[0] == 0 && raw[1] == 0 && (size_t)(raw[2] << 8 | raw[3]) == type &&
	       !memcmp(raw + 4, line, type) && line[0] != '-' && line[0] != '#';
	free(raw);
	if (good && ret_len)
		*ret_len = type + 1 + blob;
	return good;
}

/* Runs ssh-keygen with the given arguments; `out` gets its standard output when not NULL. */
static int keygen(const struct strv *argv, struct buf *out, struct err *e)
{
	struct buf said = { 0 };
	int status = 0, r = spawn_run(argv->v, out ? out : &said, &said, &status, e);

	if (r < 0)
		err_wrap(e, "making ssh keys needs ssh-keygen (package openssh-client)");
	else if (status != 0)
		r = err_set(e, EXIT_UNAVAIL, "ssh-keygen failed with status %d: %.*s", status,
			    (int)strcspn(buf_str(&said), "\r\n"), buf_str(&said));
	buf_free(&said);
	return r;
}

/* Flushes a file and sets its mode, whatever the umask made of it. */
static int settle(const char *path, mode_t mode, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -1 : 0;

	if (r < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	return r;
}

static int publish(const char *from, const char *to, mode_t mode, struct err *e)
{
	if (settle(from, mode, e) < 0)
		return -1;
	return rename(from, to) < 0 ? err_sys(e, EXIT_CANTCREATE, "cannot create %s", to) : 0;
}

/* A new pair DIR/NAME, DIR/NAME.pub. */
static int make_pair(const char *dir, const char *name, const char *comment, struct err *e)
{
	char *path = path_join(dir, name), *pub = xasprintf("%s.pub", path);
	char *tmp = xasprintf("%s/.%s.tmp.%ld", dir, name, (long)getpid()), *tmp_pub = xasprintf("%s.pub", tmp);
	struct strv argv = { 0 };
	int r;

	unlink(tmp);
	unlink(tmp_pub);
	for (const char *const *a = (const char *const[]){ "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment,
							   "-f", tmp, NULL };
	     *a; a++)
		strv_add(&argv, *a);
	r = keygen(&argv, NULL, e);
	if (r == 0)
		r = publish(tmp_pub, pub, 0644, e);
	if (r == 0)
		r = publish(tmp, path, 0600, e);
	if (r == 0)
		r = dir_sync(dir, e);
	unlink(tmp);
	unlink(tmp_pub);
	strv_free(&argv);
	free(tmp_pub);
	free(tmp);
	free(pub);
	free(path);
	return r;
}

/* The public half of an existing private key whose .pub somebody removed. */
static int restore_public(const char *path, const char *pub, const char *comment, struct err *e)
{
	struct strv argv = { 0 };
	struct buf text = { 0 };
	size_t n;
	int r;

	for (const char *const *a = (const char *const[]){ "ssh-keygen", "-y", "-P", "", "-f", path, NULL }; *a; a++)
		strv_add(&argv, *a);
	r = keygen(&argv, &text, e);
	strv_free(&argv);
	if (r == 0) {
		if (text.data)
			text.data[strcspn(text.data, "\r\n")] = '\0';
		if (key_is_public(buf_str(&text), &n)) {
			char *line = xasprintf("%.*s %s\n", (int)n, buf_str(&text), comment);

			r = file_write(pub, line, strlen(line), 0644, e);
			free(line);
		} else {
			r = err_set(e, EXIT_BADDATA, "%s: ssh-keygen shows no public key for it", path);
		}
	}
	if (r < 0)
		err_wrap(e, "%s is missing and cannot be made from %s; restore it, or remove both", pub, path);
	buf_free(&text);
	return r;
}

static int complete_pair(const char *dir, const char *name, const char *comment, struct err *e)
{
	char *path = path_join(dir, name), *pub = xasprintf("%s.pub", path);
	int r = 0;

	if (!path_exists(path))
		r = make_pair(dir, name, comment, e);
	else if (!path_exists(pub))
		r = restore_public(path, pub, comment, e);
	free(pub);
	free(path);
	return r;
}

/* Makes the pair when half of it is missing; one process at a time, others wait and find it made. */
static int ensure_pair(const char *home, const char *dir, const char *name, const char *comment, struct err *e)
{
	char *path = path_join(dir, name), *pub = xasprintf("%s.pub", path);
	struct lock lock = { .fd = -1 };
	char *locks, *lock_path;
	struct stat st;
	int r = 0;

	if (!path_exists(path) || !path_exists(pub)) {
		locks = path_join(home, "_locks");
		lock_path = path_join(locks, "_keys"); /* no instance can be called that */
		r = dir_make(locks, 0700, e);
		if (r == 0)
			r = lock_take(lock_path, -1, &lock, e);
		if (r == 0) {
			tmp_sweep(dir);
			r = complete_pair(dir, name, comment, e);
		}
		lock_release(&lock);
		free(lock_path);
		free(locks);
	}
	/* ssh demands that nobody else can read it. */
	if (r == 0 && stat(path, &st) == 0 && (st.st_mode & 077))
		r = settle(path, 0600, e);
	free(pub);
	free(path);
	return r;
}

/* The one line of a public key file, without blanks around it; a comment that could not be quoted is dropped. NULL and
 * *why when it is none. */
static char *read_public(const char *path, const char **why)
{
	struct err ignored = { 0 };
	struct buf text = { 0 };
	char *line = NULL, *start;
	size_t n, len;

	*why = "it cannot be read";
	if (file_read(path, KEY_FILE_MAX, &text, &ignored) == 0) {
		*why = "it is not one line with a public key";
		start = text.data ? text.data : (text.data = xstrdup(""));
		start += strspn(start, " \t\r\n");
		for (n = strlen(start); n && strchr(" \t\r\n", start[n - 1]); n--)
			start[n - 1] = '\0';
		if (!strpbrk(start, "\r\n") && key_is_public(start, &len))
			line = text_is_printable(start) ? xstrdup(start) : xstrndup(start, len);
	}
	buf_free(&text);
	return line;
}

/* The text of a private key is ASCII, or it could not be handed on. */
static char *read_private(const char *path, struct err *e)
{
	struct buf text = { 0 };

	if (file_read(path, KEY_FILE_MAX, &text, e) < 0)
		return NULL;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\n' && (text.data[i] < 0x20 || text.data[i] > 0x7e)) {
			err_set(e, EXIT_BADDATA, "%s is not an ssh key; remove it and its .pub to have new ones", path);
			buf_free(&text);
			return NULL;
		}
	return buf_detach(&text);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_pub(const struct dirent *de)
{
	size_t n = strlen(de->d_name);

	return n > 4 && !strcmp(de->d_name + n - 4, ".pub") && de->d_name[0] != '.';
}

static void add_dot_ssh(const char *dir, const char *name, struct keys *k, struct diag *d)
{
	char *path = path_join(dir, name), *private = xstrndup(path, strlen(path) - 4);
	struct stat st;
	const char *why = "it is not a file";
	char *line = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? read_public(path, &why) : NULL;

	if (line)
		strv_add(&k->authorized, line);
	else
		diag_warn(d, (struct pos){ .file = tree_intern(path) }, NULL, "not given to the guest: %s", why);
	if (line && stat(private, &st) == 0 && S_ISREG(st.st_mode))
		strv_add(&k->identities, private);
	free(line);
	free(private);
	free(path);
}

static void load_dot_ssh(struct keys *k, struct diag *d)
{
	const char *home = getenv("HOME");
	struct dirent **list = NULL;
	char *dir;
	int n;

	if (!home || home[0] != '/')
		return;
	dir = path_join(home, ".ssh");
	n = scandir(dir, &list, is_pub, by_name);
	for (int i = 0; i < n; i++) {
		if (i < DOT_SSH_MAX)
			add_dot_ssh(dir, list[i]->d_name, k, d);
		free(list[i]);
	}
	free(list);
	free(dir);
}

/* Reads DIR/NAME.pub, one of the two pairs that are ours. */
static char *own_public(const char *dir, const char *name, struct err *e)
{
	char *path = xasprintf("%s/%s.pub", dir, name);
	const char *why;
	char *line = read_public(path, &why);

	if (!line)
		err_set(e, EXIT_BADDATA, "%s: %s; remove it to have it made again from the private key", path, why);
	free(path);
	return line;
}

int keys_load(const char *home, const char *dir, const char *hostname, bool dot_ssh, struct keys *k, struct diag *d,
	      struct err *e)
{
	char *config = path_join(home, "_config"), *user = path_join(config, "user"), *line = NULL;
	char *host = path_join(dir, F_HOST_KEY);
	int r = -1;

	*k = (struct keys){ 0 };
	if (dir_make(config, 0700, e) < 0 || ensure_pair(home, config, "user", "lima", e) < 0 ||
	    ensure_pair(home, dir, F_HOST_KEY, hostname, e) < 0)
		goto out;
	line = own_public(config, "user", e);
	k->host_public = line ? own_public(dir, F_HOST_KEY, e) : NULL;
	k->host_private = k->host_public ? read_private(host, e) : NULL;
	if (!k->host_private)
		goto out;
	strv_add(&k->authorized, line);
	strv_add(&k->identities, user);
	if (dot_ssh)
		load_dot_ssh(k, d);
	r = 0;
out:
	free(line);
	free(host);
	free(user);
	free(config);
	return r;
}

void keys_free(struct keys *k)
{
	free(k->host_private);
	free(k->host_public);
	strv_free(&k->authorized);
	strv_free(&k->identities);
	*k = (struct keys){ 0 };
}
