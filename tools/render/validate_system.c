/* validate_system - the machine as a whole, and the account in it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "name.h"
#include "validate.h"
#include "version.h"

static const struct node *get(struct check *c, const char *path)
{
	return tree_get(c->doc, path);
}

static const char *text(struct check *c, const char *path)
{
	return tree_str(c->doc, "", "%s", path);
}

static bool is_word(const char *s, const char *words)
{
	struct schema_key k = { .values = words };

	return schema_has_value(&k, s);
}

static void versions(struct check *c)
{
	const char *least = text(c, "minimumLimaVersion"), *qemu = text(c, "vmOpts.qemu.minimumVersion");
	unsigned v[3];

	if (*least && !version_parse(least, v))
		check_error(c, get(c, "minimumLimaVersion"), c->doc, "minimumLimaVersion", "must be a version X.Y.Z, not \"%s\"",
			    least);
	else if (*least && version_less(RESOLVE_COMPAT_VERSION, least))
		check_error(c, get(c, "minimumLimaVersion"), c->doc, "minimumLimaVersion",
			    "the file needs version %s; this program understands files of version " RESOLVE_COMPAT_VERSION, least);
	if (*qemu && !version_parse(qemu, v))
		check_error(c, get(c, "vmOpts.qemu.minimumVersion"), c->doc, "vmOpts.qemu.minimumVersion",
			    "must be a version X.Y.Z, not \"%s\"", qemu);
	if (tree_len(c->doc, "base"))
		check_error(c, get(c, "base"), c->doc, "base", "the bases must have been put in; this is a template, not an instance");
}

static void driver(struct check *c)
{
	const char *vm = text(c, "vmType"), *os = text(c, "os"), *arch = text(c, "arch");
	bool windows = !strcmp(os, "Windows");
	const struct node *n = get(c, "vmType");

	if (!is_word(vm, "qemu|vz|wsl2|krunkit"))
		check_error(c, n, c->doc, "vmType", "%s is not a known driver; leave it out, or use qemu", vm);
	else if (strcmp(vm, "qemu") != 0)
		check_warn(c, n, c->doc, "vmType", "%s is not available on this host; only qemu is", vm);
	if (windows && strcmp(vm, "qemu") != 0)
		check_error(c, get(c, "os"), c->doc, "os", "Windows needs vmType qemu, not %s", vm);
	if (!strcmp(os, "Darwin") && !strcmp(vm, "qemu"))
		check_error(c, get(c, "os"), c->doc, "os", "Darwin needs vmType vz");
	if (windows && !is_word(arch, "x86_64|aarch64"))
		check_error(c, get(c, "arch"), c->doc, "arch", "Windows needs x86_64 or aarch64, not %s", arch);
	if (tree_bool(c->doc, false, "tpm") && is_word(arch, "ppc64le|s390x"))
		check_error(c, get(c, "tpm"), c->doc, "tpm", "there is no TPM for %s", arch);
	if (tree_bool(c->doc, false, "firmware.legacyBIOS") && !is_word(arch, "x86_64|armv7l"))
		check_warn(c, get(c, "firmware.legacyBIOS"), c->doc, "firmware.legacyBIOS", "is ignored for %s", arch);
	if (!strcmp(vm, "qemu") && !strcmp(text(c, "mountType"), "wsl2"))
		check_error(c, get(c, "mountType"), c->doc, "mountType", "wsl2 needs vmType wsl2");
}

static void resources(struct check *c)
{
	int64_t cpus = tree_int(c->doc, 1, "cpus");
	uint64_t memory;

	if (cpus > (int64_t)c->host->cpus)
		check_warn(c, get(c, "cpus"), c->doc, "cpus", "%lld are more than the %u of this host", (long long)cpus,
			   c->host->cpus);
	if (resolve_bytes(c->doc, "memory", &memory) == 0 && c->host->memory && memory > c->host->memory)
		check_error(c, get(c, "memory"), c->doc, "memory", "%s is more than the %llu MiB of this host", text(c, "memory"),
			    (unsigned long long)(c->host->memory >> 20));
	else if (resolve_bytes(c->doc, "memory", &memory) == 0 && memory < 1 << 20)
		check_error(c, get(c, "memory"), c->doc, "memory", "%s is less than 1MiB; is the unit missing?", text(c, "memory"));
	if (resolve_bytes(c->doc, "disk", &memory) == 0 && memory < 1 << 20)
		check_error(c, get(c, "disk"), c->doc, "disk", "%s is less than 1MiB; is the unit missing?", text(c, "disk"));
	if (tree_int(c->doc, 0, "ssh.localPort") == 22)
		check_error(c, get(c, "ssh.localPort"), c->doc, "ssh.localPort", "22 is kept for the host's own ssh");
	if (tree_len(c->doc, "dns") && tree_bool(c->doc, true, "hostResolver.enabled"))
		check_error(c, get(c, "dns"), c->doc, "dns", "needs hostResolver.enabled: false");
}

static bool is_windows_shell(const char *shell)
{
	const char *base = shell + strlen(shell);

	while (base > shell && base[-1] != '/' && base[-1] != '\\')
		base--;
	return !strcasecmp(base, "cmd.exe") || !strcasecmp(base, "powershell.exe") || !strcasecmp(base, "pwsh.exe");
}

static void shell(struct check *c)
{
	const char *value = text(c, "user.shell");
	const struct node *n = get(c, "user.shell");

	if (!strcmp(text(c, "os"), "Windows") && !is_windows_shell(value))
		check_error(c, n, c->doc, "user.shell", "must be cmd.exe, powershell.exe or pwsh.exe, not \"%s\"", value);
	else if (strcmp(text(c, "os"), "Windows") != 0 && !check_absolute(value))
		check_error(c, n, c->doc, "user.shell", "must be an absolute path, not \"%s\"", value);
}

static void sudo(struct check *c)
{
	const struct node *n = get(c, "user.passwordlessSudo");
	bool sudo = tree_bool(c->doc, true, "user.passwordlessSudo"), darwin = !strcmp(text(c, "os"), "Darwin");

	if (darwin && sudo)
		check_error(c, n, c->doc, "user.passwordlessSudo", "must be false for Darwin");
	if (!darwin && !sudo && !tree_bool(c->doc, false, "plain"))
		check_error(c, n, c->doc, "user.passwordlessSudo", "false needs plain: true, for the other settings use sudo");
	if (!sudo && c->in->warnings && get(c, "param") && get(c, "param")->n)
		check_warn(c, n, c->doc, "user.passwordlessSudo", "param needs sudo in the guest");
}

static void account(struct check *c)
{
	const char *name = text(c, "user.name"), *home = text(c, "user.home");

	if (!*name || name[strcspn(name, ":/ \t\n\"'\\$`")] || *name == '-' || strlen(name) > 32)
		check_error(c, get(c, "user.name"), c->doc, "user.name", "\"%s\" cannot be the name of an account", name);
	if (!strcmp(name, "root"))
		check_error(c, get(c, "user.name"), c->doc, "user.name", "must not be root; leave it out for a name that works");
	if (tree_int(c->doc, 0, "user.uid") == 0)
		check_error(c, get(c, "user.uid"), c->doc, "user.uid", "must not be 0, the number of root");
	if (strcmp(text(c, "os"), "Windows") != 0 && !check_absolute(home))
		check_error(c, get(c, "user.home"), c->doc, "user.home", "must be an absolute path, not \"%s\"", home);
	shell(c);
	sudo(c);
}

static void instance(struct check *c)
{
	const char *zone = text(c, "timezone");
	struct err e = { 0 };

	if (name_check_instance(tree_str(c->doc, "", "_computed.name"), &e) < 0)
		diag_error(c->diag, (struct pos){ 0 }, NULL, "%s", e.msg);
	if (zone[strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")])
		check_error(c, get(c, "timezone"), c->doc, "timezone", "\"%s\" is no name of a time zone such as Europe/Berlin", zone);
	if (!check_absolute(text(c, "guestInstallPrefix")))
		check_error(c, get(c, "guestInstallPrefix"), c->doc, "guestInstallPrefix", "must be an absolute path");
}

/* What works, but is not for everybody. */
static void experimental(struct check *c)
{
	const struct {
		const char *key;
		bool is;
		const char *what;
	} table[] = {
		{ "os", !strcmp(text(c, "os"), "Windows"), "Windows guests are experimental" },
		{ "mountType", !strcmp(text(c, "mountType"), "virtiofs"), "virtiofs on a Linux host is experimental" },
		{ "arch", is_word(text(c, "arch"), "riscv64|armv7l|s390x|ppc64le"), "this architecture is experimental" },
		{ "video.display", strstr(text(c, "video.display"), "vnc") != NULL, "vnc is experimental" },
		{ "audio.device", *text(c, "audio.device") != 0, "sound is experimental" },
		{ "mountInotify", tree_bool(c->doc, false, "mountInotify"), "this is experimental" },
	};

	for (size_t i = 0; c->in->warnings && i < sizeof(table) / sizeof(*table); i++)
		if (table[i].is)
			check_warn(c, get(c, table[i].key), c->doc, table[i].key, "%s", table[i].what);
}

void validate_system(struct check *c)
{
	versions(c);
	driver(c);
	resources(c);
	account(c);
	instance(c);
	experimental(c);
}
