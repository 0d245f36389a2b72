#!/usr/bin/env bats
# The tools where the system says no: outputs that cannot be written, files that may not grow, folders that are everybody's,
# versions that are not ours.

load ../lib/common
load ../lib/hostagent

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	[ -z "${AGENTS:-}" ] || stop_all
}

@test "an output that cannot be written is an error, with a reason (case 9)" {
	for tool in 'lima-render --schema' 'lima-render --json default' lima-probe 'lima-instance list --json' 'lima-instance --help'; do
		# shellcheck disable=SC2086
		for to in /dev/full closed; do
			s=0
			if [ $to = closed ]; then
				mkdir -p "$LIMA_HOME/a" && echo '{}' >"$LIMA_HOME/a/lima.yaml"
				$tool >&- 2>err || s=$?
			else
				$tool >$to 2>err || s=$?
			fi
			[ "$s" = 74 ] || { echo "$tool >$to: $s"; cat err; false; }
		done
	done
}

@test "a file that may not grow is an error, not a signal, and the old file stays (case 9)" {
	s=0
	prlimit --fsize=100:100 lima-render --schema >out 2>err || s=$?
	[ "$s" = 74 ] || { echo "$s"; false; }
	grep -q 'cannot write' err
	[ "$(stat -c %s out)" -le 100 ]
	mkdir tree
	head -c 100000 /dev/urandom >tree/a
	echo old >x.iso
	s=0
	prlimit --fsize=5000:5000 lima-mkiso -V cidata -o x.iso tree 2>err || s=$?
	[ "$s" = 74 ] && grep -q 'File too large' err
	[ "$(cat x.iso)" = old ]
	[ -z "$(find . -maxdepth 1 -name '.*.tmp*')" ]
}

@test "a home or instance that every user can write to is refused before anything is done (case 12)" {
	mkdir -p "$LIMA_HOME/a/.make"
	echo '{}' >"$LIMA_HOME/a/lima.yaml"
	chmod 777 "$LIMA_HOME"
	for verb in start create stop; do
		fails 1 "$LIMA_HOME can be written to by every user" lima-instance $verb a
	done
	[ ! -e "$LIMA_HOME/_locks" ]
	chmod 700 "$LIMA_HOME"
	chmod 757 "$LIMA_HOME/a"
	fails 1 "$LIMA_HOME/a can be written to by every user" lima-instance stop a
	chmod 700 "$LIMA_HOME/a"
	fails 0 "is not running" lima-instance stop a
}

@test "a guest agent of another protocol is refused with what to do; one of another version is not (case 51)" {
	build_fake_qemu
	make_instance
	agent
	cue 'version 0.0.1-old'
	guest_boots
	until_event '"running":true'
	not event degraded
	info_has '"agentVersion":"0.0.1-old"'
	cue 'protocol 2'
	guest_boots b2
	until_event '"degraded":true'
	event 'the guest agent speaks protocol 2, this host agent 1'
}

@test "tools that were upgraded while the machine runs take nothing down and nothing back (case 51)" {
	build_fake_qemu
	make_instance
	ready
	conf version=0.0.0-older
	[ "$(curl -sS --unix-socket ha.sock -X POST http://x/v1/reload)" = '{"applied":[],"restart":[]}' ]
	info_has '"state":"running"'
	# The next host agent, of another version, takes over what the old one left.
	kill -KILL "$AGENT"
	conf version=99.9
	agent
	until_event '"running":true'
	[ "$(qemu_starts)" = 1 ]
}
