#!/usr/bin/env bats
# Port forwarding with real traffic: some hundred listeners of one guest at once, against the table of tests/data/forward; then
# sockets, conflicts, crowds, slow ones, restarts, and the same by ssh.

load ../lib/vm

setup_file() {
	vm_setup fw
	cd "$TOP"
	"${MUSL_CC:-musl-gcc}" -static -Os -s -Wall -Wextra -Werror -o "$VM_TMP/talk" tests/lib/talk.c
	lima-instance start --template recipe-debian-12 --cpus 2 --memory 1GiB --disk 5GiB \
		--set ".portForwards = $(tests/vm/forwards-check rules)" fw 2>"$VM_TMP/start.log" ||
		{ cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
	guest 'cat >/tmp/talk && chmod 755 /tmp/talk' <"$VM_TMP/talk"
	guest 'sudo ip addr add 10.99.0.1/32 dev lo; sudo ip addr add fd00:99::1/128 dev lo'
}

teardown_file() {
	vm_teardown
}

check() {
	timeout 180 "$TOP/tests/vm/forwards-check" "$1" fw || { tail -n 20 "$DIR/ha.stderr.log"; false; }
}

@test "hundreds of listeners go where the rules say, and nowhere else, byte by byte" { check table; }
@test "sockets: guest to host, guest to a port, host to guest" { check sockets; }
@test "static rules are there from the start" { check static; }
@test "the ports of SSH are never forwarded" { check never; }
@test "a port that is taken: by whom, in event, state and status; forwarded when it is free" { check conflict; }
@test "a privileged port only when a rule names it" { check privileged; }
@test "a listener on a link-local address" { check link; }
@test "a thousand connections at once leave nothing behind" { check many; }
@test "who does not read holds up nobody else" { check slow; }
@test "flapping listeners are damped" { check flap; }
@test "forwards come back when the guest agent or the host agent is killed" { check restart; }

@test "other rules hold at once: some end, some begin, the rest is not interrupted" { check reload; }

@test "sockets still work after that: what was left in the guest is removed" { check sockets; }

@test "a guest user cannot talk to the guest agent's port" {
	run guest 'port=/dev/virtio-ports/io.lima-vm.guest_agent.0; [ -e "$port" ] || exit 9; exec 3<>"$port"'
	[ "$status" != 0 ] && [ "$status" != 9 ]
	[[ $output == *"ermission denied"* ]]
}

@test "the guest agent sleeps while nothing happens" {
	# One question each minute is the host's, about the time; the rest is left for the end of this very command.
	n=$(guest 's() { sudo sed -n "s/^voluntary_ctxt_switches:[^0-9]*//p" /proc/$(pidof lima-guestagent)/status; }; sleep 3; a=$(s); sleep 10; echo $(($(s) - a))')
	echo "$n"
	[ "$n" -le 30 ]
}

@test "the same rules by ssh, when LIMA_SSH_PORT_FORWARDER says so" {
	kill -9 "$(agent_pid)"
	LIMA_SSH_PORT_FORWARDER=true lima-instance start --quiet fw
	check ssh
}
