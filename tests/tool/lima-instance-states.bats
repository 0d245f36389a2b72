#!/usr/bin/env bats
# lima-instance and the states of an instance: what list and status say, what start and stop do about it. The host agent is
# the real one, QEMU and the guest play on cue; nothing is built (LIMA_MAKE).

load ../lib/common
load ../lib/hostagent

setup() {
	export BATS_TEST_TIMEOUT=60
	fresh_home
	make_instance
	# The same folder as an instance named t; sockets have short names in it.
	mkdir -p "$LIMA_HOME"
	mv "$DIR" "$LIMA_HOME/t"
	export DIR=$LIMA_HOME/t
	cd "$DIR"
	conf arch=x86_64 cpus=2 memory=1073741824 disk=10737418240 shell=/bin/bash disks=0 message=
	echo 'images: [{location: /image, arch: x86_64}]' >lima.yaml
	echo '{}' >.make/resolved.json
	{ cat lima.yaml; printf '# _config/%s.yaml\n' default override; } >.make/applied.yaml
	# Instead of a build: what the test has put in place of it.
	cat >"$BATS_TEST_TMPDIR/bin/fake-make" <<'END'
#!/bin/sh
[ ! -e "$LIMA_HOME/t/built.conf" ] || mv "$LIMA_HOME/t/built.conf" "$LIMA_HOME/t/.make/agent.conf"
END
	chmod +x "$BATS_TEST_TMPDIR/bin/fake-make"
	export LIMA_MAKE=$BATS_TEST_TMPDIR/bin/fake-make
}

teardown() {
	[ ! -e ha.pid ] || kill -KILL "$(cat ha.pid)" || :
	stop_all
}

# `make start` with a guest that comes up by itself.
start() {
	printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >cues
	lima-instance start --timeout 30 t "$@"
}
status_is() { lima-instance status t | sed -n 's/^status: *//p' | grep -qx "$1" || { lima-instance status t; false; }; }
told() { lima-instance status t | tr '\n' ' ' | grep -F -- "$1" || { lima-instance status t; false; }; }

# --- plain states ---

@test "Stopped: says why it ended last, when, and what to do" {
	status_is Stopped
	told "next: 'make INSTANCE=t start'" || told "next:      'make INSTANCE=t start'"
	start
	status_is Running
	lima-instance stop t
	status_is Stopped
	told 'reason:    stopped'
	lima-instance status t | grep -Eq '^last end:  20[0-9][0-9]-'
	lima-instance list | grep -q '^t  *Stopped'
}

@test "Running: says where, with what, and shows nothing wrong" {
	run start
	[ "$status" = 0 ]
	[[ $output == *"READY after"* ]]
	status_is Running
	told 'port 2222'
	told "processes: host agent $(cat ha.pid), QEMU $(cat qemu.pid)"
	lima-instance status t | grep -Eq '^uses: .*memory, [0-9]+ s of CPU time'
	run lima-instance status t
	[[ $output != *problem* ]]
	[[ $output != *restart* ]]
	lima-instance list | grep -Eq '^t  *Running  *127.0.0.1:2222 '
	run lima-instance start t
	[ "$status" = 0 ]
	[[ $output == *"'t' is already running"* ]]
}

@test "Starting: says how far it is and for how long" {
	agent
	cue 'boot b1'
	until_event '"phase":"agent"'
	status_is Starting
	lima-instance status t | grep -Eq '^phase:     agent, for [0-9]+ s'
}

@test "Stopping: a start during it is told to come later" {
	qemu --deaf
	ready
	kill -TERM "$AGENT"
	until_ok status_is Stopping
	fails 75 "is being stopped" lima-instance start t
	kill -0 "$(cat qemu.pid)"
}

@test "a restart waits for another command on the instance before it stops anything, and starts again" {
	start
	first=$(cat qemu.pid)
	flock "$LIMA_HOME/_locks/t" sleep 100 3>&- &
	holder=$!
	until_ok eval '! flock -n "$LIMA_HOME/_locks/t" true'
	fails 124 '' timeout 1 lima-instance restart t
	status_is Running
	[ "$(cat qemu.pid)" = "$first" ]
	pkill -P "$holder" sleep
	printf '%s\n' 'boot b2' 'status begin\tb2\tnative\nssh-ready\n' sshd 'status done\t0\n' >cues
	lima-instance restart --timeout 30 t
	status_is Running
	[ "$(cat qemu.pid)" != "$first" ]
}

@test "Degraded: every reason is a problem, with the last lines of a failed script" {
	printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\nstep\tprovision.system/x\tstart\nstep\tprovision.system/x\t3\ntail\tprovision.system/x\tno such package\ndone\t1\n' sshd >cues
	fails 1 "provision.system/x failed with exit status 3" lima-instance start t
	status_is Degraded
	told 'problem:   provision.system/x failed with exit status 3; its last lines:            no such package'
	fails 1 "the machine is up, but not as described" lima-instance start t
}

