#!/usr/bin/env bats
# User-v2 networks with two real guests: addresses, names, the outside, each other; what happens when its daemon goes, and that
# nothing is left when both have stopped. The host's resolv.conf is ours, with a name server that the test plays.

load ../lib/vm
load ../lib/machine

setup_file() {
	vm_setup one
	cd "$TOP"
	vm_nameserver 'real.example A 10.9.8.7' 'big.example TXT 20000'
	export NET=$LIMA_HOME/_networks/user-v2
	# A web server of the host, to be reached through the gateway.
	mkdir "$VM_TMP/www"
	echo 'of the host' >"$VM_TMP/www/file"
	python3 -u -m http.server --bind 127.0.0.1 --directory "$VM_TMP/www" 0 >"$VM_TMP/www.out" 2>"$VM_TMP/www.log" 3>&- &
	echo $! >"$VM_TMP/www.pid"
	until grep -q port "$VM_TMP/www.out"; do kill -0 $! && sleep 0.05; done
	WWW=$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$VM_TMP/www.out")
	export WWW
	limactl network create lab --gateway 192.168.42.1/24
	for name in one two; do
		limactl --tty=false start --name=$name --network=lima:user-v2,lima:lab --cpus=1 --memory=0.5 --disk=5 \
			--mount-only="$HOME/work dir:w" --mount-type=reverse-sshfs --set '.hostResolver.hosts = {"'$name'.example": "10.1.1.1"}' template:recipe-debian-12 2>"$VM_TMP/$name.log" 3>&- &
		wait="${wait-} $!"
	done
	for pid in $wait; do
		wait "$pid" || { tail -n 30 "$VM_TMP"/*.log "$LIMA_HOME"/*/serial.log "$LIMA_HOME"/*/ha.stderr.log "$NET"/*.log; false; }
	done
}

teardown_file() {
	kill "$(cat "$VM_TMP/www.pid")" || true
	vm_teardown
}

setup() {
	cd "$TOP"
}

one() { lima-instance shell one -- sh -c "$1"; }
two() { lima-instance shell two -- sh -c "$1"; }
address() { limactl shell "$1" ip -4 -o address show dev "${2:-eth0}" </dev/null | sed 's/.* inet \([0-9.]*\).*/\1/'; }
status_has() { lima-instance status "$1" | grep -F "$2"; }
runs() { ! flock -n "$NET/lock" true; }
lab_runs() { ! flock -n "$LIMA_HOME/_networks/lab/lock" true; }

@test "two guests at once on one network: one daemon, two addresses, ssh by a port of the host" {
	grep -q READY "$VM_TMP/one.log"
	grep -q READY "$VM_TMP/two.log"
	runs
	[ "$(one hostname)" = lima-one ]
	[ "$(two hostname)" = lima-two ]
	[ "$(address one)" != "$(address two)" ]
	for name in one two; do
		[[ $(address $name) == 192.168.104.* ]]
		grep -qF "\"$(address $name)\"" "$NET/leases.json"
		not grep -q hostfwd "$LIMA_HOME/$name/qemu.argv"
		status_has $name "network:   user-v2, address $(address $name)"
	done
	one 'ip route' | grep -q '^default via 192.168.104.2 dev eth0'
}

@test "they reach each other by name and address" {
	one 'ping -c 2 -W 5 lima-two.internal' | grep -F "($(address two))"
	two "ping -c 2 -W 5 $(address one)" >/dev/null
	two '(echo from two; sleep 1) | perl -MIO::Socket -e "
		\$l = IO::Socket::INET->new(Listen => 1, LocalPort => 4567, ReuseAddr => 1) or die; open F, q(>), q(/tmp/listens);
		\$c = \$l->accept; print \$c scalar <STDIN>; close \$c"' >/dev/null 3>&- &
	pid=$!
	until_ok two 'test -e /tmp/listens'
	[ "$(one 'perl -MIO::Socket -e "\$c = IO::Socket::INET->new(q(lima-two.internal:4567)) or die; print <\$c>"')" = "from two" ]
	wait "$pid"
}

@test "a second network is a card of its own, and mounts are there" {
	lab_runs
	[[ $(address one lima1) == 192.168.42.* ]]
	[ "$(address one lima1)" != "$(address two lima1)" ]
	one "ping -c 2 -W 5 -I lima1 $(address two lima1)" >/dev/null
	status_has two "network:   lab, address $(address two lima1)"
	[ "$(one "cat '$HOME/work dir/file'")" = "from the host" ]
	two "echo of two >'$HOME/work dir/two'"
	[ "$(cat "$HOME/work dir/two")" = "of two" ]
}

@test "names: the host, static ones of both, the host's own resolver by UDP and TCP" {
	[[ $(one 'getent hosts host.lima.internal') == "192.168.104.2 "* ]]
	[ "$(one 'sed -n "s/^nameserver //p" /etc/resolv.conf')" = 192.168.104.3 ]
	for guest in one two; do
		for name in one two; do [[ $($guest "getent ahostsv4 $name.example") == "10.1.1.1 "* ]]; done
		[[ $($guest 'getent ahostsv4 real.example') == "10.9.8.7 "* ]]
		not $guest 'getent hosts none.example'
	done
	ask() { lima-instance shell one -- perl - 192.168.104.3 53 "$@" <tests/lib/ask.pl; }
	[[ $(ask udp lima-two.internal A) == "NOERROR $(address two)" ]]
	[[ $(ask tcp lima-two.internal A) == "NOERROR $(address two)" ]]
	[[ $(ask tcp big.example TXT) == NOERROR* ]]
}

@test "the host behind the gateway, and the world behind it" {
	get() { "$1" "perl -MIO::Socket -e '\$c = IO::Socket::INET->new(q($2)) or die; print \$c qq(GET /file HTTP/1.0\r\n\r\n); print <\$c>'"; }
	get one "host.lima.internal:$WWW" | grep -x 'of the host'
	get two "192.168.104.2:$WWW" | grep -x 'of the host'
	# An address of the host that is not the loopback one: the way that all else goes too.
	own=$(hostname -I | cut -d' ' -f1)
	if [ -n "$own" ]; then
		python3 -u -m http.server --bind "$own" --directory "$VM_TMP/www" 0 >"$VM_TMP/own.out" 2>&1 3>&- &
		pid=$!
		until_ok grep -q port "$VM_TMP/own.out"
		get one "$own:$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$VM_TMP/own.out")" | grep -x 'of the host'
		kill "$pid"
	fi
}

@test "ports of the guest are forwarded, files copied between the instances" {
	one 'perl -MIO::Socket -e "
		\$l = IO::Socket::INET->new(Listen => 1, LocalAddr => q(127.0.0.1), LocalPort => 14567, ReuseAddr => 1) or die;
		\$c = \$l->accept; print \$c qq(forwarded\n)"' >/dev/null 3>&- &
	until_ok grep -q 14567 "$DIR/ha.stdout.log"
	[ "$(python3 -c 'import socket; print(socket.create_connection(("127.0.0.1", 14567)).makefile().readline().strip())')" = forwarded ]
	one 'echo a file of one >/tmp/f'
	limactl --tty=false copy one:/tmp/f two:/tmp/g
	[ "$(two 'cat /tmp/g')" = "a file of one" ]
}

@test "a restart keeps the address" {
	was=$(address two)
	limactl --tty=false restart two 2>/dev/null 3>&-
	[ "$(address two)" = "$was" ]
	one 'ping -c 1 -W 5 lima-two.internal' >/dev/null
}

@test "a killed host agent: the next one reaches the guest by the same port" {
	was=$(grep ' Port ' "$DIR/ssh.config")
	kill -KILL "$(agent_pid)"
	lima-instance start --quiet one 3>&-
	[ "$(grep ' Port ' "$DIR/ssh.config")" = "$was" ]
	[ "$(one hostname)" = lima-one ]
}

@test "the daemon is killed: it is there again, with the names; what QEMU cannot connect again is told" {
	was=$(address one)
	kill -KILL "$(cat "$NET/lock")"
	until_ok runs
	if grep -q ',reconnect' "$DIR/qemu.argv"; then
		until_ok one true
	else
		await_state Degraded
		until_ok status_has one "the network user-v2 was interrupted"
		# Both: whoever is restarted first finds the network there.
		lima-instance restart --quiet --force one 3>&-
		lima-instance restart --quiet --force two 3>&-
	fi
	await_state Running
	[ "$(address one)" = "$was" ]
	until_ok one 'ping -c 1 -W 5 lima-two.internal'
}

@test "the network ends with the last instance, and leaves only what it has to remember" {
	pid=$(cat "$NET/lock")
	limactl --tty=false stop one 2>/dev/null
	runs
	lima-instance delete --force --quiet two
	not runs
	not lab_runs
	[ "$(ls "$NET" | grep -vE '^(leases\.json|lock|subnet|usernet\.user-v2\.std(out|err)\.log)$')" = "" ]
	[ ! -e "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status"
}
