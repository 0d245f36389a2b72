/* storage - the disks, the cidata volume, and what is booted from them. Every drive names its format: QEMU must never
 * guess it from content that a guest has written. */
#include "line.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "instance_files.h"

/* Linux's own limit is 2048 on most architectures; this only bounds the file. */
#define CMDLINE_MAX (64u << 10)
/* As instances of Lima 2.1 and later have them. */
#define F_DISK "disk"
#define F_ISO "iso"
/* Where the initial RAM disk lies with a TPM: above any kernel, and far below the tables at the end of the memory. */
#define INITRD_AT (256u << 20)
#define INITRD_NEEDS_MIB 512

static int boot_disk(struct line *l, struct err *e)
{
	bool own = line_has(l, F_DIFFDISK);
	const char *name = own ? F_DIFFDISK : F_DISK, *format = own ? "qcow2" : l->conf->disk_format;

	if (!own && !line_has(l, F_DISK))
		return err_set(e, EXIT_NO, "%s does not exist; make it first", line_path(l, F_DIFFDISK));
	if (l->iso) {
		line_opt(l, "-drive", "file=%s,if=virtio,format=%s,discard=on", line_file(l, name), format);
		return 0;
	}
	line_opt(l, "-drive", "file=%s,if=none,format=%s,discard=on,id=boot-disk", line_file(l, name), format);
	line_opt(l, "-device", "virtio-blk-%s,drive=boot-disk,bootindex=1", l->arch->bus);
	return 0;
}

static void boot_order(struct line *l)
{
	/* The boot loader of s390x has no menu for these disks, and warns. */
	const char *menu = !strcmp(l->arch->bus, "ccw") ? "" : ",splash-time=0,menu=on";

	line_own(l, "-boot", "order=%c%s", l->iso ? 'd' : 'c', menu);
	if (l->iso)
		line_opt(l, "-drive", "file=%s,format=raw,media=cdrom,readonly=on", line_file(l, F_ISO));
}

int line_disks(struct line *l, struct err *e)
{
	/* QEMU for s390x is built without USB. */
	if (!strcmp(l->arch->bus, "pci"))
		line_opt(l, "-device", "qemu-xhci,id=usb-bus");
	if (boot_disk(l, e) < 0)
		return -1;
	boot_order(l);
	for (size_t i = 0; i < l->conf->ndisks; i++) {
		const struct conf_disk *d = &l->conf->disk[i];

		line_opt(l, "-drive", "file=%s,if=virtio,format=%s,discard=on", line_esc(l, d->path), d->format);
	}
	line_opt(l, "-drive", "id=cdrom0,if=none,format=raw,readonly=on,file=%s", line_file(l, F_CIDATA_ISO));
	line_opt(l, "-device", "virtio-scsi,id=scsi0");
	line_opt(l, "-device", "scsi-cd,bus=scsi0.0,drive=cdrom0");
	return 0;
}

/* With a TPM the BIOS makes its ACPI tables (the event log is among them) larger than the room that QEMU leaves above the
 * initial RAM disk, which overwrites them: the kernel finds no ACPI then, so no TPM and no power button. An ELF kernel, which
 * lies where it says and is not moved about, can have the RAM disk at another place; one in a bzImage is booted by UEFI. */
bool line_initrd_apart(struct line *l)
{
	char magic[4] = "";
	int fd;

	if (!l->conf->tpm || !l->arch->x86 || !l->kernel || !l->initrd || l->conf->memory_mib < INITRD_NEEDS_MIB)
		return false;
	fd = open(line_path(l, F_KERNEL), O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, magic, sizeof(magic)) != sizeof(magic))
		magic[0] = '\0';
	if (fd >= 0)
		close(fd);
	return !memcmp(magic, "\177ELF", sizeof(magic));
}

/* Under emulation the time-stamp counters of all CPUs are one and the same, but no flag says so: a Linux with more than one
 * CPU takes the HPET instead, a device, for each look at the clock, which its scheduler does all the time. */
static void trust_tsc(const struct line *l, struct buf *text)
{
	if (!l->arch->x86 || strcmp(l->accel, "tcg") != 0 || strstr(buf_str(text), "tsc=") ||
	    strstr(buf_str(text), "clocksource="))
		return;
	buf_adds(text, " tsc=reliable");
}

/* A block scalar in lima.yaml ends in a newline, which is no part of the kernel's arguments. */
static int kernel_arguments(struct line *l, struct err *e)
{
	struct buf text = { 0 };
	struct stat st;
	int r = 0;

	if (line_has(l, F_KERNEL_CMDLINE))
		r = file_read(line_path(l, F_KERNEL_CMDLINE), CMDLINE_MAX, &text, e);
	if (r == 0 && text.len && memchr(text.data, '\0', text.len))
		r = err_set(e, EXIT_BADDATA, "%s: a NUL byte", line_path(l, F_KERNEL_CMDLINE));
	while (r == 0 && text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (r == 0 && line_initrd_apart(l) && stat(line_path(l, F_INITRD), &st) == 0)
		buf_addf(&text, "%sinitrdmem=%#x,%lld", text.len ? " " : "", INITRD_AT, (long long)st.st_size);
	if (r == 0 && text.len) {
		trust_tsc(l, &text);
		line_own(l, "-append", "%s", buf_str(&text));
	}
	buf_free(&text);
	return r;
}

int line_kernel(struct line *l, struct err *e)
{
	if (l->kernel)
		line_own(l, "-kernel", "%s", line_path(l, F_KERNEL));
	if (kernel_arguments(l, e) < 0)
		return -1;
	if (line_initrd_apart(l))
		line_opt(l, "-device", "loader,file=%s,addr=%#x,force-raw=on", line_file(l, F_INITRD), INITRD_AT);
	else if (l->initrd)
		line_own(l, "-initrd", "%s", line_path(l, F_INITRD));
	return 0;
}

int line_tpm(struct line *l, struct err *e)
{
	if (!l->conf->tpm)
		return 0;
	if (!l->arch->tpm)
		return err_set(e, EXIT_UNAVAIL, "tpm: QEMU has none for %s; set it to false", l->arch->name);
	line_opt(l, "-chardev", "socket,id=chrtpm,path=%s", line_file(l, "swtpm.sock"));
	line_opt(l, "-tpmdev", "emulator,id=tpm0,chardev=chrtpm");
	line_opt(l, "-device", "%s,tpmdev=tpm0", l->arch->tpm);
	return 0;
}
