#!/usr/bin/env bats
# limactl edit: by flags, in an editor, of an instance and of a file; what is refused changes nothing.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
	create default --cpus=1 --disk=5
	yaml=$LIMA_HOME/default/lima.yaml
	before=$(cat "$yaml")
}

teardown() {
	end_running
}

unchanged() { [ "$(cat "$yaml")" = "$before" ]; }

@test "flags are applied, comments and order stay" {
	printf '# mine\ncpus: 1 # one\n\nimages:\n- location: %s\n' "$IMAGE" >"$yaml"
	run limactl edit --cpus=2 --set '.env.A = "b"'
	[ "$status" = 0 ]
	has 'Instance `default` configuration edited'
	grep -qx '# mine' "$yaml"
	grep -q '^cpus: 2 *# one' "$yaml"
	grep -q 'A: "\?b' "$yaml"
	[ "$(sed -n 2p "$yaml" | cut -c1-4)" = cpus ]
	[ ! -e lima.REJECTED.yaml ]
}

@test "nothing to do: no flags and no terminal, or no change" {
	run limactl edit </dev/null
	[ "$status" = 0 ]
	has 'Aborting, as requested by saving the file with empty content'
	run limactl edit --cpus=1
	[ "$status" = 0 ]
	has 'Aborting, no changes made to the instance'
	unchanged
}

@test "an invalid result is kept aside" {
	run limactl edit --set '.cpus = "many"'
	[ "$status" = 1 ]
	has 'the YAML is invalid, saved the buffer as `lima.REJECTED.yaml`'
	grep -q 'cpus: .*many' lima.REJECTED.yaml
	unchanged
}

@test "a smaller disk, and what would need another one, are refused" {
	fails 1 'field `disk`: shrinking the disk (5GiB --> 4GiB) is not supported' limactl edit --disk=4
	cp "$IMAGE" other.raw
	fails 1 'would need a new disk' limactl edit --set ".images[0].location = \"$PWD/other.raw\""
	unchanged
	limactl edit --disk=6
	grep -q 'disk: 6GiB' "$yaml"
}

@test "missing and running instances" {
	fails 1 'instance `nope` not found' limactl edit nope
	seem_running default
	fails 1 'cannot edit a running instance' limactl edit --cpus=2
	unchanged
}

@test "flags for new instances only are skipped with a warning" {
	fails 1 'unknown flag: --arch' limactl edit --arch aarch64
	unchanged
}

@test "in the editor: changed, emptied, left alone, broken, failed" {
	printf '#!/bin/sh\nhead -n 1 "$1" >"%s"\nsed -i "s/^cpus:.*/cpus: 2/" "$1"\n' "$BATS_TEST_TMPDIR/header" >"$BIN/change"
	printf '#!/bin/sh\n: >"$1"\n' >"$BIN/empty"
	printf '#!/bin/sh\nexit 3\n' >"$BIN/fail"
	printf '#!/bin/sh\necho "cpus: [" >"$1"\n' >"$BIN/broken"
	chmod +x "$BIN"/*
	VISUAL=true run on_terminal '' edit
	has 'Aborting, no changes made to the instance'
	VISUAL=empty EDITOR=change run on_terminal '' edit
	[ "$status" = 0 ]
	has 'Aborting, as requested by saving the file with empty content'
	EDITOR=broken run on_terminal '' edit
	[ "$status" = 1 ]
	grep -q 'cpus: \[' lima.REJECTED.yaml
	VISUAL=fail run on_terminal '' edit
	[ "$status" = 1 ]
	unchanged
	VISUAL=/nowhere/x EDITOR=change run on_terminal 'n' edit default
	[ "$status" = 0 ]
	has 'configuration edited'
	has 'start the instance now?'
	grep -q '^cpus: 2' "$yaml"
	grep -q '^# Please edit' "$BATS_TEST_TMPDIR/header"
	not grep -q '^# Please edit' "$yaml"
	[ -z "$(find /tmp -maxdepth 1 -name 'lima-editor-*' -newer "$BIN/broken")" ]
}

@test "--start starts it, --start=false does not ask" {
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl edit --cpus=2 --start
	[ "$status" = 1 ]
	has 'Starting the instance `default`'
	run on_terminal '' edit --cpus=1 --start=false
	[ "$status" = 0 ]
	[[ $output != *'start the instance now'* ]]
	run limactl edit -y --cpus=2
	[ "$status" = 0 ]
	has 'deprecated'
}

@test "a file is edited in place" {
	printf '# file\nbase: template:default\ncpus: 1\n' >f.yaml
	limactl edit --cpus=2 ./f.yaml
	[ "$(cat f.yaml)" = "$(printf '# file\nbase: template:default\ncpus: 2\n')" ]
	fails 1 'nothing.yaml' limactl edit ./nothing.yaml
	fails 1 'lima.REJECTED.yaml' limactl edit --set '.cpus = "x"' f.yaml
	grep -q 'cpus: 2' f.yaml
}
