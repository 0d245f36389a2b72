/* out_write - writes all derived files of an instance, those whose content changed. See out.h.
 *
 * Everything is worked out before the first byte is written, so a document with an error in it changes nothing. Each
 * file is replaced by rename, and what make looks at (cidata.list, vars.mk) comes after what it stands for: a killed
 * run leaves old or new files and the next one completes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "instance_files.h"
#include "out.h"
#include "out_stage.h"
#include "sha.h"

#define BOOT_FILE_MAX (4u << 20)
#define AGENT_FILE_MAX (64u << 20)
#define NERDCTL "nerdctl-full.tgz"

/* The texts of cidata, by name. */
static const struct {
	const char *path;
	void (*make)(const struct out *o, struct buf *text);
} texts[] = {
	{ "user-data", out_user_data },
	{ "meta-data", out_meta_data },
	{ "network-config", out_network_config },
	{ "lima.env", out_lima_env },
	{ "param.env", out_param_env },
	{ "etc_environment", out_etc_environment },
};

/* The files of DIR, in the order in which they are written. */
static void resolved_json(const struct out *o, struct buf *text)
{
	out_json(o->doc, text);
}

static const struct {
	const char *path;
	mode_t mode;
	void (*make)(const struct out *o, struct buf *text);
} files[] = {
	{ F_RESOLVED_JSON, 0600, resolved_json },
	{ F_IMAGE_CONF, 0600, out_image_conf },
	{ F_DISK_CONF, 0600, out_disk_conf },
	{ F_QEMU_CONF, 0600, out_qemu_conf },
	{ F_AGENT_CONF, 0600, out_agent_conf },
	{ F_CLOUD_CONFIG, 0444, out_cloud_config },
	{ F_INVENTORY, 0644, out_inventory },
	{ F_KNOWN_HOSTS, 0644, out_known_hosts },
	{ F_VARS_MK, 0600, out_vars_mk },
};
#define FILES (sizeof(files) / sizeof(*files))

static void add_text(struct stage *s, const char *path, const char *text, mode_t mode)
{
	struct buf data = { 0 };

	buf_adds(&data, text);
	stage_add(s, path, &data, mode);
}

/* For images without cloud-init: boot/boot/09-ca-certs.sh. */
static void add_certificates(const struct out *o, struct stage *s)
{
	bool remove = tree_bool(o->doc, false, "caCerts.removeDefaults");
	struct buf data = { 0 };

	if (!remove && !*o->ca_certs)
		return;
	buf_adds(&data, remove ? "# instead of the system's\n" : "");
	buf_adds(&data, o->ca_certs);
	stage_add(s, "ca-certs.pem", &data, 0600);
}

/* provision.MODE/%08d: the number is the place in the whole list, so that the order of names is the order of the
 * list. */
static void add_provision(const struct out *o, struct stage *s)
{
	static const struct {
		const char *mode, *key;
		mode_t bits;
	} kinds[] = {
		{ "system", "script", 0700 }, { "user", "script", 0700 }, { "dependency", "script", 0700 },
		{ "boot", "script", 0700 },   { "data", "content", 0600 }, { "yq", "expression", 0600 },
	};
	const struct node *list = tree_seq(o->doc, "provision");

	for (size_t i = 0; list && i < list->n; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
			char path[64];

			if (strcmp(tree_str(list->item[i], "system", "mode"), kinds[k].mode) != 0)
				continue;
			snprintf(path, sizeof(path), "provision.%s/%08zu", kinds[k].mode, i);
			add_text(s, path, tree_str(list->item[i], "", "%s", kinds[k].key), kinds[k].bits);
		}
}

static void add_keys(const struct out *o, struct stage *s)
{
	const struct keys *k = o->in.keys;
	struct buf text = { 0 };

	for (size_t i = 0; i < k->authorized.n; i++)
		buf_addf(&text, "%s\n", k->authorized.v[i]);
	stage_add(s, "ssh_authorized_keys", &text, 0600);
	add_text(s, F_HOST_KEY, k->host_private, 0600);
	buf_addf(&text, "%s\n", k->host_public);
	stage_add(s, F_HOST_KEY ".pub", &text, 0600);
}

