#!/usr/bin/env bats
# user-v2 networks: when their daemons are started and ended, and how machines on them are reached. The tools are the real ones; QEMU
# and the guest play on cue (tests/lib/fake-qemu.c), and so does the daemon (tests/lib/fake-usernet.py).

load ../lib/limactl
load ../lib/hostagent
load ../lib/machines

setup_file() {
	build_machines
	# The tools look for the daemon beside themselves.
	mkdir -p "$BATS_FILE_TMPDIR/lima/bin"
	tools=$(dirname "$(command -v lima-instance)")
	cp "$tools"/lima-* "$tools"/limactl "$BATS_FILE_TMPDIR/lima/bin"
	install -m 755 "$TOP/tests/lib/fake-usernet.py" "$BATS_FILE_TMPDIR/lima/bin/lima-usernet"
	export TOOLS=$BATS_FILE_TMPDIR/lima/bin SHARE=$tools/../share/lima
}

setup() {
	export BATS_TEST_TIMEOUT=120
	fresh_home
	use_machines
	export PATH=$TOOLS:$PATH LIMA_SHARE=$SHARE NET=$LIMA_HOME/_networks/user-v2
	unset FAKE_USERNET LIMA_USERNET_RESOLVE_IP_ADDRESS_TIMEOUT
	echo 'networks: [{lima: user-v2}]' >>t.yaml
	N=4
}

