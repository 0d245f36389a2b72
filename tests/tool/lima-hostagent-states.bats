#!/usr/bin/env bats
# lima-hostagent and the truth about its machine: standing still, not answering, disks that fail. Against fake-qemu.

load ../lib/common
load ../lib/hostagent

post() { curl -sS --max-time 10 --unix-socket ha.sock -X POST -d "${2-}" -o body -w '%{http_code}' "http://x$1"; }
field() { info | python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }

# --- SSH port ---

hold_port() { # takes a free port of 127.0.0.1: PORT, held by process HOLDER
	python3 -c '
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(60)' >port &
	HOLDER=$!
	until_ok test -s port
	PORT=$(cat port)
}

@test "a fixed SSH port that is taken: refused before QEMU starts, with who has it (case 19)" {
	hold_port
	conf "ssh.localPort=$PORT"
	agent
	ends 69
	why="TCP port $PORT of 127.0.0.1, where SSH was to be reached, is taken by python3 (pid $HOLDER); free it, or set ssh.localPort to another port or to 0"
	[ "$(cat notify)" = "error 69 $why" ]
	event "{\"exiting\":true,\"errors\":[\"$why\"]}"
	grep -qxF "reason=$why" .make/last-exit
	[ ! -e fake.log ]
	kill "$HOLDER"
	until_ok gone_or_zombie "$HOLDER"
	qemu --port "$PORT"
	ready
	info_has "\"sshLocalPort\":$PORT"
}

@test "a fixed SSH port that is taken between the look and QEMU is named all the same (case 19)" {
	hold_port
	# With another address it is free when we look.
	conf "ssh.localPort=$PORT" ssh.address=127.0.0.2
	qemu --mode exit --exit 1 --say "qemu: -netdev user: Could not set up host forwarding rule 'tcp:127.0.0.2:$PORT-:22'"
	agent
	ends 69
	event "TCP port $PORT of 127.0.0.2, where SSH was to be reached, is taken by python3 (pid $HOLDER)"
	kill "$HOLDER"
}

@test "an SSH port that needs a privilege is refused with the reason" {
	[ "$(id -u)" != 0 ] || skip "root may use every port"
	conf ssh.localPort=22
	agent
	ends 69
	grep -F 'error 69 TCP port 22 of 127.0.0.1 cannot be used for SSH (ssh.localPort)' notify
}

# --- not answering ---

@test "a QEMU that a signal stopped is told as such, is not killed, and recovers (host sleep)" {
	ready
	pid=$(qemu_pid)
	kill -STOP "$pid"
	until_ok info_has '"state":"hanging"'
	info_has "QEMU (process $pid) is not answering: a signal stopped it; 'kill -CONT $pid' lets it go on"
	[ "$(field '["qemu"]["answers"]')" = False ]
	# Asked again and again it stays so, and costs one question.
	for _ in 1 2 3; do info_has '"state":"hanging"'; done
	[ "$(grep -c 'QEMU does not answer' ha.stderr.log)" = 1 ]
	kill -0 "$pid"
	kill -CONT "$pid"
	until_ok info_has '"state":"running"'
	[ "$(field '["qemu"]["answers"]')" = True ]
	[ "$(field '["errors"]')" = '[]' ]
	[ "$(qemu_starts)" = 1 ]
	kill "$AGENT"
	ends 0
}

@test "a stopped host agent loses nothing and kills nothing (case 21)" {
	port=$((20000 + RANDOM % 20000))
	conf portForwards=1 portForwards.0.guestPort0=1 portForwards.0.guestPort1=65535
	ready
	cue "listen $port"
	until_event '"portForward":{"type":"forwarding"'
	python3 - "$port" "$AGENT" <<'END'
import os, signal, socket, sys, threading, time
agent = int(sys.argv[2])
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
data = os.urandom(2000000)
threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
got = s.recv(65536)
os.kill(agent, signal.SIGSTOP)   # in the middle of the traffic
time.sleep(3)
os.kill(agent, signal.SIGCONT)
while True:
    piece = s.recv(65536)
    if not piece:
        break
    got += piece
assert got == data, (len(got), len(data))
END
	info_has '"state":"running"'
	[ "$(qemu_starts)" = 1 ]
	event '"portForward"'
}

