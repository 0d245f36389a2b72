#!/usr/bin/env bats
# lima-hostagent under pressure: ha.sock and its clients, descriptors, hostile guests, SIGKILL at any moment.

load ../lib/common
load ../lib/hostagent

http() { # METHOD PATH [curl options]: status and headers in `headers`, body in `body`
	local method=$1 path=$2
	shift 2
	curl -sS --max-time 10 --unix-socket ha.sock -X "$method" -D headers -o body "$@" "http://x$path"
}
status_is() { head -n 1 headers | grep -q " $1 " || { cat headers body; false; }; }

# --- ha.sock ---

@test "REST: paths, methods and bodies that are wrong get their errors" {
	agent
	http GET /v1/info
	status_is 200
	grep -qi '^content-type: application/json' headers
	for method in POST PUT DELETE; do
		http $method /v1/info -d ''
		status_is 405
		grep -qi $'^allow: GET\r$' headers
	done
	http GET /v1/stop
	status_is 405
	grep -qi $'^allow: POST\r$' headers
	http GET /nothing
	status_is 404
	http GET /v1/info/
	status_is 404
	for body in '{"force":1}' '[]' 'x' '{"force":true' '{"other":true}' '"force"'; do
		http POST /v1/stop -d "$body"
		status_is 400
		python3 -c 'import json; assert json.load(open("body"))["message"]'
	done
	info_has '"state":"starting"'
	http POST /v1/stop -d '{}'
	status_is 202
	ends 0
}

@test "REST: a body or header without end is refused" {
	agent
	python3 -c '
import socket, sys
def talk(data):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect("ha.sock")
    try:
        s.sendall(data)
    except OSError:
        pass
    try:
        return s.recv(100)
    except OSError:
        return b""
a = talk(b"POST /v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 10000)
assert b" 413 " in a or a == b"", a
a = talk(b"GET /v1/info HTTP/1.1\r\n" + b"X: " + b"y" * 1000000)
assert b" 4" in a or a == b"", a
a = talk(b"\0\1\2 nonsense\r\n\r\n")
assert b" 400 " in a or a == b"", a
'
	info_has '"state":"starting"'
}

@test "events: a follower gets the past and the future up to the end, with HTTP/1.0 and 1.1" {
	agent
	cue 'boot b1'
	until_event '"phase":"agent"'
	curl -sSN --http1.0 --unix-socket ha.sock http://x/v1/events >old 2>old.err &
	first=$!
	curl -sSN --unix-socket ha.sock http://x/v1/events >new &
	second=$!
	until_ok grep -q '"phase":"agent"' old
	until_ok grep -q '"phase":"agent"' new
	guest_boots b1
	until_ok grep -q '"running":true' old
	kill "$AGENT"
	ends 0
	wait $first
	wait $second
	cmp old ha.stdout.log
	cmp new ha.stdout.log
}

@test "events: followers that go or do not read cost nothing" {
	agent
	python3 - <<'END' &
import socket, time
keep = []
for i in range(50):
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.connect("ha.sock")
    s.sendall(b"GET /v1/events HTTP/1.0\r\n\r\n")
    if i % 2:
        s.close()
    else:
        keep.append(s)
open("connected", "w").write("yes")
time.sleep(60)
END
	client=$!
	until_ok test -s connected
	for i in 1 2 3 4 5 6 7 8; do
		guest_boots "b$i"
		until_ok info_has "\"bootID\":\"b$i\""
		until_ok info_has '"state":"running"'
	done
	kill "$AGENT"
	ends 0
	kill $client
}

@test "slow and silent clients do not keep others waiting" {
	agent
	python3 - <<'END' &
import socket, time
keep = []
for i in range(100):
    s = socket.socket(socket.AF_UNIX)
    s.connect("ha.sock")
    s.sendall(b"GET /v1/in"[: i % 10])
    keep.append(s)
open("connected", "w").write("yes")
time.sleep(60)
END
	client=$!
	until_ok test -s connected
	info_has '"state":"starting"'
	guest_boots
	until_event '"running":true'
	kill $client
}

@test "out of descriptors: it waits without spinning, and recovers (case 6)" {
	ready
	prlimit --pid "$AGENT" --nofile=40:40
	python3 - <<'END' &
import os, socket, time
keep = []
for i in range(60):
    s = socket.socket(socket.AF_UNIX)
    s.connect("ha.sock")
    keep.append(s)
open("connected", "w").write("yes")
while not os.path.exists("go"):
    time.sleep(0.05)
END
	client=$!
	until_ok test -s connected
	until_ok grep -q 'cannot accept a connection on ha.sock: Too many open files' ha.stderr.log
	before=$(awk '{print $14 + $15}' "/proc/$AGENT/stat")
	sleep 2
	after=$(awk '{print $14 + $15}' "/proc/$AGENT/stat")
	[ $((after - before)) -le 20 ] # ticks of 10 ms: 10 % of two seconds
	[ "$(grep -c 'cannot accept' ha.stderr.log)" -le 25 ]
	touch go
	wait $client
	until_ok info_has '"state":"running"'
	guest_boots b2
	until_ok info_has '"bootID":"b2"'
	until_ok info_has '"state":"running"'
}

@test "out of descriptors with 200 connections to a forwarded port: old ones live, new ones wait, all recovers (case 6)" {
	port=$((20000 + RANDOM % 20000))
	conf portForwards=1 portForwards.0.guestPort0=1 portForwards.0.guestPort1=65535
	ready
	cue "listen $port"
	until_event '"portForward":{"type":"forwarding"'
	prlimit --pid "$AGENT" --nofile=100:100
	python3 - "$port" "$AGENT" <<'END'
import os, socket, sys, time
port, agent = int(sys.argv[1]), sys.argv[2]
def ticks():
    f = open(f"/proc/{agent}/stat").read().rsplit(")", 1)[1].split()
    return int(f[11]) + int(f[12])
def echo(s, text):
    s.sendall(text)
    got = b""
    while len(got) < len(text):
        piece = s.recv(100)
        assert piece, "closed"
        got += piece
    assert got == text
first = socket.create_connection(("127.0.0.1", port), timeout=20)
echo(first, b"before")
rest = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(200)]
time.sleep(1)
before = ticks()
time.sleep(2)
assert ticks() - before <= 20, ticks() - before   # 10 ms each: 10 % of two seconds
echo(first, b"during")
for s in rest:
    s.close()
last = socket.create_connection(("127.0.0.1", port), timeout=20)
echo(last, b"after")
echo(first, b"still")
END
	[ "$(grep -c 'cannot accept connections' ha.stderr.log)" -ge 1 ]
	[ "$(grep -c 'cannot accept connections' ha.stderr.log)" -le 25 ]
	until_ok info_has '"state":"running"'
}