teardown() {
	kill_machines
	for lock in "$LIMA_HOME"/_networks/*/lock; do
		[ ! -s "$lock" ] || kill -KILL "$(cat "$lock")" 2>/dev/null || :
	done
	[ -z "${HELD-}" ] || kill "$HELD"
	return 0
}

mac() { sed -n 's/^networks.0.mac=//p' "$LIMA_HOME/$1/.make/agent.conf"; }
# create NAME [OPTION...]: an instance whose guest was given an address once.
create() {
	lima-instance create --quiet --template "$TEMPLATE" "${@:2}" "$1" 3>&-
	N=$((N + 1))
	lease "192.168.104.$N" "$(mac "$1")"
}
# In the file that the daemon reads when it starts.
lease() {
	mkdir -p "$NET"
	[ -e "$NET/leases.json" ] || echo '{}' >"$NET/leases.json"
	python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); d[sys.argv[2]]=sys.argv[3]; json.dump(d,open(sys.argv[1],"w"))' \
		"$NET/leases.json" "$@"
}
start() { lima-instance start --quiet --timeout 60 "$@" 3>&-; }
stop() { lima-instance stop --quiet "$1"; }
daemon() { cat "$NET/lock"; }
runs() { ! flock -n "$NET/lock" true; }
ended() { flock -n "$NET/lock" true; }
starts() { wc -l <"$NET/starts"; }
asked() { grep -F -- "$1" "$NET/asked"; }
status_has() { lima-instance status "$1" | grep -F -- "$2"; }
port() { sed -n 's/^ *Port //p' "$LIMA_HOME/$1/ssh.config"; }
up() { [ "$(machines "$1" | wc -l)" = 1 ]; }
# QEMU of this version.
version() {
	sed "s/version 7.2.1/version $1/" "$MACHINES/bin/qemu" >qemu
	chmod +x qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu QEMU_SYSTEM_AARCH64=$PWD/qemu
}

# --- daemons ---

@test "start starts the daemon of the network, the guest is reached through it, stop ends it" {
	create a
	[ ! -e "$NET/starts" ]
	start a
	runs
	pid=$(daemon)
	[ "$(cut -d' ' -f2- "$NET/starts")" = "--pidfile=$NET/usernet_user-v2.pid --endpoint=$NET/user-v2_ep.sock --listen-qemu=$NET/user-v2_qemu.sock --listen=$NET/user-v2_fd.sock --subnet=192.168.104.0/24 --leases-file=$NET/leases.json --ready-fd=3" ]
	[ "$(cut -d' ' -f6 "/proc/$pid/stat")" = "$pid" ] # a session of its own
	asked 'POST /services/forwarder/expose {"local":"127.0.0.1:0","remote":"192.168.104.5:22","protocol":"tcp"}'
	[ "$(port a)" = "$((40000 + pid % 9999))" ]
	[[ $(lima-instance list | tail -n 1) == *"127.0.0.1:$(port a) "* ]]
	status_has a 'network:   user-v2, address 192.168.104.5'
	grep -qxF 'stream,id=net0,server=off,addr.type=unix,addr.path=../_networks/user-v2/user-v2_qemu.sock' "$LIMA_HOME/a/qemu.argv"
	not grep -q hostfwd "$LIMA_HOME/a/qemu.argv"
	not grep -q usernet "$LIMA_HOME/a/fake.log" # QEMU has no port to ask it for
	stop a
	ended
	asked "POST /services/forwarder/unexpose {\"local\":\"127.0.0.1:$(port a)\",\"protocol\":\"tcp\"}"
	for f in usernet_user-v2.pid user-v2_ep.sock user-v2_qemu.sock user-v2_fd.sock; do [ ! -e "$NET/$f" ]; done
	[ -s "$NET/leases.json" ]
}

@test "a network stays as long as one machine needs it, and starts once for all" {
	for n in a b c; do create $n; done
	for n in a b c; do start $n & wait="$wait $!"; done
	# shellcheck disable=SC2086
	for pid in $wait; do wait "$pid"; done
	[ "$(starts)" = 1 ]
	stop a
	runs
	lima-instance delete --quiet --force b
	runs
	[ "$(starts)" = 1 ]
	limactl --tty=false stop c 2>/dev/null
	ended
}

# Of an instance that is only a lock and a configuration.
hold() {
	mkdir -p "$LIMA_HOME/$1/.make" "$LIMA_HOME/_locks"
	echo 'images: []' >"$LIMA_HOME/$1/lima.yaml"
	printf 'name=%s\nnetworks=1\nnetworks.0.name=user-v2\nnetworks.0.dir=%s\nnetworks.0.subnet=192.168.104.0/24\nnetworks.0.mac=x\n' "$1" "$NET" \
		>"$LIMA_HOME/$1/.make/agent.conf"
	(flock 9 && exec sleep 1000) 9>"$LIMA_HOME/$1/ha.pid" 3>&- &
	HELD=$!
	until_ok not flock -n "$LIMA_HOME/$1/ha.pid" true
}

@test "20 at once start one daemon" {
	hold a
	for i in $(seq 20); do lima-instance networks 3>&- & wait="$wait $!"; done
	# shellcheck disable=SC2086
	for pid in $wait; do wait "$pid"; done
	[ "$(starts)" = 1 ]
	runs
}

@test "what a running machine needs and nobody can find out is not ended; nor what is about to be started" {
	hold x
	lima-instance networks
	echo '=' >"$LIMA_HOME/x/.make/agent.conf"
	run lima-instance networks
	[ "$status" != 0 ]
	[[ $output == *agent.conf* ]]
	runs
	kill "$HELD"
	HELD=
	until_ok flock -n "$LIMA_HOME/x/ha.pid" true
	printf 'name=x\nnetworks=1\nnetworks.0.name=user-v2\n' >"$LIMA_HOME/x/.make/agent.conf"
	flock "$LIMA_HOME/_locks/x" lima-instance networks
	runs
	lima-instance networks
	ended
	[ "$(starts)" = 1 ]
}

@test "a machine keeps the network that it runs on, whatever its lima.yaml says by now" {
	create a
	create b
	start a
	start b
	start --set '.networks = []' a
	grep -qx 'networks=0' "$LIMA_HOME/a/.make/agent.conf"
	stop b
	runs
	[ "$(starts)" = 1 ]
	stop a
	ended
}

@test "a daemon that does not start fails the start with its reason, and leaves nothing" {
	create a
	FAKE_USERNET=fail run --separate-stderr start a
	[ "$status" = 69 ]
	[[ $stderr == *"the network user-v2 did not start: lima-usernet: the stars are wrong; see $NET/usernet.user-v2.stderr.log" ]]
	up a && false
	FAKE_USERNET=fail fatal "the network user-v2 did not start: lima-usernet: the stars are wrong" limactl --tty=false start a
	start a
	not grep -q stars "$NET/usernet.user-v2.stderr.log"
}

@test "a daemon that does not end is killed" {
	create a
	FAKE_USERNET=deaf start a
	pid=$(daemon)
	stop a
	ended
	gone_or_zombie "$pid"
}

@test "a machine that ends by itself lets its network go" {
	create a
	start a
	echo poweroff >"$LIMA_HOME/a/cue"
	until_ok ended
}

@test "a start that fails lets its network go" {
	create a
	printf '%s\n' /nonexistent/qemu >"$MACHINES/none"
	sed 's/exec .*/echo no >\&2; exit 1/' "$MACHINES/bin/qemu" >broken
	chmod +x broken
	run env QEMU_SYSTEM_X86_64="$PWD/broken" QEMU_SYSTEM_AARCH64="$PWD/broken" lima-instance start --quiet --timeout 60 a
	[ "$status" != 0 ]
	[ "$(starts)" = 1 ]
	until_ok ended
}

