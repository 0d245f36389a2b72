#!/usr/bin/env bats
# lima-fetch: one location, the cache, the file that was asked for. The server is tests/lib/httpd.py.

load ../lib/common
load ../lib/fetch

setup_file() { server_start; }
teardown_file() { server_stop; }
setup() { common_setup; }

# ---- the cache -------------------------------------------------------------------------------------------------------

@test "a URL fills the cache entry of the guide and its data's path is printed" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	run --separate-stderr lima-fetch "$url"
	[ "$status" = 0 ]
	[ "$output" = "$(entry "$url")/data" ]
	cmp "$output" "$WWW/$T/blob"
	cd "$(entry "$url")"
	[ "$(cat url; echo x)" = "${url}x" ]
	[ "$(cat sha256.digest; echo x)" = "$(digest_of blob)x" ]
	[ "$(cat type)" = application/x-test ]
	[ "$(cat time)" = "$(LC_ALL=C TZ=GMT date -r "$WWW/$T/blob" '+%a, %d %b %Y %H:%M:%S GMT')" ]
	[ "$(stat -c %a data)" = 444 ]
	[ "$(stat -c %a .)" = 700 ]
	cache_is_clean
}

@test "a verified entry is used without any request" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch --digest "$(digest_of blob)" "$url"
	lima-fetch --digest "$(digest_of blob)" "$url"
	lima-fetch --offline "$url"
	[ "$(requests)" = 1 ]
}

@test "--offline: what is cached works, the rest ends with 69 and says why" {
	make_file blob 1000
	fails 69 "--offline" lima-fetch --offline "$SERVER/plain/$T/blob"
	[ "$(requests)" = 0 ]
	lima-fetch "$SERVER/plain/$T/blob"
	lima-fetch --offline -o out "$SERVER/plain/$T/blob"
	cmp out "$WWW/$T/blob"
	fails 69 "another digest" lima-fetch --offline --digest "sha256:$(sum /dev/null)" "$SERVER/plain/$T/blob"
	[ "$(requests)" = 1 ]
}

@test "digests: sha256, sha384, sha512; the entry has the one that was asked for" {
	make_file blob 5000
	for alg in sha256 sha384 sha512; do
		hex=$("${alg}sum" <"$WWW/$T/blob" | cut -d ' ' -f 1)
		lima-fetch --digest "$alg:$hex" "$SERVER/plain/$T/blob?$alg" || true
		cp "$WWW/$T/blob" "$WWW/$T/blob.$alg"
		url=$SERVER/plain/$T/blob.$alg
		lima-fetch --digest "$alg:$hex" "$url"
		[ "$(cat "$(entry "$url")/$alg.digest")" = "$alg:$hex" ]
	done
}

@test "a wrong digest never becomes data" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	fails 65 "instead of sha256:$(sum /dev/null)" lima-fetch --digest "sha256:$(sum /dev/null)" -o out "$url"
	[ ! -e "$(entry "$url")" ]
	[ ! -e out ]
	[ "$(requests)" = 1 ]
}

@test "a digest that is not one is refused before anything is asked for" {
	make_file blob 10
	hex=$(sum "$WWW/$T/blob")
	for bad in "sha256:${hex^^}" "sha256:${hex:1}" "sha256:${hex}0" "md5:d41d8cd98f00b204e9800998ecf8427e" "$hex" "sha256:" \
		"sha512:$hex" "SHA256:$hex" "sha256:${hex:1}g" " sha256:$hex"; do
		fails 2 digest lima-fetch --digest "$bad" "$SERVER/plain/$T/blob"
	done
	[ "$(requests)" = 0 ]
}

@test "a digest given later is checked on the copy that was fetched without one" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch "$url"
	lima-fetch --digest "$(digest_of blob)" "$url"
	lima-fetch --digest "sha512:$(sha512sum <"$WWW/$T/blob" | cut -d ' ' -f 1)" "$url"
	[ "$(requests)" = 1 ]
	run lima-fetch --digest "sha256:$(sum /dev/null)" "$url"
	[ "$status" = 65 ]
	# It was asked once more, the answer was wrong too, and the old copy is still good.
	[ "$(requests)" = 2 ]
	lima-fetch --offline --digest "$(digest_of blob)" "$url"
}

@test "a copy with an outdated digest is replaced by the file that has the new one" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch --digest "$(digest_of blob)" "$url"
	make_file blob 300001
	lima-fetch --digest "$(digest_of blob)" -o out "$url"
	cmp out "$WWW/$T/blob"
	[ "$(cat "$(entry "$url")/sha256.digest")" = "$(digest_of blob)" ]
}

