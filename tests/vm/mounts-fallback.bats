#!/usr/bin/env bats
# Mounts that do not work as asked, or stop working: they fall to reverse-sshfs or are made again, with a warning, and nobody hangs. One
# machine with virtiofs whose kernel at first has no such module.

load ../lib/vm

setup_file() {
	vm_setup fall
	has_virtiofsd || return 0
	mkdir -p "$VM_TMP/sh are"
	chmod 777 "$VM_TMP/sh are"
	echo shared >"$VM_TMP/sh are/file"
	# shellcheck disable=SC2016
	lima-instance start --quiet --template recipe-debian-12 --cpus 2 --memory 768MiB --disk 5GiB --mount-type virtiofs \
		--set '.mounts = [{"location": "'"$VM_TMP/sh are"'", "mountPoint": "/mnt/sh are", "writable": true}] |
			.provision += [{"mode": "boot", "script": "#!/bin/sh\nc=/etc/modprobe.d/no-virtiofs.conf\nif [ -e /etc/virtiofs-again ]; then rm -f $c; else echo install virtiofs /bin/false >$c; modprobe -r virtiofs; fi\n"}]' \
		fall 2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
}

setup() {
	vm_need
	S="$VM_TMP/sh are"
	cd "$TOP"
}

# One field of the mount in the status: type, state, problem, warning.
mount_says() {
	curl -s --unix-socket "$DIR/ha.sock" http://x/v1/info |
		python3 -c 'import json, sys; print(str(json.load(sys.stdin)["mounts"][0].get(sys.argv[1], "")))' "$1"
}

mount_is() { [ "$(mount_says type)" = "$1" ] && [ "$(mount_says state)" = mounted ]; }

# Both directions work. Whatever hangs ends with the time limit.
works() {
	local word=$RANDOM$RANDOM
	rm -f "$S/from guest" # whose owner depends on the type
	[ "$(timeout 20 lima-instance shell fall -- cat '/mnt/sh are/file')" = shared ] || return
	timeout 20 lima-instance shell fall -- sh -c "echo $word >'/mnt/sh are/from guest'" || return
	[ "$(cat "$S/from guest")" = $word ]
}

# The processes of the host with this program that work on the folder.
server_pids() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" = "$1" ] && tr '\0' '\n' <"$p/cmdline" | grep -qF -e "$S" && echo "${p#/proc/}"
	done
	return 0
}

@test "a guest that cannot do the type: start succeeds, sshfs does it, status and log warn" {
	[ "$(state)" = Running ]
	mount_is reverse-sshfs
	[[ $(mount_says warning) == *"the guest could not mount it by virtiofs; using reverse-sshfs"* ]]
	grep -q '"level":"warning".*the guest could not mount it by virtiofs' "$DIR/ha.stderr.log"
	lima-instance status fall | grep -q '^warning: *mount /mnt/sh are: the guest could not mount it by virtiofs'
	[ "$(mount_says confined)" = True ]
	guest 'findmnt -n -o FSTYPE --mountpoint "/mnt/sh are"' | grep -qx fuse.sshfs
	works
}

@test "sftp-server killed: mounted again" {
	pid=$(server_pids sftp-server)
	[ -n "$pid" ]
	kill -9 $pid
	until_ok works
	until_ok mount_is reverse-sshfs
	[ "$(server_pids sftp-server)" != "$pid" ]
}

@test "sshfs in the guest killed: mounted again" {
	guest 'sudo kill -9 $(pidof sshfs)'
	until_ok works
	until_ok mount_is reverse-sshfs
}

@test "a host agent that takes over falls back again" {
	kill -9 "$(agent_pid)"
	await_state Broken
	lima-instance start --quiet fall
	mount_is reverse-sshfs
	works
}

@test "at the next boot of the guest the type that was asked for is tried again" {
	boot=$(guest 'cat /proc/sys/kernel/random/boot_id')
	guest 'sudo touch /etc/virtiofs-again; sudo systemctl reboot' || true
	until_ok guest "[ \$(cat /proc/sys/kernel/random/boot_id) != $boot ]"
	until_ok mount_is virtiofs
	await_state Running
	[ -z "$(mount_says warning)" ]
	guest 'findmnt -n -o FSTYPE --mountpoint "/mnt/sh are"' | grep -qx virtiofs
	works
}

@test "virtiofsd killed: nobody hangs, sshfs takes over, status says why" {
	# Somebody has the folder as working directory and a file open.
	lima-instance shell fall -- sh -c 'cd "/mnt/sh are" && exec 3>open && echo there && sleep 300' >"$VM_TMP/user" 3>&- &
	user=$!
	until_ok grep -q there "$VM_TMP/user"
	kill -9 $(server_pids virtiofsd)
	until_ok mount_is reverse-sshfs
	[[ $(mount_says warning) == *"virtiofsd ended"* ]]
	works
	[ "$(state)" = Running ]
	kill $user
	wait $user || true
}

@test "a host agent that takes over knows that the virtiofsd is gone" {
	kill -9 "$(agent_pid)"
	await_state Broken
	lima-instance start --quiet fall
	until_ok mount_is reverse-sshfs
	works
}

@test "a virtiofsd that ends at its start: the machine starts without it" {
	lima-instance stop --force fall # its kernel may not let go of the dead virtiofs
	mkdir -p "$HOME/.local/share/qemu/vhost-user"
	printf '#!/bin/sh\n[ "$1" = --version ] || { echo "no good today" >&2; exit 3; }\n' >"$VM_TMP/bad-virtiofsd"
	chmod +x "$VM_TMP/bad-virtiofsd"
	printf '{"description": "bad", "type": "fs", "binary": "%s"}\n' "$VM_TMP/bad-virtiofsd" >"$HOME/.local/share/qemu/vhost-user/1.json"
	lima-instance start --quiet fall
	[ "$(state)" = Running ]
	mount_is reverse-sshfs
	[[ $(mount_says warning) == *"no good today"* ]]
	works
}
