#!/usr/bin/env bats
# lima-confine: a program that reaches one folder; and the server of reverse-sshfs in it, asked for everything else.

load ../lib/common

setup() {
	fresh_home
	TMP=$(mktemp -d /tmp/lima-confine.XXXXXX)
	X="$TMP/ex port ä"
	S="$TMP/secret"
	mkdir -p "$X" "$S"
	chmod 755 "$TMP" # another user shall get there, too
	echo inside >"$X/file"
	echo "very secret" >"$S/key"
	for SERVER in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server /usr/lib/ssh/sftp-server; do
		[ ! -x "$SERVER" ] || break
	done
	lima-confine "$X" /bin/true || skip "this system does not allow namespaces"
}

teardown() {
	rm -rf "$TMP"
}

untouched() {
	[ "$(cat "$S/key")" = "very secret" ]
	[ "$(ls -A "$S")" = key ]
	[ "$(stat -c %a "$S/key")" = "$1" ]
}

@test "a program sees the folder under its own name, and nothing else that has content" {
	[ "$(lima-confine "$X" /bin/cat "$X/file" file)" = $'inside\ninside' ]
	run lima-confine "$X" /bin/cat "$S/key"
	[ "$status" = 1 ]
	[[ $output == *"No such file"* ]]
	run lima-confine "$X" /bin/ls /
	[ "$status" = 0 ]
	for gone in proc sys root home var run boot; do
		! grep -qx "$gone" <<<"$output"
	done
	run lima-confine "$X" /bin/cat /etc/passwd
	[ "$output" = "user:x:$(id -u):$(id -g)::/:/" ]
}

@test "the folder can be written, and nothing else" {
	lima-confine "$X" /usr/bin/touch "$X/new"
	[ -e "$X/new" ]
	for place in / /etc /dev /tmp "$TMP" /lib/new; do
		run lima-confine "$X" /usr/bin/touch "$place/x"
		[ "$status" = 1 ] || { echo "$place"; false; }
	done
	run lima-confine --read-only "$X" /usr/bin/touch "$X/other"
	[ "$status" = 1 ]
	[[ $output == *"Read-only file system"* ]]
	run lima-confine --read-only --keep-root "$X" /usr/bin/touch "$X/other"
	[[ $output == *"Read-only file system"* ]]
	lima-confine --read-only --keep-root "$X" /usr/bin/touch "$S/free"
	[ -e "$S/free" ]
}

@test "exit statuses and signals are the program's; what cannot be run is 69" {
	run lima-confine "$X" /bin/sh -c 'exit 42'
	[ "$status" = 42 ]
	run lima-confine "$X" /nonexistent/program
	[ "$status" = 69 ]
	# That a folder is gone, which a guest may have brought about, must not look like a system that cannot confine.
	fails 1 "cannot open" lima-confine "$X/missing" /bin/true
	fails 1 "cannot" lima-confine "$X/file" /bin/true
	fails 1 "cannot open" lima-confine --keep-root "$X/missing" /bin/true
	fails 2 "not an absolute path" lima-confine relative /bin/true
	fails 2 "expected" lima-confine "$X"
}

@test "folders that hold parts of the new root itself can be shown, too" {
	touch "$TMP/here"
	[ "$(lima-confine /tmp /bin/ls "$TMP/here")" = "$TMP/here" ]
	[ "$(lima-confine /usr /bin/ls -d /usr/bin)" = /usr/bin ]
	[ "$(lima-confine /etc /bin/ls /etc/passwd)" = /etc/passwd ]
}

@test "rights that files do not need are gone" {
	[ "$(id -u)" = 0 ] || skip "needs root to have rights"
	run lima-confine "$X" /bin/mount -t tmpfs none "$X"
	[ "$status" != 0 ]
	run lima-confine "$X" /bin/mknod "$X/null" c 1 3
	[ "$status" != 0 ]
	lima-confine "$X" /bin/chown 1234 "$X/file"
	[ "$(stat -c %u "$X/file")" = 1234 ]
}

@test "a client of sftp-server that asks for everything gets the folder only" {
	python3 "$TOP/tests/lib/sftp_try.py" "$X" "$S" lima-confine "$X" "$SERVER" -e -d "$X"
	untouched 644
	[ "$(stat -c %a "$X/file")" = 600 ]
}

@test "the same, read-only" {
	READ_ONLY=1 python3 "$TOP/tests/lib/sftp_try.py" "$X" "$S" lima-confine --read-only "$X" "$SERVER" -e -d "$X" -R
	untouched 644
	[ "$(ls -A "$X")" = file ]
	# Its own switch apart, the folder cannot be written.
	READ_ONLY=1 python3 "$TOP/tests/lib/sftp_try.py" "$X" "$S" lima-confine --read-only "$X" "$SERVER" -e -d "$X"
	[ "$(ls -A "$X")" = file ]
}

@test "the same as a user without privileges" {
	[ "$(id -u)" = 0 ] || skip "the other tests ran as one"
	setpriv --reuid=1000 --regid=1000 --clear-groups lima-confine "$X" /bin/true || skip "this system gives users no namespaces"
	chown -R 1000:1000 "$X" "$S"
	chmod 600 "$S/key"
	python3 "$TOP/tests/lib/sftp_try.py" "$X" "$S" setpriv --reuid=1000 --regid=1000 --clear-groups lima-confine "$X" "$SERVER" -e -d "$X"
	untouched 600
	[ "$(stat -c %u "$X/e")" = 1000 ]
}

@test "the client of these tests gets everything from a server that is not confined" {
	run python3 "$TOP/tests/lib/sftp_try.py" "$X" "$S" "$SERVER" -e -d "$X"
	[ "$status" = 1 ]
	[[ $output == *"went through: reading $S/key"* ]]
}
