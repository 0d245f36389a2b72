#!/usr/bin/env bats
# The main job in a real guest: one machine from the recipe image, started once, asked many times. The tests build on each
# other in their order, as a user's day does.

load ../lib/vm

setup_file() {
	vm_setup main
	cd "$TOP"
	make -s INSTANCE=main TEMPLATE=recipe-debian-12 CPUS=2 MEMORY=1GiB DISK=6GiB \
		SET='.param.word = "hé $(x) `y` '\''z'\''" | .provision += [{"mode": "system", "script": "#!/bin/sh\nprintf %s \"$PARAM_word\" >/root/word\n"},
			{"mode": "user", "script": "#!/bin/sh\nid -un >~/whoami\n"},
			{"mode": "data", "path": "/etc/made/by-data", "content": "data content\n", "permissions": "640"}]' \
		start 2>"$VM_TMP/start.log" || { cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
}

setup() {
	cd "$TOP"
}

@test "start ended with READY and told the way to a shell" {
	grep -q 'READY' "$VM_TMP/start.log"
	grep -q 'make INSTANCE=main shell' "$VM_TMP/start.log"
	[ "$(state)" = Running ]
}

@test "make shell answers" {
	run make -s INSTANCE=main shell CMD='uname -a; id; cat /etc/os-release'
	[ "$status" = 0 ]
	[[ $output == *"Linux lima-main "* ]]
	[[ $output == *"PRETTY_NAME=\"Debian GNU/Linux 12"* ]]
	[[ $output == *"uid="* ]]
}

