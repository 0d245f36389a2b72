#!/usr/bin/env bats
# limactl shell: the command line that reaches ssh, word for word; which instance, which directory, which variables.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
	create x --mount-none
	seem_running x
	recorder ssh 'exit "${SSH_STATUS:-0}"'
}

teardown() {
	end_running
}

# The text for the guest's shell; run with sh -c it shows what the command would get. `cd` and the login shell are left out.
script() { recorded_last ssh; }

# What the words after "limactl shell x" become in the guest: its login shell is played by bash without profiles.
played() {
	printf '#!/usr/bin/python3\nimport os, sys\nos.execvp("bash", ["bash", "-c", sys.argv[-1].replace(" -l", "", 1)])\n' >"$BIN/ssh"
	limactl shell x "$@"
}

@test "ssh gets the instance's configuration, the host and one string" {
	limactl shell x uname -a
	[ "$(recorded ssh | head -n 2 | tr '\n' ' ')" = "-F $LIMA_HOME/x/ssh.config " ]
	[ "$(recorded ssh | tail -n 3 | head -n 2 | tr '\n' ' ')" = "lima-x -- " ]
	[ "$(script)" = "false; exec /bin/bash -l -c 'uname -a'" ]
	recorded ssh | grep -qx -- -oLogLevel=ERROR
	not grep -qz -- '^-t$' "$BATS_TEST_TMPDIR/ssh.argv"
	not grep -qz COLORTERM "$BATS_TEST_TMPDIR/ssh.argv"
}

@test "without a command it is a login shell" {
	limactl shell x
	[ "$(script)" = "false; exec /bin/bash -l" ]
	recorder ssh
	limactl shell x --
	[ "$(script)" = "false; exec /bin/bash -l" ]
}

@test "every nasty argument arrives as it is" {
	local -a nasty=('a b' "it's" '"double"' '$HOME' '`id`' '$(id)' '*' '?' '[a]' '~' '' ' ' $'new\nline' $'tab\there' '\' '\\n' '-x' '--' ';' '&'
		'|' '<' '>' '(' ')' '{a,b}' '!' '#' '%s' '=' '==' 'ümlaut ✓' $'\x01\x1b[0m' "'\"'\"'" "''" 'x=y' 'a'$'\r''b' '日本' "\$'\\n'")
	printf '%s\0' "${nasty[@]}" >want
	played printf '%s\0' "${nasty[@]}" >got
	cmp want got
	for word in "${nasty[@]}"; do
		[ -n "$word" ] || continue
		played printf '<%s>' "$word" >got
		printf '<%s>' "$word" >want
		cmp want got || { echo "word: $word"; false; }
	done
}

@test "leading words with a = set variables, only what follows the = is quoted" {
	[ "$(played FOO='a b' BAR='$x' sh -c 'echo "$FOO|$BAR"')" = 'a b|$x' ]
	recorder ssh
	limactl shell x FOO=bar env X=y
	[ "$(script)" = "false; exec /bin/bash -l -c 'FOO=bar env X=y'" ]
	recorder ssh
	limactl shell x A='1 2' cmd
	[ "$(script)" = "false; exec /bin/bash -l -c 'A='\"'\"'1 2'\"'\"' cmd'" ]
}

@test "flags end at the instance; a -- right behind it vanishes, later ones stay" {
	limactl shell x -- ls -l -- --help
	[ "$(script)" = "false; exec /bin/bash -l -c 'ls -l -- --help'" ]
	recorder ssh
	limactl shell x ls --workdir=/x -h
	[ "$(script)" = "false; exec /bin/bash -l -c 'ls --workdir=/x -h'" ]
	recorder ssh
	limactl shell x -- -- a
	[ "$(script)" = "false; exec /bin/bash -l -c '-- a'" ]
	fails 1 'unknown flag: --bogus' limactl shell --bogus x
}

@test "--instance makes all words the command" {
	limactl shell --instance x ls x
	[ "$(script)" = "false; exec /bin/bash -l -c 'ls x'" ]
	recorder ssh
	limactl shell --instance=x -- -x
	[ "$(script)" = "false; exec /bin/bash -l -c -x" ]
	fails 1 'requires instance name as first argument' limactl shell
}

@test "--shell and --workdir" {
	limactl shell --shell '/bin/my sh' --workdir '/a b' x id
	[ "$(script)" = "cd '/a b' || exit 1; exec '/bin/my sh' -l -c id" ]
	conf x shell=/usr/bin/fish
	recorder ssh
	limactl shell --workdir / x id
	[ "$(script)" = "cd / || exit 1; exec /usr/bin/fish -l -c id" ]
}

