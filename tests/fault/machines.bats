#!/usr/bin/env bats
# Whole machines, without guests, on a host that is not friendly: a clock that jumps, other users, broken writes, one image
# for many.

load ../lib/common
load ../lib/hostagent
load ../lib/machines
load ../lib/fetch

setup_file() {
	build_machines
	server_start
}

teardown_file() {
	server_stop
}

setup() {
	fresh_home
	use_machines
	T=$(printf 't%02d' "$BATS_TEST_NUMBER")
}

teardown() {
	[ ! -s "$BATS_TEST_TMPDIR/open" ] || OPEN=$(cat "$BATS_TEST_TMPDIR/open")
	kill_machines
	[ -z "${OPEN-}" ] || rm -rf "$OPEN"
}

lima() { lima-instance "$@" --template "$PWD/t.yaml" a; }
# Names, inodes and dates of everything that a build makes.
built() { (cd "$LIMA_HOME/a" && find . -type f ! -name 'ha.*' ! -name last-exit ! -name 'fake.log' ! -name cues -printf '%p %i %T@\n' | sort); }

@test "case 10: the clock jumps a year ahead and an hour back between runs: nothing is rebuilt, start and stop work" {
	lima create --quiet
	before=$(built)
	for jump in +365d -1h -365d; do
		# faketime is a preloaded library; a build with ASan must not mind.
		ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 faketime -f "$jump" lima-instance create --quiet a
		diff <(echo "$before") <(built)
		lima-instance create --quiet a
		diff <(echo "$before") <(built)
	done
	# Started in one year, followed and stopped in another.
	faketime -f +365d lima-instance start --quiet --timeout 60 a 3>&-
	lima-instance start --quiet --timeout 60 a
	[ "$(wc -l <"$STARTS")" = 1 ]
	lima-instance status a | grep -q Running
	faketime -f -1h lima-instance stop --quiet a
	[ -z "$(machines)" ]
	grep -qx 'reason=stopped' "$LIMA_HOME/a/.make/last-exit"
	sum=$(sha256sum <"$LIMA_HOME/a/diffdisk")
	lima-instance start --quiet --timeout 60 a 3>&-
	[ "$(sha256sum <"$LIMA_HOME/a/diffdisk")" = "$sum" ]
}

@test "case 42: another user can read and reach nothing of a running machine, whatever the umask, cache included" {
	[ "$(id -u)" = 0 ] || skip "needs another user"
	umask 000
	open=$(mktemp -d /tmp/lima.XXXXXX)
	echo "$open" >open
	export LIMA_HOME=$open/lima XDG_CACHE_HOME=$open/cache
	lima start --quiet --timeout 60 3>&-
	# The folders on the way can be passed; from ours on it is our own modes that must keep others out.
	chmod 755 "$open"
	[ "$(stat -c %a "$LIMA_HOME/a")" = 700 ]
	chmod 755 "$LIMA_HOME" "$LIMA_HOME/a" "$XDG_CACHE_HOME"
	# No secret, and made to be read; basedisk is the image in the cache; what the tests' own QEMU makes is not ours.
	setpriv --reuid=65534 --regid=65534 --clear-groups bash -c '
		cd "$1" || exit
		for f in * .make; do
			case $f in
			lima-version | lima.yaml | cloud-config.yaml | ansible-inventory.yaml | known_hosts | *.pub | basedisk | cues | cue | fake.log) continue ;;
			esac
			[ "$(stat -c %a "$f" | cut -c 2-)" = 00 ] || { stat -c "%a %n" "$f"; exit 1; }
			if [ -S "$f" ]; then socat -u /dev/null "UNIX-CONNECT:$f"
			elif [ -d "$f" ]; then ls "$f"
			else cat "$f"; fi >/dev/null 2>&1 && { echo "$f can be reached"; exit 1; }
			echo "$f"
		done' nobody "$LIMA_HOME/a" >seen || { cat seen; false; }
	for f in ha.sock qmp.sock ga.sock ha.pid cidata.iso diffdisk ha.stderr.log ssh.config .make; do grep -qxF $f seen || { cat seen; echo "no $f"; false; }; done
	for d in "$LIMA_HOME/_config" "$LIMA_HOME/_locks" "$XDG_CACHE_HOME/lima"; do
		! setpriv --reuid=65534 --regid=65534 --clear-groups ls "$d" 2>/dev/null || { ls -ld "$d"; false; }
	done
}

