/* uses: render */
/* A hostile or unlucky text in every string of the document: what reads our files gets the same text back, or the
 * text was refused; never is there a line, key or entry more than with a harmless text. */
#include "render/out.h"
#include "tap.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

static const char *const nasty[] = {
	"two\nlines", "x\nLIMA_CIDATA_USER=root", "x\n#LIMA-END\nA=B", "cr\rx", "end\n", "\"", "\"q\"", "'", "it's",
	"`id`", "$x", "${IFS}",
	"$(id)", "a,b", "a,if=none", "k=v", "-x", "- item", "#", "a #b", "a: b", "a:", "[a]", "{a: b}", "]", "null",
	"yes", "1e3", "\\", "\\n",
	"a\\", "\x1b[0m", "\x7f", "\xc3\xbc", "\xe2\x80\xa8", "\xc2\x85x", " a ", "\ta\t", "---", "%", "*", "..",
	"{{.Home}}",
};
#define NASTY (sizeof(nasty) / sizeof(*nasty))

static const char base[] =
	"arch: x86_64\nmemory: 1GiB\ndisk: 1GiB\nmountType: 9p\nimages:\n- location: /a\n"
	"  kernel: {location: /k, cmdline: c}\n"
	"user: {name: u, comment: c, home: /h, shell: /s, uid: 1}\ntimezone: z\n"
	"mounts:\n- {location: /l, mountPoint: /m, 9p: {securityModel: none}}\n"
	"param: {P: v}\nenv: {E: v}\nguestInstallPrefix: /usr/local\n"
	"provision:\n- {mode: boot, script: s}\n- {mode: data, path: /p, owner: o, permissions: \"600\", content: c}\n"
	"- {mode: yq, path: /p, owner: o, format: f, expression: e}\n"
	"message: m\nprobes: [{script: s, hint: h, description: d}]\n"
	"portForwards: [{guestSocket: g, hostSocket: h, guestPortRange: [0, 0], hostPortRange: [0, 0]}]\n"
	"copyToHost: [{guest: g, host: h}]\nhostResolver: {hosts: {h.test: v}}\n"
	"networks: [{socket: /s, interface: if1, macAddress: \"52:55:55:01:02:03\"}]\n"
	"video: {display: none, vnc: {display: d}}\naudio: {device: d, interface: i}\n"
	"vmOpts: {qemu: {cpuType: {x86_64: max}, minimumVersion: 1.0.0}}\n";

enum text { USER_DATA, NETWORK, CLOUD, LIMA_ENV, PARAM_ENV, ETC_ENV, IMAGE, QEMU, AGENT, MK, TEXTS };
static void (*const make[TEXTS])(const struct out *, struct buf *) = {
	out_user_data, out_network_config, out_cloud_config, out_lima_env, out_param_env, out_etc_environment,
	out_image_conf, out_qemu_conf, out_agent_conf, out_vars_mk,
};