static int add_installed(const struct out *o, struct stage *s, const char *share, struct diag *d, struct err *e)
{
	static const char *const folders[] = { "boot", "util", "distro", "native" };
	char *from = xasprintf("%s/boot/boot.sh", share);
	int r = stage_add_file(s, "boot.sh", from, BOOT_FILE_MAX, true, e);

	free(from);
	if (r < 0) {
		e->code = EXIT_UNAVAIL;
		return err_wrap(e, "the installed files are incomplete");
	}
	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(*folders); i++) {
		from = xasprintf("%s/boot/%s", share, folders[i]);
		r = stage_add_dir(s, folders[i], from, BOOT_FILE_MAX, e);
		free(from);
	}
	if (r < 0 || o->plain)
		return r;
	from = xasprintf("%s/lima-guestagent.Linux-%s", share, out_arch(o));
	if (path_exists(from))
		r = stage_add_file(s, "lima-guestagent", from, AGENT_FILE_MAX, true, e);
	else
		diag_warn(d, (struct pos){ .file = tree_intern(from) }, NULL,
			  "there is no guest agent for %s: no port is forwarded, the clock is not set", out_arch(o));
	free(from);
	return r;
}

/* Fills the stage with all that belongs on the volume. */
static int fill_stage(const struct out *o, struct stage *s, const char *share, struct diag *d, struct err *e)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct buf text = { 0 };

		texts[i].make(o, &text);
		stage_add(s, texts[i].path, &text, 0600);
	}
	add_certificates(o, s);
	add_provision(o, s);
	add_keys(o, s);
	if (tree_bool(o->doc, false, "containerd.user") || tree_bool(o->doc, false, "containerd.system"))
		s->keep = NERDCTL; /* lima-fetch puts it there */
	return add_installed(o, s, share, d, e);
}

static int write_in(const struct out *o, const char *file, const struct buf *text, mode_t mode, struct err *e)
{
	char *path = path_join(o->in.dir, file);
	int r = file_write_if_changed(path, buf_str(text), text->len, mode, NULL, e);

	free(path);
	return r;
}

/* DIR and DIR/.make are the user's alone, and free of what killed runs left. */
static int prepare(const struct out *o, struct err *e)
{
	char *make = path_join(o->in.dir, D_MAKE);
	const char *const dirs[] = { o->in.dir, make };
	int r = dir_make(make, 0700, e);

	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct stat st;

		if (stat(dirs[i], &st) < 0 || ((st.st_mode & 07777) != 0700 && chmod(dirs[i], 0700) < 0))
			r = err_sys(e, EXIT_CANTCREATE, "cannot make %s private", dirs[i]);
		tmp_sweep(dirs[i]);
	}
	free(make);
	return r;
}

/* The archive of containerd is not looked at here, it is large: its line in the list tells which one is wanted. */
static void list_archive(const struct out *o, struct buf *list)
{
	struct buf wanted = { 0 };
	char hex[SHA_HEX_SIZE];

	out_files(o, &wanted, "containerd.archives", "nerdctl");
	sha_hex(SHA_256, buf_str(&wanted), wanted.len, hex);
	buf_addf(list, "%s 0600 " NERDCTL "\n", hex);
	buf_free(&wanted);
}

static int write_stage(const struct out *o, struct stage *s, struct err *e)
{
	char *root = path_join(o->in.dir, D_CIDATA);
	struct buf list = { 0 };
	int r = stage_write(s, root, &list, e);

	if (s->keep)
		list_archive(o, &list);
	if (r == 0)
		r = write_in(o, F_CIDATA_LIST, &list, 0600, e);
	buf_free(&list);
	free(root);
	return r;
}

int out_write(struct out *o, const char *share, struct diag *d, struct err *e)
{
	struct buf text[FILES] = { 0 };
	struct stage stage = { 0 };
	int r = fill_stage(o, &stage, share, d, e);

	for (size_t i = 0; r == 0 && i < FILES; i++)
		files[i].make(o, &text[i]);
	if (r == 0 && d->errors)
		r = -1;
	if (r == 0)
		r = prepare(o, e);
	if (r == 0)
		r = write_stage(o, &stage, e);
	for (size_t i = 0; r == 0 && i < FILES; i++)
		r = write_in(o, files[i].path, &text[i], files[i].mode, e);
	for (size_t i = 0; i < FILES; i++)
		buf_free(&text[i]);
	stage_free(&stage);
	return r;
}
