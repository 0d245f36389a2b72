# shellcheck shell=sh
# The mounts of lima.yaml that are not there yet: on images without cloud-init all, elsewhere what it could not do by
# /etc/fstab (a kernel without the driver: then this says so; a blank in the name, which it does not escape). Folders for
# sshfs are only made: the host mounts there when fuse is ready. It does so, too, for what this kernel cannot mount.
rm -f "$LIMA_RUN/lima/sshfs-wanted"
i=0 failed=0
while [ "$i" -lt "${LIMA_CIDATA_MOUNTS:-0}" ]; do
	var "LIMA_CIDATA_MOUNTS_${i}_FSTYPE" && fstype=$REPLY
	var "LIMA_CIDATA_MOUNTS_${i}_TAG" && tag=$REPLY
	var "LIMA_CIDATA_MOUNTS_${i}_OPTIONS" && options=$REPLY
	var "LIMA_CIDATA_MOUNTS_${i}_MOUNTPOINT" && point=$REPLY
	[ -n "$point" ] || fail "lima.env has no LIMA_CIDATA_MOUNTS_${i}_MOUNTPOINT"
	case $fstype in
	9p | virtiofs)
		mounted "$LIMA_ROOT$point" || mount_host "$fstype" "$tag" "$options" "$LIMA_ROOT$point" ||
			mount_by_host "$i" "$fstype" "$LIMA_ROOT$point" || failed=1
		;;
	*) [ "${LIMA_CIDATA_MOUNTTYPE:-}" != reverse-sshfs ] || make_mountpoint "$LIMA_ROOT$point" user || failed=1 ;;
	esac
	i=$((i + 1))
done
exit $failed
