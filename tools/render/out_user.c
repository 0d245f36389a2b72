/* out_user - user-data (cloud-init's cloud-config) and the copy of it that people look at, cloud-config.yaml.
 *
 * Every text of the user is double-quoted. The layout (what stands at column 0, one mount a line, a blank line behind
 * a list) also suits the line parser in the ISO flavour of Alpine, which is no YAML reader. */
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "out_text.h"
#include "utf8.h"

/* What cloud-init runs on every boot. The volume is private to root, whatever modes its files have. */
static const char entry_script[] =
	"#!/bin/sh\n"
	"# Mounts the volume that lima made for this machine and hands over to its boot.sh.\n"
	"set -eu\n"
	"LIMA_CIDATA_MNT=/mnt/lima-cidata\n"
	"export LIMA_CIDATA_MNT\n"
	"if ! grep -q \" $LIMA_CIDATA_MNT \" /proc/mounts; then\n"
	"\tmkdir -p \"$LIMA_CIDATA_MNT\"\n"
	"\tchmod 0700 \"$LIMA_CIDATA_MNT\"\n"
	"\tvolume=/dev/disk/by-label/cidata\n"
	"\t[ -e \"$volume\" ] || volume=$(blkid -L cidata)\n"
	"\tmount -t iso9660 -o ro,mode=0700,dmode=0700,overriderockperm,exec,uid=0 \"$volume\" \"$LIMA_CIDATA_MNT\"\n"
	"fi\n"
	"exec \"$LIMA_CIDATA_MNT/boot.sh\"\n";

/* Arguments: MAC NAME, repeated. Gives network cards their names where cloud-init cannot, since they are up already. */
static const char nic_script[] =
	"while [ $# -ge 2 ]; do\n"
	"  for nic in /sys/class/net/*; do\n"
	"    [ ! -e \"/sys/class/net/$2\" ] && [ \"$(cat \"$nic/address\")\" = \"$1\" ] || continue\n"
	"    ip link set dev \"${nic##*/}\" down\n"
	"    ip link set dev \"${nic##*/}\" name \"$2\"\n"
	"    ip link set dev \"$2\" up\n"
	"  done\n"
	"  shift 2\n"
	"done";

/* A double-quoted value; what is not text cannot be written into YAML at all. */
static void quoted(const struct out *o, struct buf *text, const char *value, const struct node *at, const char *key)
{
	if (!utf8_valid(value, strlen(value)))
		diag_error(o->diag, at ? at->pos : o->doc->pos, key, "the value is not valid UTF-8");
	yaml_quoted(text, value);
}

static void quoted_key(const struct out *o, struct buf *text, const char *label, const char *key, const char *fallback)
{
	const struct node *n = tree_get(o->doc, key);
	char tmp[32];

	buf_addf(text, "  %s: ", label);
	quoted(o, text, n && n->type != NODE_NULL ? out_scalar(n, tmp) : fallback, n, key);
	buf_addc(text, '\n');
}

static void put_packages(const struct out *o, struct buf *text)
{
	if (tree_bool(o->doc, false, "upgradePackages"))
		buf_adds(text, "package_update: true\npackage_upgrade: true\npackage_reboot_if_required: true\n\n");
}

/* cloud-init copies the fields of `mounts` into fstab as they are, where a blank ends a field: such mount points are
 * left to boot.sh, which has them all in lima.env. */
static bool fits_fstab(const struct share_dir *s)
{
	return *s->fstype && !strpbrk(s->mount_point, " \t\r\n\\\"") && text_is_printable(s->mount_point);
}

static void put_mounts(const struct out *o, struct buf *text)
{
	bool any = false;

	for (size_t i = 0; i < o->nshare; i++) {
		const struct share_dir *s = &o->share[i];

		if (!fits_fstab(s))
			continue;
		if (!any)
			buf_adds(text, "mounts:\n");
		any = true;
		buf_addf(text, "- [\"%s\", ", s->tag);
		quoted(o, text, s->mount_point, s->node, "mounts");
		buf_addf(text, ", \"%s\", ", s->fstype);
		yaml_quoted(text, s->options);
		buf_adds(text, ", \"0\", \"0\"]\n");
	}
	if (any)
		buf_addc(text, '\n');
}

static void put_timezone(const struct out *o, struct buf *text)
{
	const char *zone = tree_str(o->doc, "", "timezone");

	if (!*zone)
		return;
	buf_adds(text, "timezone: ");
	if (text_is_printable(zone))
		yaml_word(text, zone);
	else
		quoted(o, text, zone, tree_get(o->doc, "timezone"), "timezone");
	buf_adds(text, "\n\n");
}

