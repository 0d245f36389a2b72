#!/usr/bin/env bats
# limactl disk: data disks, their marks, and what is refused.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/limactl

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	disks=$LIMA_HOME/_disk
}

virtual_size() { qemu-img info --output=json "$1" | python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["format"], d["virtual-size"])'; }
table() { ok limactl disk list "$@"; }

# As the host agent marks a disk.
mark() { ln -s "$LIMA_HOME/$2" "$disks/$1/in_use_by"; }

# An instance that runs, as far as its lock and ha.sock tell.
running() {
	instance "$1"
	python3 - "$LIMA_HOME/$1" >"$BATS_TEST_TMPDIR/up" 3>&- <<'END' &
import fcntl, os, socket, sys
d = sys.argv[1]
f = open(d + "/ha.pid", "w"); f.write("%d\n" % os.getpid()); f.flush()
fcntl.flock(f, fcntl.LOCK_EX)
s = socket.socket(socket.AF_UNIX); s.bind(d + "/ha.sock"); s.listen(); print("up", flush=True)
while True:
	c, _ = s.accept(); c.recv(4096)
	c.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"state":"running","sshLocalPort":4022,"qemuPID":%d}' % os.getpid()); c.close()
END
	RUNNING=$!
	until_ok test -s "$BATS_TEST_TMPDIR/up"
}
teardown() { [ -z "${RUNNING:-}" ] || kill "$RUNNING"; }

@test "no disks" {
	table
	is "NAME    SIZE    FORMAT    DIR    IN-USE-BY"
	says warning 'No disk found. Run `limactl disk create DISK --size SIZE` to create a disk.'
	table --json
	is ""
	quiet
	table nope
	is "NAME    SIZE    FORMAT    DIR    IN-USE-BY"
	says warning "No disk matching nope found."
	table --json nope
	is ""
	[ ! -e "$LIMA_HOME" ]
}

