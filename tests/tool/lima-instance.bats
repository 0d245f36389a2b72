#!/usr/bin/env bats
# lima-instance: names, messages and protection, without any machine.

load ../lib/common

setup() {
	fresh_home
}

# An instance as `create` leaves it, as far as these tests need one.
fake_instance() {
	mkdir -p "$LIMA_HOME/$1/.make"
	echo '{}' >"$LIMA_HOME/$1/lima.yaml"
	printf '%s\n' "name=$1" arch=x86_64 cpus=2 memory=1073741824 disk=10737418240 shell=/bin/bash mounts=0 \
		ssh.address=127.0.0.1 disks=0 >"$LIMA_HOME/$1/.make/agent.conf"
}

@test "names that are not valid are refused before anything is touched" {
	long=$(printf 'a%.0s' {1..100})
	for name in ../x . .. "a b" "" "$long" .hidden -- _config a/b "x;touch y" a..b a. -rf 'x$(id)' $'a\nb' "ümlaut" a.yaml B.YML; do
		for verb in create start stop status shell delete logs restart protect; do
			run lima-instance $verb --quiet -- "$name"
			[ "$status" = 2 ] || { echo "$verb '$name': $status $output"; false; }
			[ "${#lines[@]}" -le 2 ]
		done
	done
	[ ! -e "$LIMA_HOME" ]
}

@test "names that are valid pass: the answer is that there is no such instance" {
	for name in a A1 a.b a_b a-b 0 a1.b2-c3_d4 Default; do
		fails 1 "there is no instance '$name'" lima-instance status "$name"
	done
}

@test "a socket path over the limit is refused with the numbers" {
	export LIMA_HOME=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..90})
	fails 2 "must have fewer than 108" lima-instance create a
	[ ! -e "$LIMA_HOME" ]
}

@test "the limit is exact: 81 bytes of instance directory are allowed, 82 are not" {
	base=/tmp/l.$$
	room=$((81 - ${#base} - 1 - 2))
	export LIMA_HOME=$base/$(printf 'y%.0s' $(seq $room))
	fails 1 "there is no instance" lima-instance status a
	fails 2 "would have 108 characters" lima-instance status ab
}

@test "a LIMA_HOME that ssh cannot carry is refused, one with blanks and accents is not" {
	for home in relative $'/tmp/a\nb' '/tmp/a"b' '/tmp/a\b' '/tmp/${x}'; do
		LIMA_HOME=$home fails 2 "LIMA_HOME" lima-instance list
	done
	LIMA_HOME="$BATS_TEST_TMPDIR/ü b %h#" lima-instance list
}

@test "without HOME and LIMA_HOME the message says what to set" {
	fails 2 "neither LIMA_HOME nor HOME" env -u HOME -u LIMA_HOME "$(command -v lima-instance)" list
}

@test "list shows instances in order, skips what is none, and prints JSON lines" {
	fake_instance beta
	fake_instance alpha
	mkdir -p "$LIMA_HOME/_config" "$LIMA_HOME/.hidden" "$LIMA_HOME/empty"
	run --separate-stderr lima-instance list
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[0]} == NAME*STATUS*SSH*VMTYPE*ARCH*CPUS*MEMORY*DISK*DIR ]]
	[[ ${lines[1]} == alpha*Stopped*-*qemu*x86_64*2*1GiB*10GiB* ]]
	[[ ${lines[2]} == beta* ]]
	lima-instance list --json | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert [r["name"] for r in rows] == ["alpha", "beta"]
assert rows[0]["hostname"] == "lima-alpha" and rows[0]["status"] == "Stopped"
assert rows[0]["memory"] == 1 << 30 and rows[0]["cpus"] == 2'
}

@test "status of a stopped instance tells where things are" {
	fake_instance a
	run lima-instance status a
	[ "$status" = 0 ]
	[[ $output == *"status:    Stopped"* ]]
	[[ $output == *"$LIMA_HOME/a"* ]]
}

@test "stop of a stopped instance is fine, shell into one is not" {
	fake_instance a
	lima-instance stop a
	fails 1 "is not running" lima-instance shell a
}

