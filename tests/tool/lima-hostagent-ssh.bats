#!/usr/bin/env bats
# lima-hostagent and the real ssh: an sshd on this host plays the guest's. Key, host key, shared connection, mounts.

load ../lib/common
load ../lib/hostagent

setup_file() {
	build_fake_qemu
	sshd=$(command -v sshd || echo /usr/sbin/sshd)
	[ -x "$sshd" ] || skip "needs sshd (Debian: openssh-server)"
	export SSHD=$sshd
}

# An sshd that lets the present user in with the key of the instance, in a guest of its own: its commands see /run as $RUN.
setup() {
	fresh_home
	make_instance
	rm "$BATS_TEST_TMPDIR/bin/ssh"
	export GUEST=$BATS_TEST_TMPDIR/guest RUN=$BATS_TEST_TMPDIR/guest/run
	mkdir -p "$GUEST/bin" "$RUN"
	KEY="$BATS_TEST_TMPDIR/the key 100%"
	ssh-keygen -q -t ed25519 -N '' -f "$KEY"
	ssh-keygen -q -t ed25519 -N '' -f "$GUEST/host_key"
	cp "$KEY.pub" "$GUEST/authorized_keys"
	chmod 600 "$GUEST/authorized_keys"
	echo "lima-t $(cut -d ' ' -f 1,2 "$GUEST/host_key.pub")" >known_hosts
	PORT=$((20000 + RANDOM % 20000))
	# Paths of the guest are redirected into its folder.
	cat >"$GUEST/shell" <<END
#!/bin/sh
PATH=$GUEST/bin:\$PATH
exec sh -c "\$(printf '%s' "\$SSH_ORIGINAL_COMMAND" | sed "s#/run/lima#$RUN/lima#g")"
END
	chmod +x "$GUEST/shell"
	cat >"$GUEST/sshd_config" <<END
Port $PORT
ListenAddress 127.0.0.1
HostKey $GUEST/host_key
AuthorizedKeysFile $GUEST/authorized_keys
PidFile $GUEST/sshd.pid
StrictModes no
PasswordAuthentication no
ForceCommand $GUEST/shell
END
	[ -d /run/sshd ] || mkdir -p /run/sshd
	"$SSHD" -f "$GUEST/sshd_config" -E "$GUEST/sshd.log"
	conf "user=$(id -un)" ssh.identities=1 "ssh.identities.0=$KEY"
	qemu --port "$PORT"
}

teardown() {
	stop_all
	if [ -s theirs ]; then
		kill "$(cat "$(cat theirs)/sshd.pid")" || :
		rm -rf "$(cat theirs)"
	fi
	[ ! -e ssh.sock ] || ssh -F ssh.config -O exit lima-t || :
	[ ! -s "$GUEST/sshd.pid" ] || kill "$(cat "$GUEST/sshd.pid")"
	while read -r _ at _; do
		case $at in "$BATS_TEST_TMPDIR"*) fusermount3 -uz "$(printf '%b' "$at")" ;; esac
	done </proc/mounts
}

sshd_says() { grep -F -- "$1" "$GUEST/sshd.log"; }

@test "it logs in with the pinned host key, and the connection is shared from then on" {
	ready
	not event degraded
	[ -S ssh.sock ]
	[ "$(ssh -F ssh.config lima-t 'echo "hello from $SSH_CONNECTION"' | cut -c 1-16)" = "hello from 127.0" ]
	[ "$(grep -c 'Accepted publickey' "$GUEST/sshd.log")" = 1 ]
	# shellcheck disable=SC2030
	run ssh -F ssh.config lima-t exit 7
	[ "$status" = 7 ]
	kill "$AGENT"
	ends 0
	[ ! -e ssh.sock ]
}

@test "another host key is not accepted, and the guest is not taken for ready" {
	ssh-keygen -q -t ed25519 -N '' -f other
	echo "lima-t $(cut -d ' ' -f 1,2 other.pub)" >known_hosts
	agent
	guest_boots
	until_ok grep -q 'ssh does not work yet: .*Host key verification failed' ha.stderr.log
	not event '"phase":"ssh"'
	not sshd_says Accepted
}