/* Where a value of the document shows: `before` stands in front of it there; "=X" is X whatever the value. */
struct place {
	enum text text;
	const char *at, *before;
};
static const struct {
	const char *parent, *key, *before; /* in the document; `before` makes the text acceptable */
	struct place place[4];
} fields[] = {
	{ "user", "name", "", { { USER_DATA, "users[0].name", "" }, { LIMA_ENV, "LIMA_CIDATA_USER", "" }, { AGENT,
			"user", "" } } },
	{ "user", "comment", "", { { USER_DATA, "users[0].gecos", "" }, { LIMA_ENV, "LIMA_CIDATA_COMMENT", "" },
			{ CLOUD, "users[0].gecos", "" } } },
	{ "user", "home", "/", { { USER_DATA, "users[0].homedir", "" }, { LIMA_ENV, "LIMA_CIDATA_HOME", "" },
			{ AGENT, "home", "" } } },
	{ "user", "shell", "/", { { USER_DATA, "users[0].shell", "" }, { LIMA_ENV, "LIMA_CIDATA_SHELL", "" },
			{ AGENT, "shell", "" } } },
	{ "", "timezone", "", { { USER_DATA, "timezone", "" }, { LIMA_ENV, "LIMA_CIDATA_TIMEZONE", "" } } },
	{ "mounts[0]", "location", "/", { { QEMU, "mounts.0.location", "" }, { AGENT, "mounts.0.location", "" } } },
	{ "mounts[0]", "mountPoint", "/", { { USER_DATA, "mounts[0][1]", "" }, { LIMA_ENV,
			"LIMA_CIDATA_MOUNTS_0_MOUNTPOINT", "" },
					    { AGENT, "mounts.0.mountPoint", "" } } },
	{ "mounts[0].9p", "securityModel", "", { { QEMU, "mounts.0.securityModel", "" } } },
	{ "mounts[0].9p", "cache", "", { { QEMU, "mounts", "=1" } } },
	{ "", "guestInstallPrefix", "/", { { LIMA_ENV, "LIMA_CIDATA_GUEST_INSTALL_PREFIX", "" }, { AGENT,
			"guestInstallPrefix", "" } } },
	{ "param", "P", "", { { USER_DATA, "bootcmd[1][1]", "PARAM_P=" }, { PARAM_ENV, "PARAM_P", "" } } },
	{ "env", "E", "", { { ETC_ENV, "E", "" } } },
	{ "provision[0]", "script", "", { { USER_DATA, "bootcmd[1][4]", "" }, { CLOUD, "bootcmd[1][4]", "" } } },
	{ "provision[1]", "path", "/", { { LIMA_ENV, "LIMA_CIDATA_DATAFILE_00000001_PATH", "" } } },
	{ "provision[1]", "owner", "", { { LIMA_ENV, "LIMA_CIDATA_DATAFILE_00000001_OWNER", "" } } },
	{ "provision[1]", "permissions", "", { { LIMA_ENV, "LIMA_CIDATA_DATAFILE_00000001_PERMISSIONS", "" } } },
	{ "provision[2]", "path", "/", { { LIMA_ENV, "LIMA_CIDATA_YQ_PROVISION_00000002_PATH", "" } } },
	{ "provision[2]", "format", "", { { LIMA_ENV, "LIMA_CIDATA_YQ_PROVISION_00000002_FORMAT", "" } } },
	{ "", "message", "", { { AGENT, "message", "" } } },
	{ "probes[0]", "script", "", { { AGENT, "probes.0.script", "" } } },
	{ "probes[0]", "hint", "", { { AGENT, "probes.0.hint", "" } } },
	{ "probes[0]", "description", "", { { AGENT, "probes.0.description", "" } } },
	{ "portForwards[0]", "guestSocket", "/", { { AGENT, "portForwards.0.guestSocket", "" } } },
	{ "portForwards[0]", "hostSocket", "/", { { AGENT, "portForwards.0.hostSocket", "" } } },
	{ "copyToHost[0]", "guest", "/", { { AGENT, "copyToHost.0.guest", "" } } },
	{ "copyToHost[0]", "host", "/", { { AGENT, "copyToHost.0.host", "" } } },
	{ "hostResolver.hosts", "h.test", "", { { AGENT, "hostResolver.hosts.0.value", "" } } },
	{ "networks[0]", "interface", "", { { USER_DATA, "bootcmd[0][7]", "" }, { LIMA_ENV, "LIMA_CIDATA_NIC_1_NAME",
			"" } } },
	{ "networks[0]", "socket", "/", { { QEMU, "networks.0.socket", "" } } },
	{ "networks[0]", "lima", "", { { QEMU, "networks.0.socket", "=/s" } } },
	{ "video", "display", "", { { QEMU, "video.display", "" }, { AGENT, "video.display", "" } } },
	{ "video.vnc", "display", "", { { QEMU, "video.vnc.display", "" } } },
	{ "audio", "device", "", { { QEMU, "audio.device", "" } } },
	{ "audio", "interface", "", { { QEMU, "audio.interface", "" } } },
	{ "vmOpts.qemu.cpuType", "x86_64", "", { { QEMU, "cpuType", "" } } },
	{ "vmOpts.qemu", "minimumVersion", "", { { QEMU, "minimumVersion", "" } } },
	{ "images[0]", "location", "/", { { IMAGE, "images.0.location", "" } } },
	{ "images[0]", "digest", "", { { IMAGE, "images.0.digest", "" } } },
	{ "images[0].kernel", "cmdline", "", { { IMAGE, "images.0.kernel.cmdline", "" } } },
	{ "", "arch", "", { { MK, "LIMA_ARCH :", " " } } },
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

static struct keys keys;

struct run {
	struct node *doc;
	struct diag d;
	struct out o;
	struct buf text[TEXTS];
};

static void start(struct run *r, const char *parent, const char *key, const char *value)
{
	struct err e = { 0 };
	struct node *map;

	*r = (struct run){ 0 };
	r->doc = tree_parse(base, sizeof(base) - 1, "t", &e);
	if (!r->doc) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	map = *parent ? tree_get(r->doc, parent) : r->doc;
	if (value)
		map_set(map, key, node_str(value));
	out_facts(&r->o, &(struct out_in){ .doc = r->doc, .dir = "/l/x", .home = "/l", .machine_id = "m",
			.keys = &keys }, &r->d);
	for (size_t i = 0; i < TEXTS; i++)
		make[i](&r->o, &r->text[i]);
}

static void end(struct run *r)
{
	for (size_t i = 0; i < TEXTS; i++)
		buf_free(&r->text[i]);
	out_free(&r->o);
	diag_free(&r->d);
	node_free(r->doc);
}

/* --- the readers --- */

static char *from_yaml(const struct buf *text, const char *at)
{
	struct err e = { 0 };
	struct node *doc = tree_parse(buf_str(text), text->len, "made", &e), *n = tree_get(doc, at);
	char *value = n && n->str ? xstrdup(n->str) : NULL;

	node_free(doc);
	return value;
}

static char *from_kv(const struct buf *text, const char *at)
{
	struct err e = { 0 };
	char *value = NULL;
	struct kv kv;

	if (kv_parse(buf_str(text), text->len, "made", &kv, &e) < 0)
		return NULL;
	if (kv_get(&kv, NULL, "%s", at))
		value = xstrdup(kv_get(&kv, NULL, "%s", at));
	kv_free(&kv);
	return value;
}

/* What stands behind "KEY=" in the one line that begins so. */
static char *from_lines(const struct buf *text, const char *at)
{
	char *value = NULL;
	size_t n = strlen(at);

	for (const char *p = buf_str(text); *p; p += strcspn(p, "\n") + 1)
		if (!strncmp(p, at, n) && p[n] == '=') {
			free(value);
			value = xstrndup(p + n + 1, strcspn(p + n + 1, "\n"));
		}
	return value;
}

/* As pam_env reads /etc/environment. */
static char *from_pam(const struct buf *text, const char *at)
{
	char *value = from_lines(text, at);
	size_t n;

	if (!value)
		return NULL;
	value[strcspn(value, "#")] = '\0';
	for (n = strlen(value); n && strchr(" \t", value[n - 1]); n--)
		value[n - 1] = '\0';
	if (value[0] == '"' || value[0] == '\'') {
		memmove(value, value + 1, n--);
		if (n && (value[n - 1] == '"' || value[n - 1] == '\''))
			value[n - 1] = '\0';
	}
	return value;
}

static char *read_back(const struct run *r, const struct place *p)
{
	const struct buf *text = &r->text[p->text];

	switch (p->text) {
	case USER_DATA:
	case NETWORK:
	case CLOUD:
		return from_yaml(text, p->at);
	case ETC_ENV:
		return from_pam(text, p->at);
	case LIMA_ENV:
	case PARAM_ENV:
	case MK:
		return from_lines(text, p->at);
	default:
		return from_kv(text, p->at);
	}
}

/* How many things a reader finds: lines, or keys of the YAML texts. */
static size_t things(const struct run *r, enum text t)
{
	size_t n = 0;

	if (t <= CLOUD) {
		struct err e = { 0 };
		struct node *doc = tree_parse(buf_str(&r->text[t]), r->text[t].len, "made", &e);

		n = doc ? doc->n + tree_len(doc, "users") * 100 + tree_len(doc, "bootcmd") * 1000 +
				  (map_get(doc, "ethernets") ? map_get(doc, "ethernets")->n * 10000 : 0)
			: 0;
		node_free(doc);
		return n;
	}
	for (const char *p = buf_str(&r->text[t]); *p; p++)
		n += *p == '\n';
	return n;
}

static void one(size_t f, const char *text, const size_t usual[TEXTS])
{
	char *value = xasprintf("%s%s", fields[f].before, text);
	bool good = true;
	struct run r;

	start(&r, fields[f].parent, fields[f].key, value);
	for (size_t t = 0; r.d.errors == 0 && t < TEXTS; t++) {
		/* A mount point with a blank is left to boot.sh: one top-level key less. */
		bool moved = t == USER_DATA && !strcmp(fields[f].key, "mountPoint") && things(&r,
				USER_DATA) == usual[t] - 1;

		good &= things(&r, (enum text)t) == usual[t] || moved;
	}
	for (const struct place *p = fields[f].place; r.d.errors == 0 && p < fields[f].place + 4 && p->at; p++) {
		char *want = *p->before == '=' ? xstrdup(p->before + 1) : xasprintf("%s%s", p->before, value);
		char *got = read_back(&r, p);
		bool absent = !got && p->text == USER_DATA && !strcmp(fields[f].key, "mountPoint");

		good &= absent || (got && !strcmp(got, want));
		if (!good)
			printf("# %s: got '%s'\n", p->at, got ? got : "(nothing)");
		free(got);
		free(want);
	}
	ok(good, "%s.%s: %s", fields[f].parent, fields[f].key, r.d.errors ? "refused" : "same or harmless");
	if (!good)
		printf("# with '%s'\n", text);
	end(&r);
	free(value);
}

int main(void)
{
	size_t usual[TEXTS];
	struct run r;

	for (const char *const *v = (const char *const[]){ "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
			"HTTP_PROXY",
							   "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", NULL };
	     *v; v++)
		unsetenv(*v);
	keys.host_private = xstrdup("A\n");
	keys.host_public = xstrdup(KEY);
	strv_add(&keys.authorized, KEY);
	start(&r, "", "", NULL);
	is_num(r.d.errors, 0, "the harmless document is accepted");
	for (size_t t = 0; t < TEXTS; t++)
		usual[t] = things(&r, (enum text)t);
	ok(usual[USER_DATA] > 2000 && usual[NETWORK] > 20000 && usual[LIMA_ENV] > 40 && usual[AGENT] > 50,
			"and says something");
	end(&r);
	for (size_t f = 0; f < FIELDS; f++)
		for (size_t i = 0; i < NASTY; i++)
			one(f, nasty[i], usual);
	keys_free(&keys);
	return done();
}
