#!/usr/bin/env bats
# lima-fetch when the network, the server, the disk or its own life ends at the worst moment.

load ../lib/common
load ../lib/fetch

setup_file() { server_start; }
teardown_file() { server_stop; }
setup() { common_setup; }

# ---- servers and networks --------------------------------------------------------------------------------------------

@test "a broken connection is taken up where it broke, by the same process" {
	make_file blob 300000
	lima-fetch --digest "$(digest_of blob)" -o out "$SERVER/cutonce/123456/$T/blob"
	cmp out "$WWW/$T/blob"
	[ "$(requests)" = 2 ]
	log | tail -n 1 | grep -q ' 206 range=bytes=123456- if-range="'
	cache_is_clean
}

@test "a killed download is taken up by the next run, whatever the byte" {
	make_file blob 300000
	for n in 1 4095 4096 299999; do
		url=$SERVER/hold/$n/$T/blob
		lima-fetch --quiet "$url" &
		until_ok bigger_than "$(entry "$url")/data.part" $n
		kill -KILL $!
		lima-fetch --digest "$(digest_of blob)" -o out "$url"
		cmp out "$WWW/$T/blob"
		log | tail -n 1 | grep -q " 206 range=bytes=$n- if-range=\""
	done
	cache_is_clean
}

@test "a download that was killed when all bytes had come needs no request" {
	make_file blob 300000
	url=$SERVER/hold/300000/$T/blob
	lima-fetch "$SERVER/plain/$T/blob"
	e=$(entry "$url")
	mkdir -p "$e"
	cp "$WWW/$T/blob" "$e/data.part"
	printf 'etag="x"\nmodified=\nlength=300000\nboot=%s\n' "$(cat /proc/sys/kernel/random/boot_id)" >"$e/data.part.conf"
	lima-fetch --digest "$(digest_of blob)" -o out "$url"
	cmp out "$WWW/$T/blob"
	[ "$(requests)" = 1 ]
}

@test "bytes of another boot are only trusted when a digest will tell" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	e=$(entry "$url")
	etag=$(md5sum <"$WWW/$T/blob" | cut -d ' ' -f 1)
	for digest in "" "--digest $(digest_of blob)"; do
		rm -rf "$e"
		mkdir -p "$e"
		head -c 100000 "$WWW/$T/blob" >"$e/data.part"
		printf 'etag="%s"\nmodified=\nlength=300000\nboot=other\n' "$etag" >"$e/data.part.conf"
		# shellcheck disable=SC2086
		lima-fetch $digest -o out "$url"
		cmp out "$WWW/$T/blob"
	done
	[ "$(log | grep -c ' 200 range= ')" = 1 ]
	[ "$(log | grep -c ' 206 range=bytes=100000-')" = 1 ]
}

@test "the file changes on the server in the middle: the new one arrives whole" {
	make_file blob 300000
	make_file blob.new 310000
	lima-fetch --digest "$(digest_of blob.new)" -o out "$SERVER/etag/123456/$T/blob"
	cmp out "$WWW/$T/blob.new"
	lima-fetch -o out "$SERVER/etag/123457/$T/blob"
	cmp out "$WWW/$T/blob.new"
}

@test "servers that cannot resume: 200 for 206, 416, another range" {
	make_file blob 300000
	for how in norange unsatisfied wrongrange; do
		lima-fetch --digest "$(digest_of blob)" -o $how "$SERVER/$how/123456/$T/blob"
		cmp $how "$WWW/$T/blob"
		lima-fetch -o $how "$SERVER/$how/123457/$T/blob"
		cmp $how "$WWW/$T/blob"
	done
}

@test "a server that mixes two files under one ETag is found out by the digest and asked for the whole" {
	make_file blob 300000
	cp "$WWW/$T/blob" "$WWW/$T/blob.new"
	printf changed | dd of="$WWW/$T/blob.new" bs=1 seek=200000 conv=notrunc
	lima-fetch --digest "$(digest_of blob.new)" -o out "$SERVER/mixed/250000/$T/blob"
	cmp out "$WWW/$T/blob.new"
}

