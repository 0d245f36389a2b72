/* out_qemu - qemu.conf, what lima-qemu-argv builds the command line from. Keys: instance_files.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance_files.h"
#include "out.h"

#define QUEUE_SIZE 1024 /* of virtiofs */

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

static void put_machine(const struct out *o, struct buf *text)
{
	struct buf fetched = { 0 };
	bool firmware = out_files(o, &fetched, "firmware.images", "firmware") > 0;
	const char *cpu = tree_str(o->doc, "", "vmOpts.qemu.cpuType.%s", out_arch(o));

	buf_free(&fetched);
	out_put(text, o->name, "name");
	out_put(text, out_arch(o), "arch");
	kv_putf(text, "cpus", "%lld", (long long)tree_int(o->doc, 1, "cpus"));
	kv_putf(text, "memory", "%llu", (unsigned long long)out_size(o, "memory"));
	out_put(text, *cpu ? cpu : tree_str(o->doc, "", "cpuType.%s", out_arch(o)), "cpuType");
	out_put(text, "", "accel");
	out_put(text, tree_str(o->doc, "", "vmOpts.qemu.minimumVersion"), "minimumVersion");
	out_put(text, truth(tree_bool(o->doc, false, "firmware.legacyBIOS")), "legacyBIOS");
	out_put(text, firmware ? F_EFI_CODE : "", "firmware");
	out_put(text, o->nic[0].mac, "mac");
	out_put(text, tree_str(o->doc, "127.0.0.1", "ssh.address"), "ssh.address");
	kv_putf(text, "ssh.localPort", "%lld", (long long)tree_int(o->doc, 0, "ssh.localPort"));
}

static void put_mounts(const struct out *o, struct buf *text)
{
	out_put(text, o->mount_type, "mountType");
	kv_putf(text, "mounts", "%zu", o->nshare);
	for (size_t i = 0; i < o->nshare; i++) {
		const struct share_dir *s = &o->share[i];

		out_put(text, s->location, "mounts.%zu.location", i);
		out_put(text, s->tag, "mounts.%zu.tag", i);
		out_put(text, truth(s->writable), "mounts.%zu.writable", i);
		out_put(text, tree_str(s->node, "none", "9p.securityModel"), "mounts.%zu.securityModel", i);
		buf_addf(text, "mounts.%zu.queueSize=%lld\n", i,
			 (long long)tree_int(s->node, QUEUE_SIZE, "virtiofs.queueSize"));
	}
}

static void put_disks(const struct out *o, struct buf *text)
{
	kv_putf(text, "disks", "%zu", o->ndisk);
	for (size_t i = 0; i < o->ndisk; i++) {
		out_put(text, o->disk[i].path, "disks.%zu.path", i);
		out_put(text, o->disk[i].format, "disks.%zu.format", i);
	}
}

/* The card of the first user-v2 network is eth0 itself; it has eth0's address here, so that the reader knows it. */
static void put_networks(const struct out *o, struct buf *text)
{
	const struct node *list = tree_seq(o->doc, "networks");
	size_t n = list ? list->n : 0, card = 1;

	kv_putf(text, "networks", "%zu", n);
	for (size_t i = 0; i < n; i++) {
		const char *socket = tree_str(list->item[i], "", "socket");
		bool own = card < o->nnic && !strcmp(o->nic[card].name, tree_str(list->item[i], "", "interface"));

		out_put(text, *socket ? socket : tree_str(list->item[i], "", "lima"), "networks.%zu.%s", i,
		    *socket ? "socket" : "lima");
		out_put(text, o->nic[own ? card++ : 0].mac, "networks.%zu.mac", i);
	}
}

void out_qemu_conf(const struct out *o, struct buf *text)
{
	put_machine(o, text);
	put_mounts(o, text);
	put_disks(o, text);
	put_networks(o, text);
	out_put(text, tree_str(o->doc, "none", "video.display"), "video.display");
	out_put(text, tree_str(o->doc, "", "video.vnc.display"), "video.vnc.display");
	out_put(text, tree_str(o->doc, "", "audio.device"), "audio.device");
	out_put(text, tree_str(o->doc, "", "audio.interface"), "audio.interface");
	out_put(text, truth(tree_bool(o->doc, false, "tpm")), "tpm");
}
