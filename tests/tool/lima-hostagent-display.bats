#!/usr/bin/env bats
# lima-hostagent and what hangs on the machine: the VNC display, pictures of it, the TPM. Against tests/lib/fake-qemu.c.

load ../lib/common
load ../lib/hostagent

shot() { # QUERY [curl options]: status in `code`, headers in `headers`, body in `body`
	local query=$1
	shift
	rm -f body
	code=$(curl -sS --max-time 20 --unix-socket ha.sock -D headers -o body -w '%{http_code}' "$@" "http://x/v1/screenshot$query")
}
message() { python3 -c 'import json; print(json.load(open("body"))["message"])'; }
no_leftovers() { [ -z "$(find . -name '.screenshot*')" ]; }

# --- VNC ---

@test "vnc: a password of its own for each start, over QMP only, and where the display is (case 46)" {
	umask 000
	conf video.display=vnc video.vnc.display=127.0.0.1:0,to=9
	ready
	until_ok test -s vncdisplay
	[ "$(cat vncdisplay)" = 127.0.0.1:7 ]
	grep -qE '^[A-Za-z0-9]{8}$' vncpassword
	[ "$(sed -n 's/^password //p' fake.log)" = "$(cat vncpassword)" ]
	[ "$(stat -c %a vncdisplay vncpassword | sort -u)" = 600 ]
	first=$(cat vncpassword)
	# In nobody's arguments or environment, and in no log (this one is with --debug).
	not grep -aqF "$first" "/proc/$AGENT/cmdline" "/proc/$AGENT/environ" "/proc/$(qemu_pid)/cmdline" \
		"/proc/$(qemu_pid)/environ" ha.stderr.log ha.stdout.log qemu.argv
	info | python3 -c '
import json, os, sys
assert json.load(sys.stdin)["vnc"] == {"display": "127.0.0.1:7", "port": 5907, "passwordFile": os.getcwd() + "/vncpassword"}'
	kill "$AGENT"
	ends 0
	[ ! -e vncdisplay ] && [ ! -e vncpassword ]
	ready
	until_ok test -s vncpassword
	[ "$(cat vncpassword)" != "$first" ]
}

@test "vnc: a display without a choice of ports is told as it is configured" {
	conf video.display=vnc video.vnc.display=unix:/tmp/x.sock
	ready
	until_ok test -s vncdisplay
	[ "$(cat vncdisplay)" = unix:/tmp/x.sock ]
}

@test "vnc: a machine that is taken over keeps its password" {
	conf video.display=vnc video.vnc.display=127.0.0.1:0,to=9
	ready
	until_ok test -s vncdisplay
	word=$(cat vncpassword)
	kill -KILL "$AGENT"
	agent
	until_ok info_has '"display":"127.0.0.1:7","port":5907'
	[ "$(cat vncpassword)" = "$word" ]
	[ "$(grep -c '^password' fake.log)" = 1 ]
	# Without the file it is lost, and replaced.
	rm vncpassword
	kill -KILL "$AGENT"
	agent
	until_ok test -s vncpassword
	[ "$(grep -c '^password' fake.log)" = 2 ]
	[ "$(cat vncpassword)" != "$word" ]
}

@test "vnc: none without video.display: vnc" {
	conf video.display=none video.vnc.display=127.0.0.1:0,to=9
	ready
	not info_has '"vnc"'
	[ ! -e vncdisplay ] && [ ! -e vncpassword ]
	not grep -q '^password' fake.log
}

@test "vnc: when all ports of the range are taken, the start says so (case 19)" {
	conf video.display=vnc video.vnc.display=127.0.0.1:0,to=9
	qemu --mode exit --exit 1 --say 'qemu-system-x86_64: -display vnc=127.0.0.1:0,to=9: Failed to find an available port: Address already in use'
	agent
	ends 69
	event 'every port of the VNC display 127.0.0.1:0,to=9 is taken; name others in video.vnc.display'
}

# --- pictures ---

@test "screenshot: png from QEMU as it is" {
	conf video.display=vnc
	ready
	for query in '' '?format=png' '?format=PNG'; do
		shot "$query"
		[ "$code" = 200 ]
		grep -qi $'^content-type: image/png\r$' headers
		[ "$(cat body)" = $'\x89PNG fake' ]
	done
	no_leftovers
}

@test "screenshot: ppm from QEMU as it is, bmp made of it, pixel by pixel" {
	conf video.display=vnc
	ready
	shot '?format=ppm'
	[ "$code" = 200 ]
	grep -qi $'^content-type: image/x-portable-pixmap\r$' headers
	[ "$(head -c 11 body | tr '\n' ,)" = 'P6,2 3,255,' ]
	[ "$(stat -c %s body)" = 29 ]
	shot '?format=bmp'
	[ "$code" = 200 ]
	grep -qi $'^content-type: image/bmp\r$' headers
	# Two pixels of three bytes and two bytes to a multiple of four; the last row first, blue before red.
	python3 - <<'END'
import struct
b = open("body", "rb").read()
assert struct.unpack("<2sIHHI", b[:14]) == (b"BM", 78, 0, 0, 54), b[:14]
assert struct.unpack("<IiiHHIIiiII", b[14:54]) == (40, 2, 3, 1, 24, 0, 24, 0, 0, 0, 0), b[14:54]
assert b[54:] == bytes([0, 0, 0, 3, 2, 1, 0, 0, 255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0]), b[54:]
END
	no_leftovers
}

