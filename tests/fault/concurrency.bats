#!/usr/bin/env bats
# Many commands at once on one machine and on several, through make as a user types them. LOOPS=SECONDS: how long the loops
# of the second test run (default 20).

load ../lib/common
load ../lib/hostagent
load ../lib/machines

setup_file() {
	build_machines
}

setup() {
	export O=${O:-$TOP/build}
	fresh_home
	use_machines
}

teardown() {
	kill_machines
}

lima() { make -s --no-print-directory -C "$TOP" O="$O" TEMPLATE="$PWD/t.yaml" "$@"; }

@test "case 48: twenty starts of one instance at once: each succeeds, one QEMU" {
	for i in $(seq 20); do
		lima INSTANCE=a start >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p" || { cat out.*; false; }; done
	[ "$(wc -l <"$STARTS")" = 1 ]
	[ "$(machines | wc -l)" = 1 ]
	run lima INSTANCE=a start
	[[ $output == *"already running"* ]]
	lima INSTANCE=a stop
	[ -z "$(machines)" ]
}

# Repeats a verb until the time is over; notes each status, and the whole output of those that are not expected.
loop() {
	local end=$1 verb=$2 n=0 status
	shift 2
	while [ "$SECONDS" -lt "$end" ]; do
		status=0
		lima INSTANCE=a "$@" "$verb" >"out.$verb" 2>&1 || status=$?
		# make itself ends with 2; the tool's own status is in its last lines.
		[ "$status" = 0 ] || status=$(sed -n 's/.*Error \([0-9]*\)$/\1/p' "out.$verb" | tail -n 1)
		n=$((n + 1))
		echo "$verb $status" >>statuses
		case $status in
		0 | 1 | 75) ;;
		*) { echo "--- $verb $status"; cat "out.$verb"; } >>unexpected ;;
		esac
	done
	[ "$n" -gt 0 ]
}

@test "case 48: start, stop and delete in loops: never two QEMUs, no lost lock, and the last command wins" {
	end=$((SECONDS + ${LOOPS:-20}))
	: >statuses
	: >unexpected
	loop "$end" start 3>&- &
	pids=($!)
	loop "$end" stop 3>&- &
	pids+=($!)
	loop "$end" delete FORCE=1 3>&- &
	pids+=($!)
	while [ "$SECONDS" -lt "$end" ]; do
		[ "$(machines | wc -l)" -le 1 ] || { machines; ps -ef | grep fake-qemu; false; }
		sleep 0.1
	done
	for p in "${pids[@]}"; do wait "$p"; done
	sort statuses | uniq -c
	[ ! -s unexpected ] || { cat unexpected; false; }
	# Each verb has done its work at least once.
	for verb in start stop delete; do grep -qx "$verb 0" statuses; done
	lima INSTANCE=a start
	[ "$(machines | wc -l)" = 1 ]
	lima INSTANCE=a FORCE=1 delete
	[ -z "$(machines)" ]
	[ ! -e "$LIMA_HOME/a" ]
	[ -z "$(find "$LIMA_HOME" -name '*.tmp*')" ]
}

# A project of somebody else, with machines as prerequisites and much to do beside them.
project() {
	sed 's/^>/\t/' >Makefile <<-'END'
		include $(TOP)/mk/lima.mk
		NAMES := a b c d
		WORK := $(addprefix work-,1 2 3 4 5 6 7 8 9 10 11 12)
		$(foreach n,$(NAMES),$(eval $(call lima_instance,$(n),$(CURDIR)/t.yaml,--cpus 2)))
		.PHONY: all clean watch $(WORK) $(addprefix test-,$(NAMES))
		all: $(addprefix test-,$(NAMES)) $(WORK)
		$(addprefix test-,$(NAMES)): test-%: lima-%
		>@lima-instance status $* >status.$*
		$(WORK):
		>@$(MAKE) -s -f /dev/null --version >$@
		# The pipes that a job has: its output and the job server.
		watch:
		>+@readlink /proc/self/fd/* | grep ^pipe: >pipes; readlink /proc/$$PPID/fd/* | grep ^pipe: >>pipes
		clean: $(addprefix lima-,$(addsuffix -delete,$(NAMES)))
	END
}

# Nothing that stays behind holds a pipe of the command that started it: not its output, not a job server.
no_pipes() {
	local pid fd
	for pid in $(machines) $(cat "$LIMA_HOME"/*/ha.pid); do
		for fd in /proc/"$pid"/fd/*; do
			! grep -qxF "$(readlink "$fd")" pipes || { echo "process $pid ($(tr '\0' ' ' </proc/"$pid"/cmdline)) holds $fd"; return 1; }
		done
	done
}

@test "case 50: make -j8 of goals and instances, piped to tee: no hang, no pipe is held, the order does not matter" {
	project
	shuffles=("")
	! make --help | grep -q -- --shuffle || shuffles+=(--shuffle=reverse --shuffle=random)
	for shuffle in "${shuffles[@]}"; do
		# tee ends when nobody can write any more; a daemon with the pipe would keep it, and us, until the timeout.
		timeout 60 bash -o pipefail -c 'make -j8 TOP="$TOP" $0 watch all 2>&1 | timeout 60 tee out >/dev/null' \
			"${shuffle:---no-print-directory}" 3>&- || { cat out; false; }
		[ "$(machines | wc -l)" = 4 ]
		[ -s pipes ]
		no_pipes
		for n in a b c d; do grep -q Running "status.$n"; done
		# All there: nothing is started again.
		timeout 60 make -j8 TOP="$TOP" all 3>&- | timeout 60 cat >/dev/null
		[ "$(wc -l <"$STARTS")" = 4 ]
		timeout 60 make -j8 TOP="$TOP" clean 3>&- | timeout 60 cat >/dev/null
		[ -z "$(machines)" ]
		: >"$STARTS"
	done
}

@test "case 50: several verbs of several machines in our own Makefile's jobs" {
	lima INSTANCE=a create 3>&-
	timeout 60 bash -o pipefail -c 'make -s -j8 -C "$TOP" O="$O" INSTANCE=a start status list validate 2>&1 | timeout 60 tee out >/dev/null' 3>&-
	grep -q READY out
	for n in b c; do lima -j4 INSTANCE=$n start 2>&1 3>&- | timeout 60 cat >"out.$n" & pids+=($!); done
	for p in "${pids[@]}"; do wait "$p"; done
	[ "$(machines | wc -l)" = 3 ]
	for n in a b c; do lima -j4 INSTANCE=$n stop; done
	[ -z "$(machines)" ]
}

@test "a QEMU that was killed a moment ago is not taken for a running one, whatever the host agent knows yet" {
	lima INSTANCE=a start 3>&-
	for _ in 1 2 3 4 5; do
		agent=$(cat "$LIMA_HOME/a/ha.pid")
		kill -KILL "$(machines)"
		lima INSTANCE=a start >out 2>&1 3>&- || { cat out; false; }
		grep -q READY out
		[ "$(machines | wc -l)" = 1 ]
		[ "$(cat "$LIMA_HOME/a/ha.pid")" != "$agent" ]
	done
}
