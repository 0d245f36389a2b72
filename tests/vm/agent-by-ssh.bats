#!/usr/bin/env bats
# A machine without the guest agent's virtio port: the agent listens on a unix socket in the guest, which ssh brings to the host.

load ../lib/vm

setup_file() {
	vm_setup noport
	lima-instance create --quiet --template recipe-debian-12 --cpus 2 --memory 768MiB --disk 5GiB --set '.mounts = []' noport
	# What an old machine type, or somebody's own command line, would look like.
	grep -v -x -e 'virtserialport,chardev=char-agent.*' "$DIR/qemu.argv" |
		awk '{ if (held != "" && !($0 ~ /^-/ && held == "-device")) print held; held = $0 } END { print held }' >"$VM_TMP/argv"
	! grep -q virtserialport "$VM_TMP/argv"
	cat "$VM_TMP/argv" >"$DIR/qemu.argv"
	lima-instance start --quiet noport 2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
}

setup() {
	cd "$TOP"
}

info() { curl -s --unix-socket "$DIR/ha.sock" http://x/v1/info; }
channel() { info | python3 -c 'import json, sys; print(json.load(sys.stdin)["guest"].get("channel", "none"))'; }

by_ssh() { [ "$(channel)" = ssh ]; }

@test "start ends with READY, and the agent is heard by ssh" {
	[ "$(state)" = Running ]
	by_ssh
	guest '[ -z "$(ls /sys/class/virtio-ports/*/name | xargs grep -l guest_agent)" ]'
	[ "$(stat -c %a "$DIR/ga.ssh.sock")" = 600 ]
}

@test "ports are forwarded" {
	guest 'nohup perl -MIO::Socket::INET -e '"'"'$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 18321, Listen => 5, ReuseAddr => 1);
		while ($c = $s->accept) { print $c "hello from the guest\n"; close $c }'"'"' >/dev/null 2>&1 &'
	until_ok bash -c 'read -r line </dev/tcp/127.0.0.1/18321 && [ "$line" = "hello from the guest" ]'
}

@test "nobody else in the guest gets a word from the agent" {
	[ "$(guest '[ "$(stat -c %U /run/lima-guestagent.sock)" = "$(id -un)" ] && stat -c %a /run/lima-guestagent.sock')" = 600 ]
	connect='perl -MIO::Socket::UNIX -e '"'"'$s = IO::Socket::UNIX->new(Peer => "/run/lima-guestagent.sock") or die "refused: $!\n"; print "got ", length(<$s> // "")'"'"
	run guest "sudo -u nobody $connect"
	[[ $output == *"refused: Permission denied"* ]]
	# Even with the mode undone, the agent looks at who connects.
	guest 'sudo chmod 666 /run/lima-guestagent.sock'
	run guest "sudo -u nobody $connect"
	[ "$output" = "got 0" ]
	guest 'sudo journalctl -q -u lima-guestagent' | grep -q 'refused uid 65534'
	guest 'sudo chmod 600 /run/lima-guestagent.sock'
	by_ssh
}

@test "the guest agent killed: it is heard again" {
	old=$(guest 'systemctl show -P MainPID lima-guestagent')
	guest "sudo kill -9 $old"
	until_ok guest "new=\$(systemctl show -P MainPID lima-guestagent); [ \$new != 0 ] && [ \$new != $old ]"
	until_ok by_ssh
}

@test "the shared ssh connection killed: it is heard again" {
	ssh -F "$DIR/ssh.config" -O exit lima-noport
	until_ok by_ssh
	[ "$(guest 'echo ok')" = ok ]
}

@test "the host agent killed and started: it is heard again" {
	kill -9 "$(agent_pid)"
	await_state Broken
	lima-instance start --quiet noport
	until_ok by_ssh
}

@test "after a reboot of the guest it is heard again, and stop leaves no socket" {
	boot=$(guest 'cat /proc/sys/kernel/random/boot_id')
	guest 'sudo systemctl reboot' || true
	until_ok guest "[ \$(cat /proc/sys/kernel/random/boot_id) != $boot ]"
	await_state Running
	until_ok by_ssh
	lima-instance stop noport
	[ ! -e "$DIR/ga.ssh.sock" ]
}
