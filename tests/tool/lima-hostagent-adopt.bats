#!/usr/bin/env bats
# One machine only: a second host agent, the machine of one that was killed, stale files, disks in use. Against a QEMU and a
# guest that play on cue (tests/lib/fake-qemu.c).

load ../lib/common
load ../lib/hostagent

@test "a second host agent is refused and harms nothing" {
	ready
	first=$AGENT
	cp notify first.notify
	lima-hostagent "$DIR" >second.out 2>second.err && false
	grep -F "another host agent runs this instance: ha.pid is held by process $first" second.err
	[ ! -s second.out ]
	info_has '"state":"running"'
}

@test "the machine of a killed host agent is taken over (case 13)" {
	ready
	pid=$(qemu_pid)
	kill -KILL "$AGENT"
	agent
	[ "$(cat notify)" = ok ]
	until_event '"running":true'
	[ "$(qemu_pid)" = "$pid" ]
	[ "$(qemu_starts)" = 1 ]
	info_has '"adopted":true'
	kill "$AGENT"
	ends 0
	until_ok gone "$pid"
}

@test "the end of a machine that was taken over is noticed" {
	ready
	pid=$(qemu_pid)
	kill -KILL "$AGENT"
	agent
	until_event '"running":true'
	kill -KILL "$pid"
	ends 69
	event '{"exiting":true,"errors":["QEMU ended"]}'
}

@test "a QEMU that had not yet opened its sockets is taken over" {
	qemu --listen-late
	agent
	kill -KILL "$AGENT"
	agent
	guest_boots
	until_event '"running":true'
	[ "$(qemu_starts)" = 1 ]
	[ "$(readlink "/proc/$(qemu_pid)/exe")" = "$FAKE_QEMU" ]
}

@test "a machine that was ending when it was found is replaced" {
	ready
	kill -KILL "$AGENT"
	kill -STOP "$(cat qemu.pid)"
	agent
	kill -KILL "$(cat qemu.pid)"
	until_ok eval '[ "$(qemu_starts)" = 2 ]'
	guest_boots b2
	until_event '"running":true'
}

@test "a machine that cannot be reached is reported, not doubled and not killed" {
	ready
	pid=$(qemu_pid)
	kill -KILL "$AGENT"
	rm qmp.sock
	agent
	ends 75
	grep -F "error 75 QEMU (process $pid) of this instance still runs" notify
	kill -0 "$pid"
	[ "$(qemu_starts)" = 1 ]
	kill -KILL "$pid"
}

@test "a machine that does not answer is reported and left alone" {
	ready
	pid=$(qemu_pid)
	kill -KILL "$AGENT"
	kill -STOP "$pid"
	agent --qmp-timeout 1
	ends 69
	event "QEMU (process $pid) did not answer on qmp.sock within 1 s"
	kill -CONT "$pid"
	agent
	until_event '"running":true'
	[ "$(qemu_pid)" = "$pid" ]
}

