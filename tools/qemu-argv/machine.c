/* machine - what the computer is: memory, processor, board, firmware. */
#include "line.h"

#include <inttypes.h>
#include <string.h>

#include "instance_files.h"

/* The translation cache of TCG in MiB. It is memory of the host that a running guest fills. Measured with a Debian
 * guest of 512 MiB: 128 boots as fast as 512 does, and QEMU stays at 394 MB; with 32 it saves 100 MB more, but the
 * cache overflows all the time and the boot takes more than twice as long. */
#define TB_SIZE_MIB 128

/* clang-format off */
static const struct arch archs[] = {
	{ .name = "x86_64", .machine = "q35", .bus = "pci", .vga = "virtio-vga", .tpm = "tpm-crb", .cpu = "qemu64",
	  .uefi = true, .bios = true, .x86 = true },
	{ .name = "aarch64", .machine = "virt", .bus = "pci", .vga = "virtio-gpu", .tpm = "tpm-tis-device",
	  .cpu = "cortex-a57", .uefi = true, .pci_serial = true },
	{ .name = "armv7l", .machine = "virt", .bus = "pci", .vga = "virtio-gpu", .tpm = "tpm-tis-device",
	  .cpu = "cortex-a15", .uefi = true, .bios = true, .pci_serial = true },
	{ .name = "riscv64", .machine = "virt", .option = ",acpi=off", .option_since = 8, .bus = "pci",
	  .vga = "virtio-vga", .tpm = "tpm-tis-device", .cpu = "rv64", .uefi = true },
	{ .name = "ppc64le", .machine = "pseries", .bus = "pci", .vga = "virtio-gpu", .cpu = "power9" },
	{ .name = "s390x", .machine = "s390-ccw-virtio", .bus = "ccw", .vga = "virtio-gpu", .cpu = "qemu" },
};
/* clang-format on */

const struct arch *arch_find(const char *name)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(*archs); i++)
		if (!strcmp(archs[i].name, name))
			return &archs[i];
	return NULL;
}

/* Whether QEMU listed this CPU; `n` bytes of `name`. */
static bool known_cpu(const struct conf *c, const char *name, size_t n)
{
	for (const char *p = c->cpu_names; *p; p += strcspn(p, " "), p += *p == ' ')
		if (!strncmp(p, name, n) && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static int add_cpu(struct line *l, struct err *e)
{
	const struct conf *c = l->conf;
	const char *cpu = c->cpu;
	bool kvm = !strcmp(l->accel, "kvm");
	size_t n;

	if (!*cpu)
		cpu = kvm ? "host" : known_cpu(c, "max", 3) ? "max" : l->arch->cpu;
	n = strcspn(cpu, ",");
	if (!known_cpu(c, cpu, n) && strcmp(cpu, "max"))
		return err_set(e, EXIT_UNAVAIL,
			       "cpu '%.*s' is not supported by %s; see '%s -cpu help', and vmOpts.qemu.cpuType", (int)n,
			       cpu, c->qemu, c->qemu);
	if (!kvm && n == 4 && !strncmp(cpu, "host", n))
		return err_set(e, EXIT_UNAVAIL, "cpu 'host' needs kvm, which is not in use here; choose 'max'");
	line_own(l, "-cpu", "%s", cpu);
	return 0;
}

static void add_board(struct line *l)
{
	const char *shared = l->conf->mount_type == MOUNT_VIRTIOFS ? ",memory-backend=virtiofs-shm" : "";
	const char *option = l->arch->option && conf_version(l->conf, l->arch->option_since, 0) ? l->arch->option : "";

	if (l->arch->x86 && !strcmp(l->accel, "tcg")) {
		line_own(l, "-machine", "%s,vmport=off%s", l->arch->machine, shared);
		line_own(l, "-accel", "tcg,thread=multi,tb-size=%d", TB_SIZE_MIB);
		line_opt(l, "-global", "ICH9-LPC.disable_s3=1");
		line_opt(l, "-global", "ICH9-LPC.disable_s4=1");
	} else {
		line_own(l, "-machine", "%s%s,accel=%s%s", l->arch->machine, option, l->accel, shared);
	}
}

/* Where the UEFI code is, as a value; NULL when there is none. */
static const char *find_firmware(struct line *l)
{
	const struct conf *c = l->conf;

	if (line_has(l, F_EFI_CODE))
		return line_file(l, F_EFI_CODE);
	if (*c->firmware && line_has(l, c->firmware))
		return line_file(l, c->firmware);
	return *c->system_firmware ? line_esc(l, c->system_firmware) : NULL;
}

/* QEMU's BIOS takes a kernel by itself, sooner than UEFI would. With a TPM only one that line_kernel can keep clear of the
 * ACPI tables. */
static bool boots_directly(struct line *l)
{
	return l->kernel && l->arch->x86 && (!l->conf->tpm || !l->initrd || line_initrd_apart(l));
}

static int add_firmware(struct line *l, struct err *e)
{
	const struct arch *a = l->arch;
	const char *code;

	if (l->conf->legacy_bios && !a->bios)
		strv_addf(l->notes, "firmware.legacyBIOS: %s has no BIOS; ignored", a->name);
	/* To the same point of the same kernel under tcg: 5 s by SeaBIOS, 8 s by OVMF. */
	if (!a->uefi || (l->conf->legacy_bios && a->bios) || boots_directly(l))
		return 0;
	code = find_firmware(l);
	if (code)
		line_opt(l, "-drive", "if=pflash,format=raw,readonly=on,file=%s", code);
	else if (!l->kernel)
		return err_set(e, EXIT_UNAVAIL,
			       "could not find UEFI firmware for %s; install it (Debian: ovmf, qemu-efi-aarch64, "
			       "qemu-efi-arm), put it into ~/.local/share/qemu%s",
			       a->name, a->bios ? ", or set firmware.legacyBIOS to true" : "");
	return 0;
}

int line_machine(struct line *l, struct err *e)
{
	const struct conf *c = l->conf;

	line_own(l, "-m", "%" PRIu64, c->memory_mib);
	/* vhost-user needs memory that another process can map; a memfd needs no file system, and goes with QEMU. */
	if (c->mount_type == MOUNT_VIRTIOFS)
		line_own(l, "-object", "memory-backend-memfd,id=virtiofs-shm,size=%" PRIu64 "M,share=on",
			 c->memory_mib);
	if (add_cpu(l, e) < 0)
		return -1;
	add_board(l);
	line_own(l, "-smp", "%" PRIu64 ",sockets=1,cores=%" PRIu64 ",threads=1", c->cpus, c->cpus);
	return add_firmware(l, e);
}