@test "without a strong validator nothing is resumed; a date will do" {
	make_file blob 300000
	touch -d '2020-02-02' "$WWW/$T/blob"
	for how in weak bare nolength; do
		e=$(entry "$SERVER/$how/$T/blob")
		mkdir -p "$e"
		head -c 1000 /dev/zero >"$e/data.part"
		lima-fetch -o $how "$SERVER/$how/$T/blob"
		cmp $how "$WWW/$T/blob"
	done
	! log | grep -q 'range=bytes'
	e=$(entry "$SERVER/date/$T/blob")
	mkdir -p "$e"
	head -c 1000 "$WWW/$T/blob" >"$e/data.part"
	printf 'etag=\nmodified=Sun, 02 Feb 2020 00:00:00 GMT\nlength=300000\nboot=%s\n' "$(cat /proc/sys/kernel/random/boot_id)" >"$e/data.part.conf"
	TZ=UTC touch -d '2020-02-02T00:00:00Z' "$WWW/$T/blob"
	lima-fetch -o date "$SERVER/date/$T/blob"
	cmp date "$WWW/$T/blob"
	log | tail -n 1 | grep -q ' 206 range=bytes=1000- if-range=Sun, 02 Feb 2020'
}

@test "errors that pass are tried again, a bounded number of times; others are not" {
	make_file blob 3000
	for status in 500 503 429 408; do
		lima-fetch -o out "$SERVER/fail/$status/1/$T/blob"
		cmp out "$WWW/$T/blob"
	done
	[ "$(requests)" = 8 ]
	fails 69 "HTTP status 503" lima-fetch --retries 1 "$SERVER/fail/503/9/$T/blob"
	[ "$(requests)" = 10 ]
	for status in 404 403 401 410 400; do
		fails 69 "HTTP status $status" lima-fetch "$SERVER/fail/$status/9/$T/blob"
	done
	[ "$(requests)" = 15 ]
	cache_is_clean
}

@test "a connection that always breaks ends, with the reason" {
	make_file blob 300000
	fails 69 "$SERVER/cut/0/$T/blob" lima-fetch --retries 2 "$SERVER/cut/0/$T/blob"
	[ "$(requests)" = 3 ]
	# One that gets on by a few bytes each time ends, too.
	fails 69 "" lima-fetch --retries 2 "$SERVER/cut/1000/$T/blob"
	[ "$(requests)" = 6 ]
}

@test "a server that stalls is left" {
	make_file blob 300000
	fails 69 "less than 1024 bytes a second" lima-fetch --retries 0 --timeout 1 "$SERVER/drip/1000/$T/blob"
	fails 69 "less than 1024 bytes a second" lima-fetch --retries 0 --timeout 1 "$SERVER/drip/0/$T/blob"
}

@test "lies about the length" {
	make_file blob 300000
	fails 69 "" lima-fetch --retries 1 --digest "$(digest_of blob)" "$SERVER/long/100/$T/blob"
	fails 65 "instead of" lima-fetch --digest "$(digest_of blob)" "$SERVER/short/100/$T/blob"
	fails 65 "limit of 64GiB" lima-fetch "$SERVER/huge?$T"
	fails 65 "limit of 1MiB" lima-fetch --max-size 1MiB "$SERVER/endless?$T"
	lima-fetch --digest "$(digest_of blob)" "$SERVER/chunked/$T/blob"
	lima-fetch --digest "$(digest_of blob)" "$SERVER/nolength/$T/blob"
	[ -z "$(find "$XDG_CACHE_HOME" -name data -size +400k)" ]
}

@test "redirects: five at most, to http and https only" {
	make_file blob 3000
	lima-fetch -o out "$SERVER/redirect/5/$T/blob"
	cmp out "$WWW/$T/blob"
	fails 69 "redirects" lima-fetch "$SERVER/redirect/6/$T/blob"
	echo secret >secret
	fails 69 "" lima-fetch -o leaked "$SERVER/to/file://$PWD/secret"
	fails 69 "" lima-fetch -o leaked "$SERVER/to/ftp://127.0.0.1/x"
	[ ! -e leaked ]
}

@test "https: a certificate that nobody vouches for is refused, and so is a redirect to http" {
	need_namespaces -rm
	command -v openssl
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
	cat key cert >both.pem
	python3 "$BATS_TEST_DIRNAME/../lib/httpd.py" "$WWW" port "$SERVER_LOG" both.pem >/dev/null 2>&1 3>&- &
	server=$!
	until_ok test -s port
	make_file blob 3000
	tls=https://localhost:$(cat port)
	# The system's list of certificates is replaced in a namespace of its own.
	trusting() { unshare -rm sh -c 'mount --bind cert /etc/ssl/certs/ca-certificates.crt && exec "$@"' sh "$@"; }
	fails 69 "certificate" lima-fetch "$tls/plain/$T/blob"
	trusting lima-fetch -o out "$tls/plain/$T/blob"
	run trusting lima-fetch "$tls/to/$SERVER/plain/$T/blob"
	kill $server
	cmp out "$WWW/$T/blob"
	[ "$status" = 69 ]
	[[ $output == *rotocol* ]]
}