@test "a damaged copy is noticed, said, and fetched again once" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	for damage in 'printf x | dd of=data bs=1 seek=1234 conv=notrunc' 'truncate -s 1000 data' 'echo more >>data' ': >data'; do
		lima-fetch --digest "$(digest_of blob)" "$url"
		before=$(requests)
		(cd "$(entry "$url")" && chmod u+w data && eval "$damage")
		run --separate-stderr lima-fetch --digest "$(digest_of blob)" "$url"
		[ "$status" = 0 ]
		[[ $stderr == *"is damaged; fetching it again"* ]]
		cmp "$output" "$WWW/$T/blob"
		[ "$(requests)" = $((before + 1)) ]
	done
}

@test "a damaged copy is noticed without a digest on the command line, too" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch "$url"
	(cd "$(entry "$url")" && chmod u+w data && printf xxxx | dd of=data bs=1 seek=99 conv=notrunc)
	fails 69 "is damaged" lima-fetch --offline "$url"
	run lima-fetch -o out "$url"
	[[ $output == *"is damaged"* ]]
	cmp out "$WWW/$T/blob"
}

@test "a copy that was only touched, copied or put there by Lima is hashed and used" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch --digest "$(digest_of blob)" "$url"
	touch -d '2001-01-01' "$(entry "$url")/data"
	lima-fetch --digest "$(digest_of blob)" "$url"
	(cd "$(entry "$url")" && cp data x && mv -f x data && rm verified)
	lima-fetch --digest "$(digest_of blob)" "$url"
	(cd "$(entry "$url")" && rm verified sha256.digest)
	lima-fetch --digest "$(digest_of blob)" "$url"
	[ "$(requests)" = 1 ]
}

@test "without digest the server is asked whether there is something newer" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch "$url"
	lima-fetch -o out "$url"
	log | tail -n 1 | grep -q ' 304 .*if-none-match="'
	cmp out "$WWW/$T/blob"
	make_file blob 200000
	lima-fetch -o out "$url"
	cmp out "$WWW/$T/blob"
	[ "$(requests)" = 3 ]
	cache_is_clean
}

@test "without ETag the date of the copy is what the server is asked about" {
	make_file blob 3000
	touch -d '2020-02-02 02:02:02' "$WWW/$T/blob"
	lima-fetch "$SERVER/date/$T/blob"
	lima-fetch "$SERVER/date/$T/blob"
	log | tail -n 1 | grep -q ' 304 .*if-modified-since=Sun, 02 Feb 2020'
}

