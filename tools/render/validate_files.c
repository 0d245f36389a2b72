/* validate_files - files that are fetched, disks, and shared folders. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "name.h"
#include "validate.h"

/* location, arch and digest of `file`; the last two were checked with the table. */
static void file_object(struct check *c, const struct node *file, const char *key)
{
	const struct node *location = map_get(file, "location");
	const char *text = tree_str(file, "", "location");

	if (!*text)
		check_error(c, location, file, check_key("%s.location", key), "is missing: a URL, an absolute path, ~/..., or recipe:NAME");
	else if (*text == '~' && text[1] != '/' && !strstr(text, "://"))
		check_error(c, location, file, check_key("%s.location", key), "\"%s\": only ~/ is understood, not ~USER", text);
}

static void boot_file(struct check *c, const struct node *image, size_t i, const char *part)
{
	const struct node *file = map_get(image, part);

	if (!file)
		return;
	file_object(c, file, check_key("images[%zu].%s", i, part));
	if (strcmp(tree_str(file, "", "arch"), tree_str(image, "", "arch")) != 0)
		check_error(c, map_get(file, "arch"), file, check_key("images[%zu].%s.arch", i, part), "must be that of the image, %s",
			    tree_str(image, "", "arch"));
}

static void images(struct check *c)
{
	const struct node *list = tree_seq(c->doc, "images");
	const char *arch = tree_str(c->doc, "", "arch");
	bool fits = false;

	if (!list || !list->n) {
		check_error(c, list, c->doc, "images", "is missing; a machine needs an image, or a base: template:DISTRIBUTION");
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		file_object(c, list->item[i], check_key("images[%zu]", i));
		boot_file(c, list->item[i], i, "kernel");
		boot_file(c, list->item[i], i, "initrd");
		fits = fits || !strcmp(tree_str(list->item[i], "", "arch"), arch);
	}
	if (!fits && c->in->warnings)
		check_warn(c, list, c->doc, "images", "none is for %s, so the machine cannot be made", arch);
}

static void archives(struct check *c)
{
	const struct node *list = tree_seq(c->doc, "containerd.archives");

	if (!tree_bool(c->doc, false, "containerd.user") && !tree_bool(c->doc, false, "containerd.system"))
		return;
	/* Never empty: then the built-in ones have been filled in. */
	for (size_t i = 0; list && i < list->n; i++)
		file_object(c, list->item[i], check_key("containerd.archives[%zu]", i));
}

static void disks(struct check *c)
{
	const struct node *list = tree_seq(c->doc, "additionalDisks");

	for (size_t i = 0; list && i < list->n; i++) {
		struct err e = { 0 };

		if (name_check(tree_str(list->item[i], "", "name"), "name", &e) < 0)
			check_error(c, map_get(list->item[i], "name"), list->item[i], check_key("additionalDisks[%zu].name", i), "%s",
				    e.msg);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(tree_str(list->item[i], "", "name"), tree_str(list->item[j], "", "name")))
				check_error(c, map_get(list->item[i], "name"), list->item[i],
					    check_key("additionalDisks[%zu].name", i), "the disk is in the list already");
	}
}

void validate_files(struct check *c)
{
	const struct node *firmware = tree_seq(c->doc, "firmware.images"), *certs = tree_seq(c->doc, "caCerts.certs");

	images(c);
	archives(c);
	disks(c);
	for (size_t i = 0; firmware && i < firmware->n; i++)
		file_object(c, firmware->item[i], check_key("firmware.images[%zu]", i));
	for (size_t i = 0; certs && i < certs->n; i++)
		if (!strstr(certs->item[i]->str, "-----BEGIN "))
			check_error(c, certs->item[i], NULL, check_key("caCerts.certs[%zu]", i), "is no certificate in PEM");
}

static void mount_location(struct check *c, const struct node *m, size_t i)
{
	const struct node *n = map_get(m, "location");
	const char *text = tree_str(m, "", "location"), *key = check_key("mounts[%zu].location", i);
	struct stat st;

	if (!*text)
		check_error(c, n, m, key, "is missing; write location: \"~\" for the home, in quotes");
	else if (*text == '~')
		check_error(c, n, m, key, "\"%s\": only ~ and ~/ are understood, not ~USER", text);
	else if (!check_absolute(text))
		check_error(c, n, m, key, "must be an absolute path, or begin with ~/, not \"%s\"", text);
	else if (stat(text, &st) == 0 && !S_ISDIR(st.st_mode))
		check_error(c, n, m, key, "%s is no folder", text);
	else if (stat(text, &st) < 0 && errno != ENOENT)
		check_error(c, n, m, key, "%s: %s", text, strerror(errno));
	else if (c->in->warnings && stat(text, &st) < 0)
		check_warn(c, n, m, key, "%s does not exist; it is made at start", text);
}

static void mount_point(struct check *c, const struct node *m, size_t i)
{
	static const struct schema_key reserved = { .values = "/|/bin|/dev|/etc|/home|/opt|/sbin|/tmp|/usr|/var" };
	const struct node *n = map_get(m, "mountPoint"), *location = map_get(m, "location");
	const char *text = tree_str(m, "", "mountPoint"), *key = check_key("mounts[%zu].mountPoint", i);

	/* Made from the location: then that is the place to look at, unless it is wrong itself. */
	if (n && n->pos.line == m->pos.line && n->pos.col == m->pos.col) {
		n = location;
		if (!location || check_has_error(c, check_key("mounts[%zu].location", i)))
			return;
	}
	if (*text == '~')
		check_error(c, n, m, key, "\"%s\": ~ has no meaning in the guest; write {{.Home}}", text);
	else if (!check_absolute(text))
		check_error(c, n, m, key, "must be an absolute path, not \"%s\"", text);
	else if (schema_has_value(&reserved, text))
		check_error(c, n, m, key, "%s is needed by the guest; set another mountPoint", text);
	else if (!strcmp(text, tree_str(c->doc, "", "user.home")))
		check_error(c, n, m, key, "%s is the home of the guest's user; set another mountPoint", text);
}

void validate_mounts(struct check *c)
{
	const struct node *list = tree_seq(c->doc, "mounts");

	for (size_t i = 0; list && i < list->n; i++) {
		mount_location(c, list->item[i], i);
		mount_point(c, list->item[i], i);
	}
}
