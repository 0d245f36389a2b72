#!/usr/bin/env bats
# Folders of the host in a real guest, once for each type of mount: the other mounts-TYPE.bats are links to this file, and the
# type is what the name says. What each type does to owners is in lima-mounts(7); the expectations here are from there.

load ../lib/vm

TYPE=${BATS_TEST_FILENAME##*/mounts-}
TYPE=${TYPE%.bats}

setup_file() {
	vm_setup "m-$TYPE"
	[ "$TYPE" != virtiofs ] || has_virtiofsd || return 0
	# Blanks, non-ASCII, quotes, a comma (an option separator on every command line it passes).
	mkdir -p "$VM_TMP/wörk, dir" "$VM_TMP/read 'only' ж" "$HOME/in home"
	echo "read me" >"$VM_TMP/read 'only' ж/file"
	echo "at home" >"$HOME/in home/file"
	chmod 777 "$VM_TMP" # a guest user may have another number than ours, when we are root
	chown -R "$(host_uid)" "$VM_TMP/wörk, dir" "$HOME"
	lima-instance start --quiet --template recipe-debian-12 --cpus 2 --memory 768MiB --disk 5GiB --mount-type "$TYPE" --mount-inotify --set "$(mounts)" "$VM" \
		2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

# The mounts of the instance, as an expression.
mounts() {
	# shellcheck disable=SC2016
	printf '.mounts = [{"location": "%s", "mountPoint": "/mnt/wörk, dir", "writable": true}, {"location": "%s"}, {"location": "~/in home", "writable": true}]' \
		"$VM_TMP/wörk, dir" "$VM_TMP/read 'only' ж"
}

teardown_file() {
	vm_teardown
}

setup() {
	vm_need
	W="$VM_TMP/wörk, dir" # on the host
	G="/mnt/wörk, dir"    # in the guest
	R="$VM_TMP/read 'only' ж"
	cd "$TOP"
}

# The number of the guest's user: ours, but never root's.
host_uid() { [ "$(id -u)" = 0 ] && echo 1000 || id -u; }

# The guest runs a script of several lines in a folder: in_guest FOLDER SCRIPT.
in_guest() { lima-instance shell "$VM" -- sh -ec "cd \"\$1\"; $2" sh "$1"; }

# Hashes of all files below, with their names.
hashes='find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum'

same_tree() { # HOST GUEST
	in_guest "$2" "$hashes" >"$VM_TMP/guest.sums"
	(cd "$1" && sh -ec "$hashes") >"$VM_TMP/host.sums"
	diff "$VM_TMP/host.sums" "$VM_TMP/guest.sums"
	[ -s "$VM_TMP/host.sums" ]
}

@test "all three are mounted by the type that was asked for, and status says so" {
	case $TYPE in reverse-sshfs) fs=fuse.sshfs ;; *) fs=$TYPE ;; esac
	for at in "$G" "$R" "$HOME/in home"; do
		[ "$(in_guest / "findmnt -n -o FSTYPE --mountpoint \"$at\"")" = "$fs" ] || { echo "$at"; in_guest / 'cat /proc/mounts'; false; }
	done
	curl -s --unix-socket "$DIR/ha.sock" http://x/v1/info |
		python3 -c 'import json, sys; m = json.load(sys.stdin)["mounts"]; assert [(x["type"], x["state"], x.get("problem")) for x in m] == [(sys.argv[1], "mounted", None)] * 3, m' "$TYPE"
	[ "$(state)" = Running ]
	[ "$(in_guest "$HOME/in home" 'cat file')" = "at home" ]
}

@test "what the host writes is what the guest reads, whatever the names" {
	python3 - "$W" <<'PY'
import os, sys
os.chdir(sys.argv[1])
os.makedirs("deep/er/down")
names = ["plain", "two words", "-dash", "ünï", "日本", "new\nline", "quote'\"", "back\\slash", "star*", "deep/er/down/x", ".hidden", "n" * 255, "empty"]
for i, n in enumerate(names):
    with open(n, "wb") as f:
        f.write(b"" if n == "empty" else os.urandom(1000 * i + 1))
PY
	same_tree "$W" "$G"
	[ "$(in_guest "$G" 'ls -A | wc -l')" = "$(cd "$W" && ls -A | wc -l)" ]
}