@test "the guest user is not root, has sudo, and the right home and shell" {
	[ "$(guest 'id -u')" != 0 ]
	[ "$(guest 'sudo id -u')" = 0 ]
	[[ $(guest 'echo $HOME') == /home/*.guest ]]
	[ "$(guest 'hostname')" = lima-main ]
}

@test "shell passes status, input, output and every nasty argument" {
	run lima-instance shell main -- sh -c 'exit 42'
	[ "$status" = 42 ]
	[ "$(echo "through stdin" | lima-instance shell main -- cat)" = "through stdin" ]
	for arg in '' ' ' "a b" "quote ' here" 'double " here' '$HOME' '`id`' '$(id)' 'back\slash' $'new\nline' $'t\tab' '*' '~' '=x' '-n' 'ümlaut' '; exit 3' '#c' '!x'; do
		got=$(lima-instance shell main -- printf '%s|' "$arg" end)
		[ "$got" = "$arg|end|" ] || { echo "sent: <$arg> got: <$got>"; false; }
	done
	run --separate-stderr lima-instance shell main -- sh -c 'echo out; echo err >&2'
	[ "$output" = out ]
	[ "$stderr" = err ]
}

@test "a terminal is passed when there is one" {
	run script -qec "lima-instance shell main -- tty" /dev/null
	[[ $output == */dev/pts/* ]]
	[ "$(lima-instance shell main -- sh -c 'tty || true' </dev/null)" = "not a tty" ]
}

@test "the home is mounted read-only, and shell starts where the host is" {
	[ "$(guest "cat '$HOME/work dir/file'")" = "from the host" ]
	run guest "echo x >'$HOME/work dir/new'"
	[ "$status" != 0 ]
	[ "$(cd "$HOME/work dir" && lima-instance shell main -- pwd)" = "$HOME/work dir" ]
	[ "$(cd / && lima-instance shell main -- sh -c 'echo ok')" = ok ]
}

@test "provisioning ran: system, user, data, with parameters unharmed" {
	[ "$(guest 'sudo cat /root/word')" = "hé \$(x) \`y\` 'z'" ]
	[ "$(guest 'cat ~/whoami')" = "$(guest 'id -un')" ]
	[ "$(guest 'sudo cat /etc/made/by-data')" = "data content" ]
	[ "$(guest 'sudo stat -c %a:%U:%G /etc/made/by-data')" = 640:root:root ]
}

@test "markers carry the boot id" {
	boot_id=$(guest 'cat /proc/sys/kernel/random/boot_id')
	for marker in lima-ssh-ready lima-boot-done; do
		[ "$(guest "cat /run/$marker")" = "$boot_id" ]
	done
	guest 'cat /run/lima-boot-status' | tail -n 1 | grep -qx $'done\t0'
}

@test "the root file system has grown to the disk" {
	size=$(guest 'df --output=size -B1 / | tail -n 1')
	[ "$size" -gt $((5 * 1024 * 1024 * 1024)) ]
}

@test "the guest agent runs as a service, small, and keeps the clock" {
	[ "$(guest 'systemctl is-active lima-guestagent')" = active ]
	rss=$(guest 'sudo awk "/VmRSS/ {print \$2}" /proc/$(systemctl show -P MainPID lima-guestagent)/status')
	[ "$rss" -lt 1024 ]
	drift=$(($(guest 'date +%s') - $(date +%s)))
	[ "${drift#-}" -le 2 ]
}

@test "all files of the instance directory are there, private ones private" {
	for f in lima-version lima.yaml cloud-config.yaml cidata.iso ansible-inventory.yaml basedisk diffdisk kernel kernel.cmdline initrd \
		qemu.pid qmp.sock serial.log serial.sock serialv.log serialv.sock ssh.sock ssh.config ha.pid ha.sock ha.stdout.log ha.stderr.log ga.sock; do
		[ -e "$DIR/$f" ] || { echo "no $f"; false; }
	done
	[ "$(stat -c %a "$DIR")" = 700 ]
	for f in qmp.sock ha.sock ga.sock ssh.config ssh_host_ed25519_key cidata.iso diffdisk; do
		[ $((0$(stat -c %a "$DIR/$f") & 077)) = 0 ] || { echo "$f: $(stat -c %a "$DIR/$f")"; false; }
	done
	[ "$(stat -c %a "$LIMA_HOME/_config/user")" = 600 ]
	[ -s "$LIMA_HOME/_config/user.pub" ]
	[ "$(cat "$DIR/lima-version")" = "$(lima-instance --version | cut -d' ' -f2)" ]
}

@test "the volume has the guide's files and variables" {
	list=$(guest 'sudo ls /mnt/lima-cidata /mnt/lima-cidata/boot /mnt/lima-cidata/util')
	for f in user-data meta-data network-config lima.env param.env lima-guestagent boot.sh etc_environment provision.system provision.user; do
		[[ $list == *"$f"* ]] || { echo "no $f"; false; }
	done
	env=$(guest 'sudo cat /mnt/lima-cidata/lima.env')
	for v in DEBUG NAME USER UID COMMENT HOME HOSTHOME_MOUNTPOINT MOUNTS MOUNTS_0_MOUNTPOINT MOUNTTYPE CONTAINERD_USER CONTAINERD_SYSTEM \
		SLIRP_GATEWAY SLIRP_DNS SLIRP_IP_ADDRESS UDP_DNS_LOCAL_PORT TCP_DNS_LOCAL_PORT; do
		[[ $env == *"LIMA_CIDATA_$v="* ]] || { echo "no LIMA_CIDATA_$v"; false; }
	done
	run guest 'cat /mnt/lima-cidata/lima.env'
	[ "$status" != 0 ]
}

@test "a second start does nothing and says so" {
	before=$(cd "$DIR" && find . -type f ! -name '*.log' -printf '%p %T@ %i\n' | sort)
	run make -s INSTANCE=main start
	[ "$status" = 0 ]
	[[ $output == *"already running"* ]]
	[ "$(cd "$DIR" && find . -type f ! -name '*.log' -printf '%p %T@ %i\n' | sort)" = "$before" ]
}

@test "twenty starts at once: all succeed, one QEMU" {
	for _ in $(seq 20); do lima-instance start --quiet main & pids+=($!); done
	for p in "${pids[@]}"; do wait "$p"; done
	[ "$(count_qemu)" = 1 ]
}

@test "list shows it, with the port that ssh.config has" {
	port=$(sed -n 's/^ *Port *//p' "$DIR/ssh.config")
	lima-instance list | grep -q "^main .*Running.*127.0.0.1:$port"
	ssh -F "$DIR/ssh.config" lima-main true
}

@test "no secret is in any command line or environment (case 46)" {
	key=$(sed -n 2p "$LIMA_HOME/_config/user")
	for pid in $(agent_pid) $(qemu_pid); do
		! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qF -e "$key" -e PRIVATE
		! tr '\0' '\n' <"/proc/$pid/environ" | grep -qF -e "$key" -e PRIVATE
		[ "$(awk '/Max core file size/ {print $5}' "/proc/$pid/limits")" = 0 ]
	done
}

@test "another user can read none of it" {
	[ "$(id -u)" = 0 ] || skip "needs root to become another user"
	for f in lima.yaml cidata.iso qmp.sock ha.sock ga.sock serial.sock serial.log ssh_host_ed25519_key ../_config/user .make/agent.conf; do
		! setpriv --reuid=65534 --regid=65534 --clear-groups cat "$DIR/$f" 2>/dev/null
	done
}

@test "someone else's sshd on the port is not talked to" {
	mkdir -p "$VM_TMP/sshd"
	ssh-keygen -q -t ed25519 -N '' -f "$VM_TMP/sshd/key"
	port=$((20000 + RANDOM % 20000))
	mkdir -p /run/sshd
	/usr/sbin/sshd -D -e -o "HostKey=$VM_TMP/sshd/key" -o "PidFile=none" -p "$port" -o ListenAddress=127.0.0.1 2>"$VM_TMP/sshd/log" &
	pid=$!
	until grep -q 'Server listening' "$VM_TMP/sshd/log" || ! kill -0 $pid; do sleep 0.05; done
	sed "s/^\( *Port \).*/\1$port/; /Control/d" "$DIR/ssh.config" >"$VM_TMP/impostor.config"
	run ssh -F "$VM_TMP/impostor.config" lima-main true
	kill $pid
	[ "$status" = 255 ]
	[[ $output == *"Host key verification failed"* || $output == *"REMOTE HOST IDENTIFICATION HAS CHANGED"* ]]
}

@test "the REST interface answers, and refuses what it must" {
	info=$(curl -s --unix-socket "$DIR/ha.sock" http://lima-hostagent/v1/info)
	[[ $info == *'"sshLocalPort":'* ]]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -X POST --unix-socket "$DIR/ha.sock" http://x/v1/info)" = 405 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$DIR/ha.sock" http://x/v1/nothing)" = 404 ]
}

@test "the events end in running" {
	python3 - "$DIR/ha.stdout.log" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
assert all("time" in e and "status" in e for e in events)
assert any(e["status"].get("sshLocalPort") for e in events)
assert events[-1]["status"].get("running") is True, events[-1]
PY
}

@test "logs show the console and the host agent" {
	run lima-instance logs main
	[[ $output == *"==> console"* ]]
	[[ $output == *"==> host agent"* ]]
	[[ $output == *"boot scripts"* ]]
}
