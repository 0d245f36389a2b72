#!/bin/sh
# boot.sh [--native] - what a guest does at each boot, read from the cidata volume: the modules of boot/ in their order, then
# the user's provisioning. Started by cloud-init's per-boot script, or by lima-boot.service (--native) on images without
# cloud-init. Every step may fail; the others run all the same, and the host is told.
#
# What the host reads is LIMA_RUN/lima-boot-status, new at each boot; fields are separated by tabs:
#
#	begin BOOT_ID native|cloud-init
#	step NAME start
#	step NAME STATUS           0, or the exit status of the step that failed
#	tail NAME LINE             after a step that failed: its last lines, at most 20
#	mount I TYPE               mounts[I] cannot be mounted by TYPE here; the host is to use sshfs
#	ssh-ready                  sessions opened from now on are complete and stay
#	done CODE                  the last line; 0: every step has succeeded
#
# NAME is boot/NN-name.sh, provision.MODE/NNNNNNNN, ... Markers with the same news, for those who only look:
# lima-ssh-ready, lima-fuse-ready, lima-boot-done; each holds the boot id, so one left over is told from a new one.
#
# shellcheck disable=SC1090,SC1010,SC2094
# Modules run in a subshell of this one, with the functions of util/lima-lib.sh and of distro/*.sh, under `set -eu`. Those
# whose name begins with 0 or 9 run in plain mode, too. The log is /var/log/lima-boot.log.
LIMA_CIDATA_MNT=${LIMA_CIDATA_MNT:-/mnt/lima-cidata}
. "$LIMA_CIDATA_MNT/util/lima-lib.sh"
. "$LIMA_CIDATA_MNT/util/provision.sh"
. "$LIMA_CIDATA_MNT/util/disk.sh"
. "$LIMA_CIDATA_MNT/util/mounts.sh"
. "$LIMA_CIDATA_MNT/util/host-dns.sh"

LIMA_BOOT_MODE=cloud-init
[ "${1:-}" != --native ] || LIMA_BOOT_MODE=native
LIMA_LOG=${LIMA_LOG:-$LIMA_ROOT/var/log/lima-boot.log}
CODE=0
export LIMA_CIDATA_MNT LIMA_BOOT_MODE

# The output of steps goes to the log. Under cloud-init, what is new there is copied to its log after each step.
open_log() {
	[ ! -s "$LIMA_LOG" ] || mv -f "$LIMA_LOG" "$LIMA_LOG.old"
	: >"$LIMA_LOG"
	exec 3>&1 4<"$LIMA_LOG" >>"$LIMA_LOG" 2>&1
}

copy_log() {
	[ "$LIMA_BOOT_MODE" = native ] || cat <&4 >&3
}

# step NAME COMMAND...: runs the command in a subshell and keeps account of it; STEP = its exit status. Must not be called where
# the shell ignores `set -e` (in conditions), because that would reach into the command.
step() {
	step_name=$1
	shift
	log "step $step_name"
	status step "$step_name" start
	("$@") </dev/null 3>&- 4<&-
	STEP=$?
	status step "$step_name" "$STEP"
	if [ "$STEP" != 0 ]; then
		CODE=1
		status_tail "$step_name"
		warn "$step_name failed with status $STEP"
	fi
	copy_log
}

module() {
	set -eu
	. "$LIMA_CIDATA_MNT/boot/$1"
}

run_modules() {
	for path in "$LIMA_CIDATA_MNT"/boot/[0-9]*.sh; do
		[ -e "$path" ] || continue
		name=${path##*/}
		case $name in
		[09]*) ;;
		*) [ "${LIMA_CIDATA_PLAIN:-}" != 1 ] || continue ;;
		esac
		step "boot/$name" module "$name"
	done
}

# The file of this distribution, or of one that it says it is like, or the one that knows none.
load_distro() {
	DISTRO=
	[ ! -r "$LIMA_ROOT/etc/os-release" ] || while IFS='=' read -r key value; do
		value=${value#[\"\']}
		value=${value%[\"\']}
		case $key in
		ID) DISTRO="$value $DISTRO" ;;
		ID_LIKE) DISTRO="$DISTRO $value" ;;
		esac
	done <"$LIMA_ROOT/etc/os-release"
	for DISTRO_FILE in $DISTRO generic; do
		case $DISTRO_FILE in *[!a-z0-9._-]*) continue ;; esac
		[ ! -r "$LIMA_CIDATA_MNT/distro/$DISTRO_FILE.sh" ] || break
	done
	. "$LIMA_CIDATA_MNT/distro/$DISTRO_FILE.sh"
}

main() {
	rm -f "$LIMA_RUN/lima-boot-done"
	mkdir -p "$LIMA_RUN/lima"
	status_begin "$LIMA_BOOT_MODE"
	open_log
	# What early.sh could not do counts, too.
	case $LIMA_BOOT_MODE in native) [ ! -e "$LIMA_RUN/lima/early-failed" ] || CODE=1 ;; esac
	read_env "$LIMA_CIDATA_MNT/lima.env" LIMA_CIDATA_ || {
		status step lima.env 1
		status tail lima.env "$LIMA_CIDATA_MNT/lima.env cannot be read"
		CODE=1
	}
	ENV_NAMES=
	read_env "$LIMA_CIDATA_MNT/param.env" PARAM_
	# util/provision.sh reads it.
	# shellcheck disable=SC2034
	PARAM_NAMES=$ENV_NAMES
	read_pam_env "$LIMA_CIDATA_MNT/etc_environment"
	PATH=$LIMA_CIDATA_MNT/util:${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
	export PATH
	load_distro
	[ "$LIMA_BOOT_MODE" != native ] || provision_mode boot provision_boot
	run_modules
	provision_all
	# On native images another unit says that logins are possible; "done" comes after that.
	if [ "$LIMA_BOOT_MODE" = native ] && [ ! -e "$LIMA_RUN/lima-ssh-ready" ] && have systemctl; then
		systemctl start lima-ssh-ready.service
	fi
	log "done, $CODE"
	copy_log
	marker lima-boot-done
	status done "$CODE"
	exit "$CODE"
}

main
