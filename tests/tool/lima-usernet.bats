#!/usr/bin/env bats
# The network daemon as a program: its command line, its files, one at a time, its end. What happens in a network is in
# tests/unit/test_usernet*.c.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	mkdir -m 700 net
	PIDS=''
}

teardown() {
	for pid in $PIDS; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

NETWORK=(-p net/usernet_n.pid -e net/n_ep.sock --listen-qemu net/n_qemu.sock --listen net/n_fd.sock --subnet 192.168.104.0/24)
usernet() { lima-usernet "${NETWORK[@]}" "$@"; }

# Starts one and waits until it is ready.
start() {
	mkfifo ready
	(exec lima-usernet "${NETWORK[@]}" --ready-fd 7 "$@") 7>ready 3>&- 2>log &
	PID=$!
	PIDS+=" $PID"
	read -r -t 20 line <ready
	rm ready
	[ "$line" = ready ]
}

get() { curl -sS -f --max-time 20 --unix-socket net/n_ep.sock "http://usernet$1"; }

@test "it serves, has its files, and takes them with it" {
	start
	[ "$(cat net/usernet_n.pid)" = "$PID" ]
	for s in n_ep n_qemu n_fd dns; do [ "$(stat -c %F:%a net/$s.sock)" = socket:600 ]; done
	[ "$(get /leases)" = '{}' ]
	[ "$(get /services/dns/all)" = '[]' ]
	kill -TERM "$PID"
	wait "$PID"
	[ "$(ls net)" = lock ]
	[ ! -s log ]
}

@test "a network runs once; the second one says whose it is and changes nothing" {
	start
	fails 75 "net/usernet_n.pid is run by process $PID already" usernet
	get /stats
	[ "$(cat net/usernet_n.pid)" = "$PID" ]
}

@test "one that was killed is followed by a new one with the same leases" {
	echo '{"192.168.104.9":"52:55:55:00:00:01"}' >net/leases.json
	start --leases-file net/leases.json
	kill -KILL "$PID"
	wait "$PID" || true
	[ -S net/n_qemu.sock ]
	start --leases-file net/leases.json --leases 192.168.104.8=52:55:55:00:00:02
	[ "$(get /services/dhcp/leases)" = '{"192.168.104.8":"52:55:55:00:00:02","192.168.104.9":"52:55:55:00:00:01"}' ]
}

@test "wrong command lines, and what is in the way" {
	fails 2 'are needed' lima-usernet -p net/p
	fails 2 "'x': no arguments" usernet x
	fails 2 '--subnet 192.168.104.0/29: the length' usernet --subnet 192.168.104.0/29
	fails 2 '--subnet x:' usernet --subnet x
	fails 2 '--mtu' usernet --mtu 500
	fails 65 "--leases: '192.168.104.9': an address and a MAC" usernet --leases 192.168.104.9
	echo '[' >net/leases.json
	fails 65 'net/leases.json: not a JSON object' usernet --leases-file net/leases.json
	fails 2 'longer than the 107 bytes' usernet -e "net/$(printf '%0120d' 0)"
	fails 73 'no/such' usernet -e no/such/dir
	echo precious >file
	fails 73 'file is in the way: it is not a socket' usernet --listen-qemu file
	[ "$(cat file)" = precious ]
	[ "$(ls net)" = "$(printf '%s\n' leases.json lock)" ]
}

@test "SIGINT and SIGHUP end it, too" {
	for sig in INT HUP; do
		start
		kill -"$sig" "$PID"
		wait "$PID"
	done
}
