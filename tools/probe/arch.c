/* arch - what the probe has to know about each guest architecture, as data. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "file.h"

static const char *const none[] = { NULL };
static const char *const fw_x86_64[] = {
	"/usr/share/edk2/x64/OVMF_CODE.4m.fd",
	"/usr/share/OVMF/OVMF_CODE.fd",
	"/usr/share/OVMF/OVMF_CODE_4M.fd",
	"/usr/share/edk2/ovmf/OVMF_CODE.fd",
	"/usr/share/qemu/ovmf-x86_64.bin",
	"/usr/share/qemu/ovmf-x86_64-4m.bin",
	NULL,
};
static const char *const fw_aarch64[] = {
	"/usr/share/edk2/aarch64/QEMU_CODE.fd",
	"/usr/share/AAVMF/AAVMF_CODE.fd",
	"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
	NULL,
};
static const char *const fw_arm[] = { "/usr/share/edk2/arm/QEMU_CODE.fd", "/usr/share/AAVMF/AAVMF32_CODE.fd", NULL };
static const char *const fw_riscv[] = {
	"/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd",
	"/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd",
	NULL,
};

static const struct probe_arch archs[] = {
	{ "x86_64", "qemu-system-x86_64", "QEMU_SYSTEM_X86_64", "q35", "qemu-system-x86", "x86_64", fw_x86_64 },
	{ "aarch64", "qemu-system-aarch64", "QEMU_SYSTEM_AARCH64", "virt", "qemu-system-arm", "aarch64", fw_aarch64 },
	{ "armv7l", "qemu-system-arm", "QEMU_SYSTEM_ARM", "virt", "qemu-system-arm", "arm", fw_arm },
	{ "riscv64", "qemu-system-riscv64", "QEMU_SYSTEM_RISCV64", "virt", "qemu-system-misc", "riscv", fw_riscv },
	{ "ppc64le", "qemu-system-ppc64", "QEMU_SYSTEM_PPC64", "pseries", "qemu-system-ppc", NULL, none },
	{ "s390x", "qemu-system-s390x", "QEMU_SYSTEM_S390X", "s390-ccw-virtio", "qemu-system-misc", NULL, none },
};

/* What uname(2) says where lima.yaml has another name. */
static const struct {
	const char *uname, *name;
} aliases[] = {
	{ "amd64", "x86_64" }, { "arm64", "aarch64" }, { "armv8l", "armv7l" },
	{ "arm", "armv7l" },   { "ppc64", "ppc64le" },
};

const struct probe_arch *probe_arch(const char *name)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(*archs); i++)
		if (!strcmp(archs[i].name, name))
			return &archs[i];
	return NULL;
}

const char *probe_host_arch(void)
{
	const struct probe_arch *arch;
	struct utsname u;

	if (uname(&u) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (!strcmp(aliases[i].uname, u.machine))
			return aliases[i].name;
	arch = probe_arch(u.machine);
	return arch ? arch->name : NULL;
}

static char *if_exists(char *path)
{
	if (path_exists(path))
		return path;
	free(path);
	return NULL;
}

/* The three places beside QEMU and in the user's home, in the order of preference. */
static char *edk2_file(const char *edk2, const char *program)
{
	const char *home = getenv("HOME");
	int bin = (int)(strrchr(program, '/') - program);
	char *found = NULL;

	if (home && home[0] == '/')
		found = if_exists(xasprintf("%s/.local/share/qemu/edk2-%s-code.fd", home, edk2));
	if (!found)
		found = if_exists(xasprintf("%.*s/../share/qemu/edk2-%s-code.fd", bin, program, edk2));
	if (!found)
		found = if_exists(xasprintf("%.*s/share/edk2-%s-code.fd", bin, program, edk2));
	return found;
}

char *probe_firmware(const struct probe_arch *arch, const char *program)
{
	char *found = arch->edk2 ? edk2_file(arch->edk2, program) : NULL;

	for (size_t i = 0; !found && arch->firmware[i]; i++)
		if (path_exists(arch->firmware[i]))
			found = xstrdup(arch->firmware[i]);
	return found ? found : xstrdup("");
}
