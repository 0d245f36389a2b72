# shellcheck shell=sh
# Recipe images leave most of systemd's own work until after this script (native/lima-late.target). Provisioning may count on
# it, so with provisioning it is done first.
[ "$LIMA_BOOT_MODE" = native ] && have systemctl || return 0
for path in "$LIMA_CIDATA_MNT"/provision.*/[0-9]*; do
	[ -f "$path" ] || continue
	systemctl start lima-late.target
	break
done