@test "case 44: another user's sshd that lets everybody in is on the port first: not talked to, no key or agent is offered" {
	[ "$(id -u)" = 0 ] || skip "needs another user"
	theirs=$(mktemp -d /tmp/lima.XXXXXX)
	echo "$theirs" >theirs
	cp "$KEY.pub" "$theirs/authorized_keys"
	ssh-keygen -q -t ed25519 -N '' -f "$theirs/host_key"
	sed "s#$GUEST#$theirs#g; /^ForceCommand/d" "$GUEST/sshd_config" >"$theirs/sshd_config"
	printf 'LogLevel DEBUG1\nAllowAgentForwarding yes\nUsePAM no\n' >>"$theirs/sshd_config"
	chown -R nobody "$theirs"
	kill "$(cat "$GUEST/sshd.pid")"
	until_ok eval '! ssh-keyscan -p "$PORT" 127.0.0.1 2>/dev/null | grep -q .'
	setpriv --reuid=65534 --regid=65534 --clear-groups "$SSHD" -f "$theirs/sshd_config" -E "$theirs/sshd.log"
	until_ok grep -q 'Server listening' "$theirs/sshd.log"
	agent
	guest_boots
	until_ok grep -q 'ssh does not work yet: .*Host key verification failed' ha.stderr.log
	not event '"phase":"ssh"'
	grep -q 'Connection from 127.0.0.1' "$theirs/sshd.log"
	# It ended before the client said who it is.
	not grep -qE 'Accepted|userauth-request|[Pp]ostponed|agent' "$theirs/sshd.log"
	# And by hand, with all that the written configuration allows.
	run ssh -F ssh.config -o ControlPath=none lima-t true
	[ "$status" = 255 ]
	[[ $output == *"Host key verification failed"* || $output == *"IDENTIFICATION HAS CHANGED"* ]]
	not grep -qE 'Accepted|userauth-request' "$theirs/sshd.log"
}

@test "a host agent that takes over uses the connection that is there" {
	ready
	kill -KILL "$AGENT"
	agent
	until_event '"running":true'
	[ "$(grep -c 'Accepted publickey' "$GUEST/sshd.log")" = 1 ]
}

@test "a reboot makes a new connection" {
	ready
	cue reset
	until_ok info_has '"state":"starting"'
	guest_boots b2
	until_ok info_has '"state":"running"'
	[ "$(grep -c "Accepted publickey" "$GUEST/sshd.log")" = 2 ] || { cat "$GUEST/sshd.log"; grep -v qmp ha.stderr.log; false; }
}

@test "the boot status is read by ssh while the guest agent is silent" {
	conf plain=true
	printf 'begin\tb4\tcloud-init\nssh-ready\nstep\tx\t5\ndone\t1\n' >"$RUN/lima-boot-status"
	agent
	until_event '"running":true,"degraded":true'
	event 'x failed with exit status 5'
	info_has '"bootID":"b4"'
}

@test "probes run in the guest with their own interpreter" {
	conf probes=2 probes.0.description=one "probes.0.script=#!/bin/bash\\n[[ \$BASH_VERSION ]] && touch '$RUN/one'" probes.0.hint= \
		probes.1.description=two "probes.1.script=#!/usr/bin/env python3\\nimport os\\nos.mkdir('$RUN/two')" probes.1.hint=
	ready
	not event degraded
	[ -e "$RUN/one" ]
	[ -d "$RUN/two" ]
}

# --- files copied to the host ---

@test "files are copied to the host, deleted at the end when asked, and a missing one is told" {
	echo secret >"$GUEST/kube config"
	out=$BATS_TEST_TMPDIR/new/folder
	conf copyToHost=3 "copyToHost.0.guest=$GUEST/kube config" "copyToHost.0.host=$out/a" copyToHost.0.deleteOnStop=true \
		"copyToHost.1.guest=$GUEST/kube config" "copyToHost.1.host=$out/b" copyToHost.1.deleteOnStop=false \
		"copyToHost.2.guest=$GUEST/missing" "copyToHost.2.host=$out/c" copyToHost.2.deleteOnStop=true
	ready
	event '"degraded":true'
	event "copying $GUEST/missing to $out/c failed: cat: $GUEST/missing: No such file or directory"
	[ "$(cat "$out/a")" = secret ]
	[ "$(stat -c %a "$out/a")" = 600 ]
	[ "$(stat -c %a "$out")" = 700 ]
	[ ! -e "$out/c" ]
	kill "$AGENT"
	ends 0
	[ ! -e "$out/a" ]
	[ -e "$out/b" ]
}

@test "links that a guest put into a writable mount do not lead a copy out of it" {
	echo evil >"$GUEST/f"
	mount=$BATS_TEST_TMPDIR/mount
	mkdir -p "$mount" "$BATS_TEST_TMPDIR/.ssh"
	echo good >"$BATS_TEST_TMPDIR/.ssh/authorized_keys"
	ln -s "$BATS_TEST_TMPDIR/.ssh" "$mount/dir"
	ln -s "$BATS_TEST_TMPDIR/.ssh/authorized_keys" "$mount/file"
	conf mounts=1 "mounts.0.location=$mount" mounts.0.mountPoint=/m mounts.0.writable=true \
		copyToHost=2 "copyToHost.0.guest=$GUEST/f" "copyToHost.0.host=$mount/dir/authorized_keys" copyToHost.0.deleteOnStop=true \
		"copyToHost.1.guest=$GUEST/f" "copyToHost.1.host=$mount/file" copyToHost.1.deleteOnStop=false
	ready
	event "copying $GUEST/f to $mount/dir/authorized_keys failed: cannot open the folder in $mount: Not a directory"
	[ "$(cat "$BATS_TEST_TMPDIR/.ssh/authorized_keys")" = good ]
	[ "$(cat "$mount/file")" = evil ]
	[ ! -L "$mount/file" ]
	kill "$AGENT"
	ends 0
	[ "$(cat "$BATS_TEST_TMPDIR/.ssh/authorized_keys")" = good ]
}

