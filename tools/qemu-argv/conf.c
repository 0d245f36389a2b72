/* conf - see conf.h. Every value that ends in the command line is checked here, once, so that the rest of the tool only
 * puts words together. Free text (paths) is not restricted; it is escaped where it is used. */
#include "conf.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "instance_files.h"
#include "name.h"
#include "num.h"

#define KEY_MAX 128
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static int bad(const struct kv *kv, struct err *e, const char *key, const char *value, const char *want)
{
	return err_set(e, EXIT_BADDATA, "%s: %s: '%s' is not %s", kv->path, key, value, want);
}

static int get_num(const struct kv *kv, const char *key, uint64_t min, uint64_t max, uint64_t *ret, struct err *e)
{
	char what[KEY_MAX];

	snprintf(what, sizeof(what), "%s", key);
	if (num_parse(kv_get(kv, "", "%s", key), min, max, what, ret, e) < 0)
		return err_wrap(e, "%s", kv->path);
	return 0;
}

static int get_count(const struct kv *kv, const char *key, size_t max, size_t *ret, struct err *e)
{
	uint64_t n = 0;

	if (*kv_get(kv, "", "%s", key) && get_num(kv, key, 0, max, &n, e) < 0)
		return -1;
	*ret = (size_t)n;
	return 0;
}

/* One of the words, which are separated by blanks. */
static int one_of(const struct kv *kv, const char *key, const char *value, const char *words, struct err *e)
{
	size_t n = strlen(value);

	for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
		if (n && !strncmp(p, value, n) && (p[n] == ' ' || !p[n]))
			return 0;
	return err_set(e, EXIT_BADDATA, "%s: %s: '%s' is none of %s", kv->path, key, value, words);
}

static bool is_mac(const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (strlen(s) != 17)
		return false;
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !strchr(hex, s[i]))
			return false;
	return true;
}

/* WORD(,[+-]WORD[=WORD])*: what -cpu and -display take, and nothing that could close the option. */
static bool is_option_list(const char *s, const char *chars)
{
	for (bool first = true;; first = false, s++) {
		size_t n;

		if (!first && (*s == '+' || *s == '-'))
			s++;
		n = strspn(s, chars);
		s += n;
		if (!n)
			return false;
		if (!first && *s == '=') {
			s += 1 + strspn(s + 1, chars);
			if (s[-1] == '=')
				return false;
		}
		if (*s != ',')
			return !*s;
	}
}

/* HOST:N[,to=M], with [HOST] for IPv6, which is what lima.yaml documents for video.vnc.display. */
static bool is_vnc_display(const char *s)
{
	size_t n = strspn(s, ALNUM ".-[]:_");
	const char *colon = n ? memrchr(s, ':', n) : NULL;

	if (!colon || !strspn(colon + 1, "0123456789") ||
	    strspn(colon + 1, "0123456789") != (size_t)(s + n - colon - 1))
		return false;
	if (!strncmp(s + n, ",to=", 4)) {
		size_t digits = strspn(s + n + 4, "0123456789");

		n += digits ? 4 + digits : 0;
	}
	return !s[n];
}

static int load_mounts(struct conf *c, struct err *e)
{
	const struct kv *kv = &c->kv;
	char key[KEY_MAX];

	for (size_t i = 0; i < c->nmounts; i++) {
		struct conf_mount *m = &c->mount[i];

		*m = (struct conf_mount){
			.location = kv_get(kv, "", "mounts.%zu.location", i),
			.tag = kv_get(kv, "", "mounts.%zu.tag", i),
			.security = kv_get(kv, "none", "mounts.%zu.securityModel", i),
			.writable = kv_bool(kv, "mounts.%zu.writable", i),
			.queue = kv_num(kv, 1024, "mounts.%zu.queueSize", i),
		};
		if (c->mount_type == MOUNT_SSHFS)
			continue;
		snprintf(key, sizeof(key), "mounts.%zu.location", i);
		if (m->location[0] != '/')
			return bad(kv, e, key, m->location, "an absolute path");
		snprintf(key, sizeof(key), "mounts.%zu.tag", i);
		if (!*m->tag || strlen(m->tag) > CONF_TAG_MAX || m->tag[strspn(m->tag, ALNUM "-_.")])
			return bad(kv, e, key, m->tag, "a mount tag (1 to 31 of A-Z a-z 0-9 . _ -)");
		snprintf(key, sizeof(key), "mounts.%zu.securityModel", i);
		if (one_of(kv, key, m->security, "none mapped-xattr mapped-file passthrough", e) < 0)
			return -1;
		snprintf(key, sizeof(key), "mounts.%zu.queueSize", i);
		/* virtqueues have a power of 2 of entries */
		if (m->queue < 2 || m->queue > 1024 || (m->queue & (m->queue - 1)))
			return bad(kv, e, key, kv_get(kv, "", "%s", key), "a power of 2 from 2 to 1024");
	}
	return 0;
}