@test "a directory that a mount shows is where the command starts; symbolic links are resolved" {
	mkdir -p "$BATS_TEST_TMPDIR/src dir/deep" "$HOME"
	ln -s "$BATS_TEST_TMPDIR/src dir" link
	conf x mounts=2 "mounts.0.location=$WORK/link" "mounts.0.mountPoint=$WORK/link" "mounts.1.location=$HOME" "mounts.1.mountPoint=/guest home"
	cd link/deep
	limactl shell x id
	[ "$(script)" = "cd $WORK/link/deep || cd '/guest home'; exec /bin/bash -l -c id" ]
	cd "$BATS_TEST_TMPDIR"
	recorder ssh
	limactl shell x id
	[ "$(script)" = "cd '/guest home'; exec /bin/bash -l -c id" ]
	conf x mounts=1
	recorder ssh
	limactl shell x id
	[ "$(script)" = "false; exec /bin/bash -l -c id" ]
	mkdir "$BATS_TEST_TMPDIR/src dir2"
	cd "$BATS_TEST_TMPDIR/src dir2"
	recorder ssh
	limactl shell x id
	[ "$(script)" = "false; exec /bin/bash -l -c id" ]
}

@test "--preserve-env hands on all but the blocked variables" {
	run env -i PATH="$PATH" LIMA_HOME="$LIMA_HOME" HOME="$HOME" A=1 "B=x y" SSH_AGENT=1 _X=1 limactl shell --preserve-env x id
	[ "$(script)" = "false; exec env LIMA_HOME=$LIMA_HOME A=1 'B=x y' /bin/bash -l -c id" ]
	recorder ssh
	run env -i PATH="$PATH" LIMA_HOME="$LIMA_HOME" HOME=/h A=1 AB=2 LIMA_SHELLENV_BLOCK='L*, P*, A ,H*' limactl shell --preserve-env x id
	[ "$(script)" = "false; exec env AB=2 /bin/bash -l -c id" ]
	recorder ssh
	run env -i PATH="$PATH" LIMA_HOME="$LIMA_HOME" HOME=/h A=1 SHELL=/s LIMA_SHELLENV_BLOCK='+A,LIMA_*' LIMA_SHELLENV_ALLOW=HO*E,,SHELL \
		limactl shell --preserve-env x id
	[ "$(script)" = "false; exec env HOME=/h SHELL=/s /bin/bash -l -c id" ]
	recorder ssh
	A=1 limactl shell x id
	[ "$(script)" = "false; exec /bin/bash -l -c id" ]
}

@test "a pattern with another character is refused, when it is needed" {
	LIMA_SHELLENV_BLOCK='A,B-C' fails 1 'Invalid LIMA_SHELLENV_BLOCK pattern: pattern `B-C` contains invalid character `-` at position 1' \
		limactl shell --preserve-env x id
	LIMA_SHELLENV_ALLOW='+A' fails 1 'Invalid LIMA_SHELLENV_ALLOW pattern: pattern `+A` contains invalid character `+` at position 0' \
		limactl shell --preserve-env x id
	LIMA_SHELLENV_BLOCK='B-C' limactl shell x id
}

@test "the exit status is ssh's, and nothing is logged" {
	for status in 0 1 2 42 127 254 255; do
		SSH_STATUS=$status run "-$status" limactl shell x id
		[ "$status" = "$status" ]
		[ -z "$output" ]
	done
	SSH_STATUS=42 run limactl shell x id
	[ "$status" = 42 ]
	SSH_STATUS=255 run limactl shell x id
	[ "$status" = 255 ]
}

@test "signals reach ssh: it is the same process" {
	recorder ssh 'echo $$ >"$BATS_TEST_TMPDIR/pid"; exec sleep 60'
	limactl shell x id 3>&- &
	until [ -s "$BATS_TEST_TMPDIR/pid" ]; do :; done
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = $! ]
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" = 143 ]
}

@test "standard streams are ssh's" {
	recorder ssh 'cat; echo err >&2'
	[ "$(echo in | limactl shell x id 2>err)" = in ]
	[ "$(cat err)" = err ]
}

@test "SSH is a command line, COLORTERM is announced" {
	recorder other
	SSH="other -vvv 'a b'" COLORTERM=truecolor limactl shell x id
	[ "$(recorded other | head -n 3 | tr '\n' '|')" = "-vvv|a b|-F|" ]
	recorded other | grep -qx -- -oSendEnv=COLORTERM
	COLORTERM='' limactl shell x id
	recorded ssh | grep -qx -- -oSendEnv=COLORTERM
	SSH="'open" fails 1 SSH limactl shell x id
	SSH=nothing-like-this fails 1 nothing-like-this limactl shell x id
}

