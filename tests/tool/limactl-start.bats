#!/usr/bin/env bats
# limactl start, stop and restart with a host agent and a QEMU that plays on cue: what is told, and how it ends.

load ../lib/common
load ../lib/machine
load ../lib/hostagent

setup() {
	machine_home
	recorder ssh
	printf 'message: |\n  Hello from {{.Name}}\n  in {{.Dir}}\n' >>"$LIMA_HOME/_templates/default.yaml"
	create one --containerd=none --mount-none
	DIR=$LIMA_HOME/one
}

teardown() {
	limactl stop -f one 2>/dev/null || :
	end_running
}

# Commands for the guest, that it follows as soon as its machine runs.
cues() { printf '%s\n' "$@" >"$DIR/cues"; }
boots() { cues 'boot b1' 'status begin\tb1\tnative\nstep one\tstart\nstep one\t0\nssh-ready\n' sshd 'status done\t0\n'; }

@test "start waits until READY and tells the way there; then it is running" {
	boots
	run --separate-stderr limactl start one
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[ -z "$output" ]
	output=$stderr
	has 'Using the existing instance `one`'
	has 'Starting the instance `one` with internal VM driver `qemu`'
	has 'level=info msg="SSH Local Port: 2222"'
	has 'msg="[hostagent] '
	has 'READY. Run `limactl shell one` to open the shell.'
	has 'Message from the instance `one`:'
	[[ $'\n'$stderr$'\n' == *$'\nHello from one\nin '"$DIR"$'\n'* ]]
	[ "$(limactl list --format '{{.Status}} {{.SSHLocalPort}}' one)" = "Running 2222" ]
	run limactl start one
	[ "$status" = 0 ]
	has 'The instance `one` is already running. Run `limactl shell one` to open the shell.'
}

@test "start makes the instance when there is none; default is opened by lima" {
	mkdir -p "$LIMA_HOME/default"
	printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >"$LIMA_HOME/default/cues"
	run limactl start --containerd=none --mount-none --log-format=json
	[ "$status" = 0 ]
	has '"msg":"READY. Run `lima` to open the shell."'
	limactl delete -f default
}

@test "plain machines are opened by ssh" {
	limactl edit one --set '.plain = true'
	boots
	run limactl start one
	[ "$status" = 0 ]
	has "READY. Run \`ssh -F $DIR/ssh.config lima-one\` to open the shell."
}

@test "--progress tells the steps of the boot" {
	boots
	run limactl start --progress one
	[ "$status" = 0 ]
	has '[cloud-init] '
}

@test "a failing boot script: degraded, status 1, and the machine stays" {
	cues 'boot b1' 'status begin\tb1\tnative\nssh-ready\nstep\tmine\tstart\ntail\tmine\tthe reason\nstep\tmine\t7\n' sshd 'status done\t1\n'
	run limactl start one
	[ "$status" = 1 ]
	has 'level=warning msg="DEGRADED. The VM seems running, but file sharing and port forwarding may not work. (hint: see '
	has 'level=fatal msg="degraded, status={Running:true Degraded:true'
	has 'the reason'
	[ "$(limactl list --format '{{.Status}}' one)" = Running ]
}

@test "a machine that ends before it is ready" {
	cues 'boot b1' 'exit 1'
	run limactl start one
	[ "$status" = 1 ]
	has 'exiting, status={Running:false Degraded:false Exiting:true'
	[ "$(limactl list --format '{{.Status}}' one)" = Stopped ]
}

@test "--timeout ends the waiting, not the machine" {
	run limactl start --timeout=1s one
	[ "$status" = 1 ]
	has 'did not receive an event with the `running` status'
	[ "$(limactl list --format '{{.Status}}' one)" = Running ]
	fails 1 'invalid argument' limactl start --timeout=soon one
	# The next start waits for the same machine.
	limactl start one >log 2>&1 3>&- &
	until_ok grep -q 'SSH Local Port' log
	printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >"$DIR/cue"
	wait $!
	grep -q 'msg="READY' log
}

@test "stop, and restart with flags" {
	boots
	limactl start one 2>/dev/null
	pid=$(cat "$DIR/ha.pid")
	run limactl stop one
	[ "$status" = 0 ]
	has "Sending SIGINT to hostagent process $pid"
	has 'Waiting for the host agent and the driver processes to shut down'
	has '[hostagent] shutting down the host agent'
	has 'Waiting for the instance to shut down'
	has 'The instance one has shut down'
	until_ok gone_or_zombie "$pid"
	run limactl restart --cpus=1 one
	[ "$status" = 0 ]
	has 'expected status `Running`, got `Stopped`'
	has READY
	grep -q 'cpus: 1' "$DIR/lima.yaml"
	fails 1 'error while processing flag `set`' limactl restart --set '.cpus = ' one
	[ "$(limactl list --format '{{.Status}}' one)" = Running ]
	run limactl restart --force one
	[ "$status" = 0 ]
	has 'Sending SIGKILL to the qemu driver process'
	has READY
	[[ $output != *'[cloud-init] '* ]]
	run limactl restart --force --progress one
	[ "$status" = 0 ]
	has '[cloud-init] '
}

