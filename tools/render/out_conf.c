/* out_conf - image.conf, disk.conf, vars.mk and the small files for ssh and Ansible. Keys: instance_files.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance_files.h"
#include "out.h"
#include "out_text.h"

void out_json(const struct node *doc, struct buf *text)
{
	tree_emit_json(doc, true, text);
	if (text->len && text->data[text->len - 1] != '\n')
		buf_addc(text, '\n');
}

void out_put(struct buf *text, const char *value, const char *key_fmt, ...)
{
	char key[OUT_KEY_MAX];
	va_list ap;

	va_start(ap, key_fmt);
	vsnprintf(key, sizeof(key), key_fmt, ap);
	va_end(ap);
	kv_put(text, key, value);
}

/* Puts "PREFIX.KEY=text of the key in `map`". */
static void put(struct buf *text, const struct node *map, const char *prefix, const char *key)
{
	char *name = xasprintf("%s.%s", prefix, key), tmp[32];

	kv_put(text, name, out_scalar(map_get(map, key), tmp));
	free(name);
}

/* A location as lima-fetch takes it: "~/" is the home of the user. */
static void put_location(struct buf *text, const struct node *map, const char *prefix)
{
	const char *location = tree_str(map, "", "location"), *home = getenv("HOME");
	char *name = xasprintf("%s.location", prefix);
	char *full = !strncmp(location, "~/", 2) && home ? path_join(home, location + 2) : xstrdup(location);

	kv_put(text, name, full);
	free(full);
	free(name);
}

static void put_file(struct buf *text, const struct node *map, const char *prefix)
{
	put_location(text, map, prefix);
	put(text, map, prefix, "digest");
}

static void put_image(struct buf *text, const struct node *image, size_t i)
{
	static const char *const parts[] = { "kernel", "initrd" };
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "images.%zu", i);
	put_file(text, image, prefix);
	for (size_t p = 0; p < 2; p++) {
		const struct node *part = map_get(image, parts[p]);

		if (!part || !*tree_str(part, "", "location"))
			continue;
		snprintf(prefix, sizeof(prefix), "images.%zu.%s", i, parts[p]);
		put_file(text, part, prefix);
		if (p == 0)
			put(text, part, prefix, "cmdline");
	}
}

static bool has_image(const struct out *o)
{
	static const char *const files[] = { F_BASEDISK, F_DIFFDISK, "disk", "image" };
	bool found = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !found; i++) {
		char *path = path_join(o->in.dir, files[i]);

		found = path_exists(path);
		free(path);
	}
	return found;
}

/* The entries for the instance's CPU; of these, the ones of the same variant as the first. */
static size_t put_images(const struct out *o, struct buf *text)
{
	const struct node *list = tree_seq(o->doc, "images");
	const char *variant = NULL;
	size_t n = 0;

	for (size_t i = 0; list && i < list->n; i++) {
		const struct node *image = list->item[i];

		if (strcmp(tree_str(image, out_arch(o), "arch"), out_arch(o)) != 0)
			continue;
		if (!variant)
			variant = tree_str(image, "", "variant");
		if (!strcmp(tree_str(image, "", "variant"), variant))
			put_image(text, image, n++);
	}
	return n;
}

size_t out_files(const struct out *o, struct buf *text, const char *path, const char *name)
{
	const struct node *list = tree_seq(o->doc, "%s", path);
	size_t n = 0;

	for (size_t i = 0; list && i < list->n; i++) {
		const char *arch = tree_str(list->item[i], out_arch(o), "arch");
		const char *vm = tree_str(list->item[i], "", "vmType");
		char prefix[64];

		if (strcmp(arch, out_arch(o)) != 0 || (*vm && strcmp(vm, "qemu") != 0))
			continue;
		snprintf(prefix, sizeof(prefix), "%s.%zu", name, n++);
		put_file(text, list->item[i], prefix);
	}
	if (n)
		kv_putf(text, name, "%zu", n);
	return n;
}

static bool wants_containerd(const struct out *o)
{
	return tree_bool(o->doc, false, "containerd.user") || tree_bool(o->doc, false, "containerd.system");
}

void out_image_conf(const struct out *o, struct buf *text)
{
	const struct node *list = tree_seq(o->doc, "images");
	struct buf images = { 0 };
	size_t n = put_images(o, &images);

	if (n == 0 && !has_image(o))
		diag_error(o->diag, list ? list->pos : o->doc->pos, "images",
			   "no image for the architecture %s; add one, or choose another 'arch'", out_arch(o));
	kv_put(text, "arch", out_arch(o));
	kv_putf(text, "images", "%zu", n);
	buf_adds(text, buf_str(&images));
	buf_free(&images);
	out_files(o, text, "firmware.images", "firmware");
	if (wants_containerd(o) && out_files(o, text, "containerd.archives", "nerdctl") == 0) {
		const struct node *archives = tree_get(o->doc, "containerd.archives");

		diag_error(o->diag, archives ? archives->pos : o->doc->pos, "containerd.archives",
			   "no archive for the architecture %s; add one, or switch containerd off", out_arch(o));
	}
}

void out_disk_conf(const struct out *o, struct buf *text)
{
	kv_putf(text, "size", "%llu", (unsigned long long)out_size(o, "disk"));
}

/* Read by make: only what is known to be a plain word may stand here. */
void out_vars_mk(const struct out *o, struct buf *text)
{
	const char *arch = out_arch(o);

	if (strspn(arch, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(arch))
		diag_error(o->diag, o->doc->pos, "arch", "'%s' is no architecture", arch);
	else
		buf_addf(text, "LIMA_ARCH := %s\n", arch);
	if (wants_containerd(o))
		buf_adds(text, "LIMA_HAVE_NERDCTL := 1\n");
}

void out_inventory(const struct out *o, struct buf *text)
{
	struct buf args = { 0 };
	char *config = path_join(o->in.dir, F_SSH_CONFIG);

	/* Ansible splits the arguments like a shell. */
	buf_adds(&args, "-F ");
	if (strspn(config, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") == strlen(config))
		buf_adds(&args, config);
	else
		shell_quoted(&args, config);
	buf_adds(text, "lima:\n  hosts:\n    ");
	yaml_quoted(text, o->name);
	buf_adds(text, ":\n      ansible_connection: ssh\n      ansible_host: ");
	yaml_quoted(text, o->hostname);
	buf_adds(text, "\n      ansible_ssh_common_args: ");
	yaml_quoted(text, buf_str(&args));
	buf_addc(text, '\n');
	buf_free(&args);
	free(config);
}

void out_known_hosts(const struct out *o, struct buf *text)
{
	const char *key = o->in.keys->host_public;
	size_t n = strlen(key);

	key_is_public(key, &n);
	buf_addf(text, "%s %.*s\n", o->hostname, (int)n, key);
}
