# shellcheck shell=sh
# debian.sh - Debian and what is like it (Ubuntu, ...).
packages_for() {
	for what; do
		case $what in
		rootless) printf 'uidmap fuse3 dbus-user-session ' ;;
		fuse) printf 'fuse3 ' ;;
		mkfs-*) printf '%s ' "$(debian_mkfs "${what#mkfs-}")" ;;
		partition) printf 'fdisk ' ;;
		*) printf '%s ' "$what" ;;
		esac
	done
}

debian_mkfs() {
	case $1 in
	ext[234]) echo e2fsprogs ;;
	btrfs) echo btrfs-progs ;;
	vfat) echo dosfstools ;;
	ntfs) echo ntfs-3g ;;
	f2fs) echo f2fs-tools ;;
	zfs) echo zfsutils-linux ;;
	*) echo "${1}progs" ;;
	esac
}

pkg_install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 update
	# shellcheck disable=SC2086 # a list of names
	apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-upgrade --no-install-recommends "$@"
}
