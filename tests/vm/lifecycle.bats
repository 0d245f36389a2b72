#!/usr/bin/env bats
# Stops, crashes, kills and changes of a real machine: whatever happens, the next start ends READY, with the data there and
# one QEMU.

load ../lib/vm

setup_file() {
	vm_setup life
	lima-instance start --template recipe-debian-12 --cpus 2 --memory 768MiB --disk 5GiB life 2>"$VM_TMP/start.log" ||
		{ cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
	guest 'echo precious >~/data; sync'
}

teardown_file() {
	vm_teardown
}

ready_again() {
	lima-instance start life
	[ "$(state)" = Running ]
	[ "$(count_qemu)" = 1 ]
	[ "$(guest 'cat ~/data')" = precious ]
}

@test "a killed host agent: status says so, start takes the same machine over" {
	qemu=$(qemu_pid)
	boot=$(guest 'cat /proc/sys/kernel/random/boot_id')
	kill -9 "$(agent_pid)"
	await_state Broken
	lima-instance status life | grep -q 'host agent is gone'
	ready_again
	[ "$(qemu_pid)" = "$qemu" ]
	[ "$(guest 'cat /proc/sys/kernel/random/boot_id')" = "$boot" ]
}

@test "stop after the host agent was killed ends the machine properly" {
	kill -9 "$(agent_pid)"
	await_state Broken
	lima-instance stop life
	[ "$(state)" = Stopped ]
	[ "$(count_qemu)" = 0 ]
	for f in ha.pid ha.sock qemu.pid qmp.sock ga.sock ssh.sock; do
		[ ! -e "$DIR/$f" ] || { echo "$f is left"; false; }
	done
	qemu-img check -q "$DIR/diffdisk"
}

@test "stale files with pids of other processes are no obstacle and harm nobody" {
	sleep 1000 &
	for f in ha.pid qemu.pid; do echo $! >"$DIR/$f"; done
	python3 - "$DIR" <<'PY'
import socket, os, sys
os.chdir(sys.argv[1])
for name in ("ha.sock", "qmp.sock", "ga.sock", "ssh.sock", "serial.sock", "serialv.sock"):
    socket.socket(socket.AF_UNIX).bind(name)
PY
	[ "$(state)" = Stopped ]
	ready_again
	kill -0 $!
	kill $!
}

@test "a killed QEMU is noticed, the reason kept, start repairs" {
	kill -9 "$(qemu_pid)"
	await_state Stopped
	lima-instance status life | grep -q 'last end:'
	[ ! -e "$DIR/ha.sock" ]
	ready_again
	qemu-img check -q -U "$DIR/diffdisk"
}

@test "a reboot inside the guest comes back to Running with the same QEMU" {
	qemu=$(qemu_pid)
	boot=$(guest 'cat /proc/sys/kernel/random/boot_id')
	guest 'sudo systemctl reboot' || true
	until_ok guest "[ \$(cat /proc/sys/kernel/random/boot_id) != $boot ]"
	await_state Running
	[ "$(qemu_pid)" = "$qemu" ]
}

@test "poweroff inside the guest ends in Stopped" {
	guest 'sudo systemctl poweroff' || true
	await_state Stopped
	[ "$(count_qemu)" = 0 ]
}

@test "a change of cpus rebuilds the command line, not the disk or the volume" {
	disk=$(stat -c %i "$DIR/diffdisk")
	iso=$(stat -c %i.%Y "$DIR/cidata.iso")
	argv=$(stat -c %i "$DIR/qemu.argv")
	lima-instance create --cpus 1 life
	[ "$(stat -c %i "$DIR/qemu.argv")" != "$argv" ]
	[ "$(stat -c %i "$DIR/diffdisk")" = "$disk" ]
	[ "$(stat -c %i.%Y "$DIR/cidata.iso")" = "$iso" ]
	lima-instance create --cpus 2 life
}

@test "killed at random moments: lima-instance, host agent, QEMU; start ends READY each time" {
	for round in 1 2 3 4; do
		lima-instance start --quiet life &
		pid=$!
		sleep "0.$((RANDOM % 9))"
		sleep "$((RANDOM % 6))"
		case $((RANDOM % 3)) in
		0) kill -9 $pid ;;
		1) kill -9 "$(agent_pid 2>/dev/null)" ;;
		2) kill -9 "$(qemu_pid 2>/dev/null)" ;;
		esac 2>/dev/null || true
		wait $pid || true
		ready_again
		[ $((round % 2)) = 0 ] || { kill -9 "$(qemu_pid)"; await_state Stopped; }
	done
	lima-instance stop life
	qemu-img check -q "$DIR/diffdisk"
}

@test "a failing provisioning step fails start with its name, status and last lines; the machine stays up" {
	run lima-instance start --set '.provision += [{"mode": "system", "script": "#!/bin/sh\necho first line\necho the reason >&2\nexit 7\n"}]' life
	[ "$status" != 0 ]
	[[ $output == *"provision.system/"* ]]
	[[ $output == *"7"* ]]
	[[ $output == *"the reason"* ]]
	[[ $output == *"stays up"* ]]
	[ "$(state)" = Degraded ]
	guest true
	lima-instance create --set '.provision = []' life
	lima-instance restart life
	[ "$(state)" = Running ]
}

@test "delete refuses a running machine, then removes it all" {
	fails 1 "is running" lima-instance delete life
	lima-instance delete --force life
	[ ! -e "$DIR" ]
	[ "$(count_qemu)" = 0 ]
}
