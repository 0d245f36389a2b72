# shellcheck shell=sh
# host-dns.sh - names are resolved by the host agent: what the guest sends to the DNS address of the user network goes to the
# ports on which the host agent listens, which differ each time. Sourced by boot.sh.
host_dns_wanted() {
	[ "${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0}" != 0 ] || [ "${LIMA_CIDATA_TCP_DNS_LOCAL_PORT:-0}" != 0 ]
}

# The rules for iptables-restore: one program instead of a dozen. The chain is ours and is filled anew.
host_dns_rules() {
	printf '*nat\n:LIMADNS - [0:0]\n'
	for proto in udp tcp; do
		case $proto in
		udp) port=${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0} ;;
		tcp) port=${LIMA_CIDATA_TCP_DNS_LOCAL_PORT:-0} ;;
		esac
		[ "$port" = 0 ] || printf '%s\n' "-A LIMADNS -d $LIMA_CIDATA_SLIRP_DNS/32 -p $proto --dport 53 -j DNAT \
--to-destination $LIMA_CIDATA_SLIRP_GATEWAY:$port"
	done
	for chain in PREROUTING OUTPUT; do
		iptables -w -t nat -C "$chain" -j LIMADNS 2>/dev/null || printf '%s\n' "-I $chain 1 -j LIMADNS"
	done
	printf 'COMMIT\n'
}

host_dns_setup() {
	host_dns_rules | iptables-restore -w --noflush
}
