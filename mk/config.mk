# Every variable that a user may set, on the command line, in the environment or in config.mak. `make help` prints the
# lines that begin with "## " here and in verbs.mk: this file is the documentation.
#
## INSTANCE     the machine the verbs act on (default: $LIMA_INSTANCE, else "default")
## TEMPLATE     what a new instance is made from: a template's name, a file, a URL (default: "default")
## CPUS MEMORY DISK   sizes of the machine, for example CPUS=2 MEMORY=2GiB DISK=20GiB (create, start, plan)
## MOUNT MOUNT_ONLY MOUNT_NONE MOUNT_TYPE MOUNT_WRITABLE MOUNT_INOTIFY NETWORK PORT_FORWARD SSH_PORT DNS PARAM ARCH VM_TYPE
## IMAGE_VARIANT CONTAINERD PLAIN VIDEO AUDIO_DEVICE AUDIO_INTERFACE NESTED_VIRT ROSETTA USER_SHELL
##              the options of `lima-render --help` that change a lima.yaml, in capitals with '_' (create, start, plan); only
##              from the command line or config.mak
## SET          expressions on lima.yaml, for example SET='.mountType="9p"' (create, start, plan)
## CMD          what `make shell` runs in the guest (default: an interactive shell)
## FORCE        1: stop by killing, delete even when running or protected
## CONFIRM      yes: a change that needs a new disk may set the old one aside, in diffdisk.old.N (create, start)
## TIMEOUT      how long start waits, in seconds (default 600)
## ACCEL        kvm or tcg: use this accelerator instead of the probed one
## LIMA_HOME    where instances live (default ~/.lima)
## O            the build folder (default "build")
## V            1: show the commands
## SANITIZE     address,undefined: build with these sanitizers
## PREFIX DESTDIR   for install (default /usr/local, empty)
## CC           the C compiler for the host's tools; MUSL_CC the one for the guest agent
## OPT CFLAGS LDFLAGS   optimisation (default "-O2 -g"), and further flags for the compiler and the linker
## N            how often `make soak-kill` kills (default 100)
## T            how long `make fuzz` runs each target, in seconds (default 60)
KNOBS := INSTANCE TEMPLATE CPUS MEMORY DISK SET CMD FORCE CONFIRM TIMEOUT ACCEL LIMA_HOME
# Names that other programs use in the environment too: taken from there they would change machines by accident.
EDIT_KNOBS := PARAM MOUNT MOUNT_ONLY MOUNT_NONE MOUNT_TYPE MOUNT_WRITABLE MOUNT_INOTIFY NETWORK PORT_FORWARD SSH_PORT DNS ARCH \
	VM_TYPE IMAGE_VARIANT CONTAINERD PLAIN VIDEO AUDIO_DEVICE AUDIO_INTERFACE NESTED_VIRT ROSETTA USER_SHELL
O ?= build
V ?= 0
SANITIZE ?=
PREFIX ?= /usr/local
DESTDIR ?=
MUSL_CC ?= musl-gcc
