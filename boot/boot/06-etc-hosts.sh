# shellcheck shell=sh
# The names that the guest must know without asking anybody, on images with cloud-init (early.sh writes them on others): its
# own, which sudo looks up, and host.lima.internal, the host.
[ "$LIMA_BOOT_MODE" != native ] || return 0
slurp "$LIMA_ROOT/etc/hostname" && name=$REPLY || return 0
put_block "$LIMA_ROOT/etc/hosts" '#LIMA-START' '#LIMA-END' \
	"127.0.1.1$TAB$name${LIMA_CIDATA_SLIRP_GATEWAY:+$NL$LIMA_CIDATA_SLIRP_GATEWAY${TAB}host.lima.internal}"