@test "what the guest writes is what the host reads" {
	in_guest "$G" 'mkdir -p "ö guest/sub"; head -c 100000 /dev/urandom >"ö guest/random"; echo one >"ö guest/sub/a b"; echo two >>"ö guest/sub/a b"
		: >"ö guest/empty"; printf x | dd of="ö guest/hole" seek=5000 bs=1 conv=notrunc 2>/dev/null; sync'
	[ "$(cat "$W/ö guest/sub/a b")" = $'one\ntwo' ]
	[ "$(stat -c %s "$W/ö guest/hole")" = 5001 ]
	same_tree "$W" "$G"
}

@test "a later change of the host reaches the guest" {
	echo first >"$W/changing"
	[ "$(in_guest "$G" 'cat changing')" = first ]
	echo "second, longer" >"$W/changing"
	for _ in $(seq 50); do # sshfs keeps attributes for 20 s, virtiofs for 1 s
		[ "$(in_guest "$G" 'cat changing')" = "second, longer" ] && return 0
		sleep 1
	done
	false
}

# 9p with cache=mmap makes a new inode for whoever opens a file anew, so that only the folder can be watched: lima-mounts(7).
@test "who watches a file in the guest notices a change of the host, and it ends there" {
	mkdir -p "$W/watched/new"
	echo 1 >"$W/watched/file"
	what=file
	[ "$TYPE" != 9p ] || what=.
	in_guest "$G/watched" 'exec perl -e '"'"'$| = 1; $file = "'"$what"'"; $fd = syscall(294, 0); syscall(254, $fd, $file, 0x6) >= 0 or die $!; open(F, "<&=", $fd);
		print "watching\n"; alarm 60; sysread(F, $b, 4096) or die; print "noticed\n"'"'"'' >"$VM_TMP/watcher" 3>&- &
	watcher=$!
	until_ok grep watching "$VM_TMP/watcher"
	echo 2 >>"$W/watched/file"
	wait $watcher
	grep -q noticed "$VM_TMP/watcher"
	# A folder that has come later is followed, and the answers of the guest do not go round and round.
	echo 3 >"$W/watched/new/later"
	sleep 3
	stamps=$(stat -c '%n %y %z' "$W/watched/file" "$W/watched/new/later")
	sleep 2
	[ "$(stat -c '%n %y %z' "$W/watched/file" "$W/watched/new/later")" = "$stamps" ]
}

@test "a large file goes both ways unharmed" {
	head -c $((64 << 20)) /dev/urandom >"$W/large"
	sum=$(sha256sum <"$W/large")
	[ "$(in_guest "$G" 'sha256sum <large')" = "$sum" ]
	in_guest "$G" 'cp large large.copy; sync'
	[ "$(sha256sum <"$W/large.copy")" = "$sum" ]
	rm "$W/large" "$W/large.copy"
}