@test "a network's addresses change when all its machines are stopped" {
	create a
	create b
	start a
	mkdir -p "$LIMA_HOME/_config"
	printf 'networks:\n  user-v2: {mode: user-v2, gateway: 10.7.0.1, netmask: 255.255.255.0}\n' >"$LIMA_HOME/_config/networks.yaml"
	fails 75 "the network user-v2 runs with the addresses 192.168.104.0/24, networks.yaml says 10.7.0.0/24" start b
	stop a
	echo '{}' >"$NET/leases.json"
	lease 10.7.0.5 "$(mac b)"
	start b
	tail -n 1 "$NET/starts" | grep -F -- --subnet=10.7.0.0/24
}

@test "a path of sockets that is too long is refused with the numbers" {
	long=$(printf 'n%.0s' $(seq 76))
	mkdir -p "$LIMA_HOME/_config"
	printf 'networks:\n  %s: {mode: user-v2, gateway: 10.7.0.1}\n' "$long" >"$LIMA_HOME/_config/networks.yaml"
	sed -i "s/lima: user-v2/lima: $long/" t.yaml
	lima-instance create --quiet --template "$TEMPLATE" a
	fails 2 "/$long/${long}_qemu.sock has" start a
}

@test "instances without such a network have nothing to do with all that" {
	sed -i /networks/d t.yaml
	lima-instance start --quiet --timeout 60 --template "$TEMPLATE" a 3>&-
	[ ! -e "$LIMA_HOME/_networks" ]
	[ "$(port a)" = 2222 ]
	lima-instance stop --quiet a
	[ ! -e "$LIMA_HOME/_networks" ]
}

# --- reaching the guest ---

@test "the names of an instance are told: its own, the host's, those of hostResolver.hosts and what they lead to" {
	create a --set '.hostResolver.hosts = {"db.example": "10.1.1.1", "Two.example": "DB.example", "alone": "10.1.1.2", "far": "elsewhere.example"}'
	start a
	asked '{"Name":"example.","Records":[{"Name":"db","IP":"10.1.1.1"}],"DefaultIP":""}'
	asked '{"Name":"example.","Records":[{"Name":"Two","IP":"10.1.1.1"}],"DefaultIP":""}'
	asked '{"Name":"alone.","Records":[],"DefaultIP":"10.1.1.2"}'
	asked '{"Name":"internal.","Records":[{"Name":"host.lima","IP":"192.168.104.2"}],"DefaultIP":""}'
	asked '{"Name":"internal.","Records":[{"Name":"lima-a","IP":"192.168.104.5"}],"DefaultIP":""}'
	not asked elsewhere
	grep -F 'far leads to elsewhere.example' "$LIMA_HOME/a/ha.stderr.log"
	# The agents' own resolver would answer with addresses of another network.
	grep -qx 'hello dns=' "$LIMA_HOME/a/fake.log" || not grep -q 'hello dns=1' "$LIMA_HOME/a/fake.log"
	not status_has a 'dns"'
}

@test "an address that comes late, and one that changes" {
	lima-instance create --quiet --template "$TEMPLATE" a 3>&-
	lima-instance start --quiet --timeout 60 a 3>&- &
	pid=$!
	until_ok test -p "$NET/cue"
	[ "$(stat -c %a "$NET")" = 700 ]
	until_ok asked 'GET /events'
	echo "192.168.104.9 52:55:55:00:00:99" >"$NET/cue"
	echo "192.168.104.7 $(mac a | tr a-f A-F)" >"$NET/cue"
	wait "$pid"
	asked '"remote":"192.168.104.7:22"'
	not asked 192.168.104.9
	was=$(port a)
	echo "192.168.104.8 $(mac a)" >"$NET/cue"
	until_ok asked "{\"local\":\"127.0.0.1:$was\",\"remote\":\"192.168.104.8:22\",\"protocol\":\"tcp\"}"
	until_ok asked '{"Name":"lima-a","IP":"192.168.104.8"}'
	until_ok status_has a 'address 192.168.104.8'
	[ "$(port a)" = "$was" ]
}

