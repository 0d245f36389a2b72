#!/usr/bin/env bats
# The server of reverse-sshfs where it cannot be confined to its folder. An ssh and a QEMU that play.

load ../lib/common
load ../lib/hostagent

setup() {
	fresh_home
	make_instance
	# Without the libraries that ldd tells of, nothing can be run in the confinement.
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/ldd"
	chmod +x "$BATS_TEST_TMPDIR/bin/ldd"
	# A sshfs that ends when its server does.
	echo 'case $* in *slave,*) cat >/dev/null; exit 1 ;; *"until grep"*) [ -e appears ] ;; esac || exit 1' >ssh.does
	conf mounts=1 "mounts.0.location=$PWD/shared" mounts.0.mountPoint=/m mounts.0.writable=true
}

servers() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" = sftp-server ] && tr '\0' '\n' <"$p/cmdline" | grep -qxF "$PWD/shared" && echo "${p#/proc/}"
	done
	return 0
}

@test "the user asked for reverse-sshfs: it is served all the same, with a warning" {
	conf mountType=reverse-sshfs
	touch appears
	ready
	until_ok info_has '"confined":false'
	until_ok info_has '"state":"mounted"'
	until_ok test -n "$(servers)"
	grep -q '"level":"warning".*sftp-server cannot be confined to the mounted folders' ha.stderr.log
}

@test "a guest that makes a mount fall back gets no server that is not confined" {
	conf mountType=9p
	agent
	cue 'boot b1'
	cue 'status begin\tb1\tnative\nmount\t0\t9p\nssh-ready\n'
	cue sshd
	cue 'status done\t0\n'
	until_ok info_has '"state":"failed"'
	until_ok info_has 'does not stand in for another type'
	[ -z "$(servers)" ]
	until_event '"degraded":true'
}

@test "a folder that is gone does not unlock the server" {
	rm "$BATS_TEST_TMPDIR/bin/ldd"
	conf mountType=reverse-sshfs
	agent
	rmdir shared
	guest_boots
	until_ok info_has '"state":"failed"'
	info_has '"confined":true'
	[ -z "$(servers)" ]
}
