#!/usr/bin/env bats
# The tools on a C library that has no memory left, or moves a few bytes at a time and is interrupted (tests/lib/libfault.c).

load ../lib/common
load ../lib/hostagent
load ../lib/machines

setup_file() {
	build_machines
	export LIBFAULT=$BATS_FILE_TMPDIR/libfault.so
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -shared -fPIC -o "$LIBFAULT" "$TOP/tests/lib/libfault.c" -ldl
}

setup() {
	fresh_home
	use_machines
	mkdir tree
	seq 3000 >tree/file
	gzip -k tree/file
	mv tree/file.gz .
}

teardown() {
	kill_machines
}

# faulty VARIABLE=VALUE TOOL...: the tool under libfault.
faulty() { env LD_PRELOAD="$LIBFAULT" FAULT_PROGRAM="$2" "$1" timeout 60 "${@:2}"; }

# without_memory OUTPUT TOOL...: the tool with every allocation (of the first 40, then fewer and fewer) failing. It must
# end by itself with an error and no output, or have done its work. What it may leave is a temporary file, for the next run to
# remove.
without_memory() {
	local output=$1 n=1 all status
	shift
	rm -f "$output"
	faulty "FAULT_COUNT=$PWD/count" "$@" >stdout 2>/dev/null
	[ -e "$output" ] || : >"$output"
	cp -L "$output" want
	mv stdout want.stdout
	all=$(cat count)
	[ "$all" -gt 10 ]
	while [ "$n" -le "$all" ]; do
		rm -f "$output"
		status=0
		faulty "FAULT_MALLOC=$n" "$@" >stdout 2>stderr || status=$?
		if [ "$status" = 0 ]; then
			[ -e "$output" ] || : >"$output"
			cmp "$output" want && cmp stdout want.stdout
		else
			{ [ "$status" -lt 128 ] || [[ " ${MAY_DIE-} " == *" $status "* ]]; } ||
				{ echo "$1 died with $status at allocation $n of $all"; cat stderr; return 1; }
			[ ! -e "$output" ] || cmp "$output" want
			[ "$status" -gt 127 ] || [ -s stderr ] || { echo "no word at allocation $n"; return 1; }
		fi || { echo "$* at allocation $n of $all ended with $status"; cat stderr; return 1; }
		n=$((n < 40 ? n + 1 : n + n / 7))
	done
	"$@" >stdout 2>/dev/null
	left=$(find . -name '*.tmp*')
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

@test "case 7: lima-render without memory ends with an error and leaves no output" {
	MAY_DIE='' without_memory x lima-render --json t.yaml
	[ ! -s stdout ] || cmp stdout want.stdout
	# libjq ends the program by itself (abort) when it gets none.
	MAY_DIE=134 without_memory x lima-render --set '.cpus = 2' t.yaml
}

@test "case 7: lima-fetch without memory" {
	without_memory out lima-fetch --quiet -o out file.gz
}

@test "case 7: lima-mkiso without memory: an error, or the end of libisofs; never half an image" {
	MAY_DIE="134 139" without_memory x.iso lima-mkiso -o x.iso tree
}

@test "case 7: lima-probe, lima-qemu-argv and lima-disk without memory" {
	lima-instance create --quiet --template t.yaml a
	cd "$LIMA_HOME/a"
	without_memory out lima-probe --arch "$(uname -m)" --accel tcg -o out
	without_memory out lima-qemu-argv -o out .
	rm diffdisk
	for n in 1 2 3 5 8 12 17 23 30 40 60; do
		faulty "FAULT_MALLOC=$n" lima-disk create . 2>stderr && break
		[ -s stderr ]
		[ ! -e diffdisk ]
	done
	lima-disk create .
	qemu-img check -q diffdisk
}

@test "case 7: lima-instance without memory: no half instance, and the next one succeeds" {
	for n in 1 3 9 20 40 60 80 100 130 160 200 250; do
		status=0
		faulty "FAULT_MALLOC=$n" lima-instance create --quiet --template t.yaml a >stdout 2>stderr || status=$?
		[ "$status" -lt 128 ] || { echo "$n: $status"; cat stderr; false; }
		[ "$status" = 0 ] || [ -s stderr ]
		lima-instance create --quiet --template t.yaml a
		qemu-img check -q "$LIMA_HOME/a/diffdisk"
		lima-instance delete --quiet a
	done
}

@test "case 8: short reads and writes, EINTR: the same output as ever" {
	lima-render --json t.yaml >want
	faulty FAULT_SHORT=1 lima-render --json t.yaml >got
	cmp want got
	lima-render --set '.cpus = 3' t.yaml >want
	faulty FAULT_SHORT=1 lima-render --set '.cpus = 3' t.yaml >got
	cmp want got
	lima-mkiso -o want.iso tree
	faulty FAULT_SHORT=1 lima-mkiso -o got.iso tree
	cmp want.iso got.iso
	faulty FAULT_SHORT=1 lima-mkiso tree | cmp - want.iso
	faulty FAULT_SHORT=1 lima-fetch --quiet -o got.file file.gz
	cmp got.file tree/file
	lima-instance create --quiet --template t.yaml a
	cd "$LIMA_HOME/a"
	lima-probe --arch "$(uname -m)" --accel tcg >want
	rm -r "$XDG_CACHE_HOME"
	for _ in 1 2; do # asked, and out of the cache
		faulty FAULT_SHORT=1 lima-probe --arch "$(uname -m)" --accel tcg >got
		cmp want got
	done
	lima-qemu-argv . >want
	faulty FAULT_SHORT=1 lima-qemu-argv . >got
	cmp want got
	find . -type f ! -name '*.disk' -exec sha256sum {} + | sort -k 2 >want
	faulty FAULT_SHORT=1 lima-render --instance .
	sed -i '/ \.\/\(got\|want\)$/d' want
	find . -type f ! -name got ! -name want -exec sha256sum {} + | sort -k 2 | diff want -
}

@test "case 8: lima-fetch over http" {
	python3 -u -m http.server --bind 127.0.0.1 0 >log 2>&1 3>&- &
	server=$!
	until grep -q 'port [0-9]' log; do sleep 0.05; done
	url=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' log | head -n 1)/tree/file
	faulty FAULT_SHORT=1 lima-fetch --quiet -o got "$url" && status=0 || status=$?
	kill $server
	[ "$status" = 0 ]
	cmp got tree/file
}

@test "case 8: a host agent that gets few bytes at a time starts, answers and stops its machine" {
	export LD_PRELOAD=$LIBFAULT FAULT_PROGRAM=lima-hostagent FAULT_SHORT=1
	lima-instance start --quiet --timeout 60 --template t.yaml a
	[ "$(curl -sS --max-time 20 --unix-socket "$LIMA_HOME/a/ha.sock" http://x/v1/info | python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])')" = running ]
	lima-instance stop a
	[ -z "$(machines)" ]
	[ -z "$(find "$LIMA_HOME/a" -name '*.sock' -o -name 'ha.pid')" ]
}
