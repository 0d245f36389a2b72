# shellcheck shell=sh
# network.sh - the network of an image without cloud-init. The address behind QEMU's user network is known beforehand, so
# the usual machine needs neither DHCP nor a daemon; whatever else there is goes to systemd-networkd.

# nic I WORD: REPLY = LIMA_CIDATA_NIC_<I>_<WORD>.
nic() { var "LIMA_CIDATA_NIC_$1_$2"; }

lower() {
	case $1 in *[A-Z]*) REPLY=$(printf '%s' "$1" | tr 'A-Z' 'a-z') ;; *) REPLY=$1 ;; esac
}

# Prints what `ip -batch` has to do so that each interface has the name it is wanted by. By a name that nobody has
# in between, because two may change places.
nic_renames() {
	i=0 second=''
	while [ "$i" -lt "${LIMA_CIDATA_NICS:-0}" ]; do
		nic "$i" MAC && lower "$REPLY" && mac=$REPLY
		nic "$i" NAME && want=$REPLY
		for address in "$LIMA_ROOT"/sys/class/net/*/address; do
			slurp "$address" && [ "$REPLY" = "$mac" ] || continue
			have_name=${address%/address}
			have_name=${have_name##*/}
			[ "$have_name" != "$want" ] || continue
			printf 'link set %s down\nlink set %s name lima-nic%s\n' "$have_name" "$have_name" "$i"
			second=${second}link\ set\ lima-nic$i\ name\ $want$NL
		done
		i=$((i + 1))
	done
	printf '%s' "$second"
}

network_static() {
	ip=$LIMA_CIDATA_SLIRP_IP_ADDRESS
	nic 0 METRIC
	printf 'address add %s/24 broadcast %s.255 dev eth0\nlink set eth0 up\n' "$ip" "${ip%.*}"
	printf 'route add default via %s dev eth0 src %s metric %s\n' "$LIMA_CIDATA_SLIRP_GATEWAY" "$ip" "${REPLY:-200}"
}

network_resolv() {
	text=
	for dns in ${LIMA_CIDATA_DNS:-${LIMA_CIDATA_SLIRP_DNS:-}}; do
		text=$text${text:+$NL}nameserver\ $dns
	done
	[ -n "$text" ] && [ ! -L "$LIMA_ROOT/etc/resolv.conf" ] || return 0
	put "$LIMA_ROOT/etc/resolv.conf" "$text"
}

# A file for systemd-networkd for each interface from the I-th on, and the daemon.
network_daemon() {
	i=$1
	mkdir -p "$LIMA_RUN/systemd/network"
	while [ "$i" -lt "${LIMA_CIDATA_NICS:-0}" ]; do
		nic "$i" NAME && want=$REPLY
		nic "$i" METRIC
		printf '[Match]\nName=%s\n[Network]\nDHCP=ipv4\n[DHCPv4]\nClientIdentifier=mac\nRouteMetric=%s\nUseDNS=no\n' \
			"$want" "${REPLY:-100}" >"$LIMA_RUN/systemd/network/10-lima-$i.network"
		i=$((i + 1))
	done
	systemctl --no-block start systemd-networkd.service
}

early_network() {
	[ "${LIMA_CIDATA_NICS:-0}" -gt 0 ] || LIMA_CIDATA_NICS=0
	batch=$(nic_renames)
	if [ -n "${LIMA_CIDATA_SLIRP_IP_ADDRESS:-}" ]; then
		batch=$batch${batch:+$NL}$(network_static)
		first=1
	else
		first=0
	fi
	printf 'link set lo up\n%s\n' "$batch" | ip -batch -
	network_code=$?
	network_resolv
	[ "$first" -ge "$LIMA_CIDATA_NICS" ] || network_daemon "$first"
	return $network_code
}
