# shellcheck shell=sh
# Additional disks: /mnt/lima-NAME, or swap. A disk is known by its place (vdb, vdc, ...), which the host keeps, and by what is
# on it, never by a file system label: labels are cut (ext4 at 16 bytes, xfs at 12), and a disk that is not found again by its
# name would be formatted again. Only an empty disk is formatted.
i=0 failed=0
while [ "$i" -lt "${LIMA_CIDATA_DISKS:-0}" ]; do
	var "LIMA_CIDATA_DISK_${i}_NAME" && name=$REPLY
	var "LIMA_CIDATA_DISK_${i}_DEVICE" && device=$REPLY
	var "LIMA_CIDATA_DISK_${i}_FORMAT" && format=$REPLY
	var "LIMA_CIDATA_DISK_${i}_FSTYPE" && fstype=$REPLY
	var "LIMA_CIDATA_DISK_${i}_FSARGS" && fsargs=$REPLY
	(
		set -eu
		disk_use "$name" "$device" "$format" "$fstype" "$fsargs"
	)
	# Each on its own: one that fails does not keep the others away.
	# shellcheck disable=SC2181
	[ $? = 0 ] || failed=1
	i=$((i + 1))
done
exit $failed
