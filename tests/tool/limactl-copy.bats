#!/usr/bin/env bats
# limactl copy: which program it runs, and with which words.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
	for name in a b; do
		create $name
		seem_running $name
	done
	recorder ssh
	recorder scp 'exit "${COPY_STATUS:-0}"'
	recorder rsync 'exit "${COPY_STATUS:-0}"'
}

teardown() {
	end_running
}

words() { recorded "$1" | tr '\n' '|'; }

@test "scp gets the configuration of the instance and HOST:PATH" {
	limactl copy --backend=scp file 'a:/etc/a b'
	[ "$(words scp)" = "-F|$LIMA_HOME/a/ssh.config|-q|-3|--|file|lima-a:/etc/a b|" ]
	recorder scp
	limactl cp -r -v --backend scp a:x a:y:z .
	[ "$(words scp)" = "-F|$LIMA_HOME/a/ssh.config|-v|-r|-3|--|lima-a:x|lima-a:y:z|.|" ]
	[ ! -e "$BATS_TEST_TMPDIR/ssh.argv" ]
}

@test "--debug makes it verbose" {
	limactl --debug copy --backend=scp file a: 2>/dev/null
	[[ $(words scp) == *'|-v|'* ]]
}

@test "two instances: one configuration with both, removed afterwards" {
	recorder scp 'cp "$2" "$BATS_TEST_TMPDIR/config"'
	limactl copy a:x b:y
	[ "$(words scp | cut -d'|' -f3-)" = "-q|-3|--|lima-a:x|lima-b:y|" ]
	grep -q 'Host lima-a' "$BATS_TEST_TMPDIR/config"
	grep -q 'Host lima-b' "$BATS_TEST_TMPDIR/config"
	config=$(recorded scp | sed -n 2p)
	[[ $config == /tmp/* || $config == "$TMPDIR"/* ]]
	[ ! -e "$config" ]
}

@test "auto is rsync when host and guest have it, with one remote side" {
	limactl copy file a:dir
	[ "$(words rsync)" = "-a|-q|-e|'ssh' '-F' '$LIMA_HOME/a/ssh.config'|--|file|lima-a:dir|" ]
	recorded ssh | grep -qx 'command -v rsync'
	recorder ssh 'exit 1'
	limactl copy file a:dir
	[[ $(words scp) == *'|file|lima-a:dir|' ]]
	recorder scp
	recorder ssh
	limactl copy a:x a:y
	[[ $(words scp) == *'|lima-a:x|lima-a:y|' ]]
}

@test "an explicit rsync needs it in the guest; other backends are refused" {
	recorder ssh 'exit 1'
	fails 1 'rsync not available on guest(s)' limactl copy --backend=rsync file a:x
	fails 1 'invalid backend `ftp`, must be one of: scp, rsync, auto' limactl copy --backend=ftp file a:x
}

# case SOURCE TARGET WANTED-SOURCE WANTED-TARGET
slashes() {
	recorder rsync
	limactl copy -r --backend=rsync "$1" "$2"
	[ "$(recorded rsync | tail -n 2 | tr '\n' '|')" = "$3|$4|" ] || { echo "$1 $2:"; words rsync; false; }
	[[ $(words rsync) == *'|-r|'* ]]
}

@test "rsync -r: slashes are set so that the results are those of scp" {
	slashes foo a:dst foo/ lima-a:dst/
	slashes foo/ a:dst foo lima-a:dst/
	slashes foo a:dst/ foo lima-a:dst/
	slashes foo/ a:dst/ foo lima-a:dst/
	slashes a:foo dst lima-a:foo/ dst/
	slashes a:foo/ dst lima-a:foo/ dst
	slashes a:foo/ dst/ lima-a:foo/ dst
	slashes a:foo dst/ lima-a:foo/ dst
}

@test "-v of rsync, and SSH with several words" {
	SSH="ssh -o 'A=it\"s b'" limactl copy -v --backend=rsync file a:x
	[[ $(words rsync) == "-a|-v|--progress|-e|'ssh' '-o' 'A=it\"s b' '-F' "* ]]
	recorder own
	SSH=own limactl copy --backend=scp file a:x
	[[ $(words scp) == *'|-S|own|'* ]]
}

@test "the exit status is the program's, and nothing is logged" {
	COPY_STATUS=23 run -23 limactl copy --backend=rsync file a:x
	[ -z "$output" ]
	COPY_STATUS=1 run -1 limactl copy --backend=scp file a:x
	[ -z "$output" ]
	recorder scp 'kill -9 $$'
	run -255 limactl copy --backend=scp file a:x
}

@test "missing and stopped instances, and too few arguments" {
	create c
	fails 1 'instance `nope` does not exist' limactl copy file nope:x
	fails 1 'instance `c` is stopped, run `limactl start c` to start the instance' limactl copy c:x .
	fails 1 'requires at least 2 arg(s), only received 1' limactl copy a:x
}

@test "without an instance it is a plain copy" {
	limactl copy --backend=scp x y
	[[ $(words scp) == *'|--|x|y|' ]]
}
