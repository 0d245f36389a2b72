# shellcheck shell=sh
# Names in .local, where systemd-resolved is used.
[ -e "$LIMA_ROOT/etc/systemd/resolved.conf" ] && have resolvectl || return 0
mkdir -p "$LIMA_ROOT/etc/systemd/resolved.conf.d"
put "$LIMA_ROOT/etc/systemd/resolved.conf.d/00-lima-enable-mdns.conf" '[Resolve]
MulticastDNS=yes'
[ -z "$CHANGED" ] || systemctl try-restart systemd-resolved.service
for path in "$LIMA_ROOT"/sys/class/net/*; do
	[ "${path##*/}" = lo ] || resolvectl mdns "${path##*/}" yes 2>/dev/null || true
done
