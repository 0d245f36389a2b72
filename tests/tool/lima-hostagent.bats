#!/usr/bin/env bats
# lima-hostagent against a QEMU and a guest that play on cue (tests/lib/fake-qemu.c): start, adoption, ends, failures.

load ../lib/common
load ../lib/hostagent

setup_file() {
	build_fake_qemu
}

setup() {
	fresh_home
	make_instance
}

teardown() {
	stop_all
}

# --- the good day ---

@test "a machine starts, its phases are told in order, and it stops by its power button" {
	agent
	[ "$(cat notify)" = ok ]
	guest_boots
	until_event '"running":true'
	phases=$(sed -n 's/.*"phase":"\([a-z-]*\)".*/\1/p' ha.stdout.log | tr '\n' ' ')
	[ "$phases" = "booting agent sshd ssh-ready ssh boot-done running " ] ||
		[ "$phases" = "booting agent ssh-ready ssh boot-done running " ]
	head -n 1 ha.stdout.log | grep -F '"status":{"sshLocalPort":2222'
	not event degraded
	kill "$AGENT"
	ends 0
	[ "$(tail -n 1 ha.stdout.log | sed 's/.*"status"//')" = ':{"exiting":true}}' ]
	grep -qx 'qmp system_powerdown' fake.log
	not grep -qx 'qmp quit' fake.log
	grep -qx 'reason=stopped' .make/last-exit
	for f in ha.pid ha.sock qmp.sock ga.sock qemu.pid; do [ ! -e $f ]; done
}

@test "files and sockets are for the owner only, whatever the umask (case 12)" {
	umask 000
	ready
	for f in ha.sock qmp.sock ga.sock ha.pid ssh.config; do
		[ "$(stat -c %a $f)" = 600 ] || { stat -c '%a %n' $f; false; }
	done
	kill "$AGENT"
	ends 0
	[ "$(stat -c %a .make/last-exit)" = 600 ]
}

@test "with the umasks 077 and 777 it works as with any other (case 12)" {
	real=$(command -v lima-hostagent)
	printf '#!/bin/sh\numask $WANTED\nexec "%s" "$@"\n' "$real" >"$BATS_TEST_TMPDIR/bin/lima-hostagent"
	chmod +x "$BATS_TEST_TMPDIR/bin/lima-hostagent"
	hash -r
	for WANTED in 077 777; do
		export WANTED
		ready
		for f in ha.sock qmp.sock ga.sock ha.pid ssh.config; do
			[ "$(stat -c %a $f)" = 600 ] || { stat -c '%a %n' $f; false; }
		done
		kill "$AGENT"
		ends 0
		[ "$(stat -c %a .make/last-exit)" = 600 ]
	done
}

@test "links, folders and pipes in the place of its files are not followed, waited for or removed (case 43)" {
	echo precious >victim
	# Its files are replaced as a whole, or refused; what a link leads to is never touched.
	ln -s victim ssh.config
	ln -s ../victim .make/last-exit
	echo precious >.make/../victim
	ready
	[ ! -L ssh.config ]
	kill "$AGENT"
	ends 0
	[ ! -L .make/last-exit ]
	ln -s victim ha.pid
	agent
	ends 73
	[ "$(cat victim)" = precious ]
	rm ha.pid
	for f in qmp.sock ha.sock ga.sock; do
		mkdir $f
		agent
		ends 73
		grep -F "$f is in the way" notify
		rmdir $f
		mkfifo $f
		agent
		ends 73
		[ -p $f ]
		rm $f
	done
	[ "$(cat victim)" = precious ]
}

@test "every line of the log and of the events is JSON, also after rubbish from the guest (case 38)" {
	agent
	cue 'boot b1'
	cue 'garbage 3000'
	cue $'status step\\tx"\e[31m\xff\xfe\\tstart\\n'
	guest_boots
	until_event '"running":true'
	kill "$AGENT"
	ends 0
	python3 -c '
import json, sys
for name in sys.argv[1:]:
    for line in open(name, encoding="utf-8"):
        json.loads(line)
' ha.stdout.log ha.stderr.log
	not grep -q $'\e' ha.stdout.log ha.stderr.log
}

@test "info tells the state" {
	agent
	info_has '"state":"starting"'
	cue 'boot b-77'
	cue 'status begin\tb-77\tnative\nstep\tboot/10-x.sh\tstart\n'
	until_ok info_has '"steps":[{"name":"boot/10-x.sh"}]'
	info_has '"bootID":"b-77"'
	info_has '"agentVersion":"9.9-fake"'
	guest_boots b-77
	until_ok info_has '"state":"running"'
	info_has '"sshLocalPort":2222'
	info_has '"degraded":false'
	info_has "\"pid\":$AGENT"
	info_has '"phases":[{"name":"booting","at":'
	[ "$(readlink "/proc/$(qemu_pid)/exe")" = "$FAKE_QEMU" ]
	info | python3 -c 'import json, sys; json.load(sys.stdin)'
}