@test "ten thousand small files, the first thousand made by the guest, the others by the host" {
	in_guest "$G" 'mkdir many; cd many; seq 1000 | split -l 1 -a 3 - f; sync'
	[ "$(ls "$W/many" | wc -l)" = 1000 ]
	[ "$(cat "$W"/many/f* | sha256sum)" = "$(seq 1000 | sha256sum)" ]
	(cd "$W/many" && seq 1001 10000 | split -l 1 -a 3 - h)
	[ "$(in_guest "$G/many" 'ls | wc -l; cat f* h* | sha256sum')" = "10000
$(seq 10000 | sha256sum)" ]
	rm -r "$W"/many/h*
	in_guest "$G" 'sudo rm -r many' # they may not be the user's
	[ ! -e "$W/many" ]
}

@test "rename, remove, truncate, append, mode: the host sees each" {
	in_guest "$G" 'mkdir ops; cd ops; echo 1 >a; mv a b; mkdir d; mv b d/c; echo 2 >e; echo 3 >f; mv e f; rmdir d 2>/dev/null || echo full >g
		echo 0123456789 >t; truncate -s 4 t; echo x >gone; rm gone; echo s >s; chmod 640 s; echo p >p; chmod 755 p; sync'
	cd "$W/ops"
	[ "$(find . -type f | sort | tr '\n' ' ')" = "./d/c ./f ./g ./p ./s ./t " ]
	[ "$(cat d/c f g t)" = $'1\n2\nfull\n0123' ]
	[ "$(stat -c %a s p | tr '\n' ' ')" = "640 755 " ]
	chmod 600 p
	sleep 1
	for _ in $(seq 30); do
		[ "$(in_guest "$G/ops" 'stat -c %a p')" != 600 ] || return 0
		sleep 1
	done
	false
}

@test "symbolic links are links on both sides" {
	in_guest "$G" 'mkdir links; cd links; echo target >t; ln -s t rel; ln -s /nonexistent/x abs; ln t hard'
	[ "$(readlink "$W/links/rel")" = t ]
	[ "$(cat "$W/links/rel")" = target ]
	[ "$(readlink "$W/links/abs")" = /nonexistent/x ]
	[ "$(stat -c %i "$W/links/hard")" = "$(stat -c %i "$W/links/t")" ]
	ln -s "t" "$W/links/from host"
	[ "$(in_guest "$G/links" 'readlink "from host"; cat "from host"')" = $'t\ntarget' ]
}

@test "programs run from the mount" {
	in_guest "$G" 'printf "#!/bin/sh\necho ran \$1\n" >script; chmod +x script; cp /bin/echo binary'
	[ "$(in_guest "$G" './script here; ./binary there')" = $'ran here\nthere' ]
	[ -x "$W/script" ]
	[ -x "$W/binary" ]
}

# With us as root: 9p and virtiofs make files with the owner that the guest's process has, sshfs all with ours. Otherwise
# all are ours. See lima-mounts(7).
@test "ownership: created files, and chown" {
	user=$(host_uid)
	in_guest "$G" 'echo u >by-user; sudo sh -c "echo r >by-root"; sync'
	case $TYPE in reverse-sshfs) want="$(id -u) $(id -u)" ;; *) [ "$(id -u)" = 0 ] && want="$user 0" || want="$user $user" ;; esac
	[ "$(stat -c %u "$W/by-user" "$W/by-root" | tr '\n' ' ')" = "$want " ] || { stat -c '%n %u' "$W"/by-*; false; }
	# What the host's files belong to is what the guest sees.
	[ "$(in_guest "$G" 'stat -c %u by-user by-root' | tr '\n' ' ')" = "$want " ]
	[ "$(in_guest "$G" 'cat by-user; echo again >by-user; cat by-user')" = $'u\nagain' ]
	if [ "$(id -u)" = 0 ]; then
		in_guest "$G" 'sudo chown 1234:4321 by-root'
		[ "$(stat -c %u:%g "$W/by-root")" = 1234:4321 ]
		[ "$(in_guest "$G" 'stat -c %u:%g by-root')" = 1234:4321 ]
	else
		in_guest "$G" 'sudo chown 1234:4321 by-root' || true
		[ "$(stat -c %u:%g "$W/by-root")" = "$(id -u):$(id -g)" ]
	fi
}

@test "a read-only mount refuses each kind of change, also to root who mounts it anew" {
	before=$(cd "$R" && find . -printf '%p %T@ %m %s\n' | sort)
	[ "$(in_guest "$R" 'cat file')" = "read me" ]
	for try in 'echo x >new' 'echo x >>file' ': >file' 'rm file' 'mv file other' 'mkdir d' 'ln -s a b' 'chmod 600 file' 'touch file'; do
		run in_guest "$R" "$try"
		[ "$status" != 0 ] || { echo "went through: $try"; false; }
		run in_guest "$R" "sudo sh -c '$try'"
		[ "$status" != 0 ] || { echo "went through as root: $try"; false; }
	done
	in_guest / "sudo mount -o remount,rw \"$R\"" || true
	for try in 'echo x >new' ': >file' 'rm file' 'chmod 600 file'; do
		run in_guest "$R" "sudo sh -c '$try'"
		[ "$status" != 0 ] || { echo "went through after a remount: $try"; false; }
	done
	[ "$(cd "$R" && find . -printf '%p %T@ %m %s\n' | sort)" = "$before" ]
	[ "$(cat "$R/file")" = "read me" ]
}