static int load_disks(struct conf *c, struct err *e)
{
	char key[KEY_MAX];

	for (size_t i = 0; i < c->ndisks; i++) {
		struct conf_disk *d = &c->disk[i];

		d->path = kv_get(&c->kv, "", "disks.%zu.path", i);
		d->format = kv_get(&c->kv, "qcow2", "disks.%zu.format", i);
		snprintf(key, sizeof(key), "disks.%zu.path", i);
		if (d->path[0] != '/')
			return bad(&c->kv, e, key, d->path, "an absolute path");
		snprintf(key, sizeof(key), "disks.%zu.format", i);
		if (one_of(&c->kv, key, d->format, "qcow2 raw", e) < 0)
			return -1;
	}
	return 0;
}

static int load_networks(struct conf *c, struct err *e)
{
	struct err why = { 0 };
	char key[KEY_MAX];

	for (size_t i = 0; i < c->nnetworks; i++) {
		struct conf_network *n = &c->network[i];

		n->socket = kv_get(&c->kv, "", "networks.%zu.socket", i);
		n->lima = kv_get(&c->kv, "", "networks.%zu.lima", i);
		n->mac = kv_get(&c->kv, "", "networks.%zu.mac", i);
		snprintf(key, sizeof(key), "networks.%zu.mac", i);
		if (!is_mac(n->mac))
			return bad(&c->kv, e, key, n->mac, "a MAC address");
		snprintf(key, sizeof(key), "networks.%zu.socket", i);
		if (!*n->lima && n->socket[0] != '/')
			return bad(&c->kv, e, key, n->socket, "an absolute path");
		if (*n->lima && *n->socket)
			return err_set(e, EXIT_BADDATA, "%s: %s: networks.%zu.lima is given as well; keep one",
				       c->kv.path, key, i);
		snprintf(key, sizeof(key), "networks.%zu.lima", i);
		if (*n->lima && name_check(n->lima, "network", &why) < 0)
			return bad(&c->kv, e, key, n->lima, "a network name");
	}
	return 0;
}

static int load_lists(struct conf *c, struct err *e)
{
	const char *type = kv_get(&c->kv, "reverse-sshfs", "mountType");

	if (one_of(&c->kv, "mountType", type, "9p virtiofs reverse-sshfs", e) < 0)
		return -1;
	c->mount_type = *type == '9' ? MOUNT_NINE_P : *type == 'v' ? MOUNT_VIRTIOFS : MOUNT_SSHFS;
	if (get_count(&c->kv, "mounts", CONF_MOUNTS_MAX, &c->nmounts, e) < 0 ||
	    get_count(&c->kv, "disks", CONF_DISKS_MAX, &c->ndisks, e) < 0 ||
	    get_count(&c->kv, "networks", CONF_NETWORKS_MAX, &c->nnetworks, e) < 0)
		return -1;
	return load_mounts(c, e) < 0 || load_disks(c, e) < 0 || load_networks(c, e) < 0 ? -1 : 0;
}

static int load_machine(struct conf *c, struct err *e)
{
	const struct kv *kv = &c->kv;
	struct in_addr addr;
	uint64_t bytes;

	c->name = kv_get(kv, "", "name");
	c->arch = kv_get(kv, "", "arch");
	c->cpu = kv_get(kv, "", "cpuType");
	c->accel = kv_get(kv, "", "accel");
	c->mac = kv_get(kv, "", "mac");
	c->disk_format = kv_get(kv, "qcow2", "disk.format");
	c->ssh_address = kv_get(kv, "127.0.0.1", "ssh.address");
	if (name_check_instance(c->name, e) < 0) {
		e->code = EXIT_BADDATA;
		return err_wrap(e, "%s: name", kv->path);
	}
	if (get_num(kv, "cpus", 1, CONF_CPUS_MAX, &c->cpus, e) < 0 ||
	    get_num(kv, "memory", CONF_MEMORY_MIN, CONF_MEMORY_MAX, &bytes, e) < 0 ||
	    get_num(kv, "ssh.localPort", 0, 65535, &c->ssh_port, e) < 0)
		return -1;
	c->memory_mib = bytes >> 20;
	if (*c->cpu && !is_option_list(c->cpu, ALNUM "._-"))
		return bad(kv, e, "cpuType", c->cpu, "a CPU name with features (NAME,+FEATURE,FEATURE=VALUE)");
	if (*c->accel && one_of(kv, "accel", c->accel, "kvm tcg", e) < 0)
		return -1;
	if (!is_mac(c->mac))
		return bad(kv, e, "mac", c->mac, "a MAC address");
	if (one_of(kv, "disk.format", c->disk_format, "qcow2 raw", e) < 0)
		return -1;
	/* QEMU's user network forwards IPv4 only. */
	if (inet_pton(AF_INET, c->ssh_address, &addr) != 1)
		return bad(kv, e, "ssh.address", c->ssh_address, "an IPv4 address");
	return 0;
}

