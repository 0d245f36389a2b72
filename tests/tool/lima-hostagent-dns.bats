#!/usr/bin/env bats
# The resolver of the host agent: on sockets (--dns), its files, its command line, and what a guest agent is told of it. What it
# answers in each case is in tests/unit/test_dns.c.

load ../lib/common
load ../lib/hostagent

setup() {
	cd "$BATS_TEST_TMPDIR"
	SERVER='' NAMES='' AGENTS=''
}

teardown() {
	for pid in $SERVER $NAMES; do kill "$pid" || true; done
	stop_all
}

nameserver() {
	printf '%s\n' 'real.test A 10.9.8.7' 'real.test AAAA fd00::9' 'www.test CNAME real.test' 'big.test TXT 3000' \
		'short.corp.test A 10.1.2.3' >zone
	python3 "$TOP/tests/lib/fake-nameserver.py" zone >asked 2>zone.err 3>&- &
	NAMES=$!
	until_ok grep '^[0-9]' asked || { cat zone.err; false; }
	export LIMA_RESOLV_CONF=$PWD/resolv.conf LIMA_HOSTS=$PWD/hosts
	printf 'nameserver [127.0.0.1]:%s\n' "$(head -n 1 asked)" >resolv.conf
	echo '10.5.5.5 filed.test' >hosts
}

serve() { serving lima-hostagent --dns 0:0 "$@"; }

serving() {
	"$@" >ports 2>err 3>&- &
	SERVER=$!
	until_ok grep ^tcp ports || { cat err; false; }
	UDP=$(sed -n 's/^udp 127.0.0.1://p' ports)
	TCP=$(sed -n 's/^tcp 127.0.0.1://p' ports)
}

ask() { perl "$TOP/tests/lib/ask.pl" 127.0.0.1 "$UDP" udp "$@"; }
ask_tcp() { perl "$TOP/tests/lib/ask.pl" 127.0.0.1 "$TCP" tcp "$@"; }

# is WANT COMMAND...
is() {
	local want=$1 got
	shift
	got=$("$@")
	[ "$got" = "$want" ] || { echo "$*: got '$got', not '$want'"; false; }
}

@test "static hosts, the hosts file, and the name servers of this machine, by UDP and TCP" {
	nameserver
	serve --host a.test=10.0.0.1 --host b.test=A.TEST
	for by in ask ask_tcp; do
		is 'NOERROR 10.0.0.1' $by a.test A
		is 'NOERROR 10.0.0.1' $by B.test A
		is 'NOERROR a.test' $by b.test CNAME
		is 'NOERROR 192.168.5.2' $by host.lima.internal A
		is 'NOERROR host.lima.internal' $by 2.5.168.192.in-addr.arpa PTR
		is 'NOERROR 10.5.5.5' $by filed.test A
		is 'NOERROR real.test 10.9.8.7' $by www.test A
		is 'NOERROR' $by real.test AAAA
		is 'NXDOMAIN' $by none.test A
		is 'SERVFAIL' $by fail.test A
	done
	is 'NOERROR tc' ask big.test TXT
	is 'NOERROR 3012' ask_tcp big.test TXT
	is 'NOERROR 3012' ask big.test TXT 4096
	grep -qx 'tcp big.test TXT' asked
	[ ! -s err ]
}

@test "--ipv6 answers with IPv6 addresses" {
	nameserver
	serve -6 --host six.test=fd00::1
	is 'NOERROR fd00::9' ask real.test AAAA
	is 'NOERROR fd00::1' ask six.test AAAA
	is 'NOERROR' ask six.test A
}

@test "limactl debug dns is the same resolver" {
	nameserver
	serving limactl debug dns 0 0
	is 'NOERROR real.test 10.9.8.7' ask www.test A
	is 'NOERROR real.test 10.9.8.7' ask_tcp www.test A
	is 'NOERROR' ask real.test AAAA
	kill "$SERVER"
	serving limactl debug dns --ipv6 0 0
	is 'NOERROR fd00::9' ask real.test AAAA
	run limactl debug dns 65536
	[ "$status" = 1 ]
}

@test "resolv.conf and hosts that change count for the next query, also when they are replaced or links" {
	nameserver
	serve
	is 'NXDOMAIN' ask short A
	{ cat resolv.conf; echo 'search corp.test'; } >new
	mv new resolv.conf
	is 'NOERROR 10.1.2.3' ask short A
	echo '10.7.7.7 filed.test' >hosts
	is 'NOERROR 10.7.7.7' ask filed.test A
	echo '10.8.8.8 filed.test' >elsewhere
	ln -sf elsewhere hosts
	is 'NOERROR 10.8.8.8' ask filed.test A
	echo 'nameserver [127.0.0.1]:1' >elsewhere.conf
	ln -sf elsewhere.conf resolv.conf
	is 'SERVFAIL' ask real.test A
}