# ---- many at once ----------------------------------------------------------------------------------------------------

@test "ten runs of one URL download once; all get the file" {
	make_file blob 3000000
	url=$SERVER/hold/1000000/$T/blob
	pids=()
	for i in $(seq 10); do
		lima-fetch --digest "$(digest_of blob)" -o "out$i" "$url" 2>"log$i" &
		pids+=($!)
	done
	until_ok eval '[ "$(cat log* | grep -c "waiting for it")" = 9 ]'
	touch "$WWW/$T/release"
	for pid in "${pids[@]}"; do wait "$pid"; done
	for i in $(seq 10); do cmp "out$i" "$WWW/$T/blob"; done
	[ "$(requests)" = 1 ]
	cache_is_clean
}

@test "the downloader is killed: one of those that wait takes over and resumes" {
	make_file blob 3000000
	url=$SERVER/hold/1000000/$T/blob
	lima-fetch --quiet "$url" &
	first=$!
	until_ok bigger_than "$(entry "$url")/data.part" 1000000
	pids=()
	for i in 1 2 3; do
		lima-fetch --digest "$(digest_of blob)" -o "out$i" "$url" 2>"log$i" &
		pids+=($!)
	done
	until_ok eval '[ "$(cat log* | grep -c "waiting for it")" = 3 ]'
	kill -KILL $first
	for pid in "${pids[@]}"; do wait "$pid"; done
	for i in 1 2 3; do cmp "out$i" "$WWW/$T/blob"; done
	[ "$(requests)" = 2 ]
	log | tail -n 1 | grep -q ' 206 range=bytes=1000000-'
}

@test "a signal ends a download at once, and a run that waits" {
	make_file blob 3000000
	url=$SERVER/hold/1000000/$T/blob
	env --default-signal=HUP lima-fetch -o out "$url" 2>log &
	first=$!
	until_ok bigger_than "$(entry "$url")/data.part" 1000000
	lima-fetch "$url" 2>log2 &
	second=$!
	until_ok grep -q "waiting for it" log2
	kill -TERM $second
	status=0
	wait $second || status=$?
	[ "$status" = 143 ]
	kill -HUP $first
	status=0
	wait $first || status=$?
	[ "$status" = 129 ]
	[ ! -e out ]
	[ -z "$(ls -A | grep tmp)" ]
	lima-fetch -o out "$url"
	cmp out "$WWW/$T/blob"
	log | tail -n 1 | grep -q ' 206 range=bytes=1000000-'
}

@test "prune and fetch at once: every fetch succeeds" {
	make_file blob 3000
	for i in $(seq 20); do
		lima-fetch --quiet --digest "$(digest_of blob)" -o "out$i" "$SERVER/plain/$T/blob" &
		pids[i]=$!
		lima-fetch --quiet --prune
	done
	for i in $(seq 20); do
		wait "${pids[i]}"
		cmp "out$i" "$WWW/$T/blob"
	done
}

# ---- a hostile or broken disk ----------------------------------------------------------------------------------------

@test "what stands in the way in the cache is refused or replaced, never followed" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	e=$(entry "$url")
	echo precious >precious
	mkdir -p "$e"
	chmod 700 "$XDG_CACHE_HOME"/lima "$XDG_CACHE_HOME"/lima/* "$XDG_CACHE_HOME"/lima/*/* "$e"
	ln -s "$PWD/precious" "$e/data"
	fails 74 "$e/data" lima-fetch "$url"
	rm "$e/data"
	mkfifo "$e/data"
	fails 65 "not a regular file" lima-fetch "$url"
	rm "$e/data"
	ln -s "$PWD/precious" "$e/data.part"
	fails 73 "data.part" lima-fetch "$url"
	rm "$e/data.part"
	ln "$PWD/precious" "$e/data.part"
	fails 73 "data.part" lima-fetch "$url"
	rm "$e/data.part"
	ln -s "$PWD/precious" "$e/verified"
	ln -s "$PWD/precious" "$e/url"
	lima-fetch --digest "$(digest_of blob)" "$url"
	rm -r "$e"
	ln -s "$PWD" "$e"
	fails 73 "cannot open the cache folder" lima-fetch "$url"
	[ "$(cat precious)" = precious ]
}

