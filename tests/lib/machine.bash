# machine - for tests of limactl without a guest: templates with a local image, rules that need no QEMU, machines that only seem to run,
# and programs that note how they were called.
# shellcheck shell=bash disable=SC2154

# fake_make FILE: a make that does as much of mk/instance.mk as needs no QEMU.
fake_make() {
	cat >"$1" <<'END'
#!/bin/sh
# -C DIR, and the goal, which is the last argument.
for arg; do [ "$last" != -C ] || dir=$arg; last=$arg; done
goal=$last
echo "$goal" >>"$BATS_TEST_TMPDIR/made"
[ ! -e "$BATS_TEST_TMPDIR/make.fails" ] || { echo "lima-fetch: this image cannot be had" >&2; exit 2; }
cd "$dir" && "$LIMA_BIN"/lima-render --instance . || exit
[ -e basedisk ] || echo image >basedisk
[ -e diffdisk ] || echo data >diffdisk
printf '%s\n' "${FAKE_QEMU:-/nonexistent}" -pidfile qemu.pid >qemu.argv
END
	chmod +x "$1"
}

# A home whose instances are made from a small local image, by rules that only render.
machine_home() {
	fresh_home
	unset SSH LIMACTL LIMA_SHELLENV_BLOCK LIMA_SHELLENV_ALLOW COLORTERM VISUAL EDITOR PAGER _LIMA_OUTPUT_IS_TTY
	export BIN=$BATS_TEST_TMPDIR/bin WORK=$BATS_TEST_TMPDIR/work IMAGE=$BATS_TEST_TMPDIR/image.raw
	mkdir -p "$BIN" "$WORK" "$LIMA_HOME/_templates"
	truncate -s 1M "$IMAGE"
	printf 'images:\n- location: %s\n' "$IMAGE" >"$LIMA_HOME/_templates/default.yaml"
	fake_make "$BIN/make"
	export LIMA_MAKE=$BIN/make
	PATH=$BIN:$PATH
	RUNNING=
	cd "$WORK" || return
}

# create NAME [FLAG...]: an instance made from the default template.
create() { limactl --tty=false create --log-level=error --name="$1" "${@:2}" template:default; }

# Lines for the agent.conf of an instance, added or replaced.
conf() {
	local file=$LIMA_HOME/$1/.make/agent.conf kv
	for kv in "${@:2}"; do
		grep -vF -- "${kv%%=*}=" "$file" >"$file.new" || :
		printf '%s\n' "$kv" >>"$file.new"
		mv "$file.new" "$file"
	done
}

# The instance seems to run: its lock is held, by a process that end_running ends.
seem_running() {
	printf 'Host %s\n  Port 60022\n' "lima-$1" >"$LIMA_HOME/$1/ssh.config"
	python3 - "$LIMA_HOME/$1/ha.pid" 3>&- <<'PY' &
import fcntl, os, signal, sys
f = open(sys.argv[1], "w")
fcntl.flock(f, fcntl.LOCK_EX)
print(os.getpid(), file=f, flush=True)
signal.pause()
PY
	RUNNING="$RUNNING $!"
	until [ -s "$LIMA_HOME/$1/ha.pid" ]; do :; done
}

end_running() {
	local pid
	for pid in $RUNNING; do
		kill "$pid" 2>/dev/null || :
	done
	RUNNING=
}

# recorder NAME [SHELL COMMANDS]: a program that notes its arguments, NUL-ended, in NAME.argv, and then does what is told.
recorder() {
	printf '#!/bin/bash\nprintf "%%s\\0" "$@" >>"%s"\n%s\n' "$BATS_TEST_TMPDIR/$1.argv" "${2:-}" >"$BIN/$1"
	chmod +x "$BIN/$1"
	rm -f "$BATS_TEST_TMPDIR/$1.argv"
}

# The arguments of a recorder, one a line; newlines in them as \n.
recorded() { tr '\n\0' '\v\n' <"$BATS_TEST_TMPDIR/$1.argv" | sed 's/\v/\\n/g'; }
# One of them, by its number from the end (1 = the last).
recorded_last() { recorded "$1" | tail -n "${2:-1}" | head -n 1; }

# has TEXT: the output of `run` contains it.
has() {
	[[ $output == *"$1"* ]] || { echo "no '$1' in:"; echo "$output"; return 1; }
}

# on_terminal ANSWERS FLAG...: limactl on a terminal of its own; the answers (\n between them) are typed.
on_terminal() {
	local answers=$1
	shift
	python3 - "$answers" limactl "$@" <<'PY'
import os, pty, sys
answers = sys.argv[1].replace("\\n", "\n") + "\n"
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
os.write(fd, answers.encode())
try:
    while data := os.read(fd, 4096):
        os.write(1, data)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}