@test "a hundred clients at once, and a connection with many queries" {
	nameserver
	serve --host a.test=10.0.0.1
	python3 - "$UDP" "$TCP" <<'PY'
import socket, struct, sys
udp, tcp = int(sys.argv[1]), int(sys.argv[2])
query = lambda i: struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, 0) + b"\1a\4test\0\0\1\0\1"
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
for i, s in enumerate(socks):
    s.settimeout(20)
    s.sendto(query(i), ("127.0.0.1", udp))
for i, s in enumerate(socks):
    assert s.recv(512)[:2] == struct.pack("!H", i)
s = socket.create_connection(("127.0.0.1", tcp), 20)
s.sendall(b"".join(struct.pack("!H", len(query(i))) + query(i) for i in range(50)))
f = s.makefile("rb")
for i in range(50):
    n = struct.unpack("!H", f.read(2))[0]
    reply = f.read(n)
    assert reply[:2] == struct.pack("!H", i) and reply[-4:] == bytes([10, 0, 0, 1])
socket.create_connection(("127.0.0.1", tcp), 20).close()
PY
	is 'NOERROR 10.0.0.1' ask a.test A
}

@test "names are in no log" {
	nameserver
	lima-hostagent --debug --dns 0:0 >ports 2>err 3>&- &
	SERVER=$!
	until_ok grep ^tcp ports
	UDP=$(sed -n 's/^udp 127.0.0.1://p' ports)
	is 'NOERROR 10.9.8.7' ask real.test A
	is 'SERVFAIL' ask fail.test A
	not_there=$(grep -c test err || true)
	[ "$not_there" = 0 ]
}

@test "it ends when it is told to" {
	nameserver
	serve
	kill "$SERVER"
	wait "$SERVER"
	SERVER=
}

@test "wrong command lines" {
	fails 2 "--dns: " lima-hostagent --dns x
	fails 2 "--dns: " lima-hostagent --dns 1:70000
	fails 2 "no directory" lima-hostagent --dns 0 dir
	fails 2 "belong to --dns" lima-hostagent --ipv6 dir
	fails 2 "belong to --dns" lima-hostagent --host a=1.1.1.1 dir
	fails 2 "NAME=VALUE" lima-hostagent --dns 0 --host a
	fails 65 "not a host name" lima-hostagent --dns 0 --host a..b=1.1.1.1
	fails 65 "neither an IP address nor a host name" lima-hostagent --dns 0 --host a=..
}

@test "a port that is taken is said to be" {
	nameserver
	fails 69 "cannot listen on UDP port $(head -n 1 asked)" lima-hostagent --dns "$(head -n 1 asked)"
}

# The bytes of a frame of the type DNS with the number 7 and an A query for that name, for `cue raw`.
dns_frame() {
	python3 - "$1" <<-'PY'
	import struct, sys
	name = b"".join(bytes([len(p)]) + p.encode() for p in sys.argv[1].split(".")) + b"\0"
	query = b"\x11" + struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + name + b"\0\1\0\1"
	words = struct.unpack("!8H", struct.pack("!4sBBHII", b"LGA1", 33, 0, 0, 7, len(query)))
	total = sum(words)
	while total >> 16:
	    total = (total & 0xffff) + (total >> 16)
	print((struct.pack("!4sBBHII", b"LGA1", 33, 0, total, 7, len(query)) + query).hex())
	PY
}

resolver() {
	conf hostResolver.enabled="$1" hostResolver.ipv6=false hostResolver.address=192.168.5.3 hostResolver.gateway=192.168.5.2 \
		hostResolver.guest=192.168.5.15 hostResolver.hosts=0 plain="$2"
}

@test "the guest agent is told where to answer, its queries are, and they are counted" {
	fresh_home
	make_instance
	resolver true false
	ready
	grep -qx 'hello dns=192.168.5.3' fake.log
	info_has '"dns":{"address":"192.168.5.3","queries":0,"dropped":0,"waiting":0}'
	cue "raw $(dns_frame lima-t)"
	until_ok grep -qx 'frame 33 7 40' fake.log
	info_has '"queries":1,'
	not grep -q 'qmp.*hostfwd' fake.log
}

@test "nothing of it when the instance does not want it, or is plain, or was rendered by an older version" {
	for how in "false false" "true true" old; do
		fresh_home
		DIR=
		make_instance
		rm -f fake.log
		if [ "$how" = old ]; then rm -f .make/agent.conf.new; else
			# shellcheck disable=SC2086 # two words
			resolver $how
		fi
		agent
		cue 'boot b1'
		until_ok grep -q '^hello' fake.log
		cue "raw $(dns_frame lima-t)"
		cue sshd
		until_ok info_has '"sshd"'
		not grep -q 'hello dns=1' fake.log
		not grep -q '^frame 33' fake.log
		not info_has '"dns"'
		kill "$AGENT"
		stop_all
		cd "$BATS_TEST_TMPDIR"
		rm -rf "$DIR"
	done
}