@test "no address in time: the start says so, and the machine stays up" {
	lima-instance create --quiet --template "$TEMPLATE" a 3>&-
	export LIMA_USERNET_RESOLVE_IP_ADDRESS_TIMEOUT=0
	run --separate-stderr start a
	[ "$status" != 0 ]
	[[ $stderr == *"usernet unable to resolve IP for SSH forwarding"* ]]
	up a
	status_has a Degraded
	runs
}

@test "a wanted port that somebody else has is named" {
	create a --ssh-port 61234
	FAKE_USERNET=busy run --separate-stderr start a
	[ "$status" != 0 ]
	[[ $stderr == *"TCP port 61234 of 127.0.0.1, where SSH was to be reached, is taken by another program"* ]]
	stop a
	FAKE_USERNET=full run --separate-stderr start a
	[ "$status" != 0 ]
	[[ $stderr == *"the network user-v2 opens no port for SSH: address already in use"* ]]
}

@test "the daemon is killed: it is started again, and the port and the names are there again" {
	version 8.2.0
	create a
	start a
	was=$(port a)
	grep -qF 'user-v2_qemu.sock,reconnect=1' "$LIMA_HOME/a/qemu.argv"
	rm "$NET/asked"
	kill -KILL "$(daemon)"
	until_ok asked "{\"local\":\"127.0.0.1:$was\",\"remote\":\"192.168.104.5:22\",\"protocol\":\"tcp\"}"
	until_ok asked '{"Name":"lima-a","IP":"192.168.104.5"}'
	[ "$(starts)" = 2 ]
	until_ok status_has a Running
	[ "$(port a)" = "$was" ]
	grep -F 'the network user-v2 is there again' "$LIMA_HOME/a/ha.stderr.log"
}

@test "a host agent that is started without its network has it started" {
	version 8.2.0
	create a
	lima-hostagent "$LIMA_HOME/a" >out 2>err 3>&- &
	pid=$!
	until_ok grep -F '"running":true' out
	[ "$(starts)" = 1 ]
	kill "$pid"
	wait "$pid"
	until_ok ended
}

@test "a daemon that stands still does not keep a machine from stopping" {
	create a
	start a
	kill -STOP "$(daemon)"
	stop a
	ended
}

@test "a QEMU that cannot connect again: the instance is degraded, with the reason and what to do" {
	create a
	start a
	kill -KILL "$(daemon)"
	until_ok status_has a Degraded
	status_has a "the network user-v2 was interrupted, and this version of QEMU cannot connect to it again (8.0 can); 'make INSTANCE=a restart' does"
	until_ok runs
	grep -F '"degraded":true' "$LIMA_HOME/a/ha.stdout.log"
	lima-instance restart --quiet --timeout 60 a 3>&-
	status_has a Running
	# The same when the host agent was killed too, and its successor finds another daemon.
	kill -KILL "$(cat "$LIMA_HOME/a/ha.pid")"
	until_ok flock -n "$LIMA_HOME/a/ha.pid" true
	kill -KILL "$(daemon)"
	until_ok ended
	sleep 0.01
	run lima-instance start --quiet --timeout 60 a 3>&-
	[[ $output == *"the network user-v2 was interrupted"* ]]
}

@test "the host agent is killed: the next one takes machine, port and network over" {
	create a
	start a
	was=$(port a)
	kill -KILL "$(cat "$LIMA_HOME/a/ha.pid")"
	until_ok flock -n "$LIMA_HOME/a/ha.pid" true
	lima-instance networks # a machine without host agent needs its network too
	rm "$NET/asked"
	start a
	[ "$(starts)" = 1 ]
	[ "$(port a)" = "$was" ]
	not asked expose
	status_has a Running
	stop a
	asked unexpose
	ended
}

# --- limactl ---

@test "limactl: start, restart, factory-reset; a network that is used is not deleted" {
	create a
	limactl --tty=false start a 2>/dev/null 3>&-
	runs
	limactl --tty=false restart a 2>/dev/null 3>&-
	runs
	limactl network list >/dev/null
	fatal 'network `user-v2` is used by the running instance `a`; stop it first' limactl network delete --force user-v2
	grep -q 'user-v2:' "$LIMA_HOME/_config/networks.yaml"
	limactl --tty=false factory-reset a 2>/dev/null
	until_ok ended
	ok limactl network delete --force user-v2
	says warning 'Instance `a` is configured to use the network `user-v2`'
	not grep -q 'user-v2:' "$LIMA_HOME/_config/networks.yaml"
}
