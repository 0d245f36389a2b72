# shellcheck shell=sh
# The root file system as large as its disk, on images without cloud-init, which does it elsewhere. Looked at only when the
# disk has another size than last time.
[ "$LIMA_BOOT_MODE" = native ] || return 0
device='' type=''
while read -r source target kind rest; do
	[ "$target" != / ] || { device=$source type=$kind; }
done <"$LIMA_ROOT/proc/mounts"
name=${device##*/}
slurp "$LIMA_ROOT/sys/class/block/$name/size" || fail "the root is on ${device:-nothing known}, which is no block device"
size=$REPLY
mkdir -p "$LIMA_ROOT/var/lib/lima"
if slurp "$LIMA_ROOT/var/lib/lima/root-size" && [ "$REPLY" = "$size" ]; then return 0; fi
grow_fs "$type" "$device" /
put "$LIMA_ROOT/var/lib/lima/root-size" "$size"