@test "Broken: a killed host agent is said, start takes over, stop ends it (case 13)" {
	start
	pid=$(cat qemu.pid)
	kill -KILL "$(cat ha.pid)"
	until_ok status_is Broken
	told "its host agent is gone; 'make INSTANCE=t start' takes it over again, 'make INSTANCE=t stop' ends it"
	run lima-instance start t
	[ "$status" = 0 ]
	[[ $output == *"taking over the machine of 't'"* ]]
	status_is Running
	[ "$(cat qemu.pid)" = "$pid" ]
	kill -KILL "$(cat ha.pid)"
	until_ok status_is Broken
	lima-instance stop t
	status_is Stopped
	until_ok gone "$pid"
	[ "$(qemu_starts)" = 1 ]
}

@test "Broken, not Hanging: a host agent that is killed while it is asked (case 13)" {
	start
	ha=$(cat ha.pid)
	kill -STOP "$ha"
	before=$(queued)
	lima-instance status t >asked 3>&- &
	another() { [ "$(queued)" -gt "$before" ]; }
	until_ok another
	kill -KILL "$ha"
	wait $!
	grep -qx 'status:    Broken' asked || { cat asked; false; }
	status_is Broken
	lima-instance start t
	status_is Running
}
# Sockets called ha.sock here: the one that listens, and those of connections.
queued() { grep -c "$DIR/ha.sock\$\| ha.sock\$" /proc/net/unix || :; }

@test "a killed QEMU: Stopped, with the reason kept (case 14)" {
	start
	pid=$(cat qemu.pid)
	kill -KILL "$pid"
	until_ok status_is Stopped
	told 'reason:    QEMU was ended by signal 9 (Killed)'
	for f in qmp.sock ga.sock ha.sock ha.pid qemu.pid; do [ ! -e $f ]; done
	start
	status_is Running
}

@test "a guest that powers itself off is Stopped, not Broken; one that reboots is followed (case 15)" {
	start
	cue reset
	until_ok status_is Starting
	guest_boots b2
	until_ok status_is Running
	cue poweroff
	until_ok status_is Stopped
	told 'reason:    the guest powered itself off'
}

@test "a start while the guest reboots waits for the new boot (case 15)" {
	start
	cue reset
	until_ok status_is Starting
	(sleep 0.5; guest_boots b3) &
	lima-instance start t
	info_has '"bootID":"b3"'
}

@test "what a reboot of the host leaves behind is neither believed nor in the way (case 16)" {
	start
	sleep 100 &
	stranger=$!
	agent_pid=$(cat ha.pid)
	machine=$(cat qemu.pid)
	kill -KILL "$agent_pid" "$machine"
	until_ok gone "$machine"
	echo $stranger >ha.pid
	echo $stranger >qemu.pid
	status_is Stopped
	fails 0 "is not running" lima-instance stop t
	start
	status_is Running
	lima-instance stop --force t
	kill -0 $stranger
	kill $stranger
}

# --- Hanging ---

@test "Hanging: a QEMU that a signal stopped; start does nothing, it recovers (host sleep)" {
	start
	pid=$(cat qemu.pid)
	kill -STOP "$pid"
	status_is Hanging
	told "problem:   QEMU (process $pid) is not answering: a signal stopped it; 'kill -CONT $pid' lets it go on"
	fails 75 "nothing was started: QEMU (process $pid) is not answering" lima-instance start t
	kill -CONT "$pid"
	until_ok status_is Running
	[ "$(qemu_starts)" = 1 ]
}

@test "Hanging: a host agent that a signal stopped; a forced stop ends both" {
	start
	pid=$(cat qemu.pid) ha=$(cat ha.pid)
	kill -STOP "$ha"
	status_is Hanging
	told "the host agent (process $ha) is not answering"
	fails 75 "is not answering" lima-instance stop t
	kill -0 "$pid"
	lima-instance stop --force t
	until_ok gone "$pid"
	until_ok gone_or_zombie "$ha"
	status_is Stopped
}

@test "Hanging: a host agent goes on as if nothing was (case 21)" {
	start
	ha=$(cat ha.pid)
	kill -STOP "$ha"
	status_is Hanging
	kill -CONT "$ha"
	until_ok status_is Running
	[ "$(qemu_starts)" = 1 ]
}

# --- Paused ---

@test "Paused: a full disk is said with what to do; start lets it go on, stop works (case 20)" {
	start
	cue 'ioerror No space left on device'
	until_ok status_is Paused
	told "problem:   the machine is paused because a disk of it failed: No space left on device; make room, or repair it, then 'make INSTANCE=t start' lets the machine go on"
	run lima-instance start t
	[ "$status" = 0 ]
	[[ $output == *"stands still; letting it go on"* ]]
	until_ok status_is Running
	cue 'ioerror No space left on device'
	until_ok status_is Paused
	lima-instance stop t
	status_is Stopped
}

@test "Paused and Broken: one start takes the machine over and lets it go on (case 20)" {
	start
	cue 'ioerror No space left on device'
	until_ok status_is Paused
	kill -KILL "$(cat ha.pid)"
	until_ok status_is Broken
	lima-instance start --timeout 30 t
	status_is Running
	[ "$(qemu_starts)" = 1 ]
}

