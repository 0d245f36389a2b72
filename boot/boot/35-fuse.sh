# shellcheck shell=sh
# Folders that the host mounts by sshfs as the user must be open to root, too. The marker tells the host to mount.
[ "${LIMA_CIDATA_MOUNTTYPE:-}" = reverse-sshfs ] || sshfs_wanted || return 0
if sshfs_wanted; then
	conf=$LIMA_ROOT/etc/fuse.conf
	[ ! -e "$LIMA_ROOT/etc/fuse3.conf" ] || conf=$LIMA_ROOT/etc/fuse3.conf
	slurp "$conf" || true
	case $NL$REPLY$NL in
	*"${NL}user_allow_other$NL"*) ;;
	*) printf 'user_allow_other\n' >>"$conf" ;;
	esac
	profile=$LIMA_ROOT/etc/apparmor.d
	if [ -e "$profile/fusermount3" ] && [ ! -e "$profile/local/fusermount3" ]; then
		mkdir -p "$profile/local"
		printf 'mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw,noatime,dirsync,nodiratime,noexec,sync) -> @{HOME}/**/,\numount @{HOME}/**/,\n' >"$profile/local/fusermount3"
		apparmor_parser -r "$profile/fusermount3"
	fi
fi
marker lima-fuse-ready
