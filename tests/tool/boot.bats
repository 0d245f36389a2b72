#!/usr/bin/env bats
# boot/: the scripts that run in the guest, here in a made-up root (LIMA_ROOT) with a made-up cidata (LIMA_CIDATA_MNT), and the
# recipes as far as they go without building.

setup() {
	boot=$(cd "$BATS_TEST_DIRNAME/../../boot" && pwd)
	d=$(mktemp -d)
	mnt=$d/mnt root=$d/root
	mkdir -p "$mnt" "$root/etc" "$root/run" "$root/proc/sys/kernel" "$root/var/log" "$root/home/me" "$root/bin"
	cp -R "$boot/util" "$boot/distro" "$boot/native" "$mnt/"
	cp "$boot/boot.sh" "$mnt/"
	mkdir "$mnt/boot"
	printf 'aaaa-bbbb\n' >"$d/boot_id"
	printf 'ID=debian\n' >"$root/etc/os-release"
	: >"$root/proc/mounts"
	cat >"$mnt/lima.env" <<-EOF
		LIMA_CIDATA_USER=$(id -un)
		LIMA_CIDATA_UID=$(id -u)
		LIMA_CIDATA_HOME=/home/me
		LIMA_CIDATA_NAME=x
		LIMA_CIDATA_PASSWORDLESS_SUDO=1
	EOF
	: >"$mnt/param.env"
	: >"$mnt/etc_environment"
	export LIMA_CIDATA_MNT=$mnt LIMA_ROOT=$root LIMA_BOOT_ID_FILE=$d/boot_id
}

teardown() { rm -rf "$d"; }

# Runs a text with the library, under the shell that guests have as sh, where this machine has it.
lib() { "$(command -v dash || command -v sh)" -c ". '$mnt/util/lima-lib.sh'; $1" lib "${@:2}"; }

boot_sh() { run sh "$mnt/boot.sh" "$@"; }

status_is() { diff -u - "$root/run/lima-boot-status"; }

# ---- env files -------------------------------------------------------------------------------------------------------

@test "values of lima.env are taken as they are, and nothing in them is run" {
	cat >"$d/env" <<-'EOF'
		LIMA_CIDATA_A=$(touch pwned1) `touch pwned2` ; touch pwned3
		LIMA_CIDATA_B="double" 'single' \back\\slash
		LIMA_CIDATA_C=a=b=c # no comment
		LIMA_CIDATA_D= leading and trailing 
		LIMA_CIDATA_E=*?[x] ~ ${HOME} %s %n
		LIMA_CIDATA_F=
	EOF
	cd "$d"
	run lib 'read_env "$1" LIMA_CIDATA_; for n in A B C D E F; do var LIMA_CIDATA_$n; printf "<%s>\n" "$REPLY"; done' "$d/env"
	[ "$status" = 0 ]
	cat >"$d/want" <<-'EOF'
		<$(touch pwned1) `touch pwned2` ; touch pwned3>
		<"double" 'single' \back\\slash>
		<a=b=c # no comment>
		< leading and trailing >
		<*?[x] ~ ${HOME} %s %n>
		<>
	EOF
	diff -u "$d/want" <(printf '%s\n' "$output")
	[ -z "$(find "$d" -name 'pwned*')" ]
}

@test "values reach the programs that are started" {
	printf 'PARAM_x=$(id) "q"\n' >"$d/env"
	run lib 'read_env "$1" PARAM_; env | grep ^PARAM_' "$d/env"
	[ "$output" = 'PARAM_x=$(id) "q"' ]
}

@test "only names with the prefix are set: PATH, IFS and names that are none are not" {
	printf 'PATH=/evil\nLIMA_CIDATA_X;touch pwned=1\nLIMA_CIDATA_=1\nLIMA_CIDATA_OK=yes\nIFS=x\nno equals sign\n' >"$d/env"
	cd "$d"
	run lib 'read_env "$1" LIMA_CIDATA_; echo "$PATH|$LIMA_CIDATA_OK|$ENV_NAMES"' "$d/env"
	[ "$output" = "$PATH|yes|LIMA_CIDATA_OK" ]
	[ ! -e pwned ]
}