@test "case 49: ten instances of one image that is not cached: one download, all have it; a killed downloader is replaced" {
	mkdir -p "$WWW/$T"
	cp "$MACHINES/image.raw" "$WWW/$T/"
	url=$SERVER/hold/1000000/$T/image.raw
	sed -i "s|location: .*|location: $url\n  digest: $(digest_of image.raw)|" t.yaml
	for i in $(seq 10); do
		lima-instance create --template t.yaml "vm$i" >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	until_ok eval '[ "$(cat out.* | grep -c "waiting for it")" = 9 ]'
	# The one that downloads; its machine's creation ends with it.
	victim=$(for p in /proc/[0-9]*; do
		[[ $(readlink "$p/exe") != */lima-fetch ]] || [[ $(readlink "$p/cwd") != "$LIMA_HOME"/vm* ]] ||
			! ls -l "$p/fd" | grep -q data.part || basename "$p"
	done 2>/dev/null)
	[ -n "$victim" ]
	kill -KILL "$victim"
	touch "$WWW/$T/release"
	failed=0
	for p in "${pids[@]}"; do wait "$p" || failed=$((failed + 1)); done
	[ "$failed" = 1 ] || { echo "$failed failed"; tail -n 3 out.*; false; }
	# The second request goes on where the first one ended.
	[ "$(requests)" = 2 ]
	log | tail -n 1 | grep -q ' 206 range=bytes='
	n=0
	for d in "$LIMA_HOME"/vm*/; do
		cmp "$d/basedisk" "$WWW/$T/image.raw"
		qemu-img check -q "$d/diffdisk"
		n=$((n + 1))
	done
	[ "$n" = 9 ]
	cache_is_clean
}

# broken CALLS TOOL...: EIO at each of these calls of the tool in turn; it must be told, and never be a success.
broken() {
	local calls=$1 n=0 status=1
	shift
	while [ "$status" != 0 ]; do
		n=$((n + 1))
		[ "$n" -lt 60 ]
		rm -rf "$XDG_CACHE_HOME/lima" out
		status=0
		strace -o trace -e trace="$calls" -e "inject=$calls:error=EIO:when=$n" "$@" >stdout 2>said || status=$?
		# What is hit: a call on the output, not one on standard error.
		[ "$status" = 0 ] || [ -s said ] || grep -q 'write(2' trace
		if [ "$status" != 0 ]; then
			[ "$status" = 74 ] || [ "$status" = 73 ] || { echo "$calls $n: $status"; cat said; return 1; }
			[ ! -e out ] || { echo "$calls $n: there is an output"; return 1; }
		elif grep -q INJECTED trace; then
			# Only the cache may be given up in silence, and standard error has nowhere to tell.
			cmp out want || { echo "$calls $n: a wrong output"; return 1; }
			status=1
		fi
	done
	[ "$n" -gt 1 ]
}

@test "case 5: EIO of write, fsync and rename: lima-probe and lima-qemu-argv tell, or need it not" {
	lima create --quiet
	cd "$LIMA_HOME/a"
	lima-qemu-argv -o want .
	for calls in write fsync rename,renameat,renameat2; do broken $calls lima-qemu-argv -o out .; done
	lima-probe --arch "$(uname -m)" --accel tcg -o want
	for calls in write fsync rename,renameat,renameat2; do broken $calls lima-probe --arch "$(uname -m)" --accel tcg -o out; done
	# Standard output that cannot be written.
	fails 74 "" sh -c 'lima-qemu-argv . >/dev/full'
	fails 74 "" sh -c 'lima-probe --arch "$(uname -m)" --accel tcg >/dev/full'
}
