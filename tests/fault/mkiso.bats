#!/usr/bin/env bats
# lima-mkiso under faults: a full disk, unreadable files, files that change, a kill at any moment.

load ../lib/common

setup() {
	fresh_home
	unset SOURCE_DATE_EPOCH
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p t/boot
	seq 1 100000 >t/big
	echo small >t/boot/small
	# ASan's exit-time leak check cannot run under a tracer.
	export ASAN_OPTIONS=detect_leaks=0
	lima-mkiso -o want.iso t
	echo old >x.iso
}

# How often a traced lima-mkiso calls this.
count() {
	strace -f -qq -o calls -e "trace=$1" lima-mkiso -o y.iso t
	rm y.iso
	grep -c "$1(" calls
}

clean() {
	[ "$(cat x.iso)" = old ]
	[ -z "$(find . -name '.x.iso*')" ]
}

@test "no space at any write: 74, the name, the reason, nothing changed" {
	n=$(count write)
	[ "$n" -ge 3 ]
	for i in $(seq 1 "$n"); do
		fails 74 "cannot write x.iso: No space left on device" \
			strace -f -qq -o /dev/null -e "inject=write:error=ENOSPC:when=$i" lima-mkiso -o x.iso t
		clean
	done
}

@test "an error from fsync, fchmod, close or rename is reported" {
	fails 74 "Input/output error" strace -f -qq -o /dev/null -e inject=fsync:error=EIO lima-mkiso -o x.iso t
	clean
	fails 74 "Operation not permitted" strace -f -qq -o /dev/null -e inject=fchmod:error=EPERM lima-mkiso -o x.iso t
	clean
	fails 73 "Read-only file system" strace -f -qq -o /dev/null -e inject=rename:error=EROFS lima-mkiso -o x.iso t
	clean
}

@test "a full file system of 64 KiB" {
	[ "$(id -u)" = 0 ] || skip "mounting needs root"
	mkdir small
	mount -t tmpfs -o size=64k none small
	echo old >small/x.iso
	run lima-mkiso -o small/x.iso t
	content=$(cat small/x.iso)
	left=$(find small -type f | wc -l)
	umount small
	[ "$status" = 74 ]
	[[ $output == *"small/x.iso: No space left on device"* ]]
	[ "$content" = old ]
	[ "$left" = 1 ]
}

@test "a file that cannot be read, or ends early, is an error and never zeros" {
	size=$(stat -c %s t/big)
	# The reads of the content, in the library's thread; its first is t/big's.
	strace -f -qq -P "$PWD/t/big" -P t/big -o calls -e trace=read lima-mkiso -o y.iso t
	n=$(grep -c 'read(' calls)
	[ "$n" -ge 2 ]
	for i in 1 "$n"; do
		fails 74 "t/big: Input/output error" \
			strace -f -qq -P "$PWD/t/big" -o /dev/null -e "inject=read:error=EIO:when=$i" lima-mkiso -o x.iso t
		clean
		fails 74 "t/big changed while it was read" \
			strace -f -qq -P "$PWD/t/big" -o /dev/null -e "inject=read:retval=0:when=$i" lima-mkiso -o x.iso t
		clean
	done
	[ "$(stat -c %s t/big)" = "$size" ]
}

@test "a file without permission is named" {
	fails 74 "t/boot/small: Permission denied" \
		strace -f -qq -P boot/small -o /dev/null -e inject=openat:error=EACCES lima-mkiso -o x.iso t
	clean
}

@test "killed at every write, fsync, fchmod, close, open and rename: old or new, and the next run succeeds" {
	for call in write fsync fchmod close openat rename; do
		n=$(count $call)
		for i in $(seq 1 "$n"); do
			echo old >x.iso
			strace -f -qq -o /dev/null -e "inject=$call:signal=KILL:when=$i" lima-mkiso -o x.iso t 2>/dev/null || true
			[ "$(head -c 4 x.iso)" = "old" ] || cmp x.iso want.iso
			lima-mkiso -o x.iso t
			cmp x.iso want.iso
			[ -z "$(find . -name '.x.iso*')" ]
		done
	done
}

@test "a limit on file sizes is an error, not a death by signal" {
	run bash -c 'ulimit -f 64; exec lima-mkiso -o x.iso t'
	[ "$status" = 74 ]
	[[ $output == *"File too large"* ]]
	clean
}

@test "a reader that goes away is an error" {
	run bash -c 'trap "" PIPE; lima-mkiso t | head -c 1000 >/dev/null; exit ${PIPESTATUS[0]}'
	[ "$status" = 74 ]
}