@test "a machine that stands still goes on by start, ready or not" {
	boots
	limactl start one 2>/dev/null
	cd "$DIR"
	cue 'ioerror No space left on device'
	until_ok info_has '"state":"paused"'
	run limactl start one
	[ "$status" = 0 ]
	has 'stands still; letting it go on'
	has 'READY. Run `limactl shell one` to open the shell.'
	grep -qx 'qmp cont' fake.log
	info_has '"state":"running"'
	[ "$(qemu_starts)" = 1 ]
	limactl stop one 2>/dev/null
	rm fake.log cues
	# While it boots: this start ends with the reason, the next one goes on with the boot.
	cues 'boot b2' 'ioerror Input/output error'
	run limactl start one
	[ "$status" = 1 ]
	has 'the machine stands still'
	has 'Input/output error'
	limactl start one >log 2>&1 3>&- &
	until_ok grep -qx 'qmp cont' fake.log
	printf '%s\n' 'status begin\tb2\tnative\nssh-ready\n' sshd 'status done\t0\n' >cue
	wait $!
	grep -q 'msg="READY' log
}

@test "a host agent that is silent: start says so, and starts nothing beside it" {
	boots
	limactl start one 2>/dev/null
	cd "$DIR"
	pid=$(cat ha.pid)
	kill -STOP "$pid"
	run timeout 60 limactl start one
	kill -CONT "$pid"
	[ "$status" = 1 ]
	has 'the instance `one` hangs, nothing was started: the host agent (process '
	[ "$(qemu_starts)" = 1 ]
}

@test "shell --start waits without the READY line, and leaves standard input to the command" {
	boots
	recorder ssh 'case $* in *exec*) cat ;; esac'
	run --separate-stderr bash -c 'echo text | limactl shell --start one cat'
	[ "$status" = 0 ]
	[ "$output" = text ]
	[[ $stderr != *'msg="READY'* ]]
}

@test "the host agent keeps nothing of ours open" {
	boots
	# `run` would wait for whoever holds the pipe.
	run timeout 60 bash -c 'limactl start one 2>&1 | cat'
	[ "$status" = 0 ]
	pid=$(cat "$DIR/ha.pid")
	[ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
	[ "$(readlink "/proc/$pid/fd/1")" = "$DIR/ha.stdout.log" ]
	[ "$(readlink "/proc/$pid/fd/2")" = "$DIR/ha.stderr.log" ]
	[ "$(ps -o sid= -p "$pid" | tr -d ' ')" = "$pid" ]
}

@test "--foreground becomes the host agent" {
	boots
	limactl start --foreground one </dev/null >out 2>err 3>&- &
	until_ok grep -q '"running":true' "$DIR/ha.stdout.log"
	[ "$(cat "$DIR/ha.pid")" = $! ]
	[ ! -s out ]
	limactl stop one 2>/dev/null
	wait $!
	[ -s "$DIR/ha.stderr.log" ]
}

@test "a machine whose host agent is gone is Broken; start takes it over, a forced stop ends it" {
	boots
	limactl start one 2>/dev/null
	kill -9 "$(cat "$DIR/ha.pid")"
	until_ok test "$(limactl list --format '{{.Status}}' one)" = Broken
	fails 1 'expected status `Running`, got `Broken`' limactl stop one
	fails 1 'expected status `Stopped`, got `Broken`' limactl delete one
	run limactl stop -f one
	[ "$status" = 0 ]
	has 'Sending SIGKILL to the qemu driver process'
	[ "$(limactl list --format '{{.Status}}' one)" = Stopped ]
}

@test "stop and start of one instance at once do not mix" {
	boots
	limactl start one 2>/dev/null
	pids=
	for _ in 1 2; do
		for verb in restart stop start; do
			limactl $verb one >/dev/null 2>&1 3>&- &
			pids="$pids $!"
		done
		wait $!
	done || :
	for pid in $pids; do
		wait "$pid" || :
	done
	limactl start one 2>/dev/null
	[ "$(limactl list --format '{{.Status}}' one)" = Running ]
	[ "$(grep -lz "$DIR" /proc/[0-9]*/cmdline 2>/dev/null | wc -l)" -le 2 ]
}