@test "the guest is told the time, at once and when the host agent goes on after a pause" {
	ready
	until_ok grep -q '^frame 4 0 8$' fake.log
	before=$(grep -c '^frame 4 0 8$' fake.log)
	kill -STOP "$AGENT"
	kill -CONT "$AGENT"
	until_ok eval '[ "$(grep -c "^frame 4 0 8$" fake.log)" -gt "$before" ]'
}

@test "ssh logs in once, over the shared connection, when the guest says that sessions last" {
	agent
	cue 'boot b1'
	cue sshd
	until_event '"phase":"sshd"'
	[ ! -e ssh.log ]
	cue 'status begin\tb1\tnative\nssh-ready\n'
	until_event '"phase":"ssh"'
	cue 'status done\t0\n'
	until_event '"running":true'
	[ "$(cat ssh.log)" = "ssh -F ssh.config -o ConnectTimeout=10 lima-t -- true" ]
}

@test "a login that fails at first is tried again" {
	echo '[ -e ok ] || { echo "kex_exchange_identification: closed" >&2; touch ok; exit 255; }' >ssh.does
	ready
	not event degraded
	[ "$(grep -c -- '-- true$' ssh.log)" = 2 ]
}

# --- truth about the guest ---

@test "failing boot scripts make it degraded, with names, statuses and last lines" {
	agent
	cue 'boot b1'
	cue 'status begin\tb1\tnative\nssh-ready\nstep\tprovision.system/00000002\tstart\nstep\tprovision.system/00000002\t3\n'
	cue 'status tail\tprovision.system/00000002\tE: no such package\ntail\tprovision.system/00000002\tgiving up\n'
	cue 'status step\tboot/90-z.sh\t0\ndone\t1\n'
	cue sshd
	until_event '"running":true,"degraded":true'
	event '"errors":["provision.system/00000002 failed with exit status 3; its last lines:\nE: no such package\ngiving up"]'
	info_has '"degraded":true'
	info_has '"state":"degraded"'
}

@test "probes are repeated until they succeed" {
	conf probes=1 probes.0.description='docker is up' probes.0.script='#!/bin/bash\ntrue' probes.0.hint='look there'
	# shellcheck disable=SC2016
	echo 'case $* in *"exec /bin/bash"*) cat >script; n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) >n; [ $n = 2 ] || exit 1;; esac' >ssh.does
	ready
	not event degraded
	[ "$(cat n)" = 3 ]
	[ "$(cat script)" = $'#!/bin/bash\ntrue' ]
}

@test "a probe that fails after failed boot scripts is told with its hint, after one try" {
	conf probes=1 probes.0.description='docker is up' probes.0.script='#!/bin/sh\nfalse' probes.0.hint='see /var/log/docker'
	echo 'case $* in *"exec /bin/sh"*) echo "no docker" >&2; exit 1;; esac' >ssh.does
	agent
	cue 'boot b1'
	cue 'status begin\tb1\tnative\nssh-ready\nstep\tx\t9\ndone\t1\n'
	cue sshd
	until_event '"degraded":true'
	event '"x failed with exit status 9","failed to satisfy the probe \"docker is up\" (try 1): no docker; see /var/log/docker"'
}

@test "a plain guest without guest agent is asked by ssh" {
	conf plain=true
	echo 'case $* in *lima-boot-status*) printf "begin\tb9\tcloud-init\nssh-ready\ndone\t0\n";; esac' >ssh.does
	agent
	until_event '"running":true'
	not event degraded
	info_has '"bootID":"b9"'
	grep -q -- '-S none' ssh.log
}

@test "a silent guest agent is made up for by ssh, and missed in the end" {
	echo 'case $* in *lima-boot-status*) printf "begin\tb9\tnative\nssh-ready\n"; [ ! -e late ] || printf "done\t0\n"; touch late;; esac' >ssh.does
	agent
	until_event '"phase":"ssh"'
	until_event '"phase":"boot-done"'
	cue 'boot b9'
	cue 'status begin\tb9\tnative\nssh-ready\ndone\t0\n'
	until_event '"running":true'
	not event degraded
}

@test "a reboot of the guest is followed (case 15)" {
	ready
	cue reset
	until_ok info_has '"state":"starting"'
	guest_boots b2
	until_ok info_has '"bootID":"b2"'
	until_ok info_has '"state":"running"'
	[ "$(qemu_starts)" = 1 ]
	grep -q -- '-O exit' ssh.log
	[ "$(grep -c '"running":true' ha.stdout.log)" = 2 ]
}

@test "a reboot that only the guest agent tells is followed too" {
	ready
	guest_boots b2
	until_ok info_has '"bootID":"b2"'
	until_ok info_has '"state":"running"'
}

# --- ends ---

@test "what a guest agent said before QEMU told that it opened the port is asked for again" {
	ready
	cue 'boot b2'
	until_ok info_has '"bootID":"b2"'
	cue 'qmp {"event":"VSERPORT_CHANGE","data":{"open":true,"id":"ga"}}'
	told_thrice() { [ "$(grep -c 'QEMU event VSERPORT_CHANGE' ha.stderr.log)" = 3 ]; }
	until_ok told_thrice
	cue 'status begin\tb2\tnative\nssh-ready\n'
	cue sshd
	cue 'status done\t0\n'
	until_ok info_has '"state":"running"'
}