# --- ports ---

@test "a port that the guest listens on can be used on the host, until it is closed" {
	port=$((20000 + RANDOM % 20000))
	conf portForwards=1 portForwards.0.guestIP=127.0.0.1 portForwards.0.guestPort0=1 portForwards.0.guestPort1=65535 \
		portForwards.0.hostIP=127.0.0.1 portForwards.0.hostPort0=1 portForwards.0.hostPort1=65535 portForwards.0.proto=any \
		portForwards.0.guestIPMustBeZero=false portForwards.0.reverse=false portForwards.0.ignore=false portForwards.0.static=false
	ready
	cue "listen $port"
	until_event '"portForward":{"type":"forwarding"'
	python3 - "$port" <<'END'
import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
data = os.urandom(300000)
import threading
threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
got = b""
while True:
    piece = s.recv(65536)
    if not piece:
        break
    got += piece
assert got == data, (len(got), len(data))
END
	info | grep -F "\"hostAddr\":\"127.0.0.1:$port\""
	cue "unlisten $port"
	until_ok eval "! python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", $port), timeout=2)'"
}

@test "LIMA_FORWARD_OWNER_ONLY: another user of the host is refused at a loopback port (case 45)" {
	port=$((20000 + RANDOM % 20000))
	try() {
		"$@" PATH=/usr/bin:/bin python3 -I -c 'import socket, sys
try:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
    s.sendall(b"x")
    print(s.recv(1))
except ConnectionResetError:
    print("refused")' "$port"
	}
	other=(setpriv --reuid=65534 --regid=65534 --clear-groups env)
	for want in "b'x'" refused; do
		ready
		cue "listen $port"
		until_event '"portForward":{"type":"forwarding"'
		[ "$(try env)" = "b'x'" ]
		[ "$(try "${other[@]}")" = "$want" ]
		kill "$AGENT"
		ends 0
		export LIMA_FORWARD_OWNER_ONLY=true
	done
	grep -F "refused at 127.0.0.1:$port, which is for its owner only: uid 65534" ha.stderr.log
}