@test "a disk in use by another process is reported" {
	: >diffdisk
	mkdir other
	(cd other && mkfifo x && exec "$FAKE_QEMU" --mode hang --disk ../diffdisk 3<&- 4<&-) &
	until_ok test -e other/fake.log
	# It ends itself: it has no sockets to listen on. So hold the lock with one that has.
	wait $! || :
	python3 -c '
import fcntl, struct, time
f = open("diffdisk", "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 100, 3, 0))
print("held", flush=True)
time.sleep(60)' >held &
	holder=$!
	until_ok test -s held
	agent
	kill "$holder"
	ends 75
	grep -F "diffdisk is in use by another process" notify
}

@test "data disks are marked while the machine runs, and not taken from one that runs" {
	mkdir -p "$BATS_TEST_TMPDIR/disk a" "$BATS_TEST_TMPDIR/other/.make"
	mark="$BATS_TEST_TMPDIR/disk a/in_use_by"
	conf disks=1 disks.0.name=a "disks.0.dir=$BATS_TEST_TMPDIR/disk a"
	ln -s "$BATS_TEST_TMPDIR/other" "$mark"
	flock -F "$BATS_TEST_TMPDIR/other/ha.pid" sleep 60 3>&- &
	other=$!
	until_ok test -e "$BATS_TEST_TMPDIR/other/ha.pid"
	until_ok eval '! flock -n "$BATS_TEST_TMPDIR/other/ha.pid" true'
	agent
	ends 75
	grep -F 'error 75 the disk a is in use by the instance other' notify
	[ ! -e fake.log ]
	kill "$other"
	until_ok flock -n "$BATS_TEST_TMPDIR/other/ha.pid" true
	ready
	[ "$(readlink "$mark")" = "$DIR" ]
	kill "$AGENT"
	ends 0
	[ ! -L "$mark" ]
	# What a crash left of our own is no obstacle; a mark of another is not ours to remove.
	ln -s "$DIR" "$mark"
	ready
	ln -sfn /somebody/else "$mark"
	kill "$AGENT"
	ends 0
	[ "$(readlink "$mark")" = /somebody/else ]
}

@test "virtiofsd is started for each mount, gets its socket, and ends with the machine" {
	mkdir -p "$HOME/.local/share/qemu/vhost-user" shared
	cat >"$BATS_TEST_TMPDIR/bin/virtiofsd" <<'END'
#!/bin/sh
[ "$1" = --version ] && { echo virtiofsd 1.10.0; exit 0; }
printf '%s\n' "$@" >>virtiofsd.args
echo $$ >virtiofsd.pid
readlink /proc/self/fd/3 >>virtiofsd.args
exec sleep 60
END
	chmod +x "$BATS_TEST_TMPDIR/bin/virtiofsd"
	echo "{\"type\":\"fs\",\"binary\":\"$BATS_TEST_TMPDIR/bin/virtiofsd\"}" >"$HOME/.local/share/qemu/vhost-user/1.json"
	conf mountType=virtiofs mounts=1 "mounts.0.location=$PWD/shared, x" mounts.0.mountPoint=/m mounts.0.writable=true
	ready
	until_ok grep -q socket: virtiofsd.args
	[ "$(head -n 3 virtiofsd.args)" = $'--fd=3\n--shared-dir\n'"$PWD/shared, x" ]
	[ -d "shared, x" ]
	[ "$(stat -c %a virtiofsd-0.sock)" = 600 ]
	info_has '"type":"virtiofs"'
	kill "$AGENT"
	ends 0
	[ ! -e virtiofsd-0.sock ]
	until_ok gone "$(cat virtiofsd.pid)"
}

@test "a virtiofsd that ends is told" {
	mkdir -p "$HOME/.local/share/qemu/vhost-user"
	printf '#!/bin/sh\n[ "$1" = --version ] || { echo "no namespaces here" >&2; exit 3; }\n' >"$BATS_TEST_TMPDIR/bin/virtiofsd"
	chmod +x "$BATS_TEST_TMPDIR/bin/virtiofsd"
	echo "{\"type\":\"fs\",\"binary\":\"$BATS_TEST_TMPDIR/bin/virtiofsd\"}" >"$HOME/.local/share/qemu/vhost-user/1.json"
	conf mountType=virtiofs mounts=1 "mounts.0.location=$PWD/shared" mounts.0.mountPoint=/m mounts.0.writable=true
	agent
	until_ok info_has '"warning":"virtiofsd ended with status 3: no namespaces here; using reverse-sshfs"'
	info_has '"type":"reverse-sshfs"'
}

@test "a QEMU that ends because of a mount is started again without that mount" {
	cat >"$BATS_TEST_TMPDIR/bin/picky-qemu" <<'END'
#!/bin/sh
printf '%s\n' start "$@" >>picky.args
for a; do
	case $a in *,fsdev=fs1,*) echo "qemu: -device $a: cannot do this one" >&2; exit 1 ;; esac
done
exec "$FAKE_QEMU" -pidfile qemu.pid
END
	chmod +x "$BATS_TEST_TMPDIR/bin/picky-qemu"
	conf mountType=9p mounts=3
	for i in 0 1 2; do conf mounts.$i.location="$PWD/m$i" mounts.$i.mountPoint=/m$i mounts.$i.writable=true; done
	{
		echo "$BATS_TEST_TMPDIR/bin/picky-qemu"
		for i in 0 1 2; do printf '%s\n' -fsdev "local,id=fs$i,path=$PWD/m$i" -device "virtio-9p-pci,fsdev=fs$i,mount_tag=t$i"; done
		printf '%s\n' -nodefaults
	} >qemu.argv
	agent
	cue 'boot b1'
	until_ok info_has '"agentVersion"'
	diff -u - <(sed '1,/^-nodefaults$/d' picky.args) <<-END
		start
		-fsdev
		local,id=fs0,path=$PWD/m0
		-device
		virtio-9p-pci,fsdev=fs0,mount_tag=t0
		-fsdev
		local,id=fs2,path=$PWD/m2
		-device
		virtio-9p-pci,fsdev=fs2,mount_tag=t2
		-nodefaults
	END
	types=$(info | python3 -c 'import json, sys; print(" ".join(m["type"] for m in json.load(sys.stdin)["mounts"]))')
	[ "$types" = "9p reverse-sshfs 9p" ]
	info_has 'cannot do this one; using reverse-sshfs'
}

@test "what the guest says it cannot mount is mounted by sshfs, that alone; after a reboot it is tried again" {
	conf mountType=9p mounts=2
	for i in 0 1; do conf mounts.$i.location="$PWD/m$i" mounts.$i.mountPoint=/m$i mounts.$i.writable=true; done
	types() { info | python3 -c 'import json, sys; print(" ".join(m["type"] for m in json.load(sys.stdin)["mounts"]))'; }
	agent
	cue 'boot b1'
	cue 'status begin\tb1\tnative\nmount\t1\t9p\nmount\t99\t9p\nmount\t-1\t9p\nmount\tx\t9p\nssh-ready\n'
	until_ok info_has 'the guest could not mount it by 9p; using reverse-sshfs'
	[ "$(types)" = "9p reverse-sshfs" ]
	cue sshd
	until_ok grep -q "sshfs.*m1.*slave" ssh.log
	not grep -q "sshfs.*m0.*slave" ssh.log
	cue 'boot b2'
	until_ok info_has '"bootID":"b2"'
	[ "$(types)" = "9p 9p" ]
}

@test "stale pid files of strangers are no reason to signal anybody (case 16)" {
	sleep 60 &
	stranger=$!
	echo $stranger >qemu.pid
	echo $stranger >ha.pid
	python3 -c '
import socket
for name in "qmp.sock", "ga.sock", "ha.sock", "ssh.sock":
    socket.socket(socket.AF_UNIX).bind(name)'
	ready
	[ "$(qemu_starts)" = 1 ]
	kill "$AGENT"
	ends 0
	kill -0 $stranger
	kill $stranger
}

@test "a file in the place of a socket is not removed (case 43)" {
	echo precious >qmp.sock
	agent
	ends 73
	grep -F 'qmp.sock is in the way' notify
	[ "$(cat qmp.sock)" = precious ]
}
