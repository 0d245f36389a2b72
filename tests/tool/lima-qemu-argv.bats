#!/usr/bin/env bats
# lima-qemu-argv: golden command lines (tests/data/argv, worked out from the tables of the specification), refusals, and
# QEMU itself as the judge of whether it takes them.

load ../lib/common

setup() {
	fresh_home
	DATA=$TOP/tests/data/argv
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${daemon_pid:-}" ] || kill "$daemon_pid" 2>/dev/null || true
}

# The instance directory of a case: its two conf files, and the files that it says exist ("NAME" or "NAME=CONTENT").
make_dir() { # CASE DIR
	local line
	mkdir -p "$2/.make"
	cp "$DATA/$1/qemu.conf" "$DATA/$1/probe.conf" "$2/.make"
	while read -r line; do
		case $line in
		*=*) printf '%s\n' "${line#*=}" >"$2/${line%%=*}" ;;
		*) : >"$2/$line" ;;
		esac
	done <"$DATA/$1/files"
}

# Replaces or adds one setting of ./.make/FILE.
set_key() { # FILE KEY VALUE
	grep -v "^$2=" ".make/$1.conf" >tmp || true
	printf '%s=%s\n' "$2" "$3" >>tmp
	mv tmp ".make/$1.conf"
}

golden() { # CASE
	local command dir
	command=$(cat "$DATA/$1/command")
	dir=${command##* }
	make_dir "$1" "$dir"
	# shellcheck disable=SC2086 # the words of the file are words
	lima-qemu-argv $command >got 2>notes
	diff "$DATA/$1/want" got
	diff "$DATA/$1/notes" notes
}

@test "golden: x86_64, tcg, kernel and initrd" { golden x86_64-tcg-kernel; }
@test "golden: x86_64, kvm, UEFI, 9p, disks, networks" { golden x86_64-kvm-uefi; }
@test "golden: x86_64, user-v2 networks, firmware in the directory" { golden x86_64-user-v2; }
@test "golden: x86_64, virtiofs, tpm, VNC, sound" { golden x86_64-virtiofs-vnc; }
@test "golden: x86_64, a window, forced tcg" { golden x86_64-window; }
@test "golden: x86_64, VNC" { golden x86_64-vnc; }
@test "golden: x86_64, inherited sockets" { golden x86_64-fds; }
@test "golden: x86_64, a directory with a comma and a colon" { golden x86_64-directory; }
@test "golden: x86_64, the user's own arguments" { golden x86_64-own-arguments; }
@test "golden: x86_64, an installer CD" { golden x86_64-iso; }
@test "golden: aarch64" { golden aarch64; }
@test "golden: armv7l" { golden armv7l; }
@test "golden: riscv64" { golden riscv64; }
@test "golden: riscv64, UEFI, a newer QEMU" { golden riscv64-uefi; }
@test "golden: ppc64le" { golden ppc64le; }
@test "golden: s390x" { golden s390x; }

@test "every golden case has its test" {
	for d in "$DATA"/*/; do
		grep -q "golden $(basename "$d");" "$BATS_TEST_FILENAME"
	done
}

@test "--null ends tokens with NUL, and takes newlines; lines refuse them" {
	make_dir x86_64-tcg-kernel .
	lima-qemu-argv . | tr '\n' '\0' >want
	lima-qemu-argv --null . | cmp want -
	lima-qemu-argv -0 . | cmp want -
	printf 'root=/dev/vda\nquiet\n' >kernel.cmdline
	fails 65 "a newline in 'root=/dev/vda" lima-qemu-argv .
	lima-qemu-argv --null . | tr '\0\n' '\n|' | grep -qx 'root=/dev/vda|quiet tsc=reliable'
	: >kernel.cmdline
	run lima-qemu-argv .
	[[ $output != *-append* ]]
}

@test "-o writes the same, and leaves an equal file alone" {
	make_dir x86_64-tcg-kernel .
	lima-qemu-argv -o out .
	lima-qemu-argv . | cmp - out
	touch -d 2001-01-01 out
	lima-qemu-argv -o out .
	[ "$(stat -c %Y out)" = "$(date -d 2001-01-01 +%s)" ]
	set_key qemu cpus 3
	lima-qemu-argv -o out .
	grep -qx '3,sockets=1,cores=3,threads=1' out
}

@test "an absolute directory is the prefix of every file" {
	make_dir x86_64-tcg-kernel d
	lima-qemu-argv "$PWD/d" >got
	[ "$(grep -cF "$PWD/d/" got)" = 9 ]
	for f in diffdisk cidata.iso kernel initrd serial.sock serialv.log ga.sock qmp.sock qemu.pid; do
		grep -qF "$PWD/d/$f" got
	done
}

@test "the firmware: the directory's, the downloaded, the system's, or a hint" {
	make_dir x86_64-kvm-uefi .
	set_key qemu firmware 'my,fw.fd'
	: >'my,fw.fd'
	lima-qemu-argv . | grep -qx 'if=pflash,format=raw,readonly=on,file=my,,fw.fd'
	: >qemu-efi-code.fd
	lima-qemu-argv . | grep -qx 'if=pflash,format=raw,readonly=on,file=qemu-efi-code.fd'
	rm ./*.fd
	lima-qemu-argv . | grep -qx 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd'
	set_key probe firmware ''
	fails 69 "firmware.legacyBIOS" lima-qemu-argv .
	set_key qemu legacyBIOS true
	run -0 lima-qemu-argv .
	[[ $output != *pflash* ]]
}

@test "a missing disk, conf file or directory" {
	make_dir x86_64-tcg-kernel .
	rm diffdisk
	fails 1 "diffdisk does not exist" lima-qemu-argv .
	: >disk
	lima-qemu-argv . | grep -qx 'file=disk,if=none,format=qcow2,discard=on,id=boot-disk'
	rm .make/probe.conf
	fails 1 ".make/probe.conf" lima-qemu-argv .
	rm .make/qemu.conf
	fails 1 ".make/qemu.conf" lima-qemu-argv .
	fails 1 "nowhere" lima-qemu-argv nowhere
}

@test "values that are not what they should be are refused with file and key" {
	make_dir x86_64-kvm-uefi .
	cp -r .make saved
	while IFS='|' read -r file key value; do
		rm -r .make && cp -r saved .make
		set_key "$file" "$key" "$value"
		fails 65 ".make/$file.conf" lima-qemu-argv . || { echo "with $key=$value"; return 1; }
		[[ $output == *"$key"* ]] || { echo "$key is not in: $output"; return 1; }
	done <<-'END'
	qemu|name|a,b
	qemu|name|-x
	qemu|name|
	qemu|cpus|0
	qemu|cpus|-1
	qemu|cpus|2,maxcpus=9
	qemu|cpus|99999
	qemu|memory|4GiB
	qemu|memory|1048575
	qemu|memory|99999999999999999999
	qemu|cpuType|host,
	qemu|cpuType|max,enforce on
	qemu|cpuType|max,a=b,c=
	qemu|cpuType|,x
	qemu|accel|kvm,x
	qemu|accel|hvf
	qemu|minimumVersion|7.x
	qemu|mac|52:55:55:01:02
	qemu|mac|52:55:55:01:02:03,id=x
	qemu|mac|52-55-55-01-02-03
	qemu|ssh.address|::1
	qemu|ssh.address|127.0.0.1:1-:2
	qemu|ssh.address|localhost
	qemu|ssh.localPort|65536
	qemu|ssh.localPort|22-:22,guestfwd=x
	qemu|mountType|9
	qemu|mountType|sshfs
	qemu|mounts|65
	qemu|mounts|3
	qemu|mounts.0.location|relative
	qemu|mounts.0.tag|a,b
	qemu|mounts.0.tag|
	qemu|mounts.0.tag|12345678901234567890123456789012
	qemu|mounts.0.securityModel|none,readonly=off
	qemu|mounts.0.securityModel|map
	qemu|disks|3
	qemu|disks.1.path|json:{}
	qemu|disks.1.format|qcow
	qemu|disks.1.format|raw,file=/etc/shadow
	qemu|networks|3
	qemu|networks.0.socket|relative
	qemu|networks.0.mac|x
	qemu|networks.1.lima|../x
	qemu|networks.0.lima|both
	qemu|disk.format|vmdk
	qemu|video.display|none,
	qemu|video.display|vnc=:0
	qemu|video.vnc.display|0
	qemu|video.vnc.display|127.0.0.1
	qemu|video.vnc.display|127.0.0.1:0,password=off
	qemu|video.vnc.display|127.0.0.1:0,to=9,tls-creds=x
	qemu|video.vnc.display|127.0.0.1:0,to=
	qemu|audio.device|pa,out.name=x
	qemu|audio.interface|ac97
	qemu|firmware|../x
	probe|qemu|qemu
	probe|version|x
	probe|accel|hvf
	probe|qemu.args|1000
	END
}

@test "what the QEMU at hand cannot do is said before it is started" {
	make_dir x86_64-kvm-uefi .
	set_key qemu cpuType Foo,+x
	fails 69 "cpu 'Foo' is not supported by /usr/bin/qemu-system-x86_64" lima-qemu-argv .
	set_key qemu cpuType ''
	set_key qemu minimumVersion 7.2.23
	fails 69 "is QEMU 7.2.22, but this machine needs 7.2.23" lima-qemu-argv .
	for ok in 7.2.22 7.2 7 6.9.99; do
		set_key qemu minimumVersion $ok
		run -0 lima-qemu-argv .
	done
	set_key probe netdev.stream false
	fails 69 "no netdev 'stream'" lima-qemu-argv .
	set_key qemu networks 0
	set_key qemu accel tcg
	set_key qemu cpuType host
	fails 69 "cpu 'host' needs kvm" lima-qemu-argv .
	set_key probe arch aarch64
	fails 65 "lima-probe --arch x86_64" lima-qemu-argv .
	set_key qemu arch mips
	set_key probe arch mips
	fails 65 "'mips'" lima-qemu-argv .
	cd .. && mkdir -p two && cd two || return
	make_dir s390x .
	set_key qemu tpm true
	fails 69 "tpm: QEMU has none for s390x" lima-qemu-argv .
}

@test "a comma or equals sign in any path stays inside its option" {
	make_dir x86_64-kvm-uefi .
	evil='/x,if=none,,format=raw=,'
	doubled='/x,,if=none,,,,format=raw=,,'
	for key in mounts.0.location disks.0.path networks.0.socket; do set_key qemu "$key" "$evil"; done
	set_key probe firmware "$evil"
	lima-qemu-argv . >got
	[ "$(grep -cF "=$doubled" got)" = 4 ]
	grep -qxF "if=pflash,format=raw,readonly=on,file=$doubled" got
	grep -qxF "file=$doubled,if=virtio,format=qcow2,discard=on" got
	grep -qxF "stream,id=net1,server=off,addr.type=unix,addr.path=$doubled" got
	grep -qxF "local,id=fs0,path=$doubled,security_model=none,multidevs=remap,readonly=on" got
}

@test "wrong usage" {
	fails 2 "one instance directory" lima-qemu-argv
	fails 2 "one instance directory" lima-qemu-argv a b
	fails 2 "empty" lima-qemu-argv ''
	for fd in 2 1024 x -1 ''; do fails 2 "--qmp-fd" lima-qemu-argv --qmp-fd "$fd" .; done
	fails 2 "same descriptor" lima-qemu-argv --qmp-fd 3 --agent-fd 3 .
	fails 2 "" lima-qemu-argv --nonsense .
	lima-qemu-argv --help | grep -q '^usage: lima-qemu-argv'
	lima-qemu-argv --version | grep -qx 'lima-qemu-argv [0-9.]*'
}

# Starts QEMU with what the tool prints and -S, waits for its QMP greeting, asks for what it has, and ends it.
accepted() { # [QMP-COMMAND]...
	qemu-img create -q -f qcow2 diffdisk 1G
	[ ! -e disk ] || qemu-img create -q -f raw disk 1M
	truncate -s 1M cidata.iso
	lima-probe -o .make/probe.conf
	lima-qemu-argv --null --qmp-fd 3 --agent-fd 4 . >argv
	python3 "$TOP/tests/lib/qmp_try.py" argv "$@" >answer 2>&1 || { cat answer; return 1; }
	run ! grep -i 'warning' answer
}

real() { # an instance directory with the settings of a case, for the QEMU of this machine
	[ "$(uname -m)" = x86_64 ] || skip "these start an x86_64 QEMU"
	make_dir "$1" .
	rm -f kernel initrd kernel.cmdline qemu-efi-code.fd
}

@test "QEMU takes: UEFI; SSH's port is chosen by it" {
	real x86_64-tcg-kernel
	accepted '{"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}}'
	grep -qE 'HOST_FORWARD.* 127\.0\.0\.1 +[1-9][0-9]* +192\.168\.5\.15 +22' answer
}

@test "QEMU takes: inherited sockets, the agent's port has its name" {
	real x86_64-fds
	accepted '{"execute":"qom-list","arguments":{"path":"/machine/peripheral/agent0"}}' \
		'{"execute":"qom-get","arguments":{"path":"/machine/peripheral/agent0","property":"name"}}'
	grep -qF 'io.lima-vm.guest_agent.0' answer
	grep -qF '"agent connects": true' answer
}

@test "QEMU takes: 9p with commas, additional disks, two vcpus" {
	real x86_64-kvm-uefi
	mkdir -p "$PWD/a,b" "$PWD/c"
	set_key qemu name x
	set_key qemu networks 0
	set_key qemu ssh.localPort 0
	set_key qemu mounts.0.location "$PWD/a,b"
	set_key qemu mounts.1.location "$PWD/c"
	qemu-img create -q -f qcow2 "$PWD/a,b/one" 1M
	qemu-img create -q -f raw "$PWD/a,b/two" 1M
	set_key qemu disks.0.path "$PWD/a,b/one"
	set_key qemu disks.1.path "$PWD/a,b/two"
	accepted '{"execute":"query-block"}' '{"execute":"query-cpus-fast"}'
	grep -qF "a,b/one" answer
	grep -qF '"drv": "raw"' answer
	[ "$(grep -o '"cpu-index"' answer | wc -l)" = 4 ]
}

@test "QEMU takes: a window's devices under VNC, and its password" {
	real x86_64-vnc
	set_key qemu video.vnc.display 127.0.0.1:40,to=99
	accepted '{"execute":"change-vnc-password","arguments":{"password":"12345678"}}' '{"execute":"query-vnc"}'
	grep -qF '"host": "127.0.0.1"' answer
}

@test "QEMU takes: an installer CD and a raw disk" {
	real x86_64-iso
	rm -f diffdisk
	truncate -s 1M iso
	accepted '{"execute":"query-block"}'
	grep -qF '"file": "iso"' answer
}

@test "QEMU takes: networks by sockets" {
	real x86_64-user-v2
	set_key qemu networks 2
	set_key qemu networks.0.socket "$PWD/net.sock"
	set_key qemu networks.1.lima ''
	set_key qemu networks.1.socket "$PWD/net.sock"
	QMP_LISTEN=net.sock accepted '{"execute":"query-rx-filter"}'
}

@test "a TPM with a directly booted kernel: the RAM disk keeps clear of the ACPI tables, or UEFI boots" {
	make_dir x86_64-tcg-kernel .
	set_key qemu tpm true
	printf '\177ELF...' >kernel
	head -c 12345 /dev/zero >initrd
	lima-qemu-argv . >argv
	grep -qx 'loader,file=initrd,addr=0x10000000,force-raw=on' argv || grep -qx "loader,file=$PWD/initrd,addr=0x10000000,force-raw=on" argv
	grep -qE ' initrdmem=0x10000000,12345( |$)' argv
	not_in() { ! grep -q -- "$1" argv || { cat argv; false; }; }
	not_in '^-initrd$'
	not_in pflash
	# A bzImage may move itself onto it: UEFI loads both.
	echo MZ... >kernel
	set_key probe firmware /usr/share/OVMF/OVMF_CODE.fd
	lima-qemu-argv . >argv
	grep -qx -- -initrd argv
	grep -q 'if=pflash.*OVMF_CODE.fd' argv
	not_in initrdmem
	# Without a TPM nothing is special.
	set_key qemu tpm false
	lima-qemu-argv . >argv
	not_in pflash
	not_in initrdmem
}

@test "QEMU takes: virtiofs, under the sandbox" {
	local daemon
	for daemon in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd none; do [ ! -x "$daemon" ] || break; done
	[ "$daemon" != none ] || skip "no virtiofsd"
	real x86_64-virtiofs-vnc
	set_key qemu mounts 1
	set_key qemu tpm false
	set_key qemu video.display none
	set_key qemu audio.device none
	set_key qemu cpuType ''
	mkdir shared
	if [ "$daemon" = /usr/lib/qemu/virtiofsd ]; then
		"$daemon" --socket-path="$PWD/virtiofsd-0.sock" -o source="$PWD/shared" -o sandbox=chroot >daemon.log 2>&1 3>&- &
	else
		"$daemon" --socket-path "$PWD/virtiofsd-0.sock" --shared-dir "$PWD/shared" --sandbox chroot >daemon.log 2>&1 3>&- &
	fi
	daemon_pid=$!
	until_ok test -S virtiofsd-0.sock
	accepted '{"execute":"query-memdev"}'
	grep -qF '"share": true' answer
	grep -qxF -- '-sandbox' <(tr '\0' '\n' <argv)
}