@test "a cache that others own or may write to is refused before anything is asked for" {
	make_file blob 3000
	mkdir -p "$XDG_CACHE_HOME/lima/download"
	chmod 777 "$XDG_CACHE_HOME/lima/download"
	fails 73 "chmod go-w" lima-fetch "$SERVER/plain/$T/blob"
	chmod 700 "$XDG_CACHE_HOME/lima/download"
	[ "$(id -u)" = 0 ] || skip "only root can give a folder away"
	chown 65534 "$XDG_CACHE_HOME/lima/download"
	fails 73 "belongs to user 65534" lima-fetch "$SERVER/plain/$T/blob"
	[ "$(requests)" = 0 ]
}

@test "a full disk: the reason and the place are said, the old file stays, the next run succeeds" {
	need_namespaces -rm
	make_file blob 300000
	mkdir small
	# A tmpfs of 64 KiB in a namespace of its own, without room for the length that is announced, and without a length.
	run unshare -rm bash -c 'mount -t tmpfs -o size=64k none small && export XDG_CACHE_HOME=$PWD/small &&
		lima-fetch "$1/plain/$2/blob"; echo $?; lima-fetch "$1/chunked/$2/blob"; echo $?; find small -type f; echo old >"$3/out";
		lima-fetch -o small/out "file://$3/www"; echo $?' sh "$SERVER" "$T" "$PWD"
	[[ $output == *"No space left: 293KiB are needed, "*" are available"* ]]
	[ "$(grep -c '^7[34]$' <<<"$output")" = 2 ]
	[[ $output == *"data.part: No space left on device"* ]]
	lima-fetch "$SERVER/plain/$T/blob"
}

@test "a limit on the size of files is an error, not a death" {
	make_file blob 300000
	fails 74 "File too large" bash -c "ulimit -f 100; lima-fetch '$SERVER/plain/$T/blob'"
	gzip -k "$WWW/$T/blob"
	fails 74 "File too large" bash -c "ulimit -f 100; lima-fetch -o out '$WWW/$T/blob.gz'"
	[ -z "$(ls -A | grep out)" ]
}

# each_call SYSCALL WHAT COMMAND...: runs the command again and again in a fresh cache, each time with WHAT (strace's
# inject) at one call later, until it is not reached any more; `after` judges each run. At least one must have been hit.
each_call() {
	local call=$1 what=$2 n hits=0
	shift 2
	for n in $(seq 80); do
		rm -rf "$XDG_CACHE_HOME" out
		mkdir -p "$XDG_CACHE_HOME"
		echo old >out
		before
		run strace -f -qq -E ASAN_OPTIONS=detect_leaks=0 -o trace -e trace="$call" -e inject="$call:$what:when=$n" "$@"
		if ! grep -qE 'INJECTED|killed by SIGKILL' trace; then
			[ "$hits" -gt 0 ] || { echo "$call was never called"; return 1; }
			[ "$status" = 0 ]
			return
		fi
		hits=$((hits + 1))
		after || { echo "after $call number $n: status $status: $output"; return 1; }
	done
	echo "$call: more than 80 calls"
	return 1
}
before() { :; }

# No wrong data under its name; out is the old or the new file; the next run repairs everything.
state_is_good() {
	local e
	e=$(entry "$url")
	[ ! -e "$e/data" ] || cmp "$e/data" "$WWW/$T/blob" || return 1
	[ "$(cat out)" = old ] || cmp out "$WWW/$T/blob" || return 1
	lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url" || return 1
	cmp out "$WWW/$T/blob" && cache_is_clean && [ -z "$(ls -A | grep tmp)" ]
}

@test "kill -9 at every call that changes the cache: the next run repairs it" {
	make_file blob 70000
	url=$SERVER/plain/$T/blob
	after() { state_is_good; }
	for call in write renameat rename ftruncate fsync unlinkat fchmod mkdir flock link unlink; do
		each_call $call signal=KILL lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
	done
}