static void put_user(const struct out *o, struct buf *text)
{
	bool free_sudo = tree_bool(o->doc, true, "user.passwordlessSudo");

	buf_adds(text, "users:\n- name: ");
	quoted(o, text, tree_str(o->doc, "lima", "user.name"), tree_get(o->doc, "user.name"), "user.name");
	buf_addc(text, '\n');
	quoted_key(o, text, "uid", "user.uid", "1000");
	if (*tree_str(o->doc, "", "user.comment"))
		quoted_key(o, text, "gecos", "user.comment", "");
	quoted_key(o, text, "homedir", "user.home", "");
	quoted_key(o, text, "shell", "user.shell", "/bin/bash");
	buf_addf(text, "  sudo: \"ALL=(ALL) %sALL\"\n  lock_passwd: %s\n", free_sudo ? "NOPASSWD:" : "",
		 free_sudo ? "true" : "false");
	buf_adds(text, "  ssh_authorized_keys:\n");
	for (size_t i = 0; i < o->in.keys->authorized.n; i++) {
		buf_adds(text, "      - ");
		yaml_quoted(text, o->in.keys->authorized.v[i]);
		buf_addc(text, '\n');
	}
	buf_addc(text, '\n');
}

/* The guest's identity comes from us: it need not make keys (which takes long under emulation), and the host knows
 * it. */
static void put_host_key(const struct out *o, struct buf *text)
{
	buf_adds(text, "ssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n");
	yaml_lines(text, o->in.keys->host_private, 4);
	buf_adds(text, "  ed25519_public: ");
	yaml_quoted(text, o->in.keys->host_public);
	buf_adds(text, "\n\n");
}

static void put_entry(struct buf *text)
{
	buf_adds(text, "write_files:\n"
		       "- path: /var/lib/cloud/scripts/per-boot/00-lima.boot.sh\n"
		       "  owner: root:root\n"
		       "  permissions: \"0755\"\n"
		       "  content: |\n");
	yaml_lines(text, entry_script, 4);
	buf_addc(text, '\n');
}

static void put_resolver(const struct out *o, struct buf *text)
{
	if (o->dns.n == 0)
		return;
	buf_adds(text, "manage_resolv_conf: true\nresolv_conf:\n  nameservers:\n");
	for (size_t i = 0; i < o->dns.n; i++)
		out_address(text, "  - ", o->dns.v[i]);
	buf_addc(text, '\n');
}

static void put_certificates(const struct out *o, struct buf *text)
{
	bool remove = tree_bool(o->doc, false, "caCerts.removeDefaults");

	if (!remove && !*o->ca_certs)
		return;
	buf_addf(text, "ca_certs:\n  remove_defaults: %s\n", remove ? "true" : "false");
	if (*o->ca_certs) {
		buf_adds(text, "  trusted:\n  - |\n");
		yaml_lines(text, o->ca_certs, 4);
	}
	buf_addc(text, '\n');
}

/* One `mode: boot` script: a list, which cloud-init quotes for its shell, word by word. The volume is not mounted
 * yet, so the parameters come along. */
static void put_boot_script(const struct out *o, struct buf *text, const struct node *entry)
{
	const struct node *param = map_get(o->doc, "param");
	char tmp[32];

	buf_adds(text, "- [\"env\"");
	for (size_t i = 0; param && param->type == NODE_MAP && i < param->n; i++) {
		char *word = xasprintf("PARAM_%s=%s", param->key[i], out_scalar(param->item[i], tmp));

		buf_adds(text, ", ");
		quoted(o, text, word, param->item[i], "param");
		free(word);
	}
	buf_adds(text, ", \"/bin/sh\", \"-c\", ");
	quoted(o, text, tree_str(entry, "", "script"), tree_get(entry, "script"), "provision");
	buf_adds(text, "]\n");
}

static void put_bootcmd(const struct out *o, struct buf *text)
{
	const struct node *list = tree_seq(o->doc, "provision");

	buf_adds(text, "bootcmd:\n- [\"/bin/sh\", \"-c\", ");
	yaml_quoted(text, nic_script);
	buf_adds(text, ", \"nic\"");
	for (size_t i = 0; i < o->nnic; i++) {
		buf_addf(text, ", \"%s\", ", o->nic[i].mac);
		quoted(o, text, o->nic[i].name, NULL, "networks");
	}
	buf_adds(text, "]\n");
	for (size_t i = 0; list && i < list->n; i++)
		if (!strcmp(tree_str(list->item[i], "system", "mode"), "boot"))
			put_boot_script(o, text, list->item[i]);
}

static void put_head(struct buf *text)
{
	buf_adds(text, "#cloud-config\n"
		       "# Written by lima-render from lima.yaml; changes made here are lost.\n"
		       "\n"
		       "growpart:\n"
		       "  mode: auto\n"
		       "  devices: [\"/\"]\n"
		       "\n");
}

void out_user_data(const struct out *o, struct buf *text)
{
	put_head(text);
	put_packages(o, text);
	put_mounts(o, text);
	put_timezone(o, text);
	put_user(o, text);
	put_host_key(o, text);
	put_entry(text);
	put_resolver(o, text);
	put_certificates(o, text);
	put_bootcmd(o, text);
}

void out_cloud_config(const struct out *o, struct buf *text)
{
	put_head(text);
	put_packages(o, text);
	put_timezone(o, text);
	put_user(o, text);
	put_certificates(o, text);
	put_bootcmd(o, text);
}