@test "a guest that powers itself off is an ordinary end (case 15)" {
	ready
	cue poweroff
	ends 0
	event '{"exiting":true}'
	grep -qx 'reason=the guest powered itself off' .make/last-exit
}

@test "a QEMU that is killed is noticed and told (case 14)" {
	ready
	kill -KILL "$(qemu_pid)"
	ends 69
	event '{"exiting":true,"errors":["QEMU was ended by signal 9 (Killed)"]}'
	grep -qx 'status=137' .make/last-exit
	for f in ha.pid ha.sock qmp.sock ga.sock qemu.pid; do [ ! -e $f ]; done
}

@test "stop by REST, and a guest that does not listen is killed after its time" {
	qemu --deaf
	ready --stop-timeout 1
	[ "$(curl -sS --unix-socket ha.sock -X POST -o body -w %{http_code} http://x/v1/stop)" = 202 ]
	ends 0
	grep -q 'QEMU did not exit in time; killing it' ha.stderr.log
	event '{"exiting":true}'
}

@test "a forced stop ends QEMU without asking the guest, also during a graceful one" {
	qemu --deaf
	ready
	kill -INT "$AGENT"
	until_ok grep -qx 'qmp system_powerdown' fake.log
	info_has '"state":"stopping"'
	curl -sS --unix-socket ha.sock -d '{"force":true}' http://x/v1/stop
	ends 0
	grep -qx 'qmp quit' fake.log
}

@test "the shared ssh connection is ended at the stop" {
	ready
	touch ssh.sock
	kill "$AGENT"
	ends 0
	tail -n 1 ssh.log | grep -x -- 'ssh -F ssh.config -O exit lima-t'
}

@test "a stop before the guest is up works" {
	agent
	kill "$AGENT"
	ends 0
	event '{"exiting":true}'
}

# --- starts that fail ---

@test "no QEMU: the start fails at once and says so" {
	echo /nonexistent/qemu-system >qemu.argv
	agent
	ends 69
	[ "$(cat notify)" = "error 69 cannot run /nonexistent/qemu-system: No such file or directory" ]
	event '{"exiting":true,"errors":["cannot run /nonexistent/qemu-system: No such file or directory"]}'
	[ ! -e ha.pid ]
}

@test "a QEMU that fails: its status and what it said" {
	qemu --mode exit --exit 1 --say 'qemu: -drive foo: invalid option'
	agent
	ends 69
	event '{"exiting":true,"errors":["QEMU ended with exit status 1: qemu: -drive foo: invalid option"]}'
	grep -qF '"msg":"qemu[stderr]: qemu: -drive foo: invalid option"' ha.stderr.log
	grep -qx 'status=1' .make/last-exit
}

@test "a taken SSH port is named (case 19)" {
	conf ssh.localPort=60022
	qemu --mode exit --exit 1 --say "qemu: -netdev user: Could not set up host forwarding rule 'tcp:127.0.0.1:60022-:22'"
	agent
	ends 69
	event 'TCP port 60022 of 127.0.0.1, where SSH was to be reached, is taken by another program'
}

@test "a QEMU that hangs before QMP is killed after the time-out" {
	qemu --mode hang --say 'warming up'
	agent --qmp-timeout 1
	[ "$(cat notify)" = ok ]
	ends 69
	event 'did not answer on qmp.sock within 1 s; its last output: warming up'
	gone "$(sed -n 's/.*QEMU runs as process \([0-9]*\).*/\1/p' ha.stderr.log)"
}

@test "something else than QMP is refused" {
	qemu --mode garbage
	agent
	ends 69
	event 'QEMU does not speak QMP on qmp.sock: it sent something that is not QMP: SSH-2.0-OpenSSH_9.2?[31m'
}

@test "a missing or broken configuration is named" {
	rm .make/agent.conf
	agent
	ends 1
	grep -F 'error 1 cannot open .make/agent.conf: No such file or directory' notify
	echo 'no equals sign' >.make/agent.conf
	agent
	ends 65
	conf hostname=lima-t
	echo hostname=lima-t >.make/agent.conf
	: >qemu.argv
	agent
	ends 65
	grep -F 'error 65 qemu.argv is empty' notify
}

@test "usage" {
	run lima-hostagent --help
	[ "$status" = 0 ]
	run lima-hostagent --version
	[ "$status" = 0 ]
	for args in "" "a b" "--notify-fd 1 ." "--qmp-timeout 0 ." "--nonsense ."; do
		# shellcheck disable=SC2086
		run lima-hostagent $args
		[ "$status" = 2 ] || { echo "'$args': $status"; false; }
	done
	fails 1 "cannot enter the instance directory" lima-hostagent /nonexistent
}

# --- one machine only ---

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
