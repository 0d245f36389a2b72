/* uses: render */
/* Key pairs: made once, completed after a kill, never replaced; ~/.ssh/NAME.pub taken when it is a public key. */
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "render/keys.h"
#include "tap.h"

static char root[] = "/tmp/lima-keys-XXXXXX";
static char *home, *dir;

#define BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

static char *at(const char *name)
{
	return path_join(root, name);
}

static char *content(const char *name)
{
	char *path = at(name);
	struct buf b = { 0 };
	struct err e = { 0 };

	file_read(path, 1u << 20, &b, &e);
	free(path);
	return buf_detach(&b);
}

static void put(const char *name, const char *text)
{
	char *path = at(name);
	struct err e = { 0 };

	file_write(path, text, strlen(text), 0644, &e);
	free(path);
}

static mode_t mode(const char *name)
{
	char *path = at(name);
	struct stat st = { 0 };

	if (lstat(path, &st) < 0)
		st.st_mode = 0;
	free(path);
	return st.st_mode & 07777;
}

static void drop(const char *name)
{
	char *path = at(name);

	unlink(path);
	free(path);
}

static int load(struct keys *k, bool dot_ssh, struct diag *d, struct err *e)
{
	*d = (struct diag){ 0 };
	*e = (struct err){ 0 };
	return keys_load(home, dir, "lima-x", dot_ssh, k, d, e);
}

