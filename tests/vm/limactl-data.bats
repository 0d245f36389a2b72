#!/usr/bin/env bats
# limactl's data on a real machine: a data disk, snapshots of a machine that runs and of one that does not, the tunnel, the events.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/vm

setup_file() {
	vm_setup dat
	cd "$VM_TMP"
	limactl disk create data --size 64MiB
	limactl watch --json >watch.out 2>watch.err 3>&- &
	echo $! >watch.pid
	limactl start --name=dat --cpus=1 --memory=0.5 --disk=5 --mount-none --set '.additionalDisks = ["data"]' \
		template:recipe-debian-12 2>start.log || { cat start.log; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	kill "$(cat "$VM_TMP/watch.pid")" || :
	vm_teardown
}

setup() { cd "$VM_TMP"; }
in_guest() { timeout 60 limactl shell dat "$@"; }

@test "list tells a machine that runs, and its processes" {
	run --separate-stderr limactl list --format '{{.Status}} {{.SSHLocalPort}} {{.HostAgentPID}} {{.DriverPID}} {{len .Errors}}' dat
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	port=$(sed -n 's/^ *Port //p' "$DIR/ssh.config")
	[ "$output" = "Running $port $(agent_pid) $(qemu_pid) 0" ]
	[[ $(limactl list --json dat) == *"\"sshLocalPort\":$port,"* ]]
}

@test "the data disk is in the guest, marked, and neither deleted, unlocked nor resized" {
	in_guest sudo sh -c 'mountpoint -q /mnt/lima-data && echo kept >/mnt/lima-data/file && sync'
	[[ $(limactl disk list --json data) == *'"instance":"dat"'* ]]
	run limactl disk delete data
	[ "$status" = 1 ]
	run limactl disk resize data --size 1GiB
	[ "$status" = 1 ]
	limactl disk unlock data
	[ -L "$LIMA_HOME/_disk/data/in_use_by" ]
}

@test "watch told the events as they came" {
	[ "$(grep -c '^{"instance":"dat","event":{"time":"' watch.out)" -ge 2 ]
	grep -q '"running":true' watch.out
	grep -q 'New instance detected: dat' watch.err
}

@test "a snapshot of the running machine brings memory and disk back" {
	in_guest sh -c 'echo one >/dev/shm/x; echo one >~/x; sync'
	limactl snapshot create dat --tag first
	[ "$(limactl snapshot list -q dat)" = first ]
	in_guest sh -c 'echo two >/dev/shm/x; echo two >~/x; sync; cat ~/x'
	limactl snapshot apply dat --tag first
	[ "$(in_guest sh -c 'cat /dev/shm/x ~/x')" = $'one\none' ]
	[ "$(limactl list --format '{{.Status}}' dat)" = Running ]
	limactl snapshot delete dat --tag first
	[ -z "$(limactl snapshot list dat)" ]
	run limactl snapshot apply dat --tag nope
	[ "$status" = 1 ]
	[ "$(in_guest cat x)" = one ]
}

@test "after going back to a snapshot ports are followed as before" {
	# A server that sends a line to whoever connects.
	cat >server.pl <<'END'
use IO::Socket;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 47124, Listen => 5, ReuseAddr => 1) or die;
while (my $c = $s->accept) { print $c "hello\n"; close $c }
END
	answers() {
		[ "$(timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/47124 && cat <&3' 2>/dev/null)" = "$1" ]
	}
	in_guest sh -c 'cat >server.pl' <server.pl
	limactl snapshot create dat --tag ports
	for _ in 1 2; do
		in_guest sh -c '(setsid perl server.pl >/dev/null 2>&1 </dev/null &)'
		until_ok answers hello
		limactl snapshot apply dat --tag ports
		until_ok answers ""
	done
	limactl snapshot delete dat --tag ports
}

@test "a server in the guest is reached through the tunnel" {
	out=$(limactl tunnel dat)
	port=$(sed -n 's/.*socks5h:..127.0.0.1:\([0-9]*\).*/\1/p' <<<"$out")
	# The guest's sshd, by a name that only the guest knows.
	got=$(python3 - "$port" <<'END'
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.sendall(b"\x05\x01\x00"); assert s.recv(2) == b"\x05\x00"
name = b"lima-dat"
s.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", 22)); assert s.recv(10)[1] == 0
print(s.recv(100).decode())
END
	)
	[[ $got == SSH-2.0-* ]]
}

@test "a snapshot of the stopped machine brings the disk back, and the mark goes with the machine" {
	in_guest sh -c 'echo one >~/y; sync'
	limactl stop dat
	[ ! -L "$LIMA_HOME/_disk/data/in_use_by" ]
	limactl snapshot create dat --tag off
	limactl start dat
	[ "$(in_guest sh -c 'echo two >~/y; sync; cat ~/y; sudo cat /mnt/lima-data/file')" = $'two\nkept' ]
	limactl stop dat
	limactl snapshot apply dat --tag off
	limactl start dat
	[ "$(in_guest cat y)" = one ]
	grep -q '"exiting":true' watch.out
}
