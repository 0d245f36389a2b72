#!/usr/bin/env bats
# lima-hostagent with a real QEMU whose "guest" is a boot sector that writes to its disk without end: what a full disk and a
# broken one of the host come to. No operating system is needed for that.

load ../lib/common
load ../lib/hostagent

setup() {
	export BATS_TEST_TIMEOUT=120
	fresh_home
	make_instance
	QEMU=$(command -v qemu-system-x86_64)
	FAKE_QEMU=$QEMU # for stop_all
	conf plain=true
	# A guest that is up as far as ssh can tell.
	echo 'case $* in *lima-boot-status*) printf "begin\tb9\tnative\nssh-ready\ndone\t0\n";; esac' >ssh.does
}

teardown() {
	stop_all
	until_ok no_qemu
	! mountpoint -q small || umount small
}
no_qemu() { local p; for p in $(sed -n 's/.*QEMU runs as process \([0-9]*\).*/\1/p' ha.stderr.log); do gone_or_zombie "$p" || return 1; done; }

# The boot sector: from sector 128 on, writes 64 sectors by the BIOS, then the next but 64, for ever.
make_disk() { # FILE
	python3 - >mbr <<'END'
import sys
code = bytes.fromhex("31c0 8ed8 8ed0 bc007c"            # no segments, a stack
                     "be307c b80043 b280 cd13"          # 7c09: write what the packet at 7c30 says to the first disk
                     "668106387c80000000 ebeb")         # 128 sectors on, again
packet = bytes.fromhex("1000 4000 0080 0010 8000000000000000")
sys.stdout.buffer.write((code.ljust(0x30, b"\0") + packet).ljust(510, b"\0") + b"\x55\xaa")
END
	truncate -s 64M mbr
	qemu-img convert -q -f raw -O qcow2 mbr "$1"
}

machine() { # the value of -drive
	printf '%s\n' "$QEMU" -nodefaults -no-user-config -m 64 -accel tcg -display none -vga none -drive "$1" \
		-netdev user,id=n0,hostfwd=tcp:127.0.0.1:0-:22 -device virtio-net-pci,netdev=n0,romfile= \
		-chardev socket,id=q,fd=3,server=on,wait=off -qmp chardev:q -chardev socket,id=g,fd=4,server=on,wait=off \
		-device virtio-serial-pci -device virtserialport,chardev=g,name=io.lima-vm.guest_agent.0 -pidfile qemu.pid >qemu.argv
}

force_stop() { curl -sS --max-time 10 --unix-socket ha.sock -d '{"force":true}' http://x/v1/stop; }

@test "a full disk of the host pauses the machine; told, resumed when there is room, stopped at any time (case 20)" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir small
	mount -t tmpfs -o size=4m none small || skip "cannot mount here"
	make_disk small/disk
	machine file=small/disk,format=qcow2,if=virtio
	agent
	until_ok info_has '"state":"paused"'
	info_has '"runState":"io-error"'
	info_has 'the machine is paused because a disk of it failed: No space left on device; make room, or repair it, then'
	mount -o remount,size=64m small
	[ "$(curl -sS --max-time 10 --unix-socket ha.sock -X POST -o body -w '%{http_code}' http://x/v1/resume)" = 202 ]
	until_ok eval '[ "$(stat -c %b small/disk)" -gt 10000 ]' # it writes again, beyond the 4 MiB
	force_stop
	ends 0
	qemu-img check -q small/disk
}

@test "a machine that a full disk has paused can be stopped as it is (case 20)" {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir small
	mount -t tmpfs -o size=4m none small || skip "cannot mount here"
	make_disk small/disk
	machine file=small/disk,format=qcow2,if=virtio
	agent --stop-timeout 1
	until_ok info_has '"state":"paused"'
	kill "$AGENT" # the power button: nobody can hear it, so the bound ends it
	ends 0
	grep -qx 'reason=stopped' .make/last-exit
	qemu-img check -q small/disk
}

@test "a disk that fails (blkdebug) is reported with a count, and the machine goes on (case 20)" {
	make_disk disk
	printf '[inject-error]\nevent = "pwritev"\nerrno = "5"\n' >rules
	machine file=blkdebug:rules:disk,format=qcow2,if=virtio
	agent
	until_ok info_has 'of the machine failed, the last one with: Input/output error; the guest was told'
	until_ok info_has '"state":"degraded"'
	[ "$(grep -c 'a disk of the machine fails' ha.stderr.log)" -le 60 ] # 20 in 10 s
	force_stop
	ends 0
}

@test "a real QEMU that a signal stops hangs, and goes on (host sleep)" {
	make_disk disk
	machine file=disk,format=qcow2,if=virtio
	agent
	until_event '"running":true'
	pid=$(qemu_pid)
	kill -STOP "$pid"
	until_ok info_has '"state":"hanging"'
	info_has "'kill -CONT $pid' lets it go on"
	kill -CONT "$pid"
	until_ok info_has '"answers":true'
	force_stop
	ends 0
}
