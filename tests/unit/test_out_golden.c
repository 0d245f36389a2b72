/* uses: render */
/* The texts made from a resolved document, byte for byte, against files worked out by hand from the specification
 * (tests/data/render/NAME/FILE, beside resolved.yaml). @IID@ and @VERSION@ stand for what is computed here. */
#include "file.h"
#include "render/out.h"
#include "sha.h"
#include "tap.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

static const struct {
	const char *file;
	void (*make)(const struct out *o, struct buf *text);
} texts[] = {
	{ "user-data", out_user_data },
	{ "cloud-config.yaml", out_cloud_config },
	{ "network-config", out_network_config },
	{ "meta-data", out_meta_data },
	{ "lima.env", out_lima_env },
	{ "param.env", out_param_env },
	{ "etc_environment", out_etc_environment },
	{ "image.conf", out_image_conf },
	{ "disk.conf", out_disk_conf },
	{ "qemu.conf", out_qemu_conf },
	{ "agent.conf", out_agent_conf },
	{ "vars.mk", out_vars_mk },
	{ "ansible-inventory.yaml", out_inventory },
	{ "known_hosts", out_known_hosts },
};

static struct keys test_keys(void)
{
	struct keys k = { 0 };

	k.host_private = xstrdup("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n"
				 "-----END OPENSSH PRIVATE KEY-----\n");
	k.host_public = xstrdup(KEY " lima-ci-1-x");
	strv_add(&k.authorized, KEY " lima");
	strv_add(&k.authorized, KEY " max \"at\" home");
	strv_add(&k.identities, "/l/_config/user");
	strv_add(&k.identities, "/home/max/.ssh/id_ed25519");
	return k;
}

static char *read_golden(const char *name, const char *file)
{
	char *path = xasprintf("tests/data/render/%s/%s", name, file);
	struct buf text = { 0 };
	struct err e = { 0 };

	if (file_read(path, 1u << 20, &text, &e) < 0) {
		buf_free(&text);
		printf("# %s\n", e.msg);
		free(path);
		return NULL;
	}
	free(path);
	return buf_detach(&text);
}

static char *replace(char *text, const char *mark, const char *by)
{
	char *at = text ? strstr(text, mark) : NULL, *out;

	if (!at)
		return text;
	out = xasprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(mark));
	free(text);
	return out;
}

/* The formula of the instance id, from the golden files: what is hashed is written down here once more. */
static void golden_iid(const char *name, const char *hostname, char iid[72])
{
	char *user = read_golden(name, "user-data"), *net = read_golden(name, "network-config"), hex[SHA_HEX_SIZE];
	char *all = xasprintf("user-data %zu\n%snetwork-config %zu\n%shostname %zu\n%s", strlen(user), user,
			strlen(net), net,
			      strlen(hostname), hostname);

	sha_hex(SHA_256, all, strlen(all), hex);
	snprintf(iid, 72, "iid-%.64s", hex);
	free(all);
	free(user);
	free(net);
}

static void compare(const char *name, const char *dir, const char *hostname)
{
	char *yaml = read_golden(name, "resolved.yaml"), iid[72];
	struct err e = { 0 };
	struct node *doc = yaml ? tree_parse(yaml, strlen(yaml), "resolved.yaml", &e) : NULL;
	struct keys keys = test_keys();
	struct out_in in = { .doc = doc, .dir = dir, .home = "/l", .machine_id = "0123456789abcdef0123456789abcdef",
			.keys = &keys };
	struct diag d = { 0 };
	struct out o;

	if (!ok(doc != NULL, "%s: resolved.yaml is read", name)) {
		printf("# %s\n", e.msg);
		return;
	}
	out_facts(&o, &in, &d);
	golden_iid(name, hostname, iid);
	is_str(o.iid, iid, "the instance id is made of user-data, network-config and the host name");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *want = replace(replace(read_golden(name, texts[i].file), "@IID@", iid), "@VERSION@",
				LIMA_VERSION);
		struct buf got = { 0 };

		texts[i].make(&o, &got);
		is_str(buf_str(&got), want, texts[i].file);
		buf_free(&got);
		free(want);
	}
	is_num(d.errors, 0, "no errors");
	diag_report(&d);
	diag_free(&d);
	out_free(&o);
	keys_free(&keys);
	node_free(doc);
	free(yaml);
}

int main(void)
{
	setenv("HOME", "/home/max", 1);
	for (const char *const *v = (const char *const[]){ "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
			"HTTP_PROXY",
							   "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", NULL };
	     *v; v++)
		unsetenv(*v);
	compare("full", "/l/ci-1.x", "lima-ci-1-x");
	compare("plain", "/l/default", "lima-default");
	return done();
}