@test "screenshot: what cannot be had gets its status and a reason" {
	ready
	shot '' # video.display is none
	[ "$code" = 422 ]
	[[ $(message) == "the machine has no display; set video.display"* ]]
	shot '?format=gif'
	[ "$code" = 400 ]
	[ "$(message)" = "format is not one of png, bmp, ppm" ]
	shot '?format='
	[ "$code" = 400 ]
	shot '' -X POST -d ''
	[ "$code" = 405 ]
	grep -qi $'^allow: GET\r$' headers
	not grep -q '^qmp screendump$' fake.log
	no_leftovers
}

@test "screenshot: a QEMU that cannot write png, and one without a screen" {
	conf video.display=vnc
	qemu --dump no-png
	ready
	shot '?format=png'
	[ "$code" = 501 ]
	[[ $(message) == *"cannot write png (7.1 or newer can); ask for format=bmp" ]]
	shot '?format=bmp'
	[ "$code" = 200 ]
	kill "$AGENT"
	ends 0
	qemu --dump no-console
	ready
	shot ''
	[ "$code" = 422 ]
	no_leftovers
}

@test "screenshot: half a picture is an error, not half an answer" {
	conf video.display=vnc
	qemu --dump torn
	ready
	shot '?format=bmp'
	[ "$code" = 500 ]
	[ "$(message)" = "the picture is cut short" ]
	no_leftovers
}

@test "screenshot: clients that go, too many at once, and a QEMU that ends: all are answered and nothing is left" {
	conf video.display=vnc
	qemu --dump never
	ready
	for _ in 1 2 3; do
		curl -sS --max-time 0.3 --unix-socket ha.sock -o /dev/null http://x/v1/screenshot 2>/dev/null || :
	done
	curl -sS --max-time 20 --unix-socket ha.sock -o last -w '%{http_code}' http://x/v1/screenshot >last.code &
	client=$!
	until_ok eval '[ "$(grep -c "^qmp screendump$" fake.log)" = 4 ]'
	shot ''
	[ "$code" = 503 ]
	[ "$(message)" = "too many pictures are being taken; try again" ]
	info_has '"state":"hanging"'
	kill -KILL "$(qemu_pid)"
	wait $client
	[ "$(cat last.code)" = 503 ]
	ends 69
	no_leftovers
}

@test "screenshot: a machine that is not up yet" {
	conf video.display=vnc
	qemu --mode hang
	agent --qmp-timeout 20
	shot ''
	[ "$code" = 503 ]
	[ "$(message)" = "the machine is not up yet" ]
}

# --- TPM ---

@test "tpm: swtpm serves the socket that QEMU connects to, with its state in the instance, and ends with it" {
	conf tpm=true
	# What QEMU does first with -tpmdev emulator: CMD_GET_CAPABILITY on the control channel.
	cat >"$BATS_TEST_TMPDIR/bin/qemu-with-tpm" <<END
#!/usr/bin/env python3
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("swtpm.sock")
s.sendall(b"\\0\\0\\0\\1")
open("tpm.answer", "w").write(s.recv(100).hex())
os.set_inheritable(s.fileno(), True)
os.execv("$FAKE_QEMU", ["$FAKE_QEMU"] + sys.argv[1:])
END
	chmod +x "$BATS_TEST_TMPDIR/bin/qemu-with-tpm"
	printf '%s\n' "$BATS_TEST_TMPDIR/bin/qemu-with-tpm" -pidfile qemu.pid >qemu.argv
	for _ in 1 2; do
		rm -f tpm.answer
		ready
		[ "$(cut -c1-8 tpm.answer)" = 00000000 ] # success, with the capabilities behind it
		[ "$(stat -c %a swtpm.sock swtpm swtpm.log | tr '\n' ' ')" = "600 700 600 " ]
		pid=$(pgrep -P "$AGENT" -x swtpm)
		kill "$AGENT"
		ends 0
		until_ok gone "$pid"
		[ ! -e swtpm.sock ]
		[ -d swtpm ]
	done
}

@test "tpm: one that ends while the machine runs is told" {
	conf tpm=true
	ready
	pkill -KILL -P "$AGENT" -x swtpm
	until_ok info_has 'the TPM is gone: swtpm ended with status 137'
	info_has '"state":"degraded"'
}

@test "tpm: without swtpm the start says what to install" {
	conf tpm=true
	mkdir only
	for p in ssh; do ln -s "$(command -v $p)" only/; done
	agent=$(command -v lima-hostagent)
	rm -f notify
	PATH=$PWD/only "$agent" --notify-fd 9 "$DIR" 9>notify >ha.stdout.log 2>ha.stderr.log || :
	grep -F 'error 69 tpm: true needs the program swtpm, which was not found; install it (Debian: package swtpm), or set tpm to false' notify
	[ ! -e fake.log ]
}

@test "tpm: what swtpm says is the reason when the machine cannot have it" {
	conf tpm=true
	mkdir swtpm
	echo rubbish >swtpm/tpm2-00.permall
	qemu --mode exit --exit 1 --say 'qemu: -chardev socket,id=chrtpm,path=swtpm.sock: Failed to connect to swtpm.sock: Connection refused'
	agent
	ends 69
	event 'the TPM of the machine did not start: '
}
