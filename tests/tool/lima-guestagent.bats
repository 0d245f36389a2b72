#!/usr/bin/env bats
# lima-guestagent, the static binary itself: its command line, size, memory, lock and socket. What it says to a host is tested
# by tests/unit/test_guestagent*.c, here once more with this binary.

load ../lib/common

setup() {
	tools=$(dirname "$(command -v lima-instance || command -v lima-qemu-argv)")
	agent=$tools/../share/lima/lima-guestagent.Linux-$(uname -m)
	[ -x "$agent" ] || { echo "not built: $agent"; return 1; }
	run_dir=$BATS_TEST_TMPDIR/run
	sock=$BATS_TEST_TMPDIR/ga.sock
	pid=
}

teardown() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
}

# Starts the agent on a unix socket and waits until that is there. A network of its own keeps the comings and goings of other
# programs' sockets away from it.
start_agent() {
	unshare -n "$agent" daemon --unix "$sock" --runtime-dir "$run_dir" --status-file "$BATS_TEST_TMPDIR/status" 3>&- &
	pid=$!
	until_ok test -S "$sock"
}

@test "--help and --version" {
	run "$agent" --help
	[ "$status" = 0 ]
	[[ $output == "usage: lima-guestagent daemon"* ]]
	run "$agent" --version
	[ "$status" = 0 ]
	[[ $output == "lima-guestagent "* ]]
}

@test "every option of --help is in the manual" {
	for option in $("$agent" --help | grep -o -- '--[a-z-]*' | sort -u); do
		grep -q -- "Fl .*-${option#--}" "$TOP/tools/man/lima-guestagent.8" || { echo "$option is missing"; false; }
	done
}

@test "wrong command lines end with 2 and a hint" {
	for args in "" "start" "daemon x" "daemon --vsock-port x" "daemon --vsock-port -1" "daemon --socket-owner 4294967295" \
		"daemon --nope" "daemon --unix"; do
		# The words are meant to be split.
		# shellcheck disable=SC2086
		run "$agent" $args
		[ "$status" = 2 ] || { echo "'$args': $status $output"; false; }
		[[ $output == *"--help"* ]]
	done
}

@test "a socket path that is too long is refused" {
	fails 2 "longer than 107 bytes" "$agent" daemon --runtime-dir "$run_dir" --unix "/tmp/$(printf 'x%.0s' {1..120})"
}

@test "it is static and at most 100 KiB" {
	[ "$(stat -c %s "$agent")" -le 102400 ]
	run file -b "$agent"
	[[ $output == *"statically linked"* ]]
}

@test "one at a time" {
	start_agent
	fails 75 "another lima-guestagent is running" "$agent" daemon --unix "$sock" --runtime-dir "$run_dir"
	kill -0 "$pid"
}

@test "a socket that a killed one left is replaced" {
	start_agent
	kill -9 "$pid"
	wait "$pid" || true
	fails 1 refused socat -u OPEN:/dev/null "UNIX-CONNECT:$sock"
	"$agent" daemon --unix "$sock" --runtime-dir "$run_dir" --status-file "$BATS_TEST_TMPDIR/status" 3>&- &
	pid=$!
	until_ok socat -u OPEN:/dev/null "UNIX-CONNECT:$sock"
	[ "$(stat -c %a "$sock")" = 600 ]
}

@test "less than 1 MiB resident, few descriptors, nothing to do when idle" {
	start_agent
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	[ "$rss" -lt 1024 ] || { echo "$rss KiB"; false; }
	# It may still be starting, and sockets of everybody on this machine wake it: one of some looks has to find two seconds of sleep.
	for _ in 1 2 3 4 5 6 7 8; do
		before=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
		sleep 2
		after=$(awk '/^voluntary/ { print $2 }' "/proc/$pid/status")
		[ "$before" != "$after" ] || return 0
	done
	echo "woken $((after - before)) times without a host"
	false
}

@test "the protocol, spoken with this binary" {
	for t in test_guestagent test_guestagent_stream; do
		[ -x "$tools/../test/$t" ] || { echo "not built: $tools/../test/$t"; false; }
		LIMA_GUESTAGENT=$agent "$tools/../test/$t" >"$BATS_TEST_TMPDIR/$t.tap" 2>&1 || { grep -A4 '^not ok' "$BATS_TEST_TMPDIR/$t.tap"; false; }
		! grep -q '^not ok' "$BATS_TEST_TMPDIR/$t.tap"
	done
}