@test "kill -9 while a new version replaces an old one: one of the two is there" {
	make_file old 60000
	make_file new 70000
	cp "$WWW/$T/old" "$WWW/$T/blob"
	url=$SERVER/plain/$T/blob
	before() { cp "$WWW/$T/old" "$WWW/$T/blob"; lima-fetch --quiet "$url" >/dev/null; cp "$WWW/$T/new" "$WWW/$T/blob"; }
	after() {
		local data
		data=$(entry "$url")/data
		cmp -s "$data" "$WWW/$T/old" || cmp "$data" "$WWW/$T/new" || return 1
		lima-fetch --quiet --digest "$(digest_of new)" -o out "$url" || return 1
		cmp out "$WWW/$T/new" && cache_is_clean
	}
	for call in renameat rename fchmod unlinkat; do
		each_call $call signal=KILL lima-fetch --quiet "$url"
	done
}

@test "an error of every call that writes is reported and repaired" {
	make_file blob 70000
	url=$SERVER/plain/$T/blob
	after() {
		if [ "$status" = 0 ]; then
			# Only what does not matter may fail in silence.
			cmp out "$WWW/$T/blob" || return 1
		else
			[ "$status" -ge 65 ] && [ "$status" -le 75 ] && [ -n "$output" ] || return 1
		fi
		state_is_good
	}
	each_call fsync error=EIO lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
	each_call renameat error=EIO lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
	each_call ftruncate error=EIO lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
	each_call mkdir error=ENOSPC lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
	each_call fchmod error=EPERM lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
}

@test "ENOSPC at the Nth write: 74, the path, and nothing under the final name" {
	make_file blob 70000
	url=$SERVER/plain/$T/blob
	after() {
		[[ $output == *"No space left"* ]] && [ "$status" = 74 ] && [ "$(cat out)" = old ] && state_is_good
	}
	strace -f -qq -E ASAN_OPTIONS=detect_leaks=0 -o trace -P "$(entry "$url")/data.part" -e trace=write lima-fetch --quiet -o out "$url"
	[ "$(grep -c 'write(' trace)" -ge 1 ]
	for n in 1 2; do
		rm -rf "$XDG_CACHE_HOME"
		mkdir -p "$XDG_CACHE_HOME"
		echo old >out.new && mv -f out.new out
		run strace -f -qq -E ASAN_OPTIONS=detect_leaks=0 -o trace -P "$(entry "$url")/data.part" -e trace=write -e inject=write:error=ENOSPC:when=$n lima-fetch --quiet --digest "$(digest_of blob)" -o out "$url"
		grep -q INJECTED trace || break
		after
	done
	[ "$n" = 2 ]
}

@test "EIO while the cached copy is read is an error, not a wrong answer" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch --quiet --digest "$(digest_of blob)" "$url"
	touch "$(entry "$url")/data"
	run strace -f -qq -E ASAN_OPTIONS=detect_leaks=0 -o trace -P "$(entry "$url")/data" -e trace=read -e inject=read:error=EIO lima-fetch --digest "$(digest_of blob)" "$url"
	[ "$status" = 74 ]
	[[ $output == *"Input/output error"* ]]
	lima-fetch --offline --digest "$(digest_of blob)" "$url"
}

@test "kill -9 while the files of an instance are made: the next run completes them" {
	truncate -s 1M "$WWW/$T/disk"
	printf '\x55\xaa' | dd of="$WWW/$T/disk" bs=1 seek=510 conv=notrunc status=none
	gzip -k "$WWW/$T/disk"
	make_file vmlinuz 3000
	mkdir -p inst/.make
	printf 'arch=x86_64\nimages=1\nimages.0.location=%s\nimages.0.digest=%s\nimages.0.kernel.location=%s\nimages.0.kernel.cmdline=x\n' \
		"$SERVER/plain/$T/disk.gz" "$(digest_of disk.gz)" "$WWW/$T/vmlinuz" >inst/.make/image.conf
	before() { rm -f inst/basedisk inst/kernel*; }
	after() {
		# basedisk is the sign that all is there.
		[ ! -e inst/basedisk ] || { cmp inst/basedisk "$WWW/$T/disk" && [ -e inst/kernel ] && [ -e inst/kernel.cmdline ]; } || return 1
		lima-fetch --quiet --instance inst && cmp inst/basedisk "$WWW/$T/disk" && cmp inst/kernel "$WWW/$T/vmlinuz" || return 1
		[ "$(ls -A inst | tr '\n' ' ')" = ".make basedisk kernel kernel.cmdline " ] && cache_is_clean
	}
	for call in rename renameat pwrite64 fsync; do
		each_call $call signal=KILL lima-fetch --quiet --instance inst
	done
}
