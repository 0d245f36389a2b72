/* conf - qemu.conf and probe.conf as typed, checked values (their keys: instance_files.h). */
#ifndef LIMA_QEMU_ARGV_CONF_H
#define LIMA_QEMU_ARGV_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "kv.h"

#define CONF_CPUS_MAX 1024
#define CONF_MEMORY_MIN (1ull << 20)
#define CONF_MEMORY_MAX (1ull << 44)
#define CONF_MOUNTS_MAX 64
#define CONF_DISKS_MAX 64
#define CONF_NETWORKS_MAX 16
#define CONF_ARGS_MAX 256
/* MAX_TAG_LEN of QEMU's 9p device, and the tag field of virtiofs, with a terminator. */
#define CONF_TAG_MAX 31

enum mount_type { MOUNT_NINE_P, MOUNT_VIRTIOFS, MOUNT_SSHFS };

struct conf_mount {
	const char *location, *tag, *security;
	bool writable;
	uint64_t queue;
};
struct conf_disk {
	const char *path, *format;
};
struct conf_network {
	const char *socket; /* the path of a unix socket, or "" */
	const char *lima;   /* the name of a user-v2 network, or "" */
	const char *mac;
};

/* All strings belong to the kv texts inside, and are never NULL: "" where the key is missing or empty. */
struct conf {
	struct kv kv, probe;

	const char *name, *arch, *cpu, *accel, *mac, *disk_format;
	uint64_t cpus, memory_mib;
	const char *ssh_address;
	uint64_t ssh_port; /* 0: QEMU picks one */
	enum mount_type mount_type;
	size_t nmounts, ndisks, nnetworks;
	struct conf_mount mount[CONF_MOUNTS_MAX];
	struct conf_disk disk[CONF_DISKS_MAX];
	struct conf_network network[CONF_NETWORKS_MAX];
	const char *display, *vnc, *audio, *audio_interface, *firmware;
	bool legacy_bios, tpm;

	const char *qemu, *probed_accel, *cpu_names, *system_firmware;
	size_t nargs;
	const char *arg[CONF_ARGS_MAX];
	unsigned version[3];
	bool netdev_stream, sandbox;
};

/* Reads both files below `dir`. Errors (EXIT_BADDATA) name file and key; a QEMU that is older than minimumVersion is
 * EXIT_UNAVAIL. conf_free in any case. */
int conf_load(const char *dir, struct conf *c, struct err *e);
void conf_free(struct conf *c);

/* Whether the QEMU is at least this version. */
bool conf_version(const struct conf *c, unsigned major, unsigned minor);

#endif
