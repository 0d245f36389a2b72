/* uses: render */
/* What cannot be written is refused with its key; names, addresses and disks are derived as the specification says. */
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "render/out.h"
#include "tap.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

static char root[] = "/tmp/lima-facts-XXXXXX";
static struct keys keys;

struct run {
	struct node *doc;
	struct diag d;
	struct out o;
	char *dir;
};

static void start(struct run *r, const char *yaml)
{
	struct err e = { 0 };

	*r = (struct run){ .dir = path_join(root, "x") };
	r->doc = tree_parse(yaml, strlen(yaml), "t.yaml", &e);
	if (!r->doc) {
		printf("# %s\n", e.msg);
		r->doc = node_new(NODE_MAP);
	}
	out_facts(&r->o, &(struct out_in){ .doc = r->doc, .dir = r->dir, .home = root, .machine_id = "m",
			.keys = &keys }, &r->d);
}

static void end(struct run *r)
{
	out_free(&r->o);
	diag_free(&r->d);
	node_free(r->doc);
	free(r->dir);
}

/* Everything that is made from a document; the texts are dropped. */
static void make_all(const struct out *o)
{
	void (*const make[])(const struct out *, struct buf *) = {
		out_user_data, out_network_config, out_lima_env, out_param_env, out_etc_environment,
		out_image_conf, out_disk_conf, out_qemu_conf, out_agent_conf, out_vars_mk,
	};

	for (size_t i = 0; i < sizeof(make) / sizeof(*make); i++) {
		struct buf b = { 0 };

		make[i](o, &b);
		buf_free(&b);
	}
}

#define GOOD "images: [{location: /a, arch: x86_64}]\narch: x86_64\nmemory: 1GiB\ndisk: 1GiB\n"

/* The document gives an error at that key and line, and none without it. */
static void refused(const char *yaml, const char *key, unsigned line)
{
	char *text = xasprintf(GOOD "%s", yaml);
	bool found = false;
	struct run r;

	start(&r, text);
	make_all(&r.o);
	for (size_t i = 0; i < r.d.n; i++)
		found |= !r.d.item[i].warning && !strcmp(r.d.item[i].key, key) && r.d.item[i].pos.line == line + 4;
	if (!ok(found, "refused: %s", key))
		for (size_t i = 0; i < r.d.n; i++)
			printf("# %u: %s: %s\n", r.d.item[i].pos.line, r.d.item[i].key, r.d.item[i].text);
	end(&r);
	free(text);
}

static void refusals(void)
{
	struct run r;

	start(&r, GOOD);
	make_all(&r.o);
	is_num(r.d.errors, 0, "the rest of these documents is fine");
	end(&r);
	refused("user:\n  name: \"a\\nb\"\n", "user.name", 2);
	refused("user:\n  name: \"a b\"\n", "user.name", 2);
	refused("user:\n  name: \"-a\"\n", "user.name", 2);
	refused("user:\n  name: ALL\n", "user.name", 2);
	refused("user:\n  comment: \"a:b\"\n", "user.comment", 2);
	refused("user:\n  comment: \"a\\rb\"\n", "user.comment", 2);
	refused("user: {name: a,\n  home: \"/home/\\n\"}\n", "user.home", 2);
	refused("user:\n  shell: \"/bin/sh\\n\"\n", "user.shell", 2);
	refused("timezone: \"a\\nb\"\n", "timezone", 1);
	refused("guestInstallPrefix: \"/\\n\"\n", "guestInstallPrefix", 1);
	refused("param:\n  A: \"x\\ny\"\n", "param.A", 2);
	refused("env:\n  A: \"x\\ny\"\n", "env.A", 2);
	refused("env:\n  A: \"x#y\"\n", "env.A", 2);
	refused("env:\n  A-B: x\n", "env.A-B", 2);
	refused("provision:\n- mode: data\n  path: \"/a\\nLIMA_CIDATA_USER=root\"\n", "provision[0].path", 3);
	refused("provision:\n- mode: yq\n  owner: \"a\\nb\"\n", "provision[0].owner", 3);
	refused("mounts:\n- location: /a\n  mountPoint: \"/b\\nc\"\n", "mounts[0].mountPoint", 3);
	refused("mounts:\n- location: /a\n  mountPoint: b\n", "mounts[0].mountPoint", 3);
	refused("mounts:\n- location: /a\n  9p:\n    cache: \"mmap,rw\"\n", "mounts[0].9p.cache", 4);
	refused("mounts:\n- location: /a\n  9p:\n    protocolVersion: \"9p 2\"\n", "mounts[0].9p.protocolVersion", 4);
	refused("networks:\n- socket: /s\n  interface: lima0\n  macAddress: 52:55:55:1\n", "networks[0].macAddress",
			4);
	refused("additionalDisks:\n- nosuch\n", "additionalDisks[0].name", 2);
	refused("additionalDisks:\n- name: ../x\n", "additionalDisks[0].name", 2);
	refused("caCerts:\n  certs:\n  - \"a\\x01b\"\n", "caCerts.certs[0]", 3);
	refused("caCerts:\n  files:\n  - /nonexistent/ca.pem\n", "caCerts.files[0]", 3);
	refused("containerd: {user: true, archives: [{location: /n, arch: aarch64}]}\n", "containerd.archives", 1);
}