# --- descriptors, memory, signals ---

@test "nothing is inherited by the host agent, nothing by QEMU but its sockets" {
	exec 7</dev/null 8>jobserver
	ready
	pid=$(qemu_pid)
	readlink /proc/"$AGENT"/fd/* "/proc/$pid/fd/"* >fds
	grep -q ha.sock fds || grep -q socket: fds
	not grep -e jobserver -e /notify fds
	[ "$(stat -c %i -L "/proc/$pid/fd/0")" = "$(stat -c %i -L /dev/null)" ]
	# Of ours QEMU has its standard descriptors and two sockets; the rest it opened itself.
	readlink "/proc/$pid/fd/"* >fds
	not grep -e ha.pid -e ha.stdout -e ha.stderr fds
	exec 7<&- 8>&-
}

@test "it is in a session of its own, as is QEMU" {
	ready
	sid() { awk '{print $6}' "/proc/$1/stat"; }
	[ "$(sid "$AGENT")" != "$(sid $$)" ]
	[ "$(sid "$(qemu_pid)")" = "$(qemu_pid)" ]
}

@test "neither it nor a child writes a core file, and nobody's environment has more than the caller's (case 46)" {
	conf video.display=vnc video.vnc.display=127.0.0.1:0,to=9
	echo 'grep "^Max core" /proc/self/limits >ssh.limits; env -0 >ssh.environ' >ssh.does
	ulimit -S -c unlimited || ulimit -S -c hard
	ready
	until_ok test -s vncpassword
	until_ok test -s ssh.environ
	grep -Eq '^Max core file size +0 +0' ssh.limits
	for pid in "$AGENT" "$(qemu_pid)"; do
		grep -Eq '^Max core file size +0 +0' "/proc/$pid/limits"
		cp "/proc/$pid/environ" "$pid.environ"
	done
	env -0 >caller.environ
	python3 - "$AGENT.environ" "$(qemu_pid).environ" ssh.environ <<'END'
import sys
def variables(name):
    return {v for v in open(name, "rb").read().split(b"\0") if v.partition(b"=")[0] not in (b"PWD", b"OLDPWD", b"SHLVL", b"_")}
for name in sys.argv[1:]:
    have = variables(name)
    assert have and have <= variables("caller.environ"), (name, have - variables("caller.environ"))
END
}

@test "it is small, and sleeps when there is nothing to do" {
	ready
	sleep 1
	switches() { awk '/ctxt_switches/ {n += $2} END {print n}' "/proc/$AGENT/status"; }
	before=$(switches)
	sleep 3
	[ $(($(switches) - before)) -le 2 ]
	if ! grep -q libasan "/proc/$AGENT/maps"; then
		[ "$(awk '/VmRSS/ {print $2}' "/proc/$AGENT/status")" -le 4096 ]
	fi
}

@test "readers of its output that go away do not end it (case 9)" {
	rm -f notify
	(exec lima-hostagent --notify-fd 9 "$DIR" 9>notify 2>&1 | head -c 10 >/dev/null) &
	until_ok test -s notify
	AGENT=$(cat ha.pid)
	AGENTS=$AGENT
	guest_boots
	until_ok info_has '"state":"running"'
	pid=$(qemu_pid)
	kill "$AGENT"
	until_ok gone "$pid"
	until_ok test ! -e ha.pid
}

@test "a file size limit does not end it (case 9)" {
	ready
	ln -sf /dev/null ssh.log # it would hit the limit too
	prlimit --pid "$AGENT" --fsize=1500:1500
	for i in 1 2 3 4 5 6; do guest_boots "c$i"; done
	until_ok info_has '"bootID":"c6"'
	until_ok info_has '"state":"running"'
	[ "$(stat -c %s ha.stdout.log)" -le 1500 ]
	kill "$AGENT"
	ends 0
}

# --- a hostile guest ---

@test "garbage, floods and half frames of the guest neither end it nor make it grow" {
	ready
	cue 'garbage 400000'
	cue "raw $(printf '4c474131%.0s' {1..500})"
	# A valid header of a STATUS frame (check 0x0000 is wrong on purpose), then silence.
	cue 'raw 4c4741310200000000000000000100004141'
	guest_boots b2
	until_ok info_has '"bootID":"b2"'
	long=$(printf 'x%.0s' {1..9000})
	cue 'boot b3'
	for i in {1..40}; do cue "status step\\t$i-$long\\tstart\\ntail\\t$i\\t$long\\n"; done
	cue 'status ssh-ready\n'
	cue sshd
	cue 'status done\t0\n'
	until_ok info_has '"bootID":"b3"'
	until_ok info_has '"state":"running"'
	grep -q 'bytes on ga.sock were no frames' ha.stderr.log
	if ! grep -q libasan "/proc/$AGENT/maps"; then
		[ "$(awk '/VmHWM/ {print $2}' "/proc/$AGENT/status")" -le 8192 ]
	fi
}

@test "a guest that reboots without end fills no log and no memory" {
	ready
	for i in {1..300}; do
		printf 'boot r%s\nstatus begin\\tr%s\\tnative\\nstep\\ta\\tstart\\n\n' "$i" "$i"
	done >many
	cat many >cue
	until_ok info_has '"bootID":"r300"'
	guest_boots last
	until_ok info_has '"bootID":"last"'
	until_ok info_has '"state":"running"'
	[ "$(stat -c %s ha.stdout.log)" -le 1000000 ]
}

@test "QMP rubbish after the start is survived: the connection is made again" {
	ready
	cue 'qmp no json at all'
	until_ok grep -q 'the QMP connection ended' ha.stderr.log
	until_ok eval '[ "$(grep -c "^client$" fake.log)" = 2 ]'
	until_ok eval '[ "$(grep -c "^qmp qmp_capabilities$" fake.log)" = 2 ]'
	kill "$AGENT"
	ends 0
	grep -qx 'qmp system_powerdown' fake.log
}

@test "nonsense in what the guest says about itself reaches nobody's terminal (cases 38, 41)" {
	agent
	cue $'version 1\e]0;owned\a\x7f'
	cue $'boot b\e[31m-\xff\xc3'
	cue $'status begin\\tb\e[31m\\tnative\e[0m\\nssh-ready\\nstep\\tprov\e[2J\\tstart\\nstep\\tprov\e[2J\\t99999999999999999999\\n'
	cue $'status tail\\tprov\e[2J\\tline\e]2;x\a\\ndone\\t-5\\n'
	cue sshd
	until_event '"degraded":true'
	info >info.json
	python3 - info.json ha.stdout.log ha.stderr.log <<'END'
import json, sys
def walk(x):
    if isinstance(x, dict):
        for k, v in x.items():
            walk(k), walk(v)
    elif isinstance(x, list):
        for v in x:
            walk(v)
    elif isinstance(x, str):
        assert all(c >= " " and c != "\x7f" or c in "\n\t" for c in x), ascii(x)
for name in sys.argv[1:]:
    raw = open(name, "rb").read()
    assert all(c >= 32 and c != 127 or c == 10 for c in raw), name
    for line in raw.decode().splitlines():
        walk(json.loads(line))
info = json.load(open("info.json"))
assert len(info["guest"]["agentVersion"]) < 40 and len(info["guest"]["bootID"]) < 40
END
}

@test "a console log that the guest fills is cut to its end, again and again (case 38)" {
	ready
	: >serial.log
	: >serialv.log
	kill -KILL "$AGENT" # the next one sees both logs
	agent
	until_event '"running":true'
	for round in 1 2; do
		{ head -c 20000000 /dev/zero | tr '\0' x; printf '\nthe end %s\n' $round; } >grown
		dd if=grown of=serial.log bs=32M oflag=append conv=notrunc status=none # one write: it is not cut amidst
		until_ok eval '[ "$(stat -c %s serial.log)" -le 1100000 ]'
		tail -n 1 serial.log | grep -qx "the end $round"
		sed -n 2p serial.log | grep -qxF '[the log was longer; lima-hostagent cut it here]'
	done
	# What is not too long is left alone, a link is not followed.
	head -c 20000000 /dev/zero >victim
	rm serialv.log
	ln -s victim serialv.log
	echo more >>serial.log
	sleep 3
	[ "$(stat -c %s victim)" = 20000000 ]
	tail -n 1 serial.log | grep -qx more
	[ "$(grep -c 'its last part is kept' ha.stderr.log)" = 2 ]
}

@test "its own logs are begun anew, one old one is kept, and followers of the events miss nothing (case 38, 52)" {
	ulimit -S -f 64 # KiB; what the system does not let grow is begun anew like one of 8 MiB
	ready
	ulimit -S -f "$(ulimit -H -f)"
	curl -sSN --unix-socket ha.sock 'http://x/v1/events?from=now' >followed 3>&- &
	follower=$!
	until_ok test -s followed
	# Ports that no connection gets by chance.
	conf portForwards=1 portForwards.0.static=true portForwards.0.proto=tcp portForwards.0.guestPort0=11000 portForwards.0.guestPort1=11049
	for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
		conf "portForwards.0.hostPort0=$((11000 + 50 * (round % 2)))"
		curl -sS --unix-socket ha.sock -X POST http://x/v1/reload >/dev/null
	done
	conf portForwards=0
	curl -sS --unix-socket ha.sock -X POST http://x/v1/reload >/dev/null
	want=$((50 * (1 + 2 * 11 + 1)))
	until_ok eval '[ "$(grep -c portForward followed)" = $want ]'
	kill $follower
	[ "$(stat -c %s ha.stdout.log)" -le 65536 ] && [ "$(stat -c %s ha.stdout.old.log)" -le 65536 ]
	python3 - $want <<'END'
import json, sys
def lines(name):
    for line in open(name):
        try:
            yield json.loads(line)
        except ValueError:  # the one at which there was no more room stands in the next file
            assert not line.endswith("\n"), line
kept = [*lines("ha.stdout.old.log"), *lines("ha.stdout.log")]
told = [e for e in map(json.loads, open("followed").read().splitlines())]
ports = [e["status"]["portForward"] for e in told if "portForward" in e["status"]]
assert len(ports) == int(sys.argv[1]), len(ports)
assert kept == told[-len(kept):], (kept[0], told[-len(kept)])
assert len(kept) < len(told)
END
}

# --- SIGKILL at any moment ---

@test "killed at any moment, the next start ends ready, with one machine" {
	for pause in 0.001 0.002 0.004 0.006 0.009 0.013 0.02 0.03 0.05 0.08; do
		lima-hostagent "$DIR" >>ha.stdout.log 2>>ha.stderr.log 3>&- &
		victim=$!
		sleep $pause
		kill -KILL $victim
		wait $victim || :
	done
	agent
	[ "$(cat notify)" = ok ] || { cat notify; false; }
	until_ok info_has '"phase":"booting"'
	guest_boots
	until_ok info_has '"state":"running"'
	running=0
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe" 2>/dev/null)" != "$FAKE_QEMU" ] || running=$((running + 1))
	done
	[ "$running" = 1 ]
	kill "$AGENT"
	ends 0
	for f in ha.pid ha.sock qmp.sock ga.sock qemu.pid; do [ ! -e $f ]; done
}

@test "of many that start at once, one runs the machine and the others say so" {
	for i in {1..12}; do
		(
			s=0
			lima-hostagent "$DIR" >"out.$i" 2>"err.$i" 3>&- || s=$?
			echo "$s" >"status.$i"
		) &
	done
	until_ok eval '[ "$(ls status.* | wc -l)" = 11 ]'
	until_ok info_has '"phase":"booting"'
	[ "$(sort -u status.*)" = 75 ]
	[ "$(qemu_starts)" = 1 ]
	kill "$(cat ha.pid)"
	until_ok eval '[ "$(ls status.* | wc -l)" = 12 ]'
}
