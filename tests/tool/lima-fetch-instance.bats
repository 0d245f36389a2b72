#!/usr/bin/env bats
# lima-fetch for a whole instance: which image wins, recipes, the check of image headers, and the cleaning of the cache.

load ../lib/common
load ../lib/fetch

setup_file() { server_start; }
teardown_file() { server_stop; }

setup() {
	common_setup
	dir="$BATS_TEST_TMPDIR/in stance é"
	mkdir -p "$dir/.make"
	images=0
	printf 'arch=x86_64\n' >"$dir/.make/image.conf"
	# A share folder with a recipe script that counts its runs and builds at once.
	export LIMA_SHARE=$BATS_TEST_TMPDIR/share RUNS=$BATS_TEST_TMPDIR/runs
	mkdir -p "$LIMA_SHARE/boot/recipes"
	cat >"$LIMA_SHARE/boot/recipes/build" <<-'END'
		#!/bin/bash
		set -e
		echo "$*" >>"$RUNS"
		case $1 in
		key) [ "$2" != none ] || { echo "first line" >&2; echo "no recipe none" >&2; exit 1; }
			echo "${KEY:-k1}" ;;
		make) echo "step one" >&2
			[ ! -e "$RUNS.fail" ] || { echo "step two" >&2; cat "$RUNS.fail" >&2; exit 7; }
			[ ! -e "$RUNS.hold" ] || { touch "$4/started"; read -r _ <"$RUNS.hold" || true; }
			cp "$RUNS.disk" "$4/data"
			printf 'kernel of %s %s' "$2" "$3" >"$4/kernel"
			printf 'initrd' >"$4/initrd"
			printf 'root=x' >"$4/kernel.cmdline" ;;
		esac
	END
	chmod +x "$LIMA_SHARE/boot/recipes/build"
	raw_disk "$RUNS.disk"
}

# A disk with an MBR and one partition inside it.
raw_disk() {
	truncate -s 1M "$1"
	printf '\x80\0\0\0\x83\0\0\0\x01\0\0\0\xff\x07\0\0' | dd of="$1" bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}

