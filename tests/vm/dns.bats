#!/usr/bin/env bats
# What a real guest has of its host: names (the instance's own ones, the host's, large answers, and what happens when one of the
# agents goes), a proxy, certificates. The host's resolv.conf is ours, with a name server that the test plays.

load ../lib/vm

setup_file() {
	vm_setup dns
	cd "$TOP"
	vm_nameserver 'real.example A 10.9.8.7' 'real.example AAAA fd00::9' 'www.example CNAME real.example' 'big.example TXT 20000' \
		'short.corp.example A 10.1.2.3'
	echo 'search corp.example' >>"$LIMA_RESOLV_CONF"
	export LIMA_HOSTS=$VM_TMP/hosts
	echo '10.5.5.5 filed.example' >"$LIMA_HOSTS"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$VM_TMP/key" -out "$VM_TMP/ca.pem" -days 9 \
		-subj '/CN=A company' 2>/dev/null
	make -s INSTANCE=dns TEMPLATE=recipe-debian-12 CPUS=2 MEMORY=768MiB DISK=5GiB \
		SET='.hostResolver.hosts = {"a.example": "10.1.1.1", "b.example": "A.example", "six.example": "fd00::6"} | .env.http_proxy = "http://localhost:3128" | .caCerts.files = ["'"$VM_TMP"'/ca.pem"]' \
		start 2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
}

setup() {
	cd "$TOP"
}

# ask PROTOCOL NAME TYPE [EDNS] in the guest, at the address that its resolv.conf has. Words of the guest's shell.
# shellcheck disable=SC2016
ask() { lima-instance shell dns -- ${DEVICE:+sudo} env ASK_DEVICE="${DEVICE:-}" perl - "$(nameserver)" 53 "$@" <tests/lib/ask.pl; }
nameserver() { guest 'cat /etc/resolv.conf' | sed -n 's/^nameserver //p'; }

# is WANT COMMAND...
is() {
	local want=$1 got
	shift
	got=$("$@")
	[ "$got" = "$want" ] || { echo "$*: got '$got', not '$want'"; false; }
}

taken() { guest 'ip -4 -o address show dev lo' | grep -q 'inet 192\.168\.5\.3/32 '; }
not_taken() { ! taken; }

@test "the guest asks at 192.168.5.3, and the guest agent has taken that over" {
	is 192.168.5.3 nameserver
	taken
}

@test "programs find host.lima.internal, static names and aliases" {
	[[ $(guest 'getent hosts host.lima.internal') == "192.168.5.2 "* ]]
	[[ $(guest 'getent hosts a.example') == "10.1.1.1 "* ]]
	[[ $(guest 'getent hosts b.example') == "10.1.1.1 "* ]]
	[[ $(guest 'getent ahosts B.EXAMPLE') == "10.1.1.1 "* ]]
	[[ $(guest 'getent hosts 192.168.5.2') == *host.lima.internal* ]]
	is 'NOERROR 192.168.5.15' ask udp lima-dns A
}

@test "and what the host's resolver knows: hosts file, name servers, search" {
	[[ $(guest 'getent hosts filed.example') == "10.5.5.5 "* ]]
	[[ $(guest 'getent ahostsv4 www.example') == "10.9.8.7 "* ]]
	[[ $(guest 'getent hosts short') == "10.1.2.3 "* ]]
	for by in udp tcp; do
		is 'NOERROR real.example 10.9.8.7' ask $by www.example A
		is 'NXDOMAIN' ask $by none.example A
		is 'SERVFAIL' ask $by fail.example A
	done
	echo '10.6.6.6 filed.example' >"$LIMA_HOSTS"
	[[ $(guest 'getent hosts filed.example') == "10.6.6.6 "* ]]
}

@test "a large answer is truncated by UDP and whole by TCP" {
	is 'NOERROR tc' ask udp big.example TXT
	is 'NOERROR 20079' ask tcp big.example TXT
	grep -qx 'tcp big.example TXT' "$VM_TMP/asked"
}

@test "a program that sends through one interface only is heard too" {
	for by in udp tcp; do
		DEVICE=eth0 is 'NOERROR 10.1.1.1' ask $by b.example A
	done
}

@test "that route comes back when it is cleared away" {
	guest 'sudo ip route del table local 192.168.5.3 dev eth0 || ip route show table local'
	until_ok eval 'guest "ip route show table local 192.168.5.3" | grep -q eth0'
}

@test "nothing of it is a port on the host" {
	run ! grep -q ':53"' <(curl -s --unix-socket "$DIR/ha.sock" http://x/v1/info)
	find "/proc/$(agent_pid)/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort >"$VM_TMP/sockets"
	[ "$(awk '{print $10}' /proc/net/udp /proc/net/udp6 | sort | comm -12 - "$VM_TMP/sockets" | wc -l)" = 0 ]
}

@test "without ipv6 there is no AAAA" {
	is 'NOERROR' ask udp real.example AAAA
	is 'NOERROR' ask udp six.example AAAA
}

@test "the guest has the host's proxy, and trusts the certificates of caCerts" {
	[ "$(lima-instance shell dns -- sh -c 'echo $http_proxy $HTTP_PROXY')" = 'http://192.168.5.2:3128 http://192.168.5.2:3128' ]
	guest 'openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /dev/stdin' <"$VM_TMP/ca.pem"
}

@test "a guest agent that is killed leaves nothing behind, and its successor takes over again" {
	pid=$(guest 'systemctl show -P MainPID lima-guestagent')
	guest "sudo kill -9 $pid"
	until_ok eval '[ "$(guest "systemctl show -P MainPID lima-guestagent")" != '"$pid"' ]'
	until_ok taken
	is 'NOERROR 10.1.1.1' ask udp b.example A
	guest 'sudo systemctl stop lima-guestagent'
	not_taken
	[ -z "$(guest 'ip route show table local 192.168.5.3')" ]
	guest 'sudo systemctl start lima-guestagent'
	until_ok taken
	is 'NOERROR 10.1.1.1' ask udp b.example A
}

@test "when the host agent goes, the address is given back; the next one has it again, with changed settings" {
	kill -9 "$(agent_pid)"
	# There is no host agent, but the machine can still be reached.
	until_ok not_taken
	sed -i 's/^hostResolver:/hostResolver:\n  ipv6: true/' "$DIR/lima.yaml"
	grep -A1 hostResolver: "$DIR/lima.yaml"
	lima-instance start dns
	until_ok taken
	is 'NOERROR fd00::9' ask udp real.example AAAA
	is 'NOERROR fd00::6' ask tcp six.example AAAA
	[[ $(guest 'getent ahostsv6 real.example') == "fd00::9 "* ]]
}

@test "a guest that floods is answered again afterwards, and the host agent stays small" {
	guest 'perl -e '\''use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); connect(S, pack_sockaddr_in(53, inet_aton("192.168.5.3")));
		for (1 .. 20000) { send(S, pack("nnnnnnC/aC/aCnn", $_, 256, 1, 0, 0, 0, "n$_", "example", 0, 1, 1), 0) }'\'''
	until_ok eval '[ "$(ask udp b.example A)" = "NOERROR 10.1.1.1" ]'
	[ "$(awk '/VmRSS/ {print $2}' "/proc/$(agent_pid)/status")" -lt 16384 ]
	rss=$(guest 'sudo awk "/VmRSS/ {print \$2}" /proc/$(systemctl show -P MainPID lima-guestagent)/status')
	[ "$rss" -lt 1024 ] || { echo "guest agent: $rss KiB"; false; }
}
