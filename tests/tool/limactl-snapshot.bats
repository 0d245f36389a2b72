#!/usr/bin/env bats
# limactl snapshot, on a disk and through the host agent; POST /v1/snapshot itself.
# shellcheck disable=SC2154,SC2030,SC2031 # run sets status, output, stderr

load ../lib/limactl
load ../lib/hostagent

setup_file() { build_fake_qemu; }
setup() { fresh_home; }
teardown() { stop_all; }

# A stopped instance with a disk.
stopped() {
	instance vm
	qemu-img create -q -f qcow2 "$LIMA_HOME/vm/diffdisk" 4M
}

# An instance whose host agent and (fake) QEMU run.
started() {
	make_instance
	LIMA_HOME=$BATS_TEST_TMPDIR/lima2
	export LIMA_HOME
	mkdir -p "$LIMA_HOME"
	mv "$DIR" "$LIMA_HOME/vm"
	DIR=$LIMA_HOME/vm
	cd "$DIR"
	instance vm
	agent
	until_ok info_has '"qemuPID"'
	until_ok post '{"action":"list"}'
}
post() { curl -sS -f --max-time 20 --unix-socket ha.sock -d "$1" http://lima-hostagent/v1/snapshot; }
code() { curl -sS -o body -w '%{http_code}' --max-time 20 --unix-socket ha.sock "${@:2}" -d "$1" http://lima-hostagent/v1/snapshot; }

@test "stopped: qemu-img makes, lists, applies and deletes them" {
	stopped
	ok limactl snapshot list vm
	is ""
	says warning "experimental"
	ok limactl snapshot create vm --tag one
	is ""
	ok limactl snapshot save vm --tag=two
	ok limactl snapshot ls --quiet vm
	is $'one\ntwo'
	ok limactl snapshot list vm
	[[ $output == ID*TAG*VM?SIZE*DATE* ]] # VM_SIZE since QEMU 9
	[ "$(wc -l <<<"$output")" = 3 ]
	ok limactl snapshot apply vm --tag one
	ok limactl snapshot load vm --tag two
	ok limactl snapshot delete vm --tag one
	ok limactl snapshot del vm --tag two
	ok limactl snapshot list -q vm
	is ""
	fatal "qemu-img snapshot" limactl snapshot apply vm --tag nope
}

@test "what is refused" {
	stopped
	for verb in create apply delete; do
		fatal "expected tag" limactl snapshot $verb vm
		fatal "expected tag" limactl snapshot $verb vm --tag ''
		fatal "open $LIMA_HOME/nope/lima.yaml: no such file or directory" limactl snapshot $verb nope --tag t
	done
	fatal "requires at least 1 arg(s), only received 0" limactl snapshot list
	[[ $stderr != *Usage* ]]
	ok limactl snapshot list -q vm more arguments
	ok limactl --log-level nonsense snapshot list vm
	instance raw
	fatal "has no disk yet" limactl snapshot create raw --tag t
}

@test "running: QEMU is asked through the host agent" {
	started
	ok limactl snapshot create vm --tag t1
	is ""
	ok limactl snapshot apply vm --tag second
	ok limactl snapshot delete vm --tag first
	# What does not exist is not asked of QEMU: loadvm would leave the machine standing, delvm say nothing.
	for verb in apply delete; do
		fatal "there is no snapshot with this tag (HTTP status 404)" limactl snapshot $verb vm --tag nope
	done
	[ "$(grep '^hmp [sld]' fake.log)" = $'hmp savevm t1\nhmp loadvm second\nhmp delvm first' ]
	ok limactl snapshot list vm
	is 'ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT
--        first             240 MiB 2026-11-21 10:00:00 00:01:02.003           
--        second            241 MiB 2026-11-21 10:00:05 00:01:07.003           '
	ok limactl snapshot list -q vm
	is $'first\nsecond'
	fatal "Error: Device 'x' is writable but does not support snapshots" limactl snapshot create vm --tag bad
	fatal "a tag is a word" limactl snapshot create vm --tag 'a b'
	grep -q '^hmp savevm a' fake.log && false
	true
}

@test "POST /v1/snapshot: every answer" {
	started
	[ "$(code '{"action":"create","tag":"t"}')" = 200 ]
	[ "$(cat body)" = '{"output":""}' ]
	for body in '' '[]' '{}' 'x' '{"action":"create"}' '{"action":"create","tag":""}' '{"action":"create","tag":1}' \
		'{"action":"drop","tag":"t"}' '{"action":"create","tag":"a b"}' '{"action":"create","tag":"a\nb"}' '{"action":"create","tag":"-a"}' \
		'{"action":"create","tag":"a\"b"}' "{\"action\":\"create\",\"tag\":\"$(printf 'x%.0s' {1..200})\"}"; do
		[ "$(code "$body")" = 400 ] || { echo "$body"; cat body; false; }
		grep -q '^{"message":"' body
	done
	[ "$(code '{}' -X GET)" = 405 ]
	# One at a time; the second is told, and the first ends with the machine.
	code '{"action":"create","tag":"slow"}' >first 3>&- &
	slow=$!
	until_ok grep -q '^hmp savevm slow' fake.log
	cp body body.first 2>/dev/null || :
	[ "$(curl -sS -o second -w '%{http_code}' --unix-socket ha.sock -d '{"action":"list"}' http://lima-hostagent/v1/snapshot)" = 409 ]
	cue 'exit 0'
	wait $slow
	[ "$(cat first)" = 503 ]
}

@test "a client that leaves in the middle harms nothing" {
	started
	curl -sS --max-time 1 --unix-socket ha.sock -d '{"action":"create","tag":"slow"}' http://lima-hostagent/v1/snapshot && false
	grep -q '^hmp savevm slow' fake.log
	[ "$(code '{"action":"list"}')" = 409 ]
	info_has '"sshLocalPort"'
}