/* The document's own memory and architecture, so without GOOD. */
static void sizes_and_images(void)
{
	struct run r;
	bool memory = false, images = false;

	start(&r, "arch: x86_64\nmemory: 4 apples\ndisk: 1GiB\nimages:\n- {location: /a, arch: aarch64}\n");
	make_all(&r.o);
	for (size_t i = 0; i < r.d.n; i++) {
		memory |= !strcmp(r.d.item[i].key, "memory") && r.d.item[i].pos.line == 2;
		images |= !strcmp(r.d.item[i].key, "images") && r.d.item[i].pos.line == 5;
	}
	ok(memory, "a size that is none");
	ok(images, "no image for the architecture");
	end(&r);
}

static void macs(void)
{
	static const struct {
		const char *in, *want;
	} t[] = {
		{ "52:55:55:AB:cd:0e", "52:55:55:ab:cd:0e" }, { "52-55-55-ab-cd-0e", "52:55:55:ab:cd:0e" },
		{ "5255.55ab.cd0e", "52:55:55:ab:cd:0e" },
	};
	char mac[18];

	/* printf 'm/l/x' | sha256sum */
	out_mac("m", "/l/x", mac);
	is_str(mac, "52:55:55:40:c8:ae", "derived from the machine and the folder");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		char *yaml = xasprintf("networks: [{socket: /s, interface: n, macAddress: \"%s\"}]", t[i].in);
		struct run r;

		start(&r, yaml);
		is_str(r.o.nnic == 2 ? r.o.nic[1].mac : "none", t[i].want, "one form of MAC address");
		end(&r);
		free(yaml);
	}
}

static void networks_yaml(void)
{
	char *config = path_join(root, "_config"), *path = path_join(config, "networks.yaml");
	const char *text = "networks:\n  user-v2: {mode: user-v2, gateway: 10.9.8.1, netmask: 255.255.255.0}\n"
			   "  mine: {mode: user-v2, gateway: 10.1.2.200, netmask: 255.255.255.128}\n"
			   "  my.net: {mode: user-v2, gateway: 10.7.0.1, netmask: 255.255.255.240}\n"
			   "  shared: {mode: shared, gateway: 10.5.5.1}\n";
	struct err e = { 0 };
	struct run r;

	dir_make(config, 0700, &e);
	file_write(path, text, strlen(text), 0600, &e);
	start(&r, "networks: [{lima: mine, interface: lima0, macAddress: \"52:55:55:00:00:01\"}, "
		  "{lima: user-v2, interface: lima1, macAddress: \"52:55:55:00:00:02\"}]");
	is_str(r.o.gateway, "10.1.2.130", "gateway: the network's address and 2");
	is_str(r.o.slirp_dns, "10.1.2.131", "name server: that and 3");
	is_str(r.o.slirp_ip, "", "the guest's address is not known beforehand");
	is_num(r.o.nnic, 2, "the first such network is eth0, the second a card of its own");
	is_str(r.o.dns.n == 1 ? r.o.dns.v[0] : "", "10.1.2.131", "which the guest asks");
	if (ok(r.o.nusernet == 2, "both networks are for the host agent to know")) {
		is_str(r.o.usernet[0].subnet, "10.1.2.128/25", "the first one's addresses");
		is_str(r.o.usernet[0].mac, r.o.nic[0].mac, "its card is eth0");
		is_str(r.o.usernet[1].subnet, "10.9.8.0/24", "the second one's addresses");
		is_str(r.o.usernet[1].mac, "52:55:55:00:00:02", "its card is its own");
	}
	end(&r);
	start(&r, "networks: [{lima: my.net, interface: lima0, macAddress: \"52:55:55:00:00:01\"}]");
	is_str(r.o.nusernet == 1 ? r.o.usernet[0].subnet : "", "10.7.0.0/28", "a name with a dot");
	is_str(r.o.slirp_dns, "10.7.0.3", "and its name server");
	end(&r);
	start(&r, "networks: [{lima: shared, interface: lima0, macAddress: \"52:55:55:00:00:01\"}]");
	is_str(r.o.gateway, "192.168.5.2", "another kind of network leaves eth0 alone");
	is_num(r.o.nusernet, 0, "and has no daemon");
	end(&r);
	unlink(path);
	free(path);
	free(config);
}

