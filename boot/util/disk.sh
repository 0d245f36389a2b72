# shellcheck shell=sh
# disk.sh - file systems: what a device holds, growing. Sourced by boot.sh.

# fs_type DEVICE: REPLY = the type of file system on it, read from the device itself and no cache; "" when there is none.
fs_type() {
	REPLY=$(blkid -p -o value -s TYPE "$1") || REPLY=
}

# grow_fs TYPE DEVICE MOUNTPOINT: as large as the device. Mounted, except for swap, which cannot grow.
grow_fs() {
	case $1 in
	ext[234]) resize2fs "$2" ;;
	xfs) xfs_growfs "$3" ;;
	btrfs) btrfs filesystem resize max "$3" ;;
	*) warn "$2: a file system of type $1 is not grown" ;;
	esac
}

# The longest label that mkfs of this type takes. It is for people: disks are not found by it.
fs_label() {
	case $1 in
	ext[234] | f2fs) max=16 ;;
	swap) max=15 ;;
	xfs) max=12 ;;
	vfat) max=11 ;;
	*) max=32 ;;
	esac
	printf '%.*s' "$max" "$2"
}

# disk_use NAME DEVICE FORMAT FSTYPE FSARGS: additional disk NAME, on /dev/DEVICE (vdb, ...): formats it when it is empty and
# FORMAT is true, grows what is on it to the size of the disk, mounts it on /mnt/lima-NAME.
disk_use() {
	disk=/dev/$2
	[ -b "$disk" ] || fail "disk $1: there is no $disk"
	fs_type "$disk"
	if [ -n "$REPLY" ]; then
		part=$disk
	else
		part=${disk}1
		[ -b "$part" ] || disk_partition "$1" "$disk" "$3" "$4"
		disk_grow_partition "$2"
		fs_type "$part"
	fi
	[ -n "$REPLY" ] || disk_format "$1" "$disk" "$part" "$3" "$4" "$5"
	disk_mount "$1" "$part"
}

# An empty disk gets one partition, whose name (there is room for 36 characters) says that it is ours.
disk_partition() {
	[ -z "$(blkid -p -o value -s PTTYPE "$2")" ] || fail "disk $1: $2 has a partition table without a first partition; it is left alone"
	[ "$3" = true ] || fail "disk $1: nothing is on $2, and format is false"
	have sfdisk || pkg_install "$(packages_for partition)"
	type=linux
	[ "$4" != swap ] || type=swap
	printf 'label: gpt\nname="lima-%.31s", type=%s\n' "$1" "$type" | sfdisk -q --wipe never "$2"
	disk_settle "${2}1"
}

disk_settle() {
	! have udevadm || udevadm settle --timeout=10 || true
	[ -b "$1" ] || fail "$1 did not appear"
}

# Makes the file system. Not on what others have partitioned: an empty partition is ours if it has our name (then making the
# file system was interrupted), or if it was made just now.
disk_format() {
	[ "$(blkid -p -o value -s PART_ENTRY_NAME "$3")" = "$(printf 'lima-%.31s' "$1")" ] ||
		fail "disk $1: no file system is known on $3, and the partition is not of our making; it is left alone"
	[ "$4" = true ] || fail "disk $1: no file system is on $3, and format is false"
	type=${5:-ext4}
	if [ "$type" = swap ]; then
		# shellcheck disable=SC2086 # a list of arguments
		mkswap -L "$(fs_label swap "lima-$1")" $6 "$3"
	else
		have "mkfs.$type" || pkg_install "$(packages_for "mkfs-$type")"
		set -- "$1" "$2" "$3" "$type" "$6"
		case $4 in
		ext[234] | btrfs | xfs) label=-L ;;
		vfat) label=-n ;;
		f2fs) label=-l ;;
		*) label= ;;
		esac
		# shellcheck disable=SC2086
		"mkfs.$4" ${label:+$label "$(fs_label "$4" "lima-$1")"} $5 "$3"
	fi
}

# disk_grow_partition vdb: partition 1 to the end of its disk, when the disk has grown by 1 MiB or more.
disk_grow_partition() {
	dir=$LIMA_ROOT/sys/class/block
	slurp "$dir/$1/size" && whole=$REPLY
	slurp "$dir/${1}1/size" && size=$REPLY
	slurp "$dir/${1}1/start" && start=$REPLY
	[ "$((whole - start - size))" -gt 4096 ] || return 0
	[ ! -b "/dev/${1}2" ] || return 0
	printf 'size=+\n' | sfdisk -q --no-reread --no-tell-kernel -N 1 "/dev/$1"
	partx -u -n 1 "/dev/$1"
	disk_settle "/dev/${1}1"
}

# disk_mount NAME PARTITION
disk_mount() {
	fs_type "$2"
	type=$REPLY
	if [ "$type" = swap ]; then
		grep -q "^$2 " "$LIMA_ROOT/proc/swaps" || swapon "$2"
		return
	fi
	point=/mnt/lima-$1
	mounted "$point" && return
	case $type in
	# 1: errors were repaired.
	ext[234]) e2fsck -p "$2" || [ $? = 1 ] || fail "disk $1: $2 has errors that need e2fsck by hand" ;;
	esac
	mkdir -p "$point"
	mount -t "$type" "$2" "$point"
	grow_fs "$type" "$2" "$point"
}