static int load_options(struct conf *c, struct err *e)
{
	const struct kv *kv = &c->kv;

	c->display = kv_get(kv, "", "video.display");
	c->vnc = kv_get(kv, "", "video.vnc.display");
	c->audio = kv_get(kv, "", "audio.device");
	c->audio_interface = kv_get(kv, "", "audio.interface");
	c->firmware = kv_get(kv, "", "firmware");
	c->legacy_bios = kv_bool(kv, "legacyBIOS");
	c->tpm = kv_bool(kv, "tpm");
	if (!*c->display)
		c->display = "none";
	if (!*c->vnc)
		c->vnc = "127.0.0.1:0,to=9";
	if (!*c->audio)
		c->audio = "none";
	if (!*c->audio_interface)
		c->audio_interface = "hda";
	if (!is_option_list(c->display, ALNUM "._-"))
		return bad(kv, e, "video.display", c->display, "a display (NAME,KEY=VALUE)");
	if (!is_vnc_display(c->vnc))
		return bad(kv, e, "video.vnc.display", c->vnc, "HOST:NUMBER or HOST:NUMBER,to=NUMBER");
	if (c->audio[strspn(c->audio, ALNUM "_-")])
		return bad(kv, e, "audio.device", c->audio, "an audio driver");
	if (one_of(kv, "audio.interface", c->audio_interface, "hda virtio", e) < 0)
		return -1;
	if (strchr(c->firmware, '/'))
		return bad(kv, e, "firmware", c->firmware, "a plain file name");
	return 0;
}

/* N, N.N or N.N.N */
static int parse_version(const char *text, unsigned v[3])
{
	int used[3] = { 0, 0, 0 };
	int n = sscanf(text, "%5u%n.%5u%n.%5u%n", &v[0], &used[0], &v[1], &used[1], &v[2], &used[2]);

	return n >= 1 && !text[used[n - 1]] ? 0 : -1;
}

static int check_minimum(const struct conf *c, struct err *e)
{
	const char *text = kv_get(&c->kv, "", "minimumVersion");
	unsigned v[3] = { 0, 0, 0 };

	if (!*text)
		return 0;
	if (parse_version(text, v) < 0)
		return bad(&c->kv, e, "minimumVersion", text, "a version (N.N.N)");
	for (int i = 0; i < 3; i++) {
		if (c->version[i] > v[i])
			return 0;
		if (c->version[i] < v[i])
			return err_set(e, EXIT_UNAVAIL,
				       "%s is QEMU %u.%u.%u, but this machine needs %s (vmOpts.qemu.minimumVersion)",
				       c->qemu, c->version[0], c->version[1], c->version[2], text);
	}
	return 0;
}

static int load_probe(struct conf *c, struct err *e)
{
	const struct kv *kv = &c->probe;
	const char *version = kv_get(kv, "", "version"), *arch = kv_get(kv, c->arch, "arch");

	c->qemu = kv_get(kv, "", "qemu");
	c->probed_accel = kv_get(kv, "", "accel");
	c->cpu_names = kv_get(kv, "", "cpus");
	c->system_firmware = kv_get(kv, "", "firmware");
	c->netdev_stream = kv_bool(kv, "netdev.stream");
	c->sandbox = kv_bool(kv, "sandbox");
	if (c->qemu[0] != '/')
		return bad(kv, e, "qemu", c->qemu, "an absolute path");
	if (strcmp(arch, c->arch))
		return err_set(e, EXIT_BADDATA, "%s is about %s, the machine is %s; run lima-probe --arch %s", kv->path,
			       arch, c->arch, c->arch);
	if (parse_version(version, c->version) < 0)
		return bad(kv, e, "version", version, "a version (N.N.N)");
	if (one_of(kv, "accel", c->probed_accel, "kvm tcg", e) < 0 ||
	    get_count(kv, "qemu.args", CONF_ARGS_MAX, &c->nargs, e) < 0)
		return -1;
	for (size_t i = 0; i < c->nargs; i++)
		c->arg[i] = kv_get(kv, "", "qemu.args.%zu", i);
	return check_minimum(c, e);
}

static int load_file(const char *dir, const char *name, struct kv *kv, struct err *e)
{
	char *path = path_join(dir, name);
	int r = kv_load(path, kv, e);

	free(path);
	return r;
}

int conf_load(const char *dir, struct conf *c, struct err *e)
{
	memset(c, 0, sizeof(*c));
	if (load_file(dir, F_QEMU_CONF, &c->kv, e) < 0)
		return -1;
	if (load_machine(c, e) < 0 || load_lists(c, e) < 0 || load_options(c, e) < 0)
		return -1;
	if (load_file(dir, F_PROBE_CONF, &c->probe, e) < 0)
		return -1;
	return load_probe(c, e);
}

void conf_free(struct conf *c)
{
	kv_free(&c->kv);
	kv_free(&c->probe);
}

bool conf_version(const struct conf *c, unsigned major, unsigned minor)
{
	return c->version[0] > major || (c->version[0] == major && c->version[1] >= minor);
}