# --- standing still ---

@test "a paused machine is told, and goes on when asked to" {
	ready
	cue 'state paused'
	until_ok info_has '"state":"paused"'
	info_has "the machine is paused; 'make INSTANCE=t start' lets it go on"
	event '"running":true,"degraded":true,"errors":["the machine is paused;'
	[ "$(post /v1/resume)" = 202 ]
	until_ok info_has '"state":"running"'
	grep -qx 'qmp cont' fake.log
	tail -n 1 ha.stdout.log | grep -F '"status":{"running":true,"sshLocalPort":2222'
	[ "$(post /v1/resume)" = 409 ]
}

@test "a disk that fails: paused with the reason, resumed, and stop still works (case 20)" {
	ready
	cue 'ioerror No space left on device'
	until_ok info_has '"state":"paused"'
	info_has '"runState":"io-error"'
	info_has 'the machine is paused because a disk of it failed: No space left on device; make room, or repair it, then'
	[ "$(post /v1/resume)" = 202 ]
	until_ok info_has '"state":"running"'
	[ "$(field '["errors"]')" = '[]' ]
	cue 'ioerror No space left on device'
	until_ok info_has '"state":"paused"'
	kill "$AGENT"
	ends 0
	grep -qx 'reason=stopped' .make/last-exit
}

@test "a disk error that the guest is told makes it degraded, with a count (case 20)" {
	ready
	cue 'ioreport Input/output error'
	cue 'ioreport Input/output error'
	until_ok info_has '2 accesses to a disk of the machine failed, the last one with: Input/output error'
	info_has '"state":"degraded"'
}

@test "a flood of disk errors does not fill the log (case 20)" {
	ready
	for _ in {1..200}; do echo 'ioreport Input/output error'; done >many
	cat many >cue
	until_ok info_has '200 accesses to a disk'
	[ "$(grep -c 'a disk of the machine fails' ha.stderr.log)" -le 20 ]
}

@test "a machine that stands still while it boots is told in an event, with the reason" {
	agent
	until_ok info_has '"phase":"booting"'
	cue 'ioerror No space left on device'
	until_event '"paused":true,"errors":["the machine is paused because a disk of it failed: No space left on device'
	info_has '"state":"paused"'
}

@test "a host agent that takes over a machine which a full disk paused lets it go on" {
	ready
	cue 'ioerror No space left on device'
	until_ok info_has '"state":"paused"'
	kill -KILL "$AGENT"
	agent
	until_event '"running":true'
	grep -qx 'qmp cont' fake.log
	until_ok info_has '"state":"running"'
}

# --- events from now ---

@test "events from now: the present state first, whatever the past was" {
	ready
	cue reset
	until_ok info_has '"state":"starting"'
	timeout 5 curl -sSN --unix-socket ha.sock 'http://x/v1/events?from=now' >now &
	until_ok test -s now
	head -n 1 now | grep -F '"phase":"booting"'
	not grep -F '"running":true' now
	guest_boots b2
	until_ok grep -F '"running":true' now
}

# --- what an edit means while it runs ---

# --- a guest that never begins ---

resets() { grep -c 'qmp system_reset' fake.log; }

@test "a guest that has read nothing from its disk is reset, once" {
	export LIMA_BOOT_RESET=1
	qemu --unread 9
	agent
	until_ok grep 'has not read from any disk since its start' ha.stderr.log
	guest_boots
	until_event '"running":true'
	sleep 1.2 # for a second one
	[ "$(resets)" = 1 ]
}

@test "one that has read from it is not, nor one that was taken over, nor any when that is not wanted" {
	export LIMA_BOOT_RESET=1
	agent
	until_ok grep 'qmp query-blockstats' fake.log
	guest_boots
	until_event '"running":true'
	kill -KILL "$AGENT"
	until_ok gone_or_zombie "$AGENT"
	agent
	sleep 1.2
	[ "$(grep -c 'qmp query-blockstats' fake.log)" = 1 ]
	not resets
}

