# boot - for tests of boot/: a made-up root (LIMA_ROOT) and a made-up cidata (LIMA_CIDATA_MNT).
# shellcheck shell=bash disable=SC2154,SC2317 # mnt, root and d are set by setup; bats calls the functions

setup() {
	boot=$(cd "$BATS_TEST_DIRNAME/../../boot" && pwd)
	d=$(mktemp -d)
	mnt=$d/mnt root=$d/root
	mkdir -p "$mnt" "$root/etc" "$root/run" "$root/proc/sys/kernel" "$root/var/log" "$root/home/me" "$root/bin"
	cp -R "$boot/util" "$boot/distro" "$boot/native" "$mnt/"
	cp "$boot/boot.sh" "$mnt/"
	mkdir "$mnt/boot"
	printf 'aaaa-bbbb\n' >"$d/boot_id"
	printf 'ID=debian\n' >"$root/etc/os-release"
	: >"$root/proc/mounts"
	cat >"$mnt/lima.env" <<-EOF
		LIMA_CIDATA_USER=$(id -un)
		LIMA_CIDATA_UID=$(id -u)
		LIMA_CIDATA_HOME=/home/me
		LIMA_CIDATA_NAME=x
		LIMA_CIDATA_PASSWORDLESS_SUDO=1
	EOF
	: >"$mnt/param.env"
	: >"$mnt/etc_environment"
	export LIMA_CIDATA_MNT=$mnt LIMA_ROOT=$root LIMA_BOOT_ID_FILE=$d/boot_id
}

teardown() { rm -rf "$d"; }

# Runs a text with the library, under the shell that guests have as sh, where this machine has it.
lib() { "$(command -v dash || command -v sh)" -c ". '$mnt/util/lima-lib.sh'; $1" lib "${@:2}"; }

boot_sh() { run sh "$mnt/boot.sh" "$@"; }

status_is() { diff -u - "$root/run/lima-boot-status"; }

# A script in the volume: its path there, its lines.
script() { mkdir -p "$mnt/${1%/*}" && printf '%s\n' "${@:2}" >"$mnt/$1" && chmod 755 "$mnt/$1"; }