@test "a last line without newline counts; a file that is not there is an error" {
	printf 'LIMA_CIDATA_A=1\nLIMA_CIDATA_B=2' >"$d/env"
	run lib 'read_env "$1" LIMA_CIDATA_; echo "$LIMA_CIDATA_A$LIMA_CIDATA_B"; read_env "$1.none" LIMA_CIDATA_ || echo missing' "$d/env"
	[ "$output" = "12
missing" ]
}

@test "etc_environment is read as pam_env reads it" {
	cat >"$d/env" <<-'EOF'
		#LIMA-START
		A=plain
		  export B="quoted value"
		C='single'
		D=cut # here
		E="hash # inside"
		F=$(touch pwned)
		G=one"
		9H=bad name
		#LIMA-END
	EOF
	cd "$d"
	run lib 'read_pam_env "$1"; for n in A B C D E F G; do var $n; printf "<%s>\n" "$REPLY"; done' "$d/env"
	cat >"$d/want" <<-'EOF'
		<plain>
		<quoted value>
		<single>
		<cut>
		<hash >
		<$(touch pwned)>
		<one">
	EOF
	sed -i 's/<hash >/<hash>/' "$d/want"
	diff -u "$d/want" <(printf '%s\n' "$output")
	[ ! -e pwned ]
}

# ---- files -----------------------------------------------------------------------------------------------------------

@test "put writes a file only when its content differs" {
	run lib 'put "$1" "a
b"; echo "c$CHANGED"; put "$1" "a
b"; echo "c$CHANGED"; put "$1" other; echo "c$CHANGED"' "$d/f"
	[ "$output" = "c1
c
c1" ]
	[ "$(cat "$d/f")" = other ]
}

@test "put keeps empty lines apart from none" {
	printf '\n\nx\n' >"$d/f"
	run lib 'put "$1" x; echo "c$CHANGED"' "$d/f"
	[ "$output" = c1 ]
}

@test "put_block replaces its block and leaves the rest" {
	printf 'first\n#S\nold\n#E\nlast\n' >"$d/f"
	lib 'put_block "$1" "#S" "#E" "new 1
new 2"' "$d/f"
	diff -u <(printf 'first\nlast\n#S\nnew 1\nnew 2\n#E\n') "$d/f"
	cp "$d/f" "$d/g"
	lib 'put_block "$1" "#S" "#E" "new 1
new 2"' "$d/f"
	cmp "$d/f" "$d/g"
}

@test "put_block makes a file that was not there, and empties a block" {
	lib 'put_block "$1" "#S" "#E" one' "$d/f"
	diff -u <(printf '#S\none\n#E\n') "$d/f"
	lib 'put_block "$1" "#S" "#E" ""' "$d/f"
	diff -u <(printf '#S\n#E\n') "$d/f"
}

@test "known finds a user by his whole name" {
	printf 'root:x:0\nlimax:x:1\n' >"$d/passwd"
	run lib "$(sed -n '/^known()/,/^}/p' "$boot/native/early.sh"); known \"\$1\" lima || echo no; known \"\$1\" limax && echo yes" "$d/passwd"
	[ "$output" = "no
yes" ]
}

# ---- distributions ---------------------------------------------------------------------------------------------------

distro_of() {
	printf '%s\n' "$@" >"$root/etc/os-release"
	printf 'echo "$DISTRO_FILE"\n' >"$mnt/boot/01-x.sh"
	boot_sh
	grep -v '^LIMA ' "$root/var/log/lima-boot.log"
}

@test "the distribution's file is chosen by ID, then by ID_LIKE, else the generic one" {
	[ "$(distro_of ID=debian)" = debian ]
	[ "$(distro_of 'ID_LIKE="ubuntu debian"' ID=linuxmint)" = debian ]
	[ "$(distro_of ID=plan9)" = generic ]
	[ "$(distro_of 'ID=../../etc')" = generic ]
	: >"$mnt/distro/mint.sh"
	[ "$(distro_of 'ID=mint' 'ID_LIKE=debian')" = mint ]
}

@test "without a package manager that is known, the step says what to install" {
	printf 'ID=plan9\n' >"$root/etc/os-release"
	printf 'pkg_install $(packages_for sshfs rsync)\n' >"$mnt/boot/30-x.sh"
	boot_sh
	[ "$status" = 1 ]
	grep -q "^tail	boot/30-x.sh	.*plan9.*sshfs rsync" "$root/run/lima-boot-status"
}

@test "Debian's names of packages" {
	run lib ". '$mnt/distro/debian.sh'; packages_for sshfs rootless mkfs-xfs mkfs-btrfs"
	[ "$output" = "sshfs uidmap fuse3 dbus-user-session xfsprogs btrfs-progs " ]
}

# ---- what the host is told -------------------------------------------------------------------------------------------

@test "the status file of a boot without trouble" {
	echo 'echo fine' >"$mnt/boot/01-one.sh"
	echo 'true' >"$mnt/boot/50-two.sh"
	boot_sh
	[ "$status" = 0 ]
	status_is <<-'EOF'
		begin	aaaa-bbbb	cloud-init
		step	boot/01-one.sh	start
		step	boot/01-one.sh	0
		step	boot/50-two.sh	start
		step	boot/50-two.sh	0
		done	0
	EOF
	[ "$(cat "$root/run/lima-boot-done")" = aaaa-bbbb ]
}

@test "a step that fails is named with its status and its last 20 lines, and does not stop the others" {
	printf 'seq 1 30\nprintf "colour \\033[31m\\n"\nexit 7\n' >"$mnt/boot/01-one.sh"
	echo 'echo ran >"$LIMA_ROOT/ran"' >"$mnt/boot/02-two.sh"
	boot_sh
	[ "$status" = 1 ]
	[ -e "$root/ran" ]
	{
		printf 'begin\taaaa-bbbb\tcloud-init\nstep\tboot/01-one.sh\tstart\nstep\tboot/01-one.sh\t7\n'
		for i in $(seq 12 30); do printf 'tail\tboot/01-one.sh\t%s\n' "$i"; done
		printf 'tail\tboot/01-one.sh\tcolour ?[31m\n'
		printf 'step\tboot/02-two.sh\tstart\nstep\tboot/02-two.sh\t0\ndone\t1\n'
	} >"$d/want"
	diff -u "$d/want" "$root/run/lima-boot-status"
}

@test "a module stops at its first failing command" {
	printf 'false\necho reached\n' >"$mnt/boot/01-one.sh"
	boot_sh
	[ "$status" = 1 ]
	! grep -q reached "$root/var/log/lima-boot.log"
	grep -qx 'step	boot/01-one.sh	1' "$root/run/lima-boot-status"
}

@test "a module that uses a variable nobody has set fails" {
	printf 'echo "$LIMA_CIDATA_NO_SUCH"\n' >"$mnt/boot/01-one.sh"
	boot_sh
	grep -qx 'done	1' "$root/run/lima-boot-status"
}

@test "modules do not see each other's variables or folders" {
	printf 'cd /\nLEAK=1\nexport LEAK\n' >"$mnt/boot/01-one.sh"
	printf '[ -z "${LEAK:-}" ]\n' >"$mnt/boot/02-two.sh"
	boot_sh
	[ "$status" = 0 ]
}

@test "in plain mode only the modules that begin with 0 run" {
	echo 'LIMA_CIDATA_PLAIN=1' >>"$mnt/lima.env"
	echo 'true' >"$mnt/boot/05-one.sh"
	echo 'true' >"$mnt/boot/12-two.sh"
	boot_sh
	grep -q boot/05-one.sh "$root/run/lima-boot-status"
	! grep -q boot/12-two.sh "$root/run/lima-boot-status"
}

@test "a boot-done of an earlier boot is gone before the first step" {
	echo old >"$root/run/lima-boot-done"
	echo '[ ! -e "$LIMA_RUN/lima-boot-done" ]' >"$mnt/boot/01-one.sh"
	boot_sh
	[ "$status" = 0 ]
}

@test "a lima.env that cannot be read is a failure that the host learns of" {
	rm "$mnt/lima.env"
	boot_sh
	[ "$status" = 1 ]
	grep -q '^step	lima.env	1$' "$root/run/lima-boot-status"
	tail -n 1 "$root/run/lima-boot-status" | grep -qx 'done	1'
}

@test "in native mode the status goes on where early.sh has begun" {
	printf 'begin\taaaa-bbbb\tnative\nstep\tnative/early.sh\t0\n' >"$root/run/lima-boot-status"
	boot_sh --native
	status_is <<-'EOF'
		begin	aaaa-bbbb	native
		step	native/early.sh	0
		done	0
	EOF
}

@test "a status file of another boot is begun anew" {
	printf 'begin\tcccc\tnative\ndone\t0\n' >"$root/run/lima-boot-status"
	boot_sh --native
	status_is <<-'EOF'
		begin	aaaa-bbbb	native
		done	0
	EOF
}

@test "what early.sh could not do makes the boot fail" {
	mkdir -p "$root/run/lima"
	: >"$root/run/lima/early-failed"
	boot_sh --native
	[ "$status" = 1 ]
}

@test "under cloud-init the output is in its log as well as in ours, and the log before is kept" {
	echo 'echo "seen in both"' >"$mnt/boot/01-one.sh"
	echo older >"$root/var/log/lima-boot.log"
	boot_sh
	[[ "$output" == *"seen in both"* ]]
	grep -q 'seen in both' "$root/var/log/lima-boot.log"
	[ "$(cat "$root/var/log/lima-boot.log.old")" = older ]
}

# ---- provisioning ----------------------------------------------------------------------------------------------------

script() { mkdir -p "$mnt/${1%/*}" && printf '%s\n' "${@:2}" >"$mnt/$1" && chmod 755 "$mnt/$1"; }

@test "modes run in the order data, yq, system, within a mode by number, with PARAM_ and LIMA_CIDATA_ set" {
	printf 'PARAM_p=a $(b) c\n' >"$mnt/param.env"
	script provision.system/00000002 '#!/bin/sh' 'echo "sys2 $PARAM_p" >>"$LIMA_ROOT/out"'
	script provision.system/00000010 '#!/bin/sh' 'echo "sys10 $LIMA_CIDATA_NAME" >>"$LIMA_ROOT/out"'
	boot_sh
	[ "$status" = 0 ]
	diff -u <(printf 'sys2 a $(b) c\nsys10 x\n') "$root/out"
	[ "$(grep -c '^step	provision.system' "$root/run/lima-boot-status")" = 4 ]
}

@test "a failing script: the next ones run, the boot has failed, the reason is told" {
	script provision.system/00000000 '#!/bin/sh' 'echo about to fail' 'exit 3'
	script provision.system/00000001 '#!/bin/sh' ': >"$LIMA_ROOT/second"'
	boot_sh
	[ "$status" = 1 ]
	[ -e "$root/second" ]
	grep -qx 'step	provision.system/00000000	3' "$root/run/lima-boot-status"
	grep -qx 'tail	provision.system/00000000	about to fail' "$root/run/lima-boot-status"
	grep -qx 'step	provision.system/00000001	0' "$root/run/lima-boot-status"
	grep -qx 'done	1' "$root/run/lima-boot-status"
}

@test "a script killed by a signal has failed" {
	script provision.system/00000000 '#!/bin/sh' 'kill -9 $$'
	boot_sh
	grep -qx 'step	provision.system/00000000	137' "$root/run/lima-boot-status"
}

@test "a script without #! runs as a shell script, and cannot read boot.sh's input" {
	script provision.system/00000000 'read -r x && echo "got $x" >"$LIMA_ROOT/got"' 'exit 0'
	echo secret | sh "$mnt/boot.sh" >/dev/null
	[ ! -e "$root/got" ]
	grep -qx 'step	provision.system/00000000	0' "$root/run/lima-boot-status"
}

data() {
	mkdir -p "$mnt/provision.data"
	printf '%s\n' "$2" >"$mnt/provision.data/$1"
	printf "LIMA_CIDATA_DATAFILE_${1}_%s\n" "PATH=$3" "OWNER=$(id -un):$(id -gn)" "PERMISSIONS=$4" "OVERWRITE=$5" >>"$mnt/lima.env"
}

@test "data files are written with their mode, in folders that are made, blanks and all" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	data 00000004 'the $(content)' '/srv/a  b/*.conf' 640 true
	boot_sh
	[ "$status" = 0 ]
	[ "$(cat "$root/srv/a  b/*.conf")" = 'the $(content)' ]
	[ "$(stat -c %a "$root/srv/a  b/*.conf")" = 640 ]
	[ "$(ls -A "$root/srv/a  b")" = '*.conf' ]
}

@test "a data file that exists is kept when overwrite is false, replaced otherwise" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	echo mine >"$root/kept"
	echo mine >"$root/replaced"
	data 00000000 new /kept 644 false
	data 00000001 new /replaced 644 true
	boot_sh
	[ "$(cat "$root/kept")" = mine ]
	[ "$(cat "$root/replaced")" = new ]
}

@test "a data file that cannot be written is a failed step, not the end" {
	mkdir "$root/folder"
	data 00000000 new /folder 644 true
	script provision.system/00000001 '#!/bin/sh' ': >"$LIMA_ROOT/after"'
	boot_sh
	grep -qx 'step	provision.data/00000000	1' "$root/run/lima-boot-status"
	[ -e "$root/after" ]
	[ -d "$root/folder" ]
}

@test "mode yq without yq in the guest is a failed step that says so" {
	mkdir -p "$mnt/provision.yq" "$d/bin"
	echo '.a = 1' >"$mnt/provision.yq/00000000"
	printf 'LIMA_CIDATA_YQ_PROVISION_00000000_PATH=/etc/x.yaml\n' >>"$mnt/lima.env"
	for p in sh dash rm mkdir mv cat awk tr cut; do ln -s "$(command -v $p)" "$d/bin/$p"; done
	run env PATH="$d/bin" sh "$mnt/boot.sh"
	[ "$status" = 1 ]
	grep -q '^tail	provision.yq/00000000	.*yq' "$root/run/lima-boot-status"
	[ ! -e "$root/etc/x.yaml" ]
}

@test "mode boot is boot.sh's only where there is no cloud-init, and comes first" {
	script provision.boot/00000000 '#!/no/such/interpreter' 'echo boot >>"$LIMA_ROOT/out"'
	echo 'echo module >>"$LIMA_ROOT/out"' >"$mnt/boot/01-one.sh"
	boot_sh
	[ "$(cat "$root/out")" = module ]
	rm "$root/out"
	boot_sh --native
	[ "$(cat "$root/out")" = "boot
module" ]
}

@test "a failing dependency script is named, and no packages are installed" {
	cp "$boot/boot/30-packages.sh" "$mnt/boot/"
	printf 'packages_for() { :; }\npkg_install() { : >"$LIMA_ROOT/installed"; }\n' >"$mnt/distro/debian.sh"
	script provision.dependency/00000003 '#!/bin/sh' 'echo no luck' 'exit 4'
	boot_sh
	grep -qx 'step	provision.dependency/00000003	4' "$root/run/lima-boot-status"
	grep -qx 'tail	provision.dependency/00000003	no luck' "$root/run/lima-boot-status"
	grep -qx 'step	boot/30-packages.sh	1' "$root/run/lima-boot-status"
	[ ! -e "$root/installed" ]
}

@test "packages are asked for only when something is missing" {
	cp "$boot/boot/30-packages.sh" "$mnt/boot/"
	printf 'packages_for() { echo "$*"; }\npkg_install() { echo "$*" >"$LIMA_ROOT/installed"; }\n' >"$mnt/distro/debian.sh"
	mkdir "$d/bin"
	for p in sh dash rm mkdir mv cat awk tr cut; do ln -s "$(command -v $p)" "$d/bin/$p"; done
	for p in rsync sshfs iptables; do ln -s /bin/true "$d/bin/$p"; done
	printf 'LIMA_CIDATA_MOUNTTYPE=reverse-sshfs\nLIMA_CIDATA_MOUNTS=1\nLIMA_CIDATA_UDP_DNS_LOCAL_PORT=5353\n' >>"$mnt/lima.env"
	run env PATH="$d/bin" sh "$mnt/boot.sh"
	[ "$status" = 0 ]
	[ ! -e "$root/installed" ]
	rm "$d/bin/sshfs" "$d/bin/iptables"
	run env PATH="$d/bin" sh "$mnt/boot.sh"
	[ "$(cat "$root/installed")" = "sshfs iptables" ]
}

# ---- modules ---------------------------------------------------------------------------------------------------------

@test "the environment reaches /etc/environment, and sessions are announced" {
	cp "$boot/boot/05-environment.sh" "$mnt/boot/"
	printf '#LIMA-START\nA=b c\n#LIMA-END\n' >"$mnt/etc_environment"
	printf 'LANG=C\n' >"$root/etc/environment"
	mkdir "$d/bin"
	printf '#!/bin/sh\necho "$@" >>%s\n' "$d/loginctl" >"$d/bin/loginctl"
	chmod 755 "$d/bin/loginctl"
	PATH=$d/bin:$PATH boot_sh
	diff -u <(printf 'LANG=C\n#LIMA-START\nA=b c\n#LIMA-END\n') "$root/etc/environment"
	grep -qx ssh-ready "$root/run/lima-boot-status"
	[ "$(cat "$root/run/lima-ssh-ready")" = aaaa-bbbb ]
	# Sessions are ended once, because of the change, and not again.
	PATH=$d/bin:$PATH boot_sh
	[ "$(cat "$d/loginctl")" = "terminate-user $(id -un)" ]
}

@test "fuse is opened to root once, and the host is told" {
	cp "$boot/boot/35-fuse.sh" "$mnt/boot/"
	printf 'LIMA_CIDATA_MOUNTTYPE=reverse-sshfs\nLIMA_CIDATA_MOUNTS=1\n' >>"$mnt/lima.env"
	printf '#user_allow_other\n' >"$root/etc/fuse.conf"
	boot_sh
	boot_sh
	diff -u <(printf '#user_allow_other\nuser_allow_other\n') "$root/etc/fuse.conf"
	[ "$(cat "$root/run/lima-fuse-ready")" = aaaa-bbbb ]
}

@test "the rules for the host's DNS name only the ports that there are" {
	mkdir "$d/bin"
	printf '#!/bin/sh\nexit 1\n' >"$d/bin/iptables"
	chmod 755 "$d/bin/iptables"
	export LIMA_CIDATA_SLIRP_DNS=192.168.5.3 LIMA_CIDATA_SLIRP_GATEWAY=192.168.5.2 PATH=$d/bin:$PATH
	LIMA_CIDATA_UDP_DNS_LOCAL_PORT=1001 run lib ". '$mnt/util/host-dns.sh'; host_dns_rules"
	diff -u - <(printf '%s\n' "$output") <<-'EOF'
		*nat
		:LIMADNS - [0:0]
		-A LIMADNS -d 192.168.5.3/32 -p udp --dport 53 -j DNAT --to-destination 192.168.5.2:1001
		-I PREROUTING 1 -j LIMADNS
		-I OUTPUT 1 -j LIMADNS
		COMMIT
	EOF
}

@test "mounted knows names with blanks as the kernel writes them" {
	printf 'a / ext4 rw 0 0\nb /my\\040dir 9p rw 0 0\n' >"$root/proc/mounts"
	run lib ". '$mnt/util/mounts.sh'; mounted '/my dir' && echo yes; mounted /my || echo no; mounted / && echo yes"
	[ "$output" = "yes
no
yes" ]
}

@test "interfaces that trade names go by names that nobody has" {
	mkdir -p "$root/sys/class/net/eth0" "$root/sys/class/net/eth1"
	echo 52:55:55:00:00:0b >"$root/sys/class/net/eth0/address"
	echo 52:55:55:00:00:0a >"$root/sys/class/net/eth1/address"
	export LIMA_CIDATA_NICS=2 LIMA_CIDATA_NIC_0_MAC=52:55:55:00:00:0A LIMA_CIDATA_NIC_0_NAME=eth0
	export LIMA_CIDATA_NIC_1_MAC=52:55:55:00:00:0b LIMA_CIDATA_NIC_1_NAME=lima0
	run lib ". '$mnt/native/network.sh'; nic_renames; printf %s \"\$REPLY\""
	diff -u - <(printf '%s\n' "$output") <<-'EOF'
		link set eth1 down
		link set eth1 name lima-nic0
		link set eth0 down
		link set eth0 name lima-nic1
		link set lima-nic0 name eth0
		link set lima-nic1 name lima0
	EOF
}

@test "file system labels are cut to what each type takes" {
	run lib ". '$mnt/util/disk.sh'; fs_label ext4 lima-0123456789abcdef; echo; fs_label xfs lima-0123456789; echo; fs_label swap lima-0123456789abcdef"
	[ "$output" = "lima-0123456789a
lima-0123456
lima-0123456789" ]
}

@test "the agent's way: the virtio port, else vsock, else a socket of the user" {
	export LIMA_CIDATA_UID=1000 LIMA_CIDATA_VIRTIO_PORT=
	[ "$(lib 'agent_args; echo "$REPLY"')" = "--unix /run/lima-guestagent.sock --socket-owner 1000" ]
	[ "$(LIMA_CIDATA_VSOCK_PORT=2222 lib 'agent_args; echo "$REPLY"')" = "--vsock-port 2222" ]
	mkdir -p "$root/sys/class/virtio-ports/vport1p1" "$root/sys/class/virtio-ports/vport1p2"
	: >"$root/sys/class/virtio-ports/vport1p1/name"
	echo io.lima-vm.guest_agent.0 >"$root/sys/class/virtio-ports/vport1p2/name"
	[ "$(lib 'agent_args; echo "$REPLY"')" = "--virtio-port io.lima-vm.guest_agent.0" ]
}

# ---- early.sh --------------------------------------------------------------------------------------------------------

early() {
	mkdir -p "$root/etc/ssh" "$root/etc/sudoers.d" "$root/etc/skel" "$root/sys" "$root/usr/share/zoneinfo/Europe" "$d/bin"
	: >"$root/usr/share/zoneinfo/Europe/Berlin"
	printf '#!/bin/sh\ncat >%s\n' "$d/ip" >"$d/bin/ip"
	chmod 755 "$d/bin/ip"
	run env PATH="$d/bin:$PATH" sh "$mnt/native/early.sh"
}

early_env() {
	printf 'root:x:0:0::/root:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:*:1::::::\n' >"$root/etc/shadow"
	: >"$root/etc/group"
	: >"$root/etc/gshadow"
	cat >"$mnt/lima.env" <<-EOF
		LIMA_CIDATA_NAME=x
		LIMA_CIDATA_HOSTNAME=lima-x
		LIMA_CIDATA_USER=nobody
		LIMA_CIDATA_UID=65534
		LIMA_CIDATA_COMMENT=A: \$(b) "c"
		LIMA_CIDATA_HOME=/home/nobody.guest
		LIMA_CIDATA_SHELL=/bin/bash
		LIMA_CIDATA_PASSWORDLESS_SUDO=$1
		LIMA_CIDATA_TIMEZONE=Europe/Berlin
		LIMA_CIDATA_SLIRP_IP_ADDRESS=192.168.5.15
		LIMA_CIDATA_SLIRP_GATEWAY=192.168.5.2
		LIMA_CIDATA_SLIRP_DNS=192.168.5.3
		LIMA_CIDATA_NICS=1
		LIMA_CIDATA_NIC_0_NAME=eth0
		LIMA_CIDATA_NIC_0_MAC=52:55:55:00:00:01
		LIMA_CIDATA_NIC_0_METRIC=200
	EOF
	printf 'PRIVATE\nKEY\n' >"$mnt/ssh_host_ed25519_key"
	printf 'public\n' >"$mnt/ssh_host_ed25519_key.pub"
	printf 'ssh-ed25519 AAAA one\nssh-ed25519 BBBB two' >"$mnt/ssh_authorized_keys"
}

@test "early.sh makes user, keys, sudo, host name, time zone and network" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	early_env 1
	early
	[ "$status" = 0 ]
	status_is <<-'EOF'
		begin	aaaa-bbbb	native
		step	native/early.sh	start
		step	native/early.sh	0
	EOF
	[ "$(tail -n 1 "$root/etc/passwd")" = 'nobody:x:65534:65534:A  $(b) "c":/home/nobody.guest:/bin/bash' ]
	[ "$(tail -n 1 "$root/etc/sudoers.d/90-lima")" = 'nobody ALL=(ALL) NOPASSWD:ALL' ]
	[ "$(stat -c %a "$root/etc/sudoers.d/90-lima")" = 440 ]
	[ "$(stat -c '%a %u' "$root/home/nobody.guest/.ssh/authorized_keys")" = '600 65534' ]
	[ "$(stat -c '%a %u' "$root/home/nobody.guest/.ssh")" = '700 65534' ]
	[ "$(grep -c . "$root/home/nobody.guest/.ssh/authorized_keys")" = 2 ]
	[ "$(stat -c %a "$root/etc/ssh/ssh_host_ed25519_key")" = 600 ]
	cmp "$mnt/ssh_host_ed25519_key" "$root/etc/ssh/ssh_host_ed25519_key"
	[ "$(cat "$root/etc/hostname")" = lima-x ]
	[ "$(cat "$root/proc/sys/kernel/hostname")" = lima-x ]
	[ "$(readlink "$root/etc/localtime")" = /usr/share/zoneinfo/Europe/Berlin ]
	grep -qx '192.168.5.2	host.lima.internal' "$root/etc/hosts"
	[ "$(cat "$root/etc/resolv.conf")" = 'nameserver 192.168.5.3' ]
	diff -u - "$d/ip" <<-'EOF'
		link set lo up
		address add 192.168.5.15/24 broadcast 192.168.5.255 dev eth0
		link set eth0 up
		route add default via 192.168.5.2 dev eth0 src 192.168.5.15 metric 200
	EOF
}

@test "early.sh a second time changes nothing" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	early_env 1
	early
	find "$root/etc" "$root/home" -type f -exec stat -c '%n %Y %i %s' {} + | sort >"$d/before"
	find "$root/etc" "$root/home" -exec touch -h -d @1000000000 {} +
	early
	[ "$status" = 0 ]
	[ -z "$(find "$root/etc" "$root/home" -type f -newermt @1000000001)" ]
	[ "$(grep -c ^nobody: "$root/etc/passwd")" = 1 ]
}

@test "early.sh without passwordless sudo gives sudo with a password" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	early_env ''
	early
	[ "$(cat "$root/etc/sudoers.d/90-lima")" = 'nobody ALL=(ALL) ALL' ]
}

@test "what early.sh cannot do is told, and the rest is done" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	early_env 1
	mkdir -p "$root/etc/ssh/ssh_host_ed25519_key"
	early
	[ "$status" = 1 ]
	grep -qx 'step	native/early.sh	1' "$root/run/lima-boot-status"
	grep -q ^nobody: "$root/etc/passwd"
	[ -e "$root/run/lima/early-failed" ]
}

# ---- recipes ---------------------------------------------------------------------------------------------------------

@test "every recipe has a key, and no two the same" {
	for name in $("$boot/recipes/build" list); do
		"$boot/recipes/build" key "$name" x86_64 >>"$d/keys"
	done
	[ "$(wc -l <"$d/keys")" -ge 4 ]
	! grep -vxE '[0-9a-f]{64}' "$d/keys"
	[ -z "$(sort "$d/keys" | uniq -d)" ]
}

@test "the key depends on the recipe's files and not on the clock or the folder's name" {
	cp -R "$boot" "$d/copy"
	build=$d/copy/recipes/build
	key=$("$build" key debian-12 x86_64)
	[ "$key" = "$("$boot/recipes/build" key debian-12 x86_64)" ]
	find "$d/copy" -exec touch -d @1000000000 {} +
	[ "$key" = "$("$build" key debian-12 x86_64)" ]
	echo '# x' >>"$d/copy/native/ssh.service"
	[ "$key" != "$("$build" key debian-12 x86_64)" ]
	cloud=$("$build" key debian-12-cloud x86_64)
	echo '# x' >>"$d/copy/recipes/native.part"
	[ "$cloud" = "$("$build" key debian-12-cloud x86_64)" ]
}

@test "recipes and architectures that do not exist are refused with the reason last" {
	run "$boot/recipes/build" make no-such-recipe x86_64 "$d"
	[ "$status" = 1 ]
	[[ "${lines[-1]}" == *no-such-recipe* ]]
	run "$boot/recipes/build" key ../../etc/passwd x86_64
	[ "$status" = 1 ]
	run "$boot/recipes/build" key debian-12 vax
	[ "$status" = 1 ]
	[[ "${lines[-1]}" == *vax* ]]
	run "$boot/recipes/build" make debian-12
	[ "$status" = 2 ]
	run "$boot/recipes/build" frobnicate
	[ "$status" = 2 ]
}

@test "a recipe with an unknown word is refused" {
	cp -R "$boot" "$d/copy"
	echo 'frobnicate x' >>"$d/copy/recipes/debian-12.recipe"
	run "$d/copy/recipes/build" key debian-12 x86_64
	[ "$status" = 1 ]
	[[ "$output" == *frobnicate* ]]
}

@test "missing programs are named by their packages, and nothing is left behind" {
	mkdir "$d/bin" "$d/out"
	for p in bash dirname cat grep sed awk sha256sum cut id mktemp rm; do ln -s "$(command -v $p)" "$d/bin/$p"; done
	run env PATH="$d/bin" bash "$boot/recipes/build" make debian-12 x86_64 "$d/out"
	[ "$status" = 1 ]
	[[ "${lines[-1]}" == *mmdebstrap* ]]
	[ -z "$(ls -A "$d/out")" ]
}

@test "an archive that does not answer is named, and nothing is left behind" {
	command -v mmdebstrap >/dev/null || skip 'needs mmdebstrap'
	mkdir "$d/out"
	DEBIAN_MIRROR=http://127.0.0.1:1/debian run "$boot/recipes/build" make debian-12 x86_64 "$d/out"
	[ "$status" = 1 ]
	[[ "${lines[-1]}" == *127.0.0.1:1* ]]
	[ -z "$(ls -A "$d/out")" ]
}

# ---- names -----------------------------------------------------------------------------------------------------------

@test "names on the volume have at most 30 characters, and scripts are clean" {
	[ -z "$(cd "$boot" && find boot util distro native -type f | sed 's|.*/||' | grep -E '.{31,}')" ]
	command -v shellcheck >/dev/null || skip 'needs shellcheck'
	cd "$boot"
	shellcheck -s sh boot.sh boot/*.sh util/*.sh distro/*.sh native/*.sh native/lima-init recipes/build-root recipes/initrd-init
	shellcheck recipes/build
}
