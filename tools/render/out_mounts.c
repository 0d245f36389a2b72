/* out_mounts - the directories of the host that the guest mounts: tags, types, options. See out.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "out.h"
#include "out_parts.h"
#include "sha.h"

#define MSIZE_DEFAULT (128u << 10)

/* The same tag must be in the guest's mount table and in QEMU's device, so it is made here for both. */
static void tag(struct share_dir *s)
{
	char *text = xasprintf("%s:%s", s->location, s->mount_point), hex[SHA_HEX_SIZE];

	sha_hex(SHA_256, text, strlen(text), hex);
	free(text);
	snprintf(s->tag, sizeof(s->tag), "lima-%.16s", hex);
}

static void wrong(const struct out *o, const struct share_dir *s, const char *key, const char *why)
{
	const struct node *n = tree_get(s->node, key);
	char *full = xasprintf("mounts[%zu].%s", (size_t)(s - o->share), key);

	diag_error(o->diag, n ? n->pos : s->node->pos, full, "%s", why);
	free(full);
}

static char *options_9p(const struct out *o, const struct share_dir *s)
{
	const struct node *msize = tree_get(s->node, "9p.msize");
	uint64_t bytes = MSIZE_DEFAULT;
	struct err e = { 0 };
	char tmp[32];

	if (*out_scalar(msize, tmp) && size_parse(out_scalar(msize, tmp), "9p.msize", &bytes, &e) < 0)
		wrong(o, s, "9p.msize", e.msg);
	return xasprintf("%s,trans=virtio,version=%s,msize=%llu,cache=%s,nofail", s->writable ? "rw" : "ro",
			 tree_str(s->node, "9p2000.L", "9p.protocolVersion"), (unsigned long long)bytes,
			 tree_str(s->node, s->writable ? "mmap" : "fscache", "9p.cache"));
}

/* A comma or blank in these would be another mount option. */
static void check_word(const struct out *o, const struct share_dir *s, const char *key)
{
	const struct node *n = tree_get(s->node, key);
	const char *text = n && n->str ? n->str : "";

	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(text))
		wrong(o, s, key, "no value of this option has other characters than letters, digits, '.', '_' and '-'");
}

static void one_share(struct out *o, struct share_dir *s)
{
	s->location = tree_str(s->node, "", "location");
	s->mount_point = tree_str(s->node, s->location, "mountPoint");
	s->writable = tree_bool(s->node, false, "writable");
	tag(s);
	if (s->mount_point[0] != '/')
		wrong(o, s, "mountPoint", "this is not an absolute path");
	s->fstype = "";
	if (!strcmp(o->mount_type, "9p")) {
		check_word(o, s, "9p.protocolVersion");
		check_word(o, s, "9p.cache");
		s->fstype = "9p";
		s->options = options_9p(o, s);
	} else if (!strcmp(o->mount_type, "virtiofs")) {
		s->fstype = "virtiofs";
		s->options = xasprintf("%s,nofail", s->writable ? "rw" : "ro");
	} else {
		s->options = xstrdup("");
	}
}

void out_shares(struct out *o)
{
	const struct node *list = tree_seq(o->doc, "mounts");
	const char *host_home = getenv("HOME");

	o->mount_type = tree_str(o->doc, "9p", "mountType");
	o->home_mount = "";
	o->nshare = list ? list->n : 0;
	o->share = xcalloc(o->nshare + 1, sizeof(*o->share));
	for (size_t i = 0; i < o->nshare; i++) {
		o->share[i].node = list->item[i];
		one_share(o, &o->share[i]);
		if (host_home && !*o->home_mount && !strcmp(o->share[i].location, host_home))
			o->home_mount = o->share[i].mount_point;
	}
}