# --- reverse-sshfs ---

have_fuse() { [ -w /dev/fuse ] && command -v sshfs fusermount3 >/dev/null; }

sshfs_instance() {
	have_fuse || skip "needs sshfs, fuse3 and /dev/fuse"
	LOC="$BATS_TEST_TMPDIR/shared földer"
	MP="$BATS_TEST_TMPDIR/mount pöint"
	mkdir "$LOC"
	echo content >"$LOC/file"
	conf mountType=reverse-sshfs mounts=1 "mounts.0.location=$LOC" "mounts.0.mountPoint=$MP" "mounts.0.writable=$1" \
		mounts.0.sshfs.cache=true mounts.0.sshfs.followSymlinks=false
	echo id >"$RUN/lima-fuse-ready"
	# The real one wants /etc/fuse.conf to allow it to users.
	[ "$(id -u)" = 0 ] || grep -q '^user_allow_other' /etc/fuse.conf || skip "needs user_allow_other in /etc/fuse.conf"
}

@test "reverse-sshfs: a writable folder, mounted and unmounted" {
	sshfs_instance true
	umask 022
	ready
	not event degraded
	info_has '"state":"mounted"'
	[ "$(cat "$MP/file")" = content ]
	echo new >"$MP/from guest"
	[ "$(cat "$LOC/from guest")" = new ]
	[ "$(stat -c %a "$LOC/from guest")" = 644 ]
	kill "$AGENT"
	ends 0
	until_ok eval '! grep -q "mount.*int fuse.sshfs" /proc/mounts'
	not pgrep -f "sftp-server -e -d $LOC"
}

@test "reverse-sshfs: a read-only folder cannot be written, also not around the mount option" {
	sshfs_instance false
	ready
	[ "$(cat "$MP/file")" = content ]
	not touch "$MP/x"
	[ ! -e "$LOC/x" ]
	tr '\0' '\n' <"/proc/$(pgrep -f "sftp-server -e -d $LOC")/cmdline" | grep -qx -- -R
}

@test "reverse-sshfs: waits until the guest can" {
	sshfs_instance true
	rm "$RUN/lima-fuse-ready"
	agent
	cue 'boot b1'
	cue 'status begin\tb1\tnative\nssh-ready\n'
	cue sshd
	until_event '"phase":"ssh"'
	until_ok info_has '"state":"waiting"'
	echo id >"$RUN/lima-fuse-ready"
	cue 'status step\tboot/50-fuse.sh\t0\n'
	until_ok info_has '"state":"mounted"'
	cue 'status done\t0\n'
	until_event '"running":true'
	not event degraded
}

@test "reverse-sshfs: a mount that breaks is made again" {
	sshfs_instance true
	ready
	kill -KILL "$(pgrep -f "sftp-server -e -d $LOC")"
	until_ok info_has '"state":"broken"'
	until_ok info_has '"state":"mounted"'
	[ "$(cat "$MP/file")" = content ]
}

# sshfs mounts before it knows that anybody serves it.
@test "reverse-sshfs: a mount that nobody serves yet is not called mounted" {
	sshfs_instance true
	# Without the libraries that ldd tells of, lima-confine ends, and the server is started again without it.
	printf '#!/bin/sh\nsleep 1\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/ldd"
	chmod +x "$BATS_TEST_TMPDIR/bin/ldd"
	ready
	info_has '"state":"mounted"'
	[ "$(cat "$MP/file")" = content ]
	pgrep -f "sftp-server -e -d $LOC"
}

@test "reverse-sshfs: the mounts of a killed host agent are made again by the next one" {
	sshfs_instance true
	ready
	old=$(pgrep -f "sftp-server -e -d $LOC")
	kill -KILL "$AGENT"
	until_ok gone "$old"
	agent
	until_event '"running":true'
	info_has '"state":"mounted"'
	[ "$(cat "$MP/file")" = content ]
}

@test "reverse-sshfs: a guest without sshfs is degraded, with the reason" {
	sshfs_instance true
	printf '#!/bin/sh\necho "sshfs: bad mount point" >&2\nexit 1\n' >"$GUEST/bin/sshfs"
	chmod +x "$GUEST/bin/sshfs"
	agent
	guest_boots
	until_event '"degraded":true'
	event "mounting $LOC failed: sshfs in the guest ended with status 1: sshfs: bad mount point"
	info_has '"state":"failed"'
}