@test "Paused: a start does not wait for a machine that stands still while it boots (case 20)" {
	printf '%s\n' 'boot b1' 'ioerror Input/output error' >cues
	fails 69 "the machine stands still before it was ready: the machine is paused because a disk of it failed: Input/output error" \
		lima-instance start t
	status_is Paused
}

@test "disk full: status says how little is left" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir "$BATS_TEST_TMPDIR/small"
	mount -t tmpfs -o size=8m none "$BATS_TEST_TMPDIR/small" || skip "cannot mount here"
	cp -r "$DIR" "$BATS_TEST_TMPDIR/small/"
	run env LIMA_HOME="$BATS_TEST_TMPDIR/small" lima-instance status t
	umount "$BATS_TEST_TMPDIR/small"
	[ "$status" = 0 ]
	[[ $output == *"problem:   only "*"MiB are left on the file system of"*"make room"* ]]
}

@test "an instance that was never built says so" {
	rm -r .make
	run lima-instance status t
	[ "$status" = 0 ]
	[[ $output == *"it was never built completely; 'make INSTANCE=t create' does it"* ]]
}

@test "SSH port taken: start, events and status name who has it (case 19)" {
	python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(60)' >port &
	holder=$!
	until_ok test -s port
	conf "ssh.localPort=$(cat port)"
	fails 69 "TCP port $(cat port) of 127.0.0.1, where SSH was to be reached, is taken by python3 (pid $holder)" lima-instance start t
	until_ok status_is Stopped # its host agent may still be ending
	told "is taken by python3 (pid $holder); free it, or set ssh.localPort to another port or to 0"
	grep -F "taken by python3 (pid $holder)" ha.stdout.log
	kill $holder
}

# --- message, and what an edit means while it runs ---

@test "the message is shown behind READY, with what only a running machine has" {
	conf 'message=ssh -p {{.SSHLocalPort}} here\nagent {{.HostAgentPID}} qemu {{.DriverPID}}\nno \x1b[31m{{.Other}}'
	sed -i $'s/\\\\x1b/\x1b/' .make/agent.conf
	run start
	[ "$status" = 0 ]
	want="lima: message from the instance 't':
ssh -p 2222 here
agent $(cat ha.pid) qemu $(cat qemu.pid)
no [31m{{.Other}}"
	[ "${output#*shell\' to open a shell
}" = "$want" ]
	run lima-instance start --quiet t
	[ -z "$output" ]
}

@test "live: a new message is shown by the next start, once; other changes wait for a restart and are named" {
	start
	cp .make/agent.conf old.conf
	sed 's/^message=.*/message=good news/' old.conf >built.conf
	run lima-instance start t
	[ "$status" = 0 ]
	[[ $output == *"already running"*"message from the instance 't':"*"good news" ]]
	run lima-instance start t
	[[ $output != *"good news"* ]]
	{ sed 's/^message=.*/message=good news/' old.conf; echo probes.0.hint=look; } >built.conf
	run lima-instance start t
	[[ $output == *"this waits for 'make INSTANCE=t restart': probes.0.hint"* ]]
	told 'restart:   probes.0.hint'
	touch qemu.argv
	told 'restart:   the machine itself (qemu.argv), probes.0.hint'
	run lima-instance plan t
	[[ $output == *"waits for a restart: the machine itself (qemu.argv), probes.0.hint"* ]]
	lima-instance stop t
	start
	run lima-instance status t
	[[ $output != *restart:* ]]
}

@test "logs: a host agent's log that was begun anew a moment ago, with what was before; a new run begins with neither" {
	start
	echo '{"msg":"the last word before"}' >ha.stderr.old.log
	echo '{"msg":"events"}' >ha.stdout.old.log
	run lima-instance logs t
	[ "$status" = 0 ]
	[[ $output == *"the last word before"*"the host agent listens on"* ]]
	lima-instance stop t
	start
	[ ! -e ha.stderr.old.log ] && [ ! -e ha.stdout.old.log ]
}

@test "a host agent that does not know reload is no obstacle (case 51)" {
	start
	# One of an older version: answers 404 to what it does not know.
	kill -KILL "$(cat ha.pid)"
	kill -KILL "$(cat qemu.pid)"
	rm -f ha.pid ha.sock
	python3 - <<'END' &
import fcntl, http.server, os, socketserver
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"state":"running","sshLocalPort":2222,"errors":[]}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.send_error(404)
    def address_string(self): return ""
    def log_message(self, *a): pass
class S(socketserver.UnixStreamServer):
    def get_request(self):
        r, _ = super().get_request()
        return r, ("", 0)
f = open("ha.pid", "w")
fcntl.flock(f, fcntl.LOCK_EX)
f.write(f"{os.getpid()}\n")
f.flush()
S("ha.sock", H).serve_forever()
END
	until_ok test -S ha.sock
	run lima-instance start t
	[ "$status" = 0 ]
	[[ $output == *"already running"* ]]
	status_is Running
	kill $!
}
