#!/usr/bin/env bats
# What hangs on the machine besides its disk and network, in a real guest: the VNC display and its password, pictures of
# it, the TPM, the serial consoles; and a QEMU that is stopped for a while as when the host sleeps.

load ../lib/vm

setup_file() {
	vm_setup display
	cd "$TOP"
	make -s INSTANCE=display TEMPLATE=recipe-debian-12 CPUS=2 MEMORY=1GiB DISK=6GiB \
		SET='.video.display = "vnc" | .tpm = true | .message = "{{.Name}} has port {{.SSHLocalPort}}, display in {{.Dir}}/vncdisplay\n"' \
		start 2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
}

setup() {
	cd "$TOP"
}

info() { curl -sS --max-time 10 --unix-socket "$DIR/ha.sock" http://x/v1/info; }

@test "start ends with the message, its variables filled in" {
	port=$(sed -n 's/^ *Port *//p' "$DIR/ssh.config")
	grep -qxF "display has port $port, display in $DIR/vncdisplay" "$VM_TMP/start.log"
}

@test "VNC: the password in its file opens the display in its file, another one does not" {
	python3 - "$DIR" <<'END'
import socket, subprocess, sys
folder = sys.argv[1]
host, number = open(folder + "/vncdisplay").read().rsplit(":", 1)
def attempt(password):
    s = socket.create_connection((host, 5900 + int(number)), timeout=20)
    f = s.makefile("rwb", buffering=0)
    assert f.read(12).startswith(b"RFB 003.")
    f.write(b"RFB 003.008\n")
    types = f.read(f.read(1)[0])
    assert types == bytes([2]), types   # by password only: not "none"
    f.write(bytes([2]))
    challenge = f.read(16)
    key = bytes(int(f"{c:08b}"[::-1], 2) for c in password.encode().ljust(8, b"\0"))
    answer = subprocess.run(["openssl", "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-nopad", "-K", key.hex()],
                            input=challenge, stdout=subprocess.PIPE, check=True).stdout
    f.write(answer)
    return f.read(4) == bytes(4)
password = open(folder + "/vncpassword").read()
assert len(password) == 8
assert attempt(password)
assert not attempt(password[::-1] if password != password[::-1] else "wrongone")
END
	[ "$(stat -c %a "$DIR/vncpassword" "$DIR/vncdisplay" | sort -u)" = 600 ]
	for pid in $(agent_pid) $(qemu_pid); do
		run grep -aqF "$(cat "$DIR/vncpassword")" "/proc/$pid/cmdline" "/proc/$pid/environ"
		[ "$status" != 0 ]
	done
	lima-instance status display | grep -qxF "vnc:       $(cat "$DIR/vncdisplay"), password in '$DIR/vncpassword'"
}

@test "screenshots: png, bmp and ppm show the same picture" {
	for f in png bmp ppm; do
		[ "$(curl -sS --unix-socket "$DIR/ha.sock" -o "$VM_TMP/shot.$f" -w '%{http_code}' "http://x/v1/screenshot?format=$f")" = 200 ]
	done
	size=$(file "$VM_TMP/shot.ppm" | sed -n 's/.*size = \([0-9]*\) x \([0-9]*\),.*/\1 x \2/p')
	file "$VM_TMP/shot.png" | grep -q "PNG image data, $size, 8-bit"
	file "$VM_TMP/shot.bmp" | grep -q "PC bitmap, Windows 3.x format, $size x 24"
	[ -z "$(find "$DIR" -name '.screenshot*')" ]
}

@test "the guest has a TPM, whose state is in the instance" {
	guest 'test -c /dev/tpm0'
	[ "$(guest 'cat /sys/class/tpm/tpm0/tpm_version_major')" = 2 ]
	[ -s "$DIR/swtpm/tpm2-00.permall" ]
}

@test "the serial consoles can be used with socat, in both directions" {
	guest 'sudo systemctl stop serial-getty@ttyS0 serial-getty@hvc0 2>/dev/null; sudo systemctl mask --runtime serial-getty@ttyS0 serial-getty@hvc0' || :
	for pair in serial:ttyS0 serialv:hvc0; do
		sock=${pair%:*} dev=${pair#*:}
		mkfifo "$VM_TMP/to.$sock"
		socat - "UNIX-CONNECT:$DIR/$sock.sock" <"$VM_TMP/to.$sock" >"$VM_TMP/from.$sock" 3>&- &
		client=$!
		exec 5>"$VM_TMP/to.$sock"
		guest "sudo sh -c 'stty -F /dev/$dev raw -echo; (head -n 1 </dev/$dev >/tmp/got.$sock) & sleep 0.5; echo out-of-$sock >/dev/$dev'" &
		asked=$!
		until_ok grep "out-of-$sock" "$VM_TMP/from.$sock"
		echo "into $sock" >&5
		wait $asked
		until_ok guest "[ \"\$(cat /tmp/got.$sock)\" = 'into $sock' ]"
		exec 5>&-
		kill $client 2>/dev/null || :
		grep -q "out-of-$sock" "$DIR/$sock.log"
	done
}

@test "a QEMU that is stopped and goes on: hanging, not killed, the clock put right (host sleep)" {
	pid=$(qemu_pid)
	kill -STOP "$pid"
	[ "$(state)" = Hanging ]
	lima-instance status display | grep -qF "'kill -CONT $pid' lets it go on"
	sleep 5
	kill -CONT "$pid"
	await_state Running
	[ "$(qemu_pid)" = "$pid" ]
	guest true
}

@test "the next start has another password" {
	before=$(cat "$DIR/vncpassword")
	lima-instance stop --quiet display
	[ ! -e "$DIR/vncpassword" ] && [ ! -e "$DIR/vncdisplay" ] && [ ! -e "$DIR/swtpm.sock" ]
	lima-instance start --quiet display
	[ "$(cat "$DIR/vncpassword")" != "$before" ]
	guest 'test -c /dev/tpm0'
}
