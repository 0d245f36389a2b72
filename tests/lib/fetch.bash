# fetch - what the suites of lima-fetch share: a server that misbehaves on request (httpd.py), files on it, a look into the cache.

# One server for a suite; its files are in $WWW. Each test has a folder of its own there, so that the server's counts per path
# are the test's own.
server_start() {
	export WWW=$BATS_FILE_TMPDIR/www SERVER_LOG=$BATS_FILE_TMPDIR/log
	mkdir -p "$WWW"
	: >"$SERVER_LOG"
	python3 "$BATS_TEST_DIRNAME/../lib/httpd.py" "$WWW" "$BATS_FILE_TMPDIR/port" "$SERVER_LOG" >"$BATS_FILE_TMPDIR/httpd.out" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/httpd.pid"
	until_ok test -s "$BATS_FILE_TMPDIR/port"
	export SERVER
	SERVER=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
}

server_stop() {
	kill "$(cat "$BATS_FILE_TMPDIR/httpd.pid")"
}

# make_file NAME BYTES: a file of random bytes on the server, in this test's folder; its path below $WWW is $T/NAME.
make_file() {
	mkdir -p "$WWW/$T"
	head -c "$2" /dev/urandom >"$WWW/$T/$1"
}
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
digest_of() { echo "sha256:$(sum "$WWW/$T/$1")"; }

# entry URL: the folder of the URL's cache entry, worked out here.
entry() { echo "$XDG_CACHE_HOME/lima/download/by-url-sha256/$(printf %s "$1" | sha256sum | cut -d ' ' -f 1)"; }

# requests: how many requests this test's files had; the lines of the log on stdout with `log`.
log() { grep "/$T/" "$SERVER_LOG" || true; }
requests() { log | wc -l; }

# cache_is_clean: no temporary file or folder is left anywhere in the cache, no entry without data.
cache_is_clean() {
	local left
	left=$(find "$XDG_CACHE_HOME" \( -name '.*.tmp.*' -o -name 'data.part*' -o -name 'build.*' \) -print)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

bigger_than() { [ -e "$1" ] && [ "$(stat -c %s "$1")" -ge "$2" ]; }

common_setup() {
	fresh_home
	export T=t$BATS_TEST_NUMBER
	mkdir -p "$WWW/$T"
	cd "$BATS_TEST_TMPDIR" || return
}
