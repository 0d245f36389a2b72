#!/usr/bin/env bats
# lima-render killed at each step that changes the disk, or told there that it failed: the next run completes, no key is ever
# half-made or replaced, nothing is left over.

load ../lib/common

setup() {
	fresh_home
	export LIMA_SHARE=$BATS_TEST_TMPDIR/share DIR=$LIMA_HOME/vm
	mkdir -p "$LIMA_SHARE/boot/boot" "$LIMA_SHARE/boot/util" "$DIR"
	printf '#!/bin/sh\n' >"$LIMA_SHARE/boot/boot.sh"
	printf 'step\n' >"$LIMA_SHARE/boot/boot/01-first.sh"
	printf '\177ELF agent' >"$LIMA_SHARE/lima-guestagent.Linux-x86_64"
	printf 'arch: x86_64\nimages:\n- {location: /a, arch: x86_64}\ncpus: 2\nmemory: 1GiB\ndisk: 5GiB\ntimezone: Etc/UTC\n%s\n' \
		'user: {name: max, uid: 1234, home: /home/max.guest}' >"$DIR/lima.yaml"
}

# Names, modes and contents of what was made, without what is different each time: the keys and what holds them.
made() {
	(cd "$LIMA_HOME" && find . \( -type f -o -type d \) ! -path './_locks*' -printf '%p %m\n' | LC_ALL=C sort &&
		sha256sum vm/.make/*.conf vm/.make/resolved.json vm/.make/vars.mk vm/.make/cidata/boot.sh vm/.make/cidata/network-config)
}

pair_is_whole() { # PRIVATE
	[ "$(ssh-keygen -y -f "$1" </dev/null | cut -d' ' -f1,2)" = "$(cut -d' ' -f1,2 <"$1.pub")" ]
}

# inject CALLS WHAT: runs once with the fault at the 1st, 2nd, ... of these system calls (of ssh-keygen too) until none is hit;
# after each the state must be as after an undisturbed run. BEFORE is run first, AFTER checks more.
inject() {
	local n=0 status=1
	while [ "$status" != 0 ]; do
		n=$((n + 1))
		[ $n -lt 400 ]
		$BEFORE
		status=0
		strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace="$1" -e "inject=$1:$2:when=$n" \
			lima-render --instance "$DIR" >/dev/null 2>"$BATS_TEST_TMPDIR/said" || status=$?
		lima-render --instance "$DIR" || { echo "fault $n of $1: the next run fails"; return 1; }
		diff <(made) "$BATS_TEST_TMPDIR/want" || { echo "fault $n of $1: the state differs"; return 1; }
		pair_is_whole "$LIMA_HOME/_config/user" || { echo "fault $n of $1: user key"; return 1; }
		pair_is_whole "$DIR/ssh_host_ed25519_key" || { echo "fault $n of $1: host key"; return 1; }
		$AFTER
	done
	[ $n -gt "$3" ] || { echo "only $n faults"; return 1; }
}

nothing() { :; }
from_nothing() { rm -rf "$LIMA_HOME/_config" "$LIMA_HOME/_locks" "$DIR"/.make "$DIR"/{ssh_host*,known_hosts,cloud-config.yaml,ansible*}; }

@test "killed at any write or rename while everything is new" {
	lima-render --instance "$DIR"
	made >"$BATS_TEST_TMPDIR/want"
	BEFORE=from_nothing AFTER=nothing
	inject write signal=KILL 20
	inject rename signal=KILL 20
	inject mkdir signal=KILL 4
	inject fsync signal=KILL 8
}

stale() {
	sed -i "s/^cpus:.*/cpus: $((RANDOM % 60 + 3))/" "$DIR/lima.yaml"
	lima-render --instance "$DIR"
	cp "$LIMA_HOME/_config/user" "$DIR/ssh_host_ed25519_key" "$BATS_TEST_TMPDIR"
	echo garbage >"$DIR/.make/cidata/stale"
	sed -i 's/^cpus:.*/cpus: 2/' "$DIR/lima.yaml"
	echo x >>"$DIR/.make/cidata/lima.env"
}

same_keys() { cmp "$LIMA_HOME/_config/user" "$BATS_TEST_TMPDIR/user" && cmp "$DIR/ssh_host_ed25519_key" "$BATS_TEST_TMPDIR/ssh_host_ed25519_key"; }

@test "killed at any write, rename or removal while something changes: the keys stay" {
	lima-render --instance "$DIR"
	made >"$BATS_TEST_TMPDIR/want"
	BEFORE=stale AFTER=same_keys
	inject write signal=KILL 3
	inject rename signal=KILL 3
	inject unlink signal=KILL 0
}

@test "no space, I/O errors: told, and the next run completes" {
	lima-render --instance "$DIR"
	made >"$BATS_TEST_TMPDIR/want"
	BEFORE=stale AFTER=same_keys
	inject write error=ENOSPC 3
	inject fsync error=EIO 3
	inject rename error=EIO 3
}

@test "a failed write is told with the file's name and leaves no temporary file" {
	lima-render --instance "$DIR"
	sed -i 's/^cpus:.*/cpus: 3/' "$DIR/lima.yaml"
	for call in write fsync rename; do
		fails 74 "$DIR/.make/" strace -o /dev/null -e "inject=$call:error=ENOSPC:when=1" lima-render --instance "$DIR"
	done
	[ -z "$(find "$LIMA_HOME" -name '.*.tmp.*')" ]
}

@test "a file system of 64 KiB: an error, no key half-made, everything once there is room" {
	need_namespaces -m
	head -c 100000 /dev/zero >>"$LIMA_SHARE/lima-guestagent.Linux-x86_64"
	cp -r "$LIMA_HOME" "$BATS_TEST_TMPDIR/kept"
	run unshare -m sh -c 'mount -t tmpfs -o size=64k none "$LIMA_HOME" && cp -r "$0"/. "$LIMA_HOME" && chmod 700 "$DIR" &&
		{ lima-render --instance "$DIR"; echo "status $?"; find "$LIMA_HOME" -name ".*.tmp.*" -printf "forgotten: %p\n"
		mount -o remount,size=1m "$LIMA_HOME" && lima-render --instance "$DIR" && echo complete; }' "$BATS_TEST_TMPDIR/kept"
	[ "$status" = 0 ]
	[[ $output == *"No space left"* ]]
	[[ $output == *"status 74"* ]]
	[ "${lines[-1]}" = complete ]
	[[ $output != *"forgotten: "* ]]
}
