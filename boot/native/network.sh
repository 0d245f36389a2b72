# shellcheck shell=sh
# network.sh - the network of an image without cloud-init. The address behind QEMU's user network is known beforehand, so
# the usual machine needs neither DHCP nor a daemon; whatever else there is goes to systemd-networkd.

# nic I WORD: REPLY = LIMA_CIDATA_NIC_<I>_<WORD>.
nic() { var "LIMA_CIDATA_NIC_$1_$2"; }

lower() {
	case $1 in *[A-Z]*) REPLY=$(printf '%s' "$1" | tr 'A-Z' 'a-z') ;; *) REPLY=$1 ;; esac
}

# REPLY = what `ip -batch` has to do so that each interface has the name it is wanted by. By a name that nobody has
# in between, because two may change places.
nic_renames() {
	i=0 first='' second=''
	while [ "$i" -lt "${LIMA_CIDATA_NICS:-0}" ]; do
		nic "$i" MAC && lower "$REPLY" && mac=$REPLY
		nic "$i" NAME && want=$REPLY
		for address in "$LIMA_ROOT"/sys/class/net/*/address; do
			slurp "$address" && [ "$REPLY" = "$mac" ] || continue
			have_name=${address%/address}
			have_name=${have_name##*/}
			[ "$have_name" != "$want" ] || continue
			first="${first}link set $have_name down${NL}link set $have_name name lima-nic$i$NL"
			second="${second}link set lima-nic$i name $want$NL"
		done
		i=$((i + 1))
	done
	REPLY=$first$second
}

# REPLY = what it has to do for an address that is known.
network_static() {
	ip=$LIMA_CIDATA_SLIRP_IP_ADDRESS
	nic 0 METRIC
	REPLY="address add $ip/24 broadcast ${ip%.*}.255 dev eth0${NL}link set eth0 up
route add default via $LIMA_CIDATA_SLIRP_GATEWAY dev eth0 src $ip metric ${REPLY:-200}"
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
	nic_renames
	batch="link set lo up$NL$REPLY"
	dynamic=0
	if [ -n "${LIMA_CIDATA_SLIRP_IP_ADDRESS:-}" ]; then
		network_static
		batch=$batch$REPLY
		dynamic=1
	fi
	ip -batch - <<-EOF
	$batch
	EOF
	network_code=$?
	network_resolv
	[ "$dynamic" -ge "$LIMA_CIDATA_NICS" ] || network_daemon "$dynamic"
	return $network_code
}
