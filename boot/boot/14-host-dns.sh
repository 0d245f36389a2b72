# shellcheck shell=sh
# Names by the host agent; without iptables, boot/36-host-dns.sh does it when that is installed.
host_dns_wanted && have iptables-restore || return 0
host_dns_setup