@test "create: sizes, formats, modes, the table and JSON" {
	ok limactl disk create data --size 10GiB
	says info 'Creating qcow2 disk `data` with size 10GiB'
	is ""
	ok limactl disk create b.raw --size 1000 --format raw
	says info 'Creating raw disk `b.raw` with size 1KiB'
	[ "$(virtual_size "$disks/data/datadisk")" = "qcow2 10737418240" ]
	[ "$(stat -c %s "$disks/b.raw/datadisk")" = 1024 ]
	[ "$(stat -c %a "$disks/data" "$disks/data/datadisk")" = $'700\n600' ]
	[ "$(cat "$disks/data/format" "$disks/b.raw/format")" = $'qcow2\nraw' ]
	table
	w=$((${#disks} + 6 + 4))
	is "$(printf '%-9s%-9s%-10s%-*s%s\n' NAME SIZE FORMAT $w DIR IN-USE-BY b.raw 1KiB raw $w "$disks/b.raw" "" data 10GiB qcow2 $w "$disks/data" "")"
	table --json data
	is "{\"name\":\"data\",\"size\":10737418240,\"format\":\"qcow2\",\"dir\":\"$disks/data\",\"instance\":\"\",\"instanceDir\":\"\",\"mountPoint\":\"/mnt/lima-data\"}"
	ls -A "$disks/data" | grep -v '^\(datadisk\|format\)$' && false
	true
}

@test "create: suffixes are powers of 1024, in any case, with a blank" {
	n=0
	for size in 1M 1m 1MB "1 MiB" 1048576 1024k 0.0009765625G; do
		n=$((n + 1))
		ok limactl disk create "d$n" --size "$size"
		[ "$(virtual_size "$disks/d$n/datadisk")" = "qcow2 1048576" ] || { echo "$size"; false; }
	done
	for size in "" x 10X -1 0 1e 1GiBB; do
		fatal "invalid size: '$size'" limactl disk create bad "--size=$size"
	done
	[ ! -e "$disks/bad" ]
}

@test "create: what is refused" {
	fatal 'required flag(s) \"size\" not set' limactl disk create data
	fatal "accepts 1 arg(s), received 0" limactl disk create --size 1G
	fatal 'disk format `vdi` not supported, use `qcow2` or `raw` instead' limactl disk create data --size 1G --format vdi
	for name in ../x a/b .x _x "a b" a..b; do
		fatal "" limactl disk create --size 1G -- "$name"
	done
	[ ! -e "$disks" ]
	ok limactl disk create data --size 1G
	echo precious >"$disks/data/datadisk"
	fatal "disk \`data\` already exists (\`$disks/data\`)" limactl disk create data --size 2G
	[ "$(cat "$disks/data/datadisk")" = precious ]
}

@test "create: a failing qemu-img leaves nothing, and its reason is told" {
	mkdir bin
	printf '#!/bin/sh\necho "qemu-img: no room" >&2\nexit 1\n' >bin/qemu-img
	chmod +x bin/qemu-img
	PATH=$PWD/bin:$PATH fatal "no room" limactl disk create data --size 1G
	[ ! -e "$disks/data" ]
	ok limactl disk create data --size 1G
}

@test "two at once make one disk" {
	for i in 1 2 3 4; do
		limactl disk create same --size "${i}M" 2>"err$i" &
	done
	wait
	[ "$(grep -l 'already exists' err? | wc -l)" = 3 ]
	table --json
	[ "$(wc -l <<<"$output")" = 1 ]
}

@test "disks of Lima itself are understood" {
	mkdir -p "$LIMA_HOME/_disks/old"
	qemu-img create -q -f qcow2 "$LIMA_HOME/_disks/old/datadisk" 3M
	ln -s "$LIMA_HOME/vm" "$LIMA_HOME/_disks/old/in_use_by"
	table --json
	is "{\"name\":\"old\",\"size\":3145728,\"format\":\"qcow2\",\"dir\":\"$LIMA_HOME/_disks/old\",\"instance\":\"vm\",\"instanceDir\":\"$LIMA_HOME/vm\",\"mountPoint\":\"/mnt/lima-old\"}"
	fatal "already exists" limactl disk create old --size 1G
	ok limactl disk resize old --size 4M
	[ "$(virtual_size "$LIMA_HOME/_disks/old/datadisk")" = "qcow2 4194304" ]
}

@test "resize only grows" {
	ok limactl disk create data --size 10M
	ok limactl disk resize data --size 20M
	says info "Resized disk \`data\` (\`$disks/data\`)"
	[ "$(virtual_size "$disks/data/datadisk")" = "qcow2 20971520" ]
	fatal 'specified size `10MiB` is less than the current disk size `20MiB`. Disk shrinking is currently unavailable' \
		limactl disk resize data --size 10M
	ok limactl disk resize data --size 20M
	fatal 'disk `nope` does not exists' limactl disk resize nope --size 1G
	fatal 'required flag(s) \"size\" not set' limactl disk resize data
	ok limactl disk create r --size 1M --format raw
	ok limactl disk resize r --size 2M
	[ "$(stat -c %s "$disks/r/datadisk")" = 2097152 ]
}

@test "import takes qcow2 and raw, and nothing that leads elsewhere" {
	qemu-img create -q -f qcow2 a.qcow2 5M
	truncate -s 3M blank.raw
	mke2fs -q -F -t ext4 fs.raw 4M
	printf 'data behind a hole' | dd of=fs.raw bs=1 seek=3000000 conv=notrunc status=none
	ok limactl disk import q a.qcow2
	says info 'Imported q with size 5MiB'
	ok limactl disk import blank blank.raw
	ok limactl disk import fs fs.raw
	cmp fs.raw "$disks/fs/datadisk"
	[ "$(virtual_size "$disks/q/datadisk")" = "qcow2 5242880" ]
	[ "$(cat "$disks/q/format" "$disks/fs/format")" = $'qcow2\nraw' ]
	[ "$(stat -c %a "$disks/q")" = 755 ]
	fatal "already exists" limactl disk import q a.qcow2
	qemu-img create -q -f qcow2 -F qcow2 -b "$PWD/a.qcow2" overlay.qcow2
	fatal "backing" limactl disk import o overlay.qcow2
	echo "just text" >text
	fatal "" limactl disk import t text
	fatal "cannot open" limactl disk import n nope
	[ "$(ls "$disks")" = $'blank\nfs\nq' ]
}

@test "delete: missing ones are told, marked ones stay, referenced ones are skipped, force does it" {
	for d in a b c; do ok limactl disk create $d --size 1M; done
	instance vm "$MINIMAL
additionalDisks: [b]"
	mark c vm
	ok limactl disk delete nope a
	says warning 'Ignoring non-existent disk `nope`'
	says info "Deleted \`a\` (\`$disks/a\`)"
	[ ! -e "$disks/a" ]
	ok limactl disk rm b
	[ "$(grep -c level=warning <<<"$stderr")" = 2 ]
	says warning '`vm`'
	[ -e "$disks/b/datadisk" ]
	fatal 'cannot delete disk `c` in use by instance `vm`' limactl disk remove c
	[ -e "$disks/c/datadisk" ]
	ok limactl disk delete --force b c
	[ -z "$(ls "$disks")" ]
	fatal "requires at least 1 arg" limactl disk delete
}

@test "unlock" {
	for d in free gone stopped broken; do ok limactl disk create $d --size 1M; done
	instance st
	instance br 'cpus: ['
	mark gone missing
	mark stopped st
	mark broken br
	table --json stopped
	[[ $output == *"\"instance\":\"st\",\"instanceDir\":\"$LIMA_HOME/st\""* ]]
	table stopped
	[[ $output == *"    st" ]]
	ok limactl disk unlock nope free gone stopped broken
	says warning 'Ignoring non-existent disk `nope`'
	says warning 'Ignoring unlocked disk `free`'
	says info "Unlocked disk \`gone\` (\`$disks/gone\`)"
	says info "Unlocked disk \`stopped\` (\`$disks/stopped\`)"
	says warning 'Cannot unlock disk `broken`, attached instance `br` has errors'
	[ ! -L "$disks/gone/in_use_by" ]
	[ -L "$disks/broken/in_use_by" ]
}

@test "a disk that a running instance uses is neither unlocked nor resized" {
	ok limactl disk create data --size 1M
	running vm
	mark data vm
	ok limactl list --format '{{.Status}} {{.SSHLocalPort}}' vm
	is "Running 4022"
	ok limactl disk unlock data
	says warning 'Cannot unlock disk `data` used by running instance `vm`'
	[ -L "$disks/data/in_use_by" ]
	fatal 'cannot resize disk `data` used by running instance `vm`' limactl disk resize data --size 2M
	[ "$(virtual_size "$disks/data/datadisk")" = "qcow2 1048576" ]
}

@test "the group alone, and an unknown word, print the help" {
	for args in "" nope --help; do
		# shellcheck disable=SC2086
		ok limactl disk $args
		[[ $output == *create*delete*import*list*resize*unlock* ]]
	done
}