@test "a protected instance is not deleted without force" {
	fake_instance a
	lima-instance protect a
	[ "$(stat -c %a "$LIMA_HOME/a/protected")" = 400 ]
	fails 1 "is protected" lima-instance delete a
	[ -e "$LIMA_HOME/a/lima.yaml" ]
	lima-instance unprotect a
	lima-instance delete a
	[ ! -e "$LIMA_HOME/a" ]
	fake_instance b
	lima-instance protect b
	lima-instance delete --force b
	[ ! -e "$LIMA_HOME/b" ]
}

@test "delete does not follow links out of the instance and keeps data disks" {
	fake_instance a
	mkdir -p "$BATS_TEST_TMPDIR/precious" "$LIMA_HOME/_disk/d"
	echo x >"$BATS_TEST_TMPDIR/precious/file"
	echo y >"$LIMA_HOME/_disk/d/datadisk"
	ln -s "$LIMA_HOME/a" "$LIMA_HOME/_disk/d/in_use_by"
	ln -s "$BATS_TEST_TMPDIR/precious" "$LIMA_HOME/a/link"
	sed -i 's/^disks=0/disks=1/' "$LIMA_HOME/a/.make/agent.conf"
	printf 'disks.0.name=d\ndisks.0.dir=%s\n' "$LIMA_HOME/_disk/d" >>"$LIMA_HOME/a/.make/agent.conf"
	lima-instance delete a
	[ "$(cat "$BATS_TEST_TMPDIR/precious/file")" = x ]
	[ "$(cat "$LIMA_HOME/_disk/d/datadisk")" = y ]
	[ ! -L "$LIMA_HOME/_disk/d/in_use_by" ]
}

@test "delete of a missing instance is not an error; of a folder without lima.yaml it is" {
	lima-instance delete nothing
	mkdir -p "$LIMA_HOME/odd"
	fails 1 "there is no instance" lima-instance delete odd
	[ -d "$LIMA_HOME/odd" ]
}

@test "delete leaves a disk that another instance uses marked" {
	fake_instance a
	mkdir -p "$LIMA_HOME/_disk/d"
	ln -s "$LIMA_HOME/other" "$LIMA_HOME/_disk/d/in_use_by"
	sed -i 's/^disks=0/disks=1/' "$LIMA_HOME/a/.make/agent.conf"
	printf 'disks.0.name=d\ndisks.0.dir=%s\n' "$LIMA_HOME/_disk/d" >>"$LIMA_HOME/a/.make/agent.conf"
	lima-instance delete a
	[ -L "$LIMA_HOME/_disk/d/in_use_by" ]
}

@test "a second command waits for the first and says for whom" {
	fake_instance a
	mkdir -p "$LIMA_HOME/_locks"
	flock "$LIMA_HOME/_locks/a" sh -c 'echo $$ >"$0"; sleep 1' "$LIMA_HOME/_locks/a" &
	until [ -s "$LIMA_HOME/_locks/a" ]; do :; done
	run lima-instance delete a
	[ "$status" = 0 ]
	[[ $output == *"waiting for process"* ]]
	wait
}

@test "stale files of a dead host agent do not make an instance look alive" {
	fake_instance a
	echo 1 >"$LIMA_HOME/a/ha.pid"
	echo 1 >"$LIMA_HOME/a/qemu.pid"
	python3 - "$LIMA_HOME/a" <<'PY'
import socket, sys
for name in ("ha.sock", "qmp.sock"):
    socket.socket(socket.AF_UNIX).bind(sys.argv[1] + "/" + name)
PY
	run lima-instance status a
	[[ $output == *"status:    Stopped"* ]]
}

@test "wrong usage ends with 2" {
	fails 2 "expected a verb" lima-instance
	fails 2 "expected a verb" lima-instance fly
	fails 2 "see 'lima-instance --help'" lima-instance start --nonsense
	fails 2 "TIMEOUT" lima-instance start --timeout 0 a
	fails 2 "TIMEOUT" lima-instance start --timeout 10x a
	lima-instance --help | grep -q protect
	lima-instance --version
}