static void name_servers(void)
{
	struct run r;

	start(&r, "hostResolver: {enabled: true}");
	is_str(r.o.dns.n == 1 ? r.o.dns.v[0] : "", "192.168.5.3", "the host's resolver");
	end(&r);
	start(&r, "hostResolver: {enabled: false}");
	is_num(r.o.dns.n, 0, "switched off: what DHCP says");
	end(&r);
	start(&r, "{hostResolver: {enabled: false}, dns: [9.9.9.9, 1.1.1.1]}");
	is_str(r.o.dns.n == 2 ? r.o.dns.v[1] : "", "1.1.1.1", "explicit ones, in order");
	end(&r);
}

static void make_disk(const char *folder, const char *file, const char *text, size_t n)
{
	char *dir = path_join(root, folder), *path = path_join(dir, file);
	struct err e = { 0 };

	dir_make(dir, 0700, &e);
	file_write(path, text, n, 0600, &e);
	free(path);
	free(dir);
}

static void disks(void)
{
	char *dir = path_join(root, "x/.make"), *conf = path_join(dir, "qemu.conf");
	struct buf text = { 0 };
	struct err e = { 0 };
	struct run r;

	make_disk("_disk/one", "datadisk", "QFI\xfb....", 8);
	make_disk("_disks/two", "datadisk", "raw bytes", 9);
	make_disk("_disk/three", "datadisk", "QFI\xfb....", 8);
	make_disk("_disk/three", "format", "raw\n", 4);
	start(&r, GOOD "additionalDisks: [one, {name: two}, {name: three, format: false}]");
	is_num(r.d.errors, 0, "three disks");
	if (ok(r.o.ndisk == 3, "all found")) {
		is_str(r.o.disk[0].format, "qcow2", "by its header");
		is_str(r.o.disk[1].format, "raw", "no header");
		is_str(r.o.disk[2].format, "raw", "by the file beside it, whatever the guest wrote");
		ok(strstr(r.o.disk[1].path, "/_disks/two/datadisk") != NULL, "the newer folder is understood");
	}
	dir_make(dir, 0700, &e);
	out_qemu_conf(&r.o, &text);
	file_write(conf, buf_str(&text), text.len, 0600, &e);
	buf_free(&text);
	end(&r);

	/* A guest writes the header of an image with a backing file into its raw disk. */
	make_disk("_disks/two", "datadisk", "QFI\xfb....", 8);
	start(&r, GOOD "additionalDisks: [{name: two}]");
	ok(r.d.errors == 1 && strstr(r.d.item[0].text, "was raw and now looks like qcow2"), "a raw disk stays raw");
	is_str(r.o.disk[0].format, "raw", "and is not opened as something else");
	end(&r);
	make_disk("_disks/two", "format", "qcow2\n", 6);
	start(&r, GOOD "additionalDisks: [{name: two}]");
	ok(r.d.errors == 0 && !strcmp(r.o.disk[0].format, "qcow2"), "unless the user says so");
	end(&r);
	free(conf);
	free(dir);
}

static void firmware(void)
{
	struct buf text = { 0 };
	struct run r;

	start(&r, GOOD "firmware: {images: [{location: /f.arm, arch: aarch64}, "
		       "{location: /f.vz, arch: x86_64, vmType: vz}, "
		       "{location: /f.fd, arch: x86_64, digest: \"sha256:00\"}]}");
	out_image_conf(&r.o, &text);
	is_str(strstr(buf_str(&text), "firmware"),
			"firmware.0.location=/f.fd\nfirmware.0.digest=sha256:00\nfirmware=1\n",
	       "the firmware for this machine is to be fetched");
	buf_free(&text);
	out_qemu_conf(&r.o, &text);
	ok(strstr(buf_str(&text), "\nfirmware=qemu-efi-code.fd\n") != NULL, "and used");
	buf_free(&text);
	end(&r);
	start(&r, GOOD "firmware: {images: [{location: /f.arm, arch: aarch64}]}");
	out_qemu_conf(&r.o, &text);
	ok(strstr(buf_str(&text), "\nfirmware=\n") != NULL, "one for other machines is not");
	buf_free(&text);
	end(&r);
}

int main(void)
{
	struct err e = { 0 };

	if (!mkdtemp(root))
		return 1;
	for (const char *const *v = (const char *const[]){ "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
			"HTTP_PROXY",
							   "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", NULL };
	     *v; v++)
		unsetenv(*v);
	keys.host_private = xstrdup("A\n");
	keys.host_public = xstrdup(KEY);
	strv_add(&keys.authorized, KEY);
	refusals();
	sizes_and_images();
	macs();
	networks_yaml();
	name_servers();
	disks();
	firmware();
	keys_free(&keys);
	dir_remove(root, &e);
	return done();
}
