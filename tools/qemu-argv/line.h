/* line - a command line under construction, and the parts that add to it. Private to this tool. */
#ifndef LIMA_QEMU_ARGV_LINE_H
#define LIMA_QEMU_ARGV_LINE_H

#include <stdbool.h>

#include "buf.h"
#include "conf.h"
#include "err.h"
#include "qemu_argv.h"

/* What differs between the guest architectures. */
struct arch {
	const char *name;
	const char *machine;
	const char *option;    /* of the machine, from version option_since.0 of QEMU on; NULL: none */
	const char *bus;       /* virtio-blk-BUS, virtio-net-BUS, virtio-9p-BUS */
	const char *vga;       /* when there is a screen */
	const char *tpm;       /* NULL: has none */
	const char *cpu;       /* under tcg, where QEMU does not know "max" (riscv64 before 8.2, ppc64le) */
	unsigned option_since;
	bool uefi;	       /* takes UEFI firmware, and needs it when there is no kernel to boot directly */
	bool bios;	       /* can do without, by firmware.legacyBIOS */
	bool pci_serial;       /* has a second console */
	bool x86;
};
const struct arch *arch_find(const char *name);

struct line {
	const struct qemu_argv_opts *opts;
	const struct conf *conf;
	const struct arch *arch;
	const char *accel;
	bool kernel, initrd, iso; /* which files exist */
	struct strv *argv, *notes;
	struct strv scratch; /* owns what line_esc and line_path return */
};

/* Appends an option with a value, which is a printf format and its arguments. */
#define line_opt(l, option, ...) (strv_add((l)->argv, option), strv_addf((l)->argv, __VA_ARGS__))
/* The same, unless the user's own leading arguments ($QEMU_SYSTEM_*) have that option: then only a note is made. */
#define line_own(l, option, ...) (line_is_ours(l, option) ? line_opt(l, option, __VA_ARGS__) : (void)0)
bool line_is_ours(struct line *l, const char *option);

/* Text as a value inside a QEMU option: every comma doubled. Lives as long as the line. */
const char *line_esc(struct line *l, const char *text);
/* The path of a file of the instance, plain, and as a value. A relative one never looks like "protocol:...". */
const char *line_path(struct line *l, const char *name);
const char *line_file(struct line *l, const char *name);
bool line_has(struct line *l, const char *name);

/* The groups of options, in the order of the result. */
int line_machine(struct line *l, struct err *e);
int line_disks(struct line *l, struct err *e);
int line_kernel(struct line *l, struct err *e);
/* Whether the initial RAM disk is put at a place of its own instead of QEMU's. */
bool line_initrd_apart(struct line *l);
int line_tpm(struct line *l, struct err *e);
int line_networks(struct line *l, struct err *e);
void line_screen_and_sound(struct line *l);
void line_consoles(struct line *l);
void line_mounts(struct line *l);
void line_control(struct line *l);

#endif
