# shellcheck shell=sh disable=SC2034,SC1003
# mounts.sh - folders of the host. Sourced by boot.sh.

# mounted FOLDER: whether something is mounted there. The kernel writes blanks in names as octal numbers.
mounted() {
	want=$1
	case $want in *[' \'"$TAB"]*)
		want=$(printf '%s' "$want" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g')
		;;
	esac
	while read -r source target rest; do
		[ "$target" != "$want" ] || return 0
	done <"$LIMA_ROOT/proc/mounts"
	return 1
}

# make_mountpoint FOLDER [user]: the user makes what is to be his: always with "user", else below his home.
make_mountpoint() {
	[ ! -d "$1" ] || return 0
	case ${2:-}$1 in
	user* | "$LIMA_ROOT$LIMA_CIDATA_HOME"/*) as_user "$LIMA_CIDATA_USER" mkdir -p "$1" 2>/dev/null && return 0 ;;
	esac
	mkdir -p "$1"
	[ -z "${2:-}" ] || chown "$LIMA_CIDATA_USER" "$1"
}

# mount_host TYPE TAG OPTIONS FOLDER
mount_host() {
	case $1 in
	9p) modprobe -q 9pnet_virtio && modprobe -q 9p ;;
	virtiofs) modprobe -q virtiofs ;;
	esac || warn "this kernel has no driver for $1"
	make_mountpoint "$4"
	# With nofail, mount(8) would call it a success that there is no such folder.
	mount_options=",$3,"
	while :; do
		case $mount_options in
		*,nofail,*) mount_options=${mount_options%%,nofail,*},${mount_options#*,nofail,} ;;
		*) break ;;
		esac
	done
	mount_options=${mount_options#,}
	mount -t "$1" -o "${mount_options%,}" "$2" "$4" && return 0
	warn "$4: the host's folder (tag $2) could not be mounted by $1; set mountType to one that this guest can do"
	return 1
}

# mount_by_host INDEX TYPE FOLDER: what the guest cannot mount by TYPE, the host is asked to mount by sshfs.
mount_by_host() {
	make_mountpoint "$3" user
	: >"$LIMA_RUN/lima/sshfs-wanted"
	status mount "$1" "$2"
}

# sshfs_wanted: whether the host will mount something by sshfs.
sshfs_wanted() {
	[ ! -e "$LIMA_RUN/lima/sshfs-wanted" ] || return 0
	[ "${LIMA_CIDATA_MOUNTTYPE:-}" = reverse-sshfs ] && [ "${LIMA_CIDATA_MOUNTS:-0}" -gt 0 ]
}