# image LOCATION [KEY VALUE]...: one more entry of image.conf.
image() {
	printf 'images.%d.location=%s\n' "$images" "$1" >>"$dir/.make/image.conf"
	shift
	while [ $# -gt 0 ]; do
		printf 'images.%d.%s=%s\n' "$images" "$1" "$2" >>"$dir/.make/image.conf"
		shift 2
	done
	images=$((images + 1))
}
fetch() { grep -q '^images=' "$dir/.make/image.conf" || printf 'images=%d\n' "$images" >>"$dir/.make/image.conf"; lima-fetch --instance "$dir" "$@"; }
files() { (cd "$dir" && ls -A | grep -v '^\.make$' | sort | tr '\n' ' '); }

# ---- which image -----------------------------------------------------------------------------------------------------

@test "image, kernel, command line and initrd of an entry" {
	raw_disk "$WWW/$T/disk"
	gzip -k "$WWW/$T/disk"
	make_file vmlinuz 3000
	gzip -c "$WWW/$T/vmlinuz" >"$WWW/$T/Image.gz"
	gzip -c "$WWW/$T/vmlinuz" >"$WWW/$T/initrd.gz"
	image "$SERVER/plain/$T/disk.gz" digest "$(digest_of disk.gz)" kernel.location "$SERVER/plain/$T/Image.gz" \
		kernel.digest "$(digest_of Image.gz)" kernel.cmdline 'root=/dev/vda1 a="b c"' initrd.location "$WWW/$T/initrd.gz"
	fetch
	cmp "$dir/basedisk" "$WWW/$T/disk"
	cmp "$dir/kernel" "$WWW/$T/vmlinuz"
	cmp "$dir/initrd" "$WWW/$T/initrd.gz"
	[ "$(cat "$dir/kernel.cmdline"; echo .)" = 'root=/dev/vda1 a="b c".' ]
	[ "$(files)" = "basedisk initrd kernel kernel.cmdline " ]
}

@test "nothing is done when there is a disk already" {
	for disk in basedisk diffdisk disk; do
		echo mine >"$dir/$disk"
		rm -f "$dir/.make/image.conf"
		run lima-fetch --instance "$dir"
		[ "$status" = 0 ] && [ -z "$output" ]
		[ "$(files)" = "$disk " ]
		[ "$(cat "$dir/$disk")" = mine ]
		rm "$dir/$disk"
	done
}

@test "the first complete entry wins; nothing of a failed one stays" {
	raw_disk "$WWW/$T/disk"
	make_file vmlinuz 3000
	image "$SERVER/plain/$T/missing"
	image "$SERVER/plain/$T/disk" kernel.location "$SERVER/plain/$T/vmlinuz" initrd.location "$SERVER/plain/$T/nix"
	image "$SERVER/plain/$T/disk" digest "sha256:$(sum /dev/null)"
	make_file noise 70000
	image "$SERVER/plain/$T/noise" kernel.location "$SERVER/plain/$T/vmlinuz"
	image "$SERVER/plain/$T/disk"
	echo stale >"$dir/kernel"
	fetch
	cmp "$dir/basedisk" "$WWW/$T/disk"
	[ "$(files)" = "basedisk " ]
}

@test "when no entry works every reason is given and nothing is left" {
	make_file noise 70000
	image "$SERVER/plain/$T/missing"
	image "$SERVER/plain/$T/noise"
	fails 65 "HTTP status 404" fetch
	[[ $output == *"refused as disk image"* ]]
	[ -z "$(files)" ]
}

@test "no images, no configuration, a broken one" {
	fails 65 "no images are configured for x86_64" fetch
	echo garbage >"$dir/.make/image.conf"
	fails 65 "image.conf:1" lima-fetch --instance "$dir"
	rm "$dir/.make/image.conf"
	fails 1 "image.conf" lima-fetch --instance "$dir"
}

@test "a host that cannot be reached: one line, no second try on it, the recipe instead" {
	image "http://nowhere.invalid/a"
	image "http://nowhere.invalid/b"
	image "http://nowhere.invalid:80/c"
	image recipe:debian-12
	run --separate-stderr fetch
	[ "$status" = 0 ]
	grep -F "cannot reach nowhere.invalid (its name cannot be resolved); " <<<"$stderr"
	[ "$(grep -c 'nowhere.invalid/b' <<<"$stderr")" = 0 ]
	grep -F "; building recipe:debian-12 instead" <<<"$stderr"
	[ "$(grep -c 'trying again' <<<"$stderr")" = 0 ]
	cmp "$dir/basedisk" "$RUNS.disk"
}

@test "a refused connection is not tried again when there is something else" {
	raw_disk "$WWW/$T/disk"
	image "http://127.0.0.1:1/a"
	image "$SERVER/plain/$T/disk"
	run --separate-stderr fetch
	[ "$status" = 0 ]
	grep -Fx "lima-fetch: cannot reach 127.0.0.1:1 (Connection refused); trying $SERVER/plain/$T/disk instead" <<<"$stderr"
	[ "$(grep -c 'trying again' <<<"$stderr")" = 0 ]
	cmp "$dir/basedisk" "$WWW/$T/disk"
}

@test "an entry of an unreachable host is still taken from the cache" {
	raw_disk "$WWW/$T/disk"
	http_proxy=$SERVER lima-fetch --digest "$(digest_of disk)" "http://nowhere.invalid/plain/$T/disk"
	image "http://nowhere.invalid/other"
	image "http://nowhere.invalid/plain/$T/disk" digest "$(digest_of disk)"
	run --separate-stderr fetch
	[ "$status" = 0 ]
	[[ $stderr == *"using the copy of http://nowhere.invalid/plain/$T/disk in the cache instead"* ]]
	cmp "$dir/basedisk" "$WWW/$T/disk"
}

@test "--offline: the cache or nothing" {
	raw_disk "$WWW/$T/disk"
	image "$SERVER/plain/$T/disk"
	image recipe:debian-12
	fails 69 "--offline" fetch --offline
	[ -z "$(files)" ]
	[ "$(requests)" = 0 ]
	lima-fetch "$SERVER/plain/$T/disk"
	lima-fetch --offline --instance "$dir"
	cmp "$dir/basedisk" "$WWW/$T/disk"
}

# ---- recipes ---------------------------------------------------------------------------------------------------------

@test "a recipe is built once for a key, with its kernel" {
	image recipe:debian-12
	fetch
	cmp "$dir/basedisk" "$RUNS.disk"
	[ "$(cat "$dir/kernel")" = "kernel of debian-12 x86_64" ]
	[ "$(cat "$dir/initrd")" = initrd ]
	[ "$(cat "$dir/kernel.cmdline")" = root=x ]
	e=$(entry "recipe:debian-12?arch=x86_64&key=k1")
	[ "$(cat "$e/url")" = "recipe:debian-12?arch=x86_64&key=k1" ]
	[ "$(cat "$e/sha256.digest")" = "sha256:$(sum "$RUNS.disk")" ]
	[ -s "$e/time" ] && [ -s "$e/type" ]
	[ "$(stat -c %i "$dir/basedisk")" = "$(stat -c %i "$e/data")" ]
	rm "$dir/basedisk"
	fetch
	[ "$(grep -c ^make "$RUNS")" = 1 ]
	KEY=k2 lima-fetch recipe:debian-12
	lima-fetch --arch aarch64 recipe:debian-12
	[ "$(grep -c ^make "$RUNS")" = 3 ]
	[ -z "$(find "$XDG_CACHE_HOME" -name 'build.*')" ]
}

@test "a kernel of the entry's own goes before the recipe's" {
	make_file vmlinuz 3000
	image recipe:debian-12 kernel.location "$WWW/$T/vmlinuz" kernel.cmdline own
	fetch
	cmp "$dir/kernel" "$WWW/$T/vmlinuz"
	[ "$(cat "$dir/kernel.cmdline")" = own ]
	[ "$(files)" = "basedisk kernel kernel.cmdline " ]
}

@test "a recipe that fails: its last line is the reason, nothing is cached, the next run builds" {
	echo "the mirror is down" >"$RUNS.fail"
	fails 69 "recipe:debian-12: cannot be built: the mirror is down" lima-fetch recipe:debian-12
	[ -z "$(find "$XDG_CACHE_HOME" -type f)" ]
	rm "$RUNS.fail"
	lima-fetch recipe:debian-12
	fails 69 "no recipe none" lima-fetch recipe:none
	KEY='a b' fails 70 "no valid key" lima-fetch recipe:debian-12
	KEY=$'a\nb' fails 70 "no valid key" lima-fetch recipe:debian-12
	rm "$LIMA_SHARE/boot/recipes/build"
	fails 69 "cannot run" lima-fetch recipe:debian-12
}

@test "a recipe that builds no disk, or none at all, is refused" {
	make_file noise 70000
	cp "$WWW/$T/noise" "$RUNS.disk"
	fails 65 "refused as disk image" lima-fetch recipe:debian-12
	sed -i 's/^.*cp "$RUNS.disk".*$/true/' "$LIMA_SHARE/boot/recipes/build"
	fails 70 "left no" lima-fetch recipe:debian-12
	[ -z "$(find "$XDG_CACHE_HOME" -type f)" ]
}

@test "a damaged or missing file of a built recipe is noticed and it is built again" {
	e=$(entry "recipe:debian-12?arch=x86_64&key=k1")
	for damage in 'echo x >>data' 'echo x >>kernel' 'rm kernel.cmdline' 'rm data' ': >initrd'; do
		lima-fetch recipe:debian-12
		before=$(grep -c ^make "$RUNS")
		(cd "$e" && chmod u+w data kernel initrd && eval "$damage")
		lima-fetch recipe:debian-12
		[ "$(grep -c ^make "$RUNS")" = $((before + 1)) ]
		cmp "$e/data" "$RUNS.disk"
		[ "$(cat "$e/kernel")$(cat "$e/initrd")$(cat "$e/kernel.cmdline")" = "kernel of debian-12 x86_64initrdroot=x" ]
	done
	touch "$e/data" "$e/kernel"
	before=$(grep -c ^make "$RUNS")
	lima-fetch recipe:debian-12
	[ "$(grep -c ^make "$RUNS")" = "$before" ]
}

started() { [ -n "$(find "$XDG_CACHE_HOME" -name started)" ]; }
built() { [ "$(grep -c ^make "$RUNS")" = "$1" ]; }

@test "a killed build leaves nothing that the next one trips over; only one builds at a time" {
	mkfifo "$RUNS.hold"
	lima-fetch recipe:debian-12 2>log1 &
	first=$!
	until_ok started
	lima-fetch recipe:debian-12 2>log2 &
	second=$!
	until_ok grep -q "waiting for it" log2
	built 1
	kill -KILL $first
	# The second takes over while the script of the first still hangs; then both are let go.
	until_ok built 2
	(while :; do echo go >"$RUNS.hold"; done) &
	writer=$!
	wait $second
	kill $writer || : # it may have ended with its last reader
	cmp "$(entry "recipe:debian-12?arch=x86_64&key=k1")/data" "$RUNS.disk"
	rm "$RUNS.hold"
	lima-fetch recipe:debian-12
	built 2
	cache_is_clean
}

@test "a signal ends a build, its script is told, and nothing is left" {
	cat >"$LIMA_SHARE/boot/recipes/build" <<-'END'
		#!/bin/bash
		[ "$1" = make ] || { echo k1; exit; }
		trap 'echo told >>"$RUNS"; kill $!; exit 1' TERM
		sleep 60 &
		touch "$4/started"
		wait
	END
	lima-fetch recipe:debian-12 2>log &
	pid=$!
	until_ok started
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	grep -q told "$RUNS"
	grep -q interrupted log
	cache_is_clean
	[ -z "$(find "$XDG_CACHE_HOME" -type f)" ]
}

# ---- image headers ---------------------------------------------------------------------------------------------------

# refused FILE TEXT: as an image it is refused with the reason.
refused() {
	rm -f "$dir/.make/image.conf"
	printf 'arch=x86_64\nimages=1\nimages.0.location=%s\n' "$1" >"$dir/.make/image.conf"
	fails 65 "$2" lima-fetch --instance "$dir" && [[ $output == *"refused as disk image"* ]] && [ -z "$(files)" ]
}

@test "only plain qcow2 and raw disks are let through" {
	cd "$BATS_TEST_TMPDIR"
	qemu-img create -q -f qcow2 plain.qcow2 64M
	qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=4k v2.qcow2 64M
	qemu-img create -q -f qcow2 -o compression_type=zstd,extended_l2=on,cluster_size=64k new.qcow2 64M
	cp "$RUNS.disk" raw.img
	truncate -s 8M ext4.img
	mke2fs -q -t ext4 -F ext4.img
	for good in plain.qcow2 v2.qcow2 new.qcow2 raw.img ext4.img; do
		rm -f "$dir/basedisk"
		printf 'arch=x86_64\nimages=1\nimages.0.location=%s\n' "$PWD/$good" >"$dir/.make/image.conf"
		lima-fetch --instance "$dir"
		cmp "$dir/basedisk" "$good"
	done
}

@test "images that name other files are refused" {
	cd "$BATS_TEST_TMPDIR"
	echo secret >secret
	qemu-img create -q -f qcow2 -F raw -b "$PWD/secret" -u backing.qcow2 64M
	refused "$PWD/backing.qcow2" "backing file"
	truncate -s 64M data.raw
	qemu-img create -q -f qcow2 -o data_file="$PWD/data.raw",data_file_raw=on external.qcow2 64M
	refused "$PWD/external.qcow2" "external data file"
	qemu-img create -q -f vmdk -o subformat=monolithicFlat flat.vmdk 64M
	refused "$PWD/flat.vmdk" "VMDK"
	truncate -s 64K json.img
	printf 'json:{"driver":"file","filename":"%s"}' "$PWD/secret" | dd of=json.img conv=notrunc status=none
	refused "$PWD/json.img" "names other files"
	# Packed, it is looked at after it was unpacked.
	gzip backing.qcow2
	refused "$PWD/backing.qcow2.gz" "backing file"
}

@test "other formats, encrypted images and things that are no disk are refused by name" {
	cd "$BATS_TEST_TMPDIR"
	for format in vmdk vdi vhdx vpc; do
		qemu-img create -q -f $format disk.$format 64M
		refused "$PWD/disk.$format" "convert it to qcow2"
	done
	mkdir tree
	echo x >tree/file
	xorriso -as mkisofs -quiet -o boot.iso tree 2>/dev/null
	refused "$PWD/boot.iso" "ISO 9660"
	printf x >one
	refused "$PWD/one" "only 1 bytes"
	: >empty
	refused "$PWD/empty" "only 0 bytes"
	printf '<!DOCTYPE html><html>' >page
	truncate -s 4096 page
	refused "$PWD/page" "web page"
	head -c 100000 /dev/urandom | gzip >twice
	gzip -k twice
	refused "$PWD/twice.gz" "compressed"
}

@test "headers that lie are refused" {
	cd "$BATS_TEST_TMPDIR"
	qemu-img create -q -f qcow2 good.qcow2 64M
	# patch NAME OFFSET BYTES: a copy with some bytes of the header changed.
	patch() { cp good.qcow2 "$1"; printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
	patch version 4 '\0\0\0\x09'; refused "$PWD/version" "unknown version"
	patch cluster 20 '\0\0\0\x3f'; refused "$PWD/cluster" "cluster size"
	patch size 24 '\x7f\xff\xff\xff\xff\xff\xff\xff'; refused "$PWD/size" "larger than 16TiB"
	patch nosize 24 '\0\0\0\0\0\0\0\0'; refused "$PWD/nosize" "no size"
	patch l1 40 '\0\0\0\x7f\0\0\0\0'; refused "$PWD/l1" "L1 table"
	patch l1size 36 '\xff\xff\xff\xff'; refused "$PWD/l1size" "L1 table"
	patch ref 48 '\0\0\0\0\0\0\0\0'; refused "$PWD/ref" "reference count table"
	patch feature 72 '\0\0\0\0\0\x01\0\0'; refused "$PWD/feature" "unknown qcow2 features"
	patch corrupt 79 '\x02'; refused "$PWD/corrupt" "corrupt"
	patch crypt 32 '\0\0\0\x01'; refused "$PWD/crypt" "encrypted"
	patch luks 32 '\0\0\0\x02'; refused "$PWD/luks" "encrypted"
	patch crypto 112 '\x05\x37\xbe\x77\0\0\0\x10'; refused "$PWD/crypto" "encrypted"
	patch snaps 60 '\0\x01\0\0'; refused "$PWD/snaps" "snapshot"
	patch ext 112 'DATA\0\0\0\x08'; refused "$PWD/ext" "external data file"
	# A raw disk that begins with the magic of qcow2 is not raw for anybody who probes it.
	cp "$RUNS.disk" rawmagic
	printf 'QFI\xfb' | dd of=rawmagic conv=notrunc status=none
	refused "$PWD/rawmagic" "unknown version"
	head -c 100000 good.qcow2 >cut; refused "$PWD/cut" "cut off"
	truncate -s 8M fs; mke2fs -q -t ext4 -F fs; truncate -s 6M fs; refused "$PWD/fs" "file system reaches beyond the end"
	cp "$RUNS.disk" part; truncate -s 700K part; refused "$PWD/part" "partition reaches beyond the end"
}

# ---- prune -----------------------------------------------------------------------------------------------------------

@test "--prune empties the cache and does not mind when there is none" {
	make_file a 1000
	lima-fetch --prune
	lima-fetch "$SERVER/plain/$T/a"
	lima-fetch recipe:debian-12
	mkdir -p "$XDG_CACHE_HOME/lima/other"
	lima-fetch --prune
	[ ! -e "$XDG_CACHE_HOME/lima" ]
	[ -d "$XDG_CACHE_HOME" ]
}

@test "--prune --keep-referred keeps what instances name, and cleans it" {
	for f in a b kernel initrd gone; do make_file $f 1000; lima-fetch "$SERVER/plain/$T/$f"; done
	lima-fetch recipe:debian-12
	KEY=old lima-fetch recipe:debian-12
	mkdir -p "$LIMA_HOME/one/.make" "$LIMA_HOME/two/.make" "$LIMA_HOME/broken/.make" "$LIMA_HOME/_config"
	printf 'arch=x86_64\nimages=2\nimages.0.location=%s\nimages.1.location=recipe:debian-12\n' "$SERVER/plain/$T/a" \
		>"$LIMA_HOME/one/.make/image.conf"
	printf 'images=1\nimages.0.location=%s\nimages.0.kernel.location=%s\nimages.0.initrd.location=%s\n' "$SERVER/plain/$T/b" \
		"$SERVER/plain/$T/kernel" "$SERVER/plain/$T/initrd" >"$LIMA_HOME/two/.make/image.conf"
	echo broken >"$LIMA_HOME/broken/.make/image.conf"
	kept=$(entry "$SERVER/plain/$T/a")
	touch "$kept/data.part" "$kept/data.part.conf" "$kept/data.tmp.99.1"
	mkdir "$kept/build.99999999"
	run lima-fetch --prune --keep-referred
	[ "$status" = 0 ]
	[[ $output == *"broken/.make/image.conf"* ]]
	for f in a b kernel initrd; do [ -e "$(entry "$SERVER/plain/$T/$f")/data" ]; done
	[ ! -e "$(entry "$SERVER/plain/$T/gone")" ]
	[ -e "$(entry "recipe:debian-12?arch=x86_64&key=k1")/data" ]
	[ ! -e "$(entry "recipe:debian-12?arch=x86_64&key=old")" ]
	cache_is_clean
	[ ! -e "$kept/data.tmp.99.1" ]
}

@test "--prune leaves an entry that is in use alone" {
	make_file a 300000
	make_file b 300
	url=$SERVER/hold/100000/$T/a
	lima-fetch "$SERVER/plain/$T/b"
	lima-fetch "$url" 2>/dev/null &
	until_ok bigger_than "$(entry "$url")/data.part" 100000
	run lima-fetch --prune
	[ "$status" = 0 ]
	[[ $output == *"not removed"*"another process uses it"* ]]
	[ ! -e "$(entry "$SERVER/plain/$T/b")" ]
	touch "$WWW/$T/release"
	wait $!
	cmp "$(entry "$url")/data" "$WWW/$T/a"
}

@test "the first file of a list that can be had is put in place; without one the reasons are told" {
	mkdir -p "$BATS_TEST_TMPDIR/i/.make"
	cd "$BATS_TEST_TMPDIR"
	echo archive >a.tgz
	sum=$(sha256sum <a.tgz | cut -d' ' -f1)
	printf 'arch=x86_64\nnerdctl=3\nnerdctl.0.location=%s/none.tgz\nnerdctl.1.location=%s/a.tgz\nnerdctl.1.digest=sha256:%064d\nnerdctl.2.location=%s/a.tgz\nnerdctl.2.digest=sha256:%s\n' \
		"$PWD" "$PWD" 0 "$PWD" "$sum" >i/.make/image.conf
	lima-fetch --instance i --list nerdctl --no-decompress -o out.tgz
	cmp a.tgz out.tgz
	run lima-fetch --instance i --list firmware -o fw
	[ "$status" = 65 ]
	[[ $output == *firmware* ]]
	[ ! -e fw ]
	sed -i 's/nerdctl=3/nerdctl=2/' i/.make/image.conf
	run lima-fetch --instance i --list nerdctl -o out2
	[ "$status" != 0 ]
	[[ $output == *none.tgz* && $output == *digest* ]]
	[ ! -e out2 ]
	run lima-fetch --list nerdctl -o x
	[ "$status" = 2 ]
}
