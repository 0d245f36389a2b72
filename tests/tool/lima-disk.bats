#!/usr/bin/env bats
# lima-disk: the overlay is made once, never replaced, and only grows.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	mkdir -p d/.make
	truncate -s 64M d/basedisk
	echo size=1073741824 >d/.make/disk.conf
}

virtual_size() { qemu-img info --output=json "$1" | sed -n 's/.*"virtual-size": \([0-9]*\).*/\1/p' | tail -n 1; }

@test "create makes a qcow2 overlay of the wanted size on a raw image" {
	lima-disk create d
	[ "$(virtual_size d/diffdisk)" = 1073741824 ]
	qemu-img info --output=json d/diffdisk | grep -q '"backing-filename-format": "raw"'
	qemu-img info --output=json d/diffdisk | grep -q '"backing-filename": "basedisk"'
	[ "$(stat -c %a d/diffdisk)" = 600 ]
}

@test "create names the format of a qcow2 image" {
	rm d/basedisk
	qemu-img create -q -f qcow2 d/basedisk 64M
	lima-disk create d
	qemu-img info --output=json d/diffdisk | grep -q '"backing-filename-format": "qcow2"'
}

@test "create never touches an existing diffdisk" {
	echo precious >d/diffdisk
	lima-disk create d
	[ "$(cat d/diffdisk)" = precious ]
}

@test "create removes what killed runs left, but not what running ones have" {
	sleep 60 &
	touch "d/.diffdisk.tmp.4194303.0" "d/.diffdisk.tmp.$!.0"
	lima-disk create d
	kill $!
	[ ! -e d/.diffdisk.tmp.4194303.0 ]
	[ -e "d/.diffdisk.tmp.$!.0" ]
}

@test "a disk smaller than its image is refused with both sizes" {
	echo size=1048576 >d/.make/disk.conf
	fails 65 "1048576 bytes is smaller than the image (67108864 bytes)" lima-disk create d
	[ ! -e d/diffdisk ]
}

@test "grow enlarges, does nothing at the same size, and refuses to shrink" {
	lima-disk create d
	before=$(stat -c %Y.%s d/diffdisk)
	lima-disk grow d
	[ "$(stat -c %Y.%s d/diffdisk)" = "$before" ]
	echo size=2147483648 >d/.make/disk.conf
	lima-disk grow d
	[ "$(virtual_size d/diffdisk)" = 2147483648 ]
	echo size=1073741824 >d/.make/disk.conf
	fails 65 "smaller than the existing disk" lima-disk grow d
	[ "$(virtual_size d/diffdisk)" = 2147483648 ]
}

@test "a failing qemu-img leaves no disk and no temporary file" {
	mkdir bin
	printf '#!/bin/sh\necho half >"$9"; echo "qemu-img: no luck" >&2; exit 1\n' >bin/qemu-img
	chmod +x bin/qemu-img
	PATH=$PWD/bin:$PATH fails 74 "no luck" lima-disk create d
	[ ! -e d/diffdisk ]
	[ -z "$(find d -name '.diffdisk*')" ]
}

@test "without qemu-img the message names the package" {
	d=$(dirname "$(command -v lima-disk)")
	PATH=$d fails 69 "qemu-utils" lima-disk create d
}

@test "wrong usage ends with 2, a missing directory with 1" {
	fails 2 "expected" lima-disk
	fails 2 "expected" lima-disk shrink d
	fails 1 "cannot enter" lima-disk create nowhere
	lima-disk --help | grep -q usage
	lima-disk --version
}