@test "on a terminal the guest's side gets one too" {
	on_terminal '' shell x id >/dev/null
	grep -qzx -- -t "$BATS_TEST_TMPDIR/ssh.argv"
}

@test "missing and stopped instances are told apart, with what to do" {
	create y
	fails 1 'instance `nope` does not exist, run `limactl create nope` to create a new instance' limactl shell nope true
	fails 1 'instance `y` is stopped, run `limactl start y` to start the instance' limactl shell y true
	run bash -c 'yes | limactl shell --tty=true y true'
	[ "$status" = 1 ]
	has 'is stopped'
	fails 1 'is stopped' limactl shell --start=false y true
	run on_terminal n shell y true
	[ "$status" = 1 ]
	has 'start the instance now?'
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl shell --start y true
	[ "$status" = 1 ]
	has 'Starting the instance `y`'
	run on_terminal y shell y true
	has 'Starting the instance `y`'
}

@test "a word that is a command of limactl gets a hint, and runs" {
	run limactl shell x start
	[ "$status" = 0 ]
	has 'perhaps you meant `limactl start`'
	[ "$(script)" = "false; exec /bin/bash -l -c start" ]
}

@test "--reconnect closes the connection first; a stale socket is removed" {
	limactl shell --reconnect x id
	[ "$(recorded ssh | grep -c -- '^-F$')" = 1 ]
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$LIMA_HOME/x/ssh.sock"
	recorder ssh 'case $* in *-Oexit*) exit 255 ;; esac'
	run limactl shell --reconnect x id
	[ "$status" = 0 ]
	has 'Exiting ssh session for the instance `x`'
	recorded ssh | grep -qx -- -Oexit
	[ ! -e "$LIMA_HOME/x/ssh.sock" ]
}

@test "--sync copies in, runs there, copies back; a failing command ends it all" {
	mkdir -p a/b
	echo 1 >a/b/file
	recorder rsync
	limactl shell --sync a/b x make
	dir=$(kv_home)$WORK/a/b
	recorded ssh | grep -qx "mkdir -p $dir"
	recorded ssh | grep -qx "cd $dir; exec /bin/bash -l -c make"
	recorded ssh | grep -qx "rm -rf $dir"
	[ "$(recorded rsync | grep -c -- --delete)" = 2 ]
	[ "$(recorded rsync | head -n 8 | tail -n 2 | tr '\n' '|')" = "$WORK/a/b/|lima-x:$dir/|" ]
	[ "$(recorded rsync | tail -n 2 | tr '\n' '|')" = "lima-x:$dir/|$WORK/a/b/|" ]
	recorded rsync | grep -qxF -- "'ssh' '-F' '$LIMA_HOME/x/ssh.config'"
	recorder rsync
	recorder ssh 'case $* in *exec*) exit 7 ;; esac'
	run limactl shell --sync a/b x make
	[ "$status" = 7 ]
	[ "$(recorded rsync | grep -c -- --delete)" = 1 ]
	not grep -qz 'rm -rf' "$BATS_TEST_TMPDIR/ssh.argv"
}

kv_home() { sed -n 's/^home=//p' "$LIMA_HOME/x/.make/agent.conf"; }

@test "--sync refuses mounts, --workdir, shallow and missing directories" {
	mkdir -p a
	fails 1 'must be at least' limactl shell --sync /tmp x true
	fails 1 'nothing' limactl shell --sync a/nothing x true
	fails 1 '--workdir' limactl shell --sync a --workdir /tmp x true
	conf x mounts=1 mounts.0.location=/m mounts.0.mountPoint=/m
	fails 1 'cannot use `--sync` when the instance has host mounts configured, start the instance with `--mount-none` to disable mounts' \
		limactl shell --sync a x true
}

@test "--sync on a terminal asks: no changes, yes, no, view" {
	mkdir -p a/b
	echo 1 >a/b/file
	recorder rsync
	run on_terminal '' shell --sync a/b x make
	[ "$status" = 0 ]
	has 'No changes detected'
	recorder rsync 'case " $* " in *" -n "*) echo ">f file" ;; esac'
	run on_terminal 2 shell --sync a/b x make
	[ "$status" = 0 ]
	[ "$(recorded rsync | grep -c -- --no-owner)" = 1 ]
	recorder rsync 'case " $* " in *" -n "*) echo ">f file" ;; *" lima-x:"*/lima-sync-*) echo 2 >"${*: -1}/file" ;; esac'
	PAGER=cat run on_terminal '3\n1' shell --sync a/b x make
	[ "$status" = 0 ]
	has '+2'
	[ "$(recorded rsync | grep -c -- --no-owner)" = 3 ]
}
