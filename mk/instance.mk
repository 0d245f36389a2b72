# The rules of one instance. lima-instance runs them inside the instance directory (make -C DIR -f instance.mk GOAL) with
# the instance's lock held and these in the environment: LIMA_BIN (the tools), LIMA_SHARE, LIMA_HOME. By hand:
#
#   LIMA_BIN=… LIMA_SHARE=… LIMA_HOME=… make -C "$LIMA_HOME/default" -f mk/instance.mk --debug=b create
#
# All targets have fixed, relative names and no text of the user appears here: paths with blanks, a hostile name or
# another instance's broken lima.yaml cannot matter. Tools are not prerequisites: what a newer tool does differently
# shows in the content of its product, which is rewritten only when it changed.
#
#   lima.yaml ─ lima-render ─┬─ .make/image.conf ─ lima-fetch ─ basedisk kernel initrd ─ lima-disk ─ diffdisk
#                            ├─ .make/cidata.list ─ lima-mkiso ─ cidata.iso
#                            └─ .make/qemu.conf ──┬─ lima-qemu-argv ─ qemu.argv
#                                  lima-probe ────┘
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
# The user's data: no interrupt or failure of make may remove these.
.PRECIOUS: lima.yaml diffdisk basedisk kernel initrd
.PHONY: FORCE create start

create: cidata.iso qemu.argv diffdisk
# Growing needs the machine to be stopped, so it belongs to start.
start: create .make/disk.grown

FORCE:

# Where a tool's messages go: quiet.c of lima-instance hears what make says, but not the tools. By hand: standard error.
# The descriptor ends here: programs that build images cannot do with any number of inherited ones.
TELL = 2>&$${LIMA_TELL_FD:-2} 3>&-

# The renderer also reads what make cannot see (proxy variables, keys in ~/.ssh, the time zone), so it always runs; it
# rewrites only files whose content changed, and make goes on from their times.
.make/vars.mk: FORCE
	"$$LIMA_BIN"/lima-render --instance . $(TELL)
include .make/vars.mk

.make/probe.conf: FORCE
	"$$LIMA_BIN"/lima-probe --arch $(LIMA_ARCH) $${LIMA_ACCEL:+--accel "$$LIMA_ACCEL"} -o $@ $(TELL)

cidata.iso: .make/cidata.list $(if $(LIMA_HAVE_NERDCTL),.make/cidata/nerdctl-full.tgz)
	"$$LIMA_BIN"/lima-mkiso -V cidata -o $@ .make/cidata $(TELL)

# The engine's archive travels as it is. Another one in lima.yaml shows in image.conf.
.make/cidata/nerdctl-full.tgz: .make/image.conf
	"$$LIMA_BIN"/lima-fetch --instance . --list nerdctl --no-decompress -o $@ $(TELL) && touch -c $@

# The image is taken once. A changed images: entry does not touch an existing machine.
basedisk: | .make/vars.mk
	"$$LIMA_BIN"/lima-fetch --instance . $(TELL)

diffdisk: | basedisk
	"$$LIMA_BIN"/lima-disk create . $(TELL)

.make/disk.grown: .make/disk.conf | diffdisk
	"$$LIMA_BIN"/lima-disk grow . $(TELL) && touch $@

qemu.argv: .make/qemu.conf .make/probe.conf $(wildcard kernel.cmdline) | basedisk diffdisk
	umask 077; "$$LIMA_BIN"/lima-qemu-argv --qmp-fd 3 --agent-fd 4 . >.make/argv.tmp $(TELL) && mv .make/argv.tmp $@
