/* probe - what the QEMU of this machine can do, as the text of probe.conf (keys: instance_files.h). */
#ifndef LIMA_PROBE_H
#define LIMA_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

/* What depends on the guest's architecture. */
struct probe_arch {
	const char *name;	     /* in lima.yaml: x86_64, aarch64, armv7l, ppc64le, riscv64, s390x */
	const char *program;	     /* qemu-system-... */
	const char *variable;	     /* the environment variable that overrides the program */
	const char *machine;	     /* the machine type whose existence is checked */
	const char *package;	     /* what installs the program on Debian */
	const char *edk2;	     /* NAME in edk2-NAME-code.fd; NULL = the firmware comes with QEMU */
	const char *const *firmware; /* absolute candidates, NULL-terminated */
};
/* NULL when there is no such architecture. */
const struct probe_arch *probe_arch(const char *name);
/* The architecture of this host, as lima.yaml calls it; NULL for one that is unknown here. */
const char *probe_host_arch(void);

/* The QEMU to use: $QEMU_SYSTEM_*, else PATH. */
struct probe_qemu {
	char *program;	  /* absolute path */
	struct strv args; /* leading arguments out of the variable */
};
/* EXIT_UNAVAIL with what to install when there is none. probe_qemu_free in any case. */
int probe_find(const struct probe_arch *arch, struct probe_qemu *q, struct err *e);
void probe_qemu_free(struct probe_qemu *q);

/* Everything that is learnt by running QEMU and KVM. */
struct probe_facts {
	unsigned version[3];
	bool kvm_built_in, netdev_stream, sandbox;
	struct buf cpus; /* names, separated by blanks */
};
/* Runs QEMU (several times, each bounded in time). EXIT_UNAVAIL when it cannot be run, hangs, is older than 4.0 or
 * lacks the machine type. probe_facts_free in any case. */
int probe_ask(const struct probe_arch *arch, const struct probe_qemu *q, struct probe_facts *f, struct err *e);
void probe_facts_free(struct probe_facts *f);

/* Starts QEMU with kvm and the CPU "host", without letting the machine run, and ends it again: there are hosts where
 * guest code runs and QEMU still gives up. When false, `reason` (size bytes) says why. */
bool probe_starts_kvm(const struct probe_arch *arch, const struct probe_qemu *q, char *reason, size_t size);

/* The first firmware file that exists for this architecture, "" when none does. The caller frees it. */
char *probe_firmware(const struct probe_arch *arch, const char *program);

/* The whole: appends the text of probe.conf to `out`. `accel` is "kvm" or "tcg" to force one, NULL to find out. The
 * answer comes out of the cache when nothing has changed that it depends on. */
int probe_run(const struct probe_arch *arch, const char *accel, struct buf *out, struct err *e);

#endif
