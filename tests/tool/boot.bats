#!/usr/bin/env bats
# boot.sh and its library: env files, status, provisioning. The scripts run here, in a made-up root.

load ../lib/boot

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
