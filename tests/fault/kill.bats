#!/usr/bin/env bats
# make and lima-instance killed while an instance is made: the next run repairs by itself, and no disk is ever lost.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	# An image that needs no network and no building.
	mke2fs -q -F image.raw 32M
	printf 'images:\n- location: %s\n  arch: x86_64\nmounts: []\ncontainerd: {system: false, user: false}\ndisk: 1GiB\ncpus: 1\nmemory: 256MiB\n' \
		"$PWD/image.raw" >t.yaml
}

products() { (cd "$LIMA_HOME/$1" && sha256sum basedisk cidata.iso qemu.argv .make/*.conf && stat -c '%n %a' lima.yaml diffdisk basedisk cidata.iso); }

clean_state() {
	[ -z "$(find "$LIMA_HOME" "$XDG_CACHE_HOME" -name '*.tmp*' ! -name '*.tmp.yaml' 2>/dev/null)" ] || {
		find "$LIMA_HOME" "$XDG_CACHE_HOME" -name '*.tmp*'
		return 1
	}
}

@test "create killed at any moment, with all its children: the next create ends with the same products" {
	lima-instance create --quiet --template t.yaml ref
	want=$(products ref | sed 's/ref/a/g')
	for delay in 0.001 0.005 0.01 0.015 0.02 0.03 0.04 0.06 0.08 0.1 0.15 0.2; do
		setsid lima-instance create --quiet --template t.yaml a >/dev/null 2>&1 &
		pid=$!
		sleep $delay
		kill -9 -- -$pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		lima-instance create --quiet --template t.yaml a
		got=$(products a)
		[ "$(echo "$got" | grep -E 'basedisk|disk.conf|image.conf')" = "$(echo "$want" | grep -E 'basedisk|disk.conf|image.conf')" ]
		qemu-img check -q "$LIMA_HOME/a/diffdisk"
		# The killed processes are gone for good by now.
		lima-instance create --quiet a
		clean_state
		lima-instance delete --quiet a
	done
}

@test "an existing diffdisk survives killed and interrupted runs byte by byte" {
	lima-instance create --quiet --template t.yaml a
	qemu-io -f qcow2 -c 'write -P 7 0 64k' "$LIMA_HOME/a/diffdisk" >/dev/null
	sum=$(sha256sum <"$LIMA_HOME/a/diffdisk")
	for i in 1 2 3 4 5 6 7 8; do
		touch "$LIMA_HOME/a/lima.yaml" "$LIMA_HOME/a/.make/disk.conf"
		rm -f "$LIMA_HOME/a/cidata.iso" "$LIMA_HOME/a/qemu.argv"
		setsid lima-instance create --quiet --cpus $((i % 2 + 1)) a >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((i * 7))"
		if [ $((i % 2)) = 0 ]; then kill -9 -- -$pid; else kill -INT -- -$pid; fi 2>/dev/null || true
		wait $pid 2>/dev/null || true
		[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
	done
	lima-instance create --quiet a
	[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
}

@test "a step that fails never takes the disk with it" {
	lima-instance create --quiet --template t.yaml a
	sum=$(sha256sum <"$LIMA_HOME/a/diffdisk")
	# A size below that of the disk cannot be applied.
	lima-instance create --quiet --disk 512MiB a || true
	[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
	rm "$LIMA_HOME/a/cidata.iso"
	mkdir "$LIMA_HOME/a/cidata.iso"
	touch -d 2020-01-01 "$LIMA_HOME/a/cidata.iso"
	run lima-instance create --quiet a
	[ "$status" != 0 ]
	rmdir "$LIMA_HOME/a/cidata.iso"
	[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
	lima-instance create --quiet --disk 1GiB a
}

@test "a creation that fails leaves no instance behind, and says why" {
	sed 's|image.raw|missing.raw|' t.yaml >bad.yaml
	run lima-instance create --template bad.yaml a
	[ "$status" != 0 ]
	[[ $output == *missing.raw* ]]
	[ ! -e "$LIMA_HOME/a" ]
	printf 'cpus: many\n' >bad.yaml
	fails 65 "bad.yaml:1" lima-instance create --template bad.yaml a
	[ ! -e "$LIMA_HOME/a" ]
}

@test "a step that fails: its reason, then what to do, and no words of make between them; V=1 shows each step" {
	sed 's|image.raw|missing.raw|' t.yaml >bad.yaml
	run --separate-stderr lima-instance create --template bad.yaml a
	[ "$status" = 69 ]
	mapfile -t said < <(grep -v warning: <<<"$stderr")
	[[ ${said[0]} == "lima: creating the instance 'a'"* ]]
	[[ ${said[1]} == "lima-fetch: "*"missing.raw"* ]]
	[[ ${said[2]} == "lima-instance: the instance 'a' could not be built;"*"run the same command again"* ]]
	[ "${#said[@]}" = 3 ]
	V=1 run lima-instance create --template bad.yaml a
	[[ $output == *'"$LIMA_BIN"/lima-fetch --instance .'* ]]
	[[ $output == *"make: *** ["*"basedisk"* ]]
	# What make itself cannot do is told.
	LIMA_MAKE=$PWD/make run lima-instance create --template t.yaml a
	[ "$status" = 69 ] && [[ $output == *"$PWD/make"* ]]
	printf '#!/bin/sh\necho "make: warning: something" >&2; printf "no end of line" >&2; exit 2\n' >make
	chmod +x make
	LIMA_MAKE=$PWD/make run lima-instance create --template t.yaml a
	[[ $output == *"make: warning: something"*"no end of line"* ]]
	# Nor is its death passed over; and no word of options has an f in it, which GNU make 4.4.1 would crash on.
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >words\nkill -SEGV $$\n' >make
	LIMA_MAKE=$PWD/make run lima-instance create --template t.yaml a
	[ "$status" = 69 ] && [[ $output == *"could not be built: $PWD/make was ended by signal 11 (Segmentation fault)"* ]]
	[ "$(grep -c '^-[^-]*f' words)" = "$(grep -cx -- -f words)" ]
}

@test "the warning for root comes once in a command, the messages of tools go where they are looked for" {
	[ "$(id -u)" = 0 ] || skip "for root only"
	for verb in create "create --cpus 2" plan "create --confirm --disk 2GiB"; do
		# shellcheck disable=SC2086 # a verb with its options
		run lima-instance $verb $([[ $verb == plan ]] || echo "--template t.yaml") a
		[ "$(grep -c "you are root" <<<"$output")" -le 1 ] || { echo "$verb: $output"; false; }
	done
	lima-instance delete a
	run --separate-stderr lima-instance create --template t.yaml a
	[ "$(grep -c "you are root" <<<"$stderr")" = 1 ]
	[ -z "$output" ]
}

@test "an image that changes later does not touch the machine" {
	lima-instance create --quiet --template t.yaml a
	base=$(stat -c %i "$LIMA_HOME/a/basedisk")
	sum=$(sha256sum <"$LIMA_HOME/a/diffdisk")
	mke2fs -q -F other.raw 48M
	sed -i "s|image.raw|other.raw|" "$LIMA_HOME/a/lima.yaml"
	fails 1 "CONFIRM=yes" lima-instance create --quiet a
	[ "$(stat -c %i "$LIMA_HOME/a/basedisk")" = "$base" ]
	[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
}

@test "a confirmed new disk killed at any moment: the old one stays beside its image, byte by byte" {
	mke2fs -q -F other.raw 48M
	for delay in 0.001 0.005 0.01 0.015 0.02 0.03 0.04 0.06 0.1; do
		lima-instance create --quiet --template t.yaml a
		qemu-io -f qcow2 -c 'write -P 7 0 64k' "$LIMA_HOME/a/diffdisk" >/dev/null
		sed -i "s|image.raw|other.raw|" "$LIMA_HOME/a/lima.yaml"
		setsid lima-instance create --quiet --confirm a >/dev/null 2>&1 &
		pid=$!
		sleep $delay
		kill -9 -- -$pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		lima-instance create --quiet --confirm a
		old=$(find "$LIMA_HOME/a/" -path '*/diffdisk.old.*/diffdisk')
		[ "$(wc -l <<<"$old")" = 1 ]
		cmp "${old%/*}/basedisk" image.raw
		qemu-io -r -f qcow2 -c 'read -P 7 0 64k' "$old" | grep -q 'read 65536/65536'
		cmp "$LIMA_HOME/a/basedisk" other.raw
		lima-instance delete --quiet a
	done
}

@test "a second create changes nothing at all" {
	lima-instance create --quiet --template t.yaml a
	before=$(find "$LIMA_HOME/a" -type f -printf '%p %i %T@\n' | sort)
	lima-instance create --quiet a
	[ "$(find "$LIMA_HOME/a" -type f -printf '%p %i %T@\n' | sort)" = "$before" ]
}

@test "twenty creates at once make one good instance" {
	for _ in $(seq 20); do lima-instance create --quiet --template t.yaml a & pids+=($!); done
	for p in "${pids[@]}"; do wait "$p"; done
	qemu-img check -q "$LIMA_HOME/a/diffdisk"
	clean_state
}

@test "the same description in two homes gives the same bytes, but for what must differ" {
	lima-instance create --quiet --template t.yaml a
	LIMA_HOME=$BATS_TEST_TMPDIR/other lima-instance create --quiet --template t.yaml a
	cmp "$LIMA_HOME/a/lima.yaml" "$BATS_TEST_TMPDIR/other/a/lima.yaml"
	cmp "$LIMA_HOME/a/.make/disk.conf" "$BATS_TEST_TMPDIR/other/a/.make/disk.conf"
	diff <(sed 's/mac=[0-9a-f:]*//' "$LIMA_HOME/a/qemu.argv") <(sed 's/mac=[0-9a-f:]*//' "$BATS_TEST_TMPDIR/other/a/qemu.argv")
}

@test "a read-only LIMA_HOME gives one clear line" {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	mkdir -p ro
	mount -t tmpfs -o ro none ro
	LIMA_HOME=$PWD/ro run lima-instance create --quiet --template t.yaml a
	umount ro
	[ "$status" = 73 ]
	[[ $output == *"Read-only file system"* ]]
}

@test "a full disk ends the creation with the reason, and leaves nothing" {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	mkdir -p small
	mount -t tmpfs -o size=256k none small
	LIMA_HOME=$PWD/small/lima run lima-instance create --template t.yaml a
	left=$(find small -name diffdisk -o -name '*.tmp.*' | wc -l)
	umount small
	[ "$status" != 0 ]
	[[ $output == *"No space left"* ]]
	[ "$left" = 0 ]
}
