#!/usr/bin/env bats
# An instance that systemd starts at login: start and stop go through systemctl, delete removes the unit. systemctl is a script that
# does what the user's manager would with the one unit.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/common
load ../lib/machine
load ../lib/hostagent

setup() {
	machine_home
	recorder ssh
	export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	create one --containerd=none --mount-none
	DIR=$LIMA_HOME/one
	UNIT=$XDG_CONFIG_HOME/systemd/user/lima-vm@one.service
	mkdir -p "$(dirname "$UNIT")"
	touch "$UNIT"
	cat >"$BIN/systemctl" <<-'SCRIPT'
		#!/bin/sh
		cd "$BATS_TEST_TMPDIR" || exit
		echo "$*" >>said
		runs() { [ -e active ] && grep -q '^State:.[^Z]' "/proc/$(cat active)/status" 2>/dev/null; }
		case $2 in
		start)
			setsid sh -c 'export SYSTEMD_EXEC_PID=$$; exec limactl start one --foreground' </dev/null >unit.log 2>&1 3>&- &
			echo $! >active
			;;
		is-active) runs ;;
		stop)
			kill -TERM "$(cat active)"
			[ "$3" = --no-block ] || while runs; do sleep 0.05; done
			;;
		esac
	SCRIPT
	chmod +x "$BIN/systemctl"
	printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >"$DIR/cues"
}

teardown() {
	rm -f "$UNIT"
	limactl stop -f one 2>/dev/null || :
	end_running
}

@test "start and stop go through systemd" {
	run --separate-stderr timeout 60 limactl start one
	[ "$status" = 0 ] || { echo "$stderr"; cat "$BATS_TEST_TMPDIR/unit.log" "$DIR/ha.stderr.log"; false; }
	[[ $stderr == *"READY. Run"* ]]
	grep -qx -- '--user start lima-vm@one.service' "$BATS_TEST_TMPDIR/said"
	[ "$(cat "$DIR/ha.pid")" = "$(cat "$BATS_TEST_TMPDIR/active")" ]
	[ "$(limactl list --format '{{.AutoStartedIdentifier}}' one)" = lima-vm@one.service ]
	run --separate-stderr timeout 60 limactl stop one
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[[ $stderr == *"The instance one has shut down"* ]]
	grep -qx -- '--user stop lima-vm@one.service' "$BATS_TEST_TMPDIR/said"
	[ "$(limactl list --format '{{.Status}}' one)" = Stopped ]
}

@test "a forced stop tells systemd, so that it does not start it again; delete removes the unit" {
	timeout 60 limactl start one
	run --separate-stderr timeout 60 limactl delete -f one
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	grep -qx -- '--user stop --no-block lima-vm@one.service' "$BATS_TEST_TMPDIR/said"
	grep -qx -- '--user disable lima-vm@one.service' "$BATS_TEST_TMPDIR/said"
	[ ! -e "$UNIT" ]
	[ ! -e "$DIR" ]
}

@test "a machine that was started by hand is stopped by hand" {
	rm "$UNIT"
	timeout 60 limactl start one
	touch "$UNIT"
	[ "$(limactl list --format '{{.AutoStartedIdentifier}}' one)" = "" ]
	run --separate-stderr timeout 60 limactl stop one
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[[ $stderr == *"Sending SIGINT to hostagent process"* ]]
	! grep -q -- '--user stop' "$BATS_TEST_TMPDIR/said"
}

@test "a unit that ends at once is an error with the way to its log" {
	printf '#!/bin/sh\n[ "$2" != is-active ]\n' >"$BIN/systemctl"
	run timeout 60 limactl start one
	[ "$status" = 1 ]
	[[ $output == *'the unit of `one` ended (hint: see `journalctl --user -u lima-vm@one.service`)'* ]]
	printf '#!/bin/sh\necho "no such bus" >&2\nexit 4\n' >"$BIN/systemctl"
	run timeout 60 limactl start one
	[ "$status" = 1 ]
	[[ $output == *'failed with status 4: no such bus'* ]]
}