@test "LIMA_BOOT_RESET=0 resets nothing; a value that is no number is said" {
	qemu --unread 9
	export LIMA_BOOT_RESET=0
	agent
	sleep 1.2
	not grep query-blockstats fake.log
	kill "$AGENT"
	ends 0
	LIMA_BOOT_RESET=soon agent
	until_ok grep 'LIMA_BOOT_RESET.*60 is used' ha.stderr.log
}

@test "reload: the message holds at once, the rest is named, equal files are nothing" {
	ready
	[ "$(post /v1/reload)" = 200 ]
	[ "$(cat body)" = '{"applied":[],"restart":[]}' ]
	not info_has '"pending":["'
	conf 'message=new' version=99
	[ "$(post /v1/reload)" = 200 ]
	[ "$(cat body)" = '{"applied":["message"],"restart":[]}' ]
	conf probes=1 probes.0.script=x
	[ "$(post /v1/reload)" = 200 ]
	[ "$(cat body)" = '{"applied":[],"restart":["probes","probes.0.script"]}' ]
	info_has '"pending":["probes","probes.0.script"]'
	sed -i '/^probes.0/d; s/^probes=1/probes=0/' .make/agent.conf
	[ "$(post /v1/reload)" = 200 ]
	info_has '"pending":[]'
	echo rubbish >.make/agent.conf
	[ "$(post /v1/reload)" = 500 ]
	info_has '"state":"running"'
}

@test "reload: other portForwards hold at once, wrong ones change nothing" {
	read -r one two < <(python3 -c 'import socket
l = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in l))')
	conf portForwards=1 portForwards.0.static=true portForwards.0.proto=tcp "portForwards.0.guestPort0=$one"
	ready
	event "\"type\":\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:$one\""
	conf "portForwards.0.guestPort0=$two"
	[ "$(post /v1/reload)" = 200 ]
	[ "$(cat body)" = '{"applied":["portForwards.0.guestPort0"],"restart":[]}' ]
	until_event "\"type\":\"stopping\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:$one\""
	until_event "\"type\":\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:$two\""
	not timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$one"
	timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$two"
	[ "$(post /v1/reload)" = 200 ]
	[ "$(cat body)" = '{"applied":[],"restart":[]}' ]
	# Rules that make no sense, which lima-render never writes, are refused, and the old ones hold.
	conf portForwards.0.hostIP=nowhere
	[ "$(post /v1/reload)" = 500 ]
	grep -F "'nowhere' is not an IP address" body
	timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$two"
	sed -i '/^portForwards/d' .make/agent.conf
	[ "$(post /v1/reload)" = 200 ]
	grep -F '"restart":[]' body
	not timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$two"
	info_has '"portForwards":[]'
}

# --- info ---

@test "info: what the instance takes from the host, as the kernel has it" {
	conf disk=1048576
	head -c 300000 /dev/urandom >diffdisk
	ready --auto-started lima-vm@t.service
	info >info.json
	python3 - "$AGENT" "$(qemu_pid)" <<'END'
import json, os, sys
info = json.load(open("info.json"))
u = info["usage"]
for name, pid in ("hostAgent", sys.argv[1]), ("qemu", sys.argv[2]):
    status = dict(l.rstrip("\n").split(":\t", 1) for l in open(f"/proc/{pid}/status") if ":\t" in l)
    rss = int(status["VmRSS"].split()[0]) * 1024
    assert abs(u[name]["memory"] - rss) <= rss / 4 + 262144, (name, u[name], rss)
    assert u[name]["threads"] == int(status["Threads"])
    assert 0 <= u[name]["cpu"] < 60
assert 5 <= u["hostAgent"]["descriptors"] <= 60, u
assert u["disk"]["allocated"] == os.stat("diffdisk").st_blocks * 512
assert u["disk"]["size"] == 1048576
assert info["autoStartedIdentifier"] == "lima-vm@t.service"
END
	kill "$AGENT"
	ends 0
	ready
	not info_has autoStartedIdentifier
}