@test "when the server cannot be asked the copy is used, with one line about it" {
	make_file blob 3000
	lima-fetch "$SERVER/fail/500/0/$T/blob"
	counted=$SERVER/cutonce/99999/$T/blob
	lima-fetch "$counted"
	# The same URL, from a host that is gone: a proxy that nobody listens on.
	run --separate-stderr env http_proxy=http://127.0.0.1:1 lima-fetch -o out "$counted"
	[ "$status" = 0 ]
	[[ $stderr == *"using the copy in the cache"* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	cmp out "$WWW/$T/blob"
}

# ---- the file that is asked for --------------------------------------------------------------------------------------

@test "-o gives a read-only hard link to the copy" {
	make_file blob 300000
	url=$SERVER/plain/$T/blob
	lima-fetch -o "dir ä.bin" --digest "$(digest_of blob)" "$url"
	[ "$(stat -c %i "dir ä.bin")" = "$(stat -c %i "$(entry "$url")/data")" ]
	[ "$(stat -c %a "dir ä.bin")" = 444 ]
	# Again, and over another file: still right, nothing left behind.
	lima-fetch -o "dir ä.bin" --digest "$(digest_of blob)" "$url"
	echo old >other
	lima-fetch -o other --digest "$(digest_of blob)" "$url"
	cmp other "$WWW/$T/blob"
	[ "$(ls -A | sort | tr '\n' ' ')" = "cache dir ä.bin home other " ]
}

@test "-o on another file system gives a copy that keeps holes" {
	there=$(mktemp -d /dev/shm/lima-fetch.XXXXXX)
	[ "$(stat -c %d "$there")" != "$(stat -c %d .)" ]
	make_file blob 65536
	truncate -s 50M "$WWW/$T/blob"
	url=$SERVER/plain/$T/blob
	lima-fetch -o "$there/out" --digest "$(digest_of blob)" "$url"
	cmp "$there/out" "$WWW/$T/blob"
	blocks=$(stat -c %b "$there/out") mode=$(stat -c %a "$there/out")
	rm -r "$there"
	[ "$blocks" -lt 400 ]
	[ "$mode" = 444 ]
}

@test "-o into a folder that is not there, or onto a folder, fails and names it" {
	make_file blob 100
	fails 73 "no/such/" lima-fetch -o no/such/out "$SERVER/plain/$T/blob"
	mkdir folder
	fails 73 "folder" lima-fetch -o folder "$SERVER/plain/$T/blob"
	[ -z "$(ls -A folder)" ]
	[ "$(ls -A | sort | tr '\n' ' ')" = "cache folder home " ]
}

@test "gz, bz2, xz and zst are unpacked by extension, or by content" {
	make_file blob 300000
	cd "$WWW/$T"
	gzip -k blob
	bzip2 -k blob
	xz -k blob
	zstd -q blob
	for ext in gz bz2 xz zst; do
		cp "blob.$ext" "plain-$ext"
		lima-fetch -o "$BATS_TEST_TMPDIR/a.$ext" "$SERVER/plain/$T/blob.$ext"
		cmp "$BATS_TEST_TMPDIR/a.$ext" blob
		lima-fetch -o "$BATS_TEST_TMPDIR/b.$ext" "$WWW/$T/plain-$ext"
		cmp "$BATS_TEST_TMPDIR/b.$ext" blob
		lima-fetch --no-decompress -o "$BATS_TEST_TMPDIR/c.$ext" "$WWW/$T/blob.$ext"
		cmp "$BATS_TEST_TMPDIR/c.$ext" "blob.$ext"
	done
	# Two files one after the other are one file, as for gzip; a file that was packed twice is unpacked once.
	cat blob.gz blob.gz >two.gz
	lima-fetch -o "$BATS_TEST_TMPDIR/two" two.gz
	cat blob blob | cmp - "$BATS_TEST_TMPDIR/two"
	gzip -c blob.gz >twice.gz
	lima-fetch -o "$BATS_TEST_TMPDIR/once" twice.gz
	cmp "$BATS_TEST_TMPDIR/once" blob.gz
	: | gzip >empty.gz
	lima-fetch -o "$BATS_TEST_TMPDIR/empty" empty.gz
	[ ! -s "$BATS_TEST_TMPDIR/empty" ]
}

@test "zeros become holes when a file is unpacked" {
	{ head -c 70000 /dev/urandom; head -c 30000000 /dev/zero; echo end; head -c 5000000 /dev/zero; } >raw
	gzip -k raw
	lima-fetch -o out raw.gz
	cmp out raw
	[ "$(stat -c %b out)" -lt 400 ]
}

@test "packed data that is damaged, cut off or of another kind is refused, and the old file stays" {
	make_file blob 300000
	echo old >out
	gzip -c "$WWW/$T/blob" >good.gz
	head -c 200000 good.gz >cut.gz
	{ head -c 100000 good.gz; echo garbage; tail -c +100009 good.gz; } >damaged.gz
	xz -c "$WWW/$T/blob" | head -c 100000 >cut.xz
	zstd -qc "$WWW/$T/blob" | head -c 100000 >cut.zst
	bzip2 -c "$WWW/$T/blob" | head -c 100000 >cut.bz2
	cp "$WWW/$T/blob" false.gz
	for f in cut.gz damaged.gz cut.xz cut.zst cut.bz2 false.gz; do
		fails 65 "$f" lima-fetch -o out "$f"
		[ "$(cat out)" = old ]
	done
	[ -z "$(ls -A | grep tmp)" ]
}

@test "a bomb is stopped at --max-size" {
	head -c 20M /dev/zero | gzip >bomb.gz
	fails 65 "limit of 10MiB" lima-fetch --max-size 10MiB -o out bomb.gz
	[ ! -e out ]
	lima-fetch --max-size 20MiB -o out bomb.gz
	[ "$(stat -c %s out)" = 20971520 ]
}

# ---- local files -----------------------------------------------------------------------------------------------------

@test "file: and paths are used where they are" {
	mkdir -p "$HOME/d"
	echo text >"$HOME/d/a b"
	[ "$(lima-fetch "file://$HOME/d/a b")" = "$HOME/d/a b" ]
	[ "$(lima-fetch "$HOME/d/a b")" = "$HOME/d/a b" ]
	[ "$(cd "$HOME" && lima-fetch "./d/a b")" = "$HOME/d/a b" ]
	[ "$(lima-fetch '~/d/a b')" = "$HOME/d/a b" ]
	lima-fetch --digest "sha256:$(sum "$HOME/d/a b")" "$HOME/d/a b"
	fails 65 "instead of" lima-fetch --digest "sha256:$(sum /dev/null)" "$HOME/d/a b"
	[ ! -e "$XDG_CACHE_HOME/lima" ]
}

@test "-o of a local file is a copy: changing it does not change the original" {
	echo text >a
	lima-fetch -o b a
	[ "$(stat -c %i a)" != "$(stat -c %i b)" ]
	cmp a b
}

@test "what is no file is refused" {
	mkdir folder
	mkfifo fifo
	fails 65 "not a regular file" lima-fetch folder
	fails 65 "not a regular file" lima-fetch fifo
	fails 65 "not a regular file" lima-fetch /dev/null
	fails 1 "No such file" lima-fetch "$PWD/nothing"
	fails 65 "unknown scheme" lima-fetch ftp://127.0.0.1/x
	fails 65 "absolute path" lima-fetch file://relative
	fails 65 "another user's home" lima-fetch '~root/x'
	fails 65 "empty" lima-fetch ''
	fails 65 "no host" lima-fetch http:///x
	fails 65 "blank" lima-fetch "http://127.0.0.1/a b"
	fails 65 "recipe name" lima-fetch recipe:../x
}

# ---- the command -----------------------------------------------------------------------------------------------------

@test "misuse ends with 2 and points to --help" {
	for args in "" "a b" "--digest" "--digset x y" "-o" "--offline" "--prune x" "--keep-referred" "--prune --keep x" "--instance x y" "-o x --prune" \
		"--retries -1 x" "--retries 1x x" "--timeout 0 x" "--max-size 0 x" "--max-size x y" "--digest sha256:0 --instance ."; do
		# shellcheck disable=SC2086
		fails 2 "see 'lima-fetch --help'" lima-fetch $args
	done
}

@test "--help and --version go to stdout" {
	run --separate-stderr lima-fetch --help
	[ "$status" = 0 ] && [[ $output == usage:* ]] && [ -z "$stderr" ]
	run --separate-stderr lima-fetch --version
	[ "$status" = 0 ] && [[ $output == "lima-fetch "* ]]
	fails 74 "" bash -c 'lima-fetch --help >/dev/full'
	echo x >a
	fails 74 "cannot write" bash -c 'lima-fetch ./a >/dev/full'
}

@test "--quiet says nothing but the path and errors" {
	make_file blob 3000
	run --separate-stderr lima-fetch --quiet "$SERVER/fail/503/1/$T/blob"
	[ "$status" = 0 ] && [ -z "$stderr" ]
	run --separate-stderr lima-fetch -q "$SERVER/plain/$T/nothing"
	[ "$status" = 69 ] && [ "${#stderr_lines[@]}" = 1 ]
}

@test "not on a terminal: one line at the start, one at the end" {
	make_file blob 3000
	url=$SERVER/plain/$T/blob
	run --separate-stderr lima-fetch --digest "$(digest_of blob)" "$url"
	[ "${stderr_lines[0]}" = "lima-fetch: fetching $url" ]
	[[ ${stderr_lines[1]} == "lima-fetch: fetching $url: 2.93KiB in "* ]]
	[ "${#stderr_lines[@]}" = 2 ]
}

@test "on a terminal: a bar that goes away" {
	make_file blob 3000000
	url=$SERVER/hold/1000000/$T/blob
	script -qefc "lima-fetch --digest $(digest_of blob) $url" /dev/null </dev/null >out &
	until_ok bigger_than "$(entry "$url")/data.part" 1000000
	sleep 0.2 # the line is redrawn ten times a second
	touch "$WWW/$T/release"
	wait $!
	tr '\r' '\n' <out >lines
	grep -E '[0-9]% \[=*>? *\] .* of 2.861MiB' lines
	# Every line that is redrawn is cleared before, and nothing of the bar stays behind the last one.
	clear=$(printf '\033[K')
	! grep '%' lines | grep -vF "$clear"
	! tail -n 2 lines | grep %
}

@test "a password in a URL is not shown" {
	make_file blob 100
	for what in "$T/blob" "$T/nothing"; do
		run lima-fetch "http://user:secret@${SERVER#http://}/plain/$what"
		[[ $output != *secret* ]]
		[[ $output == *"127.0.0.1"* ]]
	done
}

@test "plain http without a digest is warned about, https and digests are not" {
	make_file blob 100
	run lima-fetch "$SERVER/plain/$T/blob"
	[[ $output == *"plain http"* ]]
	make_file blub 100
	run lima-fetch --digest "$(digest_of blub)" "$SERVER/plain/$T/blub"
	[[ $output != *"plain http"* ]]
}

@test "the proxy variables are obeyed" {
	make_file blob 3000
	http_proxy=$SERVER lima-fetch -o out "http://nowhere.invalid/plain/$T/blob"
	cmp out "$WWW/$T/blob"
	fails 69 "nowhere.invalid" env http_proxy="$SERVER" no_proxy=nowhere.invalid lima-fetch --retries 0 "http://nowhere.invalid/plain/$T/blob?"
}

@test "the cache is private whatever the umask is" {
	make_file blob 100
	for mask in 000 077 777; do
		export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/c$mask
		mkdir "$XDG_CACHE_HOME"
		(umask $mask && lima-fetch "$SERVER/plain/$T/blob")
		[ -z "$(find "$XDG_CACHE_HOME/lima" -type d -perm /077)" ]
	done
}
