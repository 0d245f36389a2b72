# machines - for tests of whole verbs without a guest: the real tools, around tests/lib/fake-qemu.c and an ssh that succeeds.
# shellcheck shell=bash disable=SC2034

# The programs, once for a bats file: fake-qemu, and a "QEMU" in front of it that answers lima-probe and lets the guest boot.
build_machines() {
	build_fake_qemu
	mkdir "$BATS_FILE_TMPDIR/bin"
	cat >"$BATS_FILE_TMPDIR/bin/qemu" <<-'END'
		#!/bin/sh
		case "$*" in
		*--version*) echo "QEMU emulator version 7.2.1 (Fake)" ;;
		*-accel\ help*) printf 'Accelerators supported in QEMU binary:\ntcg\n' ;;
		*-netdev\ help*) printf 'Available netdev backend types:\nsocket\nstream\nuser\n' ;;
		*-cpu\ help*) printf 'Available CPUs:\nx86 max  all\n\nRecognized CPUID flags:\n  aes\n' ;;
		*-machine\ help*) printf 'Supported machines are:\nnone  empty\nq35  PC\nvirt  ARM\n' ;;
		*)
			echo "$$ $PWD" >>"$STARTS"
			printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >cues
			exec "$FAKE_QEMU" --disk diffdisk "$@"
			;;
		esac
	END
	printf '#!/bin/sh\nexit 0\n' >"$BATS_FILE_TMPDIR/bin/ssh"
	chmod +x "$BATS_FILE_TMPDIR/bin/qemu" "$BATS_FILE_TMPDIR/bin/ssh"
	mke2fs -q -F "$BATS_FILE_TMPDIR/image.raw" 32M
	# How they are found, by each test after fresh_home.
	export MACHINES=$BATS_FILE_TMPDIR
}

# A template without network, and the environment in which it starts.
use_machines() {
	export PATH=$MACHINES/bin:$PATH STARTS=$BATS_TEST_TMPDIR/starts LIMA_ACCEL=tcg ACCEL=tcg
	export QEMU_SYSTEM_X86_64=$MACHINES/bin/qemu QEMU_SYSTEM_AARCH64=$MACHINES/bin/qemu
	cd "$BATS_TEST_TMPDIR" || return
	: >"$STARTS"
	printf 'images:\n- location: %s\nmounts: []\ncontainerd: {system: false, user: false}\ndisk: 1GiB\ncpus: 1\nmemory: 256MiB\n' \
		"$MACHINES/image.raw" >t.yaml
	TEMPLATE=$PWD/t.yaml
}

# Pids of the machines that run, all or those of one instance.
# shellcheck disable=SC2120,SC2013
machines() {
	local pid
	for pid in $(cut -d' ' -f1 "$STARTS" | sort -u); do
		[ "$(readlink "/proc/$pid/exe")" != "$FAKE_QEMU" ] || [[ ${1-} && $(readlink "/proc/$pid/cwd") != "$LIMA_HOME/$1" ]] || echo "$pid"
	done
}

kill_machines() {
	local pid file
	for file in "$LIMA_HOME"/*/ha.pid; do
		[ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || :
	done
	for pid in $(machines); do kill -KILL "$pid"; done
}