static void lines(void)
{
	static const struct {
		const char *line;
		int good;
	} t[] = {
		{ "ssh-ed25519 " BLOB, 1 },
		{ "ssh-ed25519 " BLOB " comment with blanks", 1 },
		{ "ssh-rsa " BLOB, 0 },
		{ "ssh-ed2551 " BLOB, 0 },
		{ "ssh-ed25519", 0 },
		{ "ssh-ed25519 ", 0 },
		{ "ssh-ed25519 AAAA", 0 },
		{ "ssh-ed25519 " BLOB "=", 0 },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFh!WFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh", 0 },
		{ " ssh-ed25519 " BLOB, 0 },
		{ "", 0 },
		{ "restrict,command=\"x\" ssh-ed25519 " BLOB, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		is_num(key_is_public(t[i].line, NULL), t[i].good, t[i].line);
}

static void made_once(void)
{
	struct keys k;
	struct diag d;
	struct err e;
	char *user, *host, *again, *pub;
	size_t n = 0;

	if (!ok(load(&k, false, &d, &e) == 0, "keys are made"))
		printf("# %s\n", e.msg);
	is_num(mode("home/_config"), 0700, "_config is private");
	is_num(mode("home/_config/user"), 0600, "so is the key");
	is_num(mode("home/_config/user.pub"), 0644, "user.pub");
	is_num(mode("home/x/ssh_host_ed25519_key"), 0600, "the host key");
	ok(k.authorized.n == 1 && key_is_public(k.authorized.v[0], &n) && !strcmp(k.authorized.v[0] + n, " lima"),
	   "one key may log in, its comment is lima");
	pub = at("home/_config/user");
	is_str(k.identities.v[0], pub, "its private half is offered");
	free(pub);
	ok(k.host_public && key_is_public(k.host_public, &n) && !strcmp(k.host_public + n, " lima-x"),
			"the guest's public key");
	ok(strstr(k.host_private, "-----BEGIN OPENSSH PRIVATE KEY-----\n") == k.host_private,
			"the guest's private key");
	keys_free(&k);
	user = content("home/_config/user");
	host = content("home/x/ssh_host_ed25519_key");
	ok(strcmp(user, host) != 0, "two different keys");
	ok(load(&k, false, &d, &e) == 0, "a second time");
	keys_free(&k);
	again = content("home/_config/user");
	is_str(again, user, "the key is the same");
	free(again);

	pub = content("home/_config/user.pub");
	drop("home/_config/user.pub");
	ok(load(&k, false, &d, &e) == 0, "with the public half gone");
	keys_free(&k);
	again = content("home/_config/user.pub");
	is_str(again, pub, "it is made again from the private one");
	free(again);
	again = content("home/_config/user");
	is_str(again, user, "which stays");
	free(again);

	/* What a run leaves that was killed between the two renames, and one killed before. */
	drop("home/_config/user");
	put("home/_config/.user.tmp.999999999", "half");
	put("home/_config/.user.tmp.999999999.pub", "half");
	ok(load(&k, false, &d, &e) == 0, "with the private half missing");
	again = content("home/_config/user.pub");
	ok(strcmp(again, pub) != 0 && k.authorized.n == 1 && !strncmp(again, k.authorized.v[0],
			strlen(k.authorized.v[0])),
	   "a new pair is made");
	free(again);
	keys_free(&k);
	is_num(mode("home/_config/.user.tmp.999999999"), 0, "leftovers are removed");
	is_num(mode("home/_config/.user.tmp.999999999.pub"), 0, "both of them");
	free(pub);
	free(user);
	free(host);
}

static void bad_files(void)
{
	struct keys k;
	struct diag d;
	struct err e;
	char *pub = content("home/_config/user.pub"), *path;

	put("home/_config/user.pub", "not a key\n");
	ok(load(&k, false, &d, &e) < 0 && e.code == EXIT_BADDATA && strstr(e.msg, "user.pub"),
			"a bad user.pub is named");
	keys_free(&k);
	put("home/_config/user.pub", pub);
	free(pub);
	path = at("home/_config/user");
	chmod(path, 0644);
	free(path);
	path = at("home/x/ssh_host_ed25519_key");
	chmod(path, 0644);
	free(path);
	ok(load(&k, false, &d, &e) == 0, "wide open keys are accepted");
	keys_free(&k);
	is_num(mode("home/x/ssh_host_ed25519_key"), 0600, "the host key is made private again");
	is_num(mode("home/_config/user"), 0600, "and the user's");
}

static void dot_ssh(void)
{
	struct keys k;
	struct diag d;
	struct err e;
	char *path = at("h"), *text;

	mkdir(path, 0700);
	setenv("HOME", path, 1);
	free(path);
	path = at("h/.ssh");
	mkdir(path, 0700);
	free(path);
	put("h/.ssh/b.pub", "ssh-ed25519 " BLOB " b\r\n");
	put("h/.ssh/b", "private");
	put("h/.ssh/a.pub", "  ssh-ed25519 " BLOB " t\xc3\xa4g\n\n");
	put("h/.ssh/c.pub", "ssh-ed25519 " BLOB " \x1b[31m\n");
	put("h/.ssh/d.pub", "ssh-ed25519 " BLOB "\nssh-ed25519 " BLOB "\n");
	put("h/.ssh/e.pub", "");
	put("h/.ssh/known_hosts", "x");
	path = at("h/.ssh/dir.pub");
	mkdir(path, 0700);
	free(path);
	ok(load(&k, true, &d, &e) == 0, "with ~/.ssh");
	if (ok(k.authorized.n == 4, "three keys are taken")) {
		is_str(k.authorized.v[1], "ssh-ed25519 " BLOB " t\xc3\xa4g",
				"in the order of their names, without blanks around");
		is_str(k.authorized.v[2], "ssh-ed25519 " BLOB " b", "without the carriage return");
		is_str(k.authorized.v[3], "ssh-ed25519 " BLOB, "without a comment that could steer a terminal");
	}
	text = at("h/.ssh/b");
	ok(k.identities.n == 2, "one of them has its private half here");
	is_str(k.identities.v[1], text, "which is offered");
	free(text);
	is_num(d.n, 3, "three warnings: two lines, nothing, a folder");
	is_num(d.errors, 0, "no error");
	diag_free(&d);
	keys_free(&k);
}

static void no_keygen(void)
{
	struct keys k;
	struct diag d;
	struct err e;
	char *path = xstrdup(getenv("PATH") ? getenv("PATH") : "");

	drop("home/_config/user");
	drop("home/_config/user.pub");
	setenv("PATH", "/nonexistent", 1);
	ok(load(&k, false, &d, &e) < 0 && e.code == EXIT_UNAVAIL && strstr(e.msg, "ssh-keygen") && strstr(e.msg,
			"openssh-client"),
	   "without ssh-keygen the message says what to install");
	keys_free(&k);
	setenv("PATH", path, 1);
	is_num(mode("home/_config/user"), 0, "nothing half-made");
	is_num(mode("home/_config/user.pub"), 0, "nothing half-made");
	free(path);
}

int main(void)
{
	struct err e = { 0 };

	umask(0);
	if (!mkdtemp(root))
		return 1;
	home = at("home");
	dir = at("home/x");
	dir_make(dir, 0700, &e);
	lines();
	made_once();
	bad_files();
	dot_ssh();
	no_keygen();
	dir_remove(root, &e);
	free(home);
	free(dir);
	return done();
}
