#!/usr/bin/env bats
# lima-disk under faults: a full disk, a kill at any moment.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	mkdir -p d/.make
	truncate -s 64M d/basedisk
	echo size=1073741824 >d/.make/disk.conf
}

virtual_size() { qemu-img info --output=json "$1" | sed -n 's/.*"virtual-size": \([0-9]*\).*/\1/p' | tail -n 1; }

@test "a full file system ends with 74 and the reason, and keeps the disk" {
	lima-disk create d
	sum=$(sha256sum <d/diffdisk)
	echo size=2147483648 >d/.make/disk.conf
	run strace -f -qq -o /dev/null -e trace=pwrite64,ftruncate,fallocate,write \
		-e inject=pwrite64,ftruncate,fallocate:error=ENOSPC lima-disk grow d
	[ "$status" = 74 ]
	[[ $output == *"No space left"* ]]
	[ "$(sha256sum <d/diffdisk)" = "$sum" ]
}

@test "killed at any system call: the next run makes a good disk" {
	for call in open openat link rename fsync write execve unlink; do
		for n in 1 2 3; do
			rm -rf d/diffdisk d/.diffdisk*
			strace -qq -o /dev/null -e "inject=$call:signal=KILL:when=$n" lima-disk create d 2>/dev/null || true
			if [ -e d/diffdisk ]; then qemu-img check -q d/diffdisk; fi
			lima-disk create d
			qemu-img check -q d/diffdisk
			[ "$(virtual_size d/diffdisk)" = 1073741824 ]
		done
	done
}
