# shellcheck shell=sh
# Again, for a guest that got iptables only now, and because a package may have reset the rules.
host_dns_wanted || return 0
have iptables-restore || fail 'iptables is not installed: names are not resolved by the host'
host_dns_setup
