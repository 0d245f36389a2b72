# hostagent - for tests of lima-hostagent: an instance directory, a QEMU that plays on cue, an ssh that only notes.
# shellcheck shell=bash disable=SC2013,SC2119,SC2120

# What a file does that has no setup of its own.
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

# An instance directory with a blank and non-ASCII characters in its name; it becomes the working directory.
make_instance() {
	export DIR="$BATS_TEST_TMPDIR/in stänce"
	mkdir -p "$DIR/.make" "$BATS_TEST_TMPDIR/bin"
	cd "$DIR" || return
	conf name=t hostname=lima-t version=2 user=lima plain=false ssh.address=127.0.0.1 ssh.localPort=0 ssh.identities=0 \
		mountType=9p mounts=0 probes=0
	qemu
	cat >"$BATS_TEST_TMPDIR/bin/ssh" <<'END'
#!/bin/sh
# Notes its arguments; what it does is in the file ssh.does, if there is one.
printf '%s\n' "ssh $*" >>ssh.log
[ ! -e ssh.does ] || . ./ssh.does
exit 0
END
	chmod +x "$BATS_TEST_TMPDIR/bin/ssh"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	AGENTS=
}

# Lines of agent.conf, added or replaced.
conf() {
	local kv
	touch .make/agent.conf
	for kv; do
		grep -vF -- "${kv%%=*}=" .make/agent.conf >.make/agent.conf.new || :
		printf '%s\n' "$kv" >>.make/agent.conf.new
		mv .make/agent.conf.new .make/agent.conf
	done
}

# The QEMU of the instance, with further options.
qemu() {
	printf '%s\n' "$FAKE_QEMU" -pidfile qemu.pid "$@" >qemu.argv
}

# Starts the host agent; AGENT is its pid. Waits until it has said whether the start went well (file notify).
agent() {
	rm -f notify
	: >>ha.stderr.log
	lima-hostagent --debug --notify-fd 9 "$@" "$DIR" >ha.stdout.log 2>>ha.stderr.log 9>notify 3>&- &
	AGENT=$!
	AGENTS="$AGENTS $AGENT"
	until_ok test -s notify
}

# What until_ok shows when it gives up.
in_vain() {
	info || true
	tail -n 30 ha.stdout.log ha.stderr.log
}

cue() {
	until_ok test -p cue
	printf '%s\n' "$1" >cue
}

event() { grep -F -- "$1" ha.stdout.log; }
until_event() { until_ok event "$1"; }
info() { curl -sS --max-time 10 --unix-socket ha.sock "http://lima-hostagent/v1/info"; }
info_has() { info | grep -F -- "$1"; }
qemu_starts() { grep -c '^start$' fake.log; }
qemu_pid() { info | sed 's/.*"qemu":{"pid":\([0-9]*\).*/\1/'; }
# shellcheck disable=SC2317
gone() { ! kill -0 "$1" 2>/dev/null; }

# The guest comes up without any trouble.
guest_boots() {
	cue "boot ${1:-b1}"
	cue "status begin\\t${1:-b1}\\tnative\\nssh-ready\\n"
	cue sshd
	cue 'status done\t0\n'
}

ready() {
	agent "$@"
	guest_boots
	until_event '"running":true'
}

# The host agent ends by itself, with this exit status.
ends() {
	local s=0
	until_ok gone_or_zombie "$AGENT"
	wait "$AGENT" || s=$?
	[ "$s" = "$1" ] || { echo "the host agent ended with status $s"; tail -n 20 ha.stdout.log ha.stderr.log; return 1; }
}
gone_or_zombie() { ! grep -q '^State:	[^Z]' "/proc/$1/status"; }

stop_all() {
	local pid
	for pid in $AGENTS; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	# One that was taken over stands in its pid file only.
	for pid in $(sed -n 's/.*QEMU runs as process \([0-9]*\).*/\1/p' ha.stderr.log 2>/dev/null) $(cat qemu.pid 2>/dev/null); do
		[ "$(readlink "/proc/$pid/exe")" != "$FAKE_QEMU" ] || kill -KILL "$pid"
	done
}
