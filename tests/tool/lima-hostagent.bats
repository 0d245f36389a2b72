#!/usr/bin/env bats
# lima-hostagent against a QEMU and a guest that play on cue (tests/lib/fake-qemu.c): start, adoption, ends, failures.

load ../lib/common
load ../lib/hostagent

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
