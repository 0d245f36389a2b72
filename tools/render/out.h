/* out - what a resolved lima.yaml turns into: the files that the other tools and the guest read.
 *
 * out_facts computes what several of them need (addresses, mounts, names). The out_* text functions are pure: facts in,
 * bytes out, the same bytes for the same facts. out_write is the one that touches the disk.
 */
#ifndef LIMA_OUT_H
#define LIMA_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "diag.h"
#include "err.h"
#include "keys.h"
#include "kv.h"
#include "tree.h"

/* QEMU's user-mode network as lima-qemu-argv configures it. */
#define SLIRP_GATEWAY "192.168.5.2"
#define SLIRP_DNS "192.168.5.3"
#define SLIRP_ADDRESS "192.168.5.15"
#define ETH0_METRIC 200
#define NIC_METRIC 100

#define TEXT_FILE_MAX (4u << 20) /* a CA bundle, networks.yaml, ... */

struct nic {
	char mac[18]; /* lower case, with colons */
	const char *name;
	int64_t metric;
};

/* A card on a user-v2 network, which lima-usernet runs (out_usernet.c). */
struct usernet {
	const char *name;
	char subnet[20]; /* 192.168.104.0/24 */
	char mac[18];    /* "": the card is wrong, and was reported */
};

struct share_dir {
	const struct node *node; /* the entry of mounts: */
	const char *location, *mount_point;
	bool writable;
	char tag[22];      /* "lima-" and 16 hex digits */
	const char *fstype; /* "9p", "virtiofs"; "" for reverse-sshfs */
	char *options;     /* for mount -o; "" for reverse-sshfs */
};

struct data_disk {
	const char *name;
	char *dir;          /* absolute path of its folder */
	char *path;         /* of its datadisk */
	const char *format; /* "qcow2" or "raw" */
};

struct out_in {
	const struct node *doc; /* the resolved document */
	const char *dir;        /* absolute path of the instance directory; its last part is the instance's name */
	const char *home;       /* LIMA_HOME */
	const char *machine_id; /* MAC addresses are derived from it */
	const struct keys *keys;
	bool debug;
};

struct out {
	struct out_in in;
	const struct node *doc;
	struct diag *diag; /* receives what cannot be written, with key and position */
	const char *name;
	char *hostname;
	const char *mount_type;
	bool plain;
	struct nic *nic;
	size_t nnic;
	struct usernet *usernet; /* the first one is eth0's */
	size_t nusernet;
	struct share_dir *share;
	size_t nshare;
	struct data_disk *disk;
	size_t ndisk;
	const char *home_mount; /* where the host's home is mounted, or "" */
	char gateway[16], slirp_dns[16];
	const char *slirp_ip;
	struct strv dns;     /* addresses; empty: whatever DHCP says */
	char *ca_certs;      /* the lines of all certificates, one after the other; "" = none */
	struct kv env;       /* what the guest's /etc/environment gets, sorted; values are single lines */
	char iid[72];        /* instance id, set by out_iid */
};

/* Fills *o from `in`, which must outlive it. What is wrong becomes errors in `d`. out_free afterwards. */
void out_facts(struct out *o, const struct out_in *in, struct diag *d);
void out_free(struct out *o);

/* 52:55:55:xx:xx:xx from the machine's id and a unique text (spec: the instance directory). `mac` has 18 bytes. */
void out_mac(const char *machine_id, const char *unique, char mac[18]);
/* The id of this machine: /etc/machine-id, /var/lib/dbus/machine-id, or the host's name. The caller frees it. */
char *out_machine_id(void);

/* The environment of the guest (out_env.c): `env:` and, when wanted, the proxy variables of this process, with loopback
 * addresses replaced by `gateway`. */
void out_guest_env(const struct node *doc, const char *gateway, struct kv *env, struct diag *d);

/* --- texts --- */

/* A resolved document as JSON for people and programs. */
void out_json(const struct node *doc, struct buf *text);
void out_user_data(const struct out *o, struct buf *text);
void out_cloud_config(const struct out *o, struct buf *text); /* without mounts, DNS, files and secrets: to look at */
void out_network_config(const struct out *o, struct buf *text);
/* `before`, an IP address as a YAML scalar, a line end: items of nameserver lists. */
void out_address(struct buf *text, const char *before, const char *address);
void out_meta_data(const struct out *o, struct buf *text);
/* The instance id: "iid-" and the SHA-256 of what cloud-init acts on. */
void out_iid(struct out *o);
void out_lima_env(const struct out *o, struct buf *text);
void out_param_env(const struct out *o, struct buf *text);
void out_etc_environment(const struct out *o, struct buf *text);
/* The entries of a list of files (containerd.archives, firmware.images) that are for this instance's CPU, as NAME.I.location
 * and NAME.I.digest and, when there are any, NAME=count. Returns the count. */
size_t out_files(const struct out *o, struct buf *text, const char *path, const char *name);
void out_image_conf(const struct out *o, struct buf *text);
void out_disk_conf(const struct out *o, struct buf *text);
/* The keys networks of agent.conf. */
void out_usernets(const struct out *o, struct buf *text);
void out_qemu_conf(const struct out *o, struct buf *text);
void out_agent_conf(const struct out *o, struct buf *text);
void out_vars_mk(const struct out *o, struct buf *text);
void out_inventory(const struct out *o, struct buf *text);
void out_known_hosts(const struct out *o, struct buf *text);

/* Bytes of a size such as "4GiB" at `path` of the resolved document; 0 and an error in the diag when it is none. */
uint64_t out_size(const struct out *o, const char *path);
/* Whether the instance's CPU architecture in the resolved document is `arch`. */
const char *out_arch(const struct out *o);

/* One line of a kv text; the key is formatted, and at most OUT_KEY_MAX - 1 bytes long. */
#define OUT_KEY_MAX 128
void out_put(struct buf *text, const char *value, const char *key_fmt, ...) __attribute__((format(printf, 3, 4)));

/* --- files --- */

/* Writes everything below DIR and DIR/.make that is not as it should be, and removes what an earlier run left in the
 * cidata tree. `share` is the folder of the installed files. Findings about the document come first and nothing
 * is written then: the return is -1 with e->code 0 and the errors in `d`. */
int out_write(struct out *o, const char *share, struct diag *d, struct err *e);

/* A scalar as text: strings as they are, whole numbers in decimal, others as they were written. "" for NULL, null, lists
 * and maps. */
const char *out_scalar(const struct node *n, char tmp[32]);

#endif
