#!/usr/bin/env bats
# lima-probe: the QEMU at hand, fake ones of every kind, and the cache.

load ../lib/common

setup() {
	fresh_home
	unset QEMU_SYSTEM_X86_64 QEMU_SYSTEM_AARCH64 QEMU_SYSTEM_ARM QEMU_SYSTEM_PPC64 QEMU_SYSTEM_RISCV64 QEMU_SYSTEM_S390X
	cd "$BATS_TEST_TMPDIR" || return
	tools=$(dirname "$(command -v lima-probe)")
}

value() { lima-probe "${@:2}" | sed -n "s/^$1=//p"; }

# A QEMU that notes each of its starts in ./starts and answers as version 7.2 does; the variables change its answers.
fake() { # FILE
	cat >"$1" <<-'END'
	#!/bin/sh
	echo "$*" >>"$STARTS"
	case "$*" in
	*--version*) echo "QEMU emulator version ${VERSION:-7.2.1} (Fake)" ;;
	*-sandbox*) [ -z "$NO_SANDBOX" ] || { echo "$0: -sandbox support is not enabled in this QEMU binary" >&2; exit 1; }
		printf 'Accelerators supported in QEMU binary:\n%b' "${ACCELS:-tcg\\nxen\\n}" ;;
	*-accel*) printf 'Accelerators supported in QEMU binary:\n%b' "${ACCELS:-tcg\\nxen\\n}" ;;
	*-netdev*) printf 'Available netdev backend types:\n%b' "${NETDEVS:-socket\\nstream\\nuser\\n}" ;;
	*-cpu*) printf '%b' "${CPUS_TEXT:-Available CPUs:\\nx86 486 (alias)\\nx86 base  base CPU\\nx86 max  all\\n\\nRecognized CPUID flags:\\n  aes apic\\n}" ;;
	*-machine*) printf 'Supported machines are:\n%b' "${MACHINES:-none  empty\\nq35  PC (alias of pc-q35-7.2)\\nvirt  ARM\\npseries  x\\ns390-ccw-virtio x\\n}" ;;
	esac
	END
	chmod +x "$1"
	export STARTS=$PWD/starts
	: >"$STARTS"
}

@test "the QEMU of this machine: path, version, machine, accelerator with a reason, CPUs" {
	command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
	lima-probe --arch x86_64 >conf
	for key in arch qemu qemu.args version accel accel.reason netdev.stream sandbox cpus firmware; do
		[ "$(grep -c "^$key=" conf)" = 1 ]
	done
	grep -qx "qemu=$(command -v qemu-system-x86_64)" conf
	version=$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p')
	grep -qx "version=$version" conf
	grep -qxE 'accel=(kvm|tcg)' conf
	grep -qE '^accel.reason=.{5}' conf
	# Each CPU that QEMU lists, by another reading of the same text.
	qemu-system-x86_64 -cpu help | sed -n '/^Available/,/^$/p' | sed '1d;/^$/d;s/^x86 //' | awk '{ print $1 }' | sort >want
	sed -n 's/^cpus=//p' conf | tr ' ' '\n' | sort | diff want -
}

@test "kvm is believed only when it runs guest code at a processor's speed" {
	command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64"
	[ -e /dev/kvm ] || skip "no /dev/kvm"
	grep -qwE 'svm|vmx' /proc/cpuinfo && skip "this processor has virtualisation: kvm may be right"
	[ "$(value accel --arch x86_64)" = tcg ]
	[[ $(value accel.reason --arch x86_64) == *kvm* ]]
}

@test "--accel asks nobody" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	[ "$(value accel --arch x86_64 --accel tcg)" = tcg ]
	[ "$(value accel.reason --arch x86_64 --accel tcg)" = "asked for" ]
	export ACCELS='tcg\nkvm\n'
	if [ "$(uname -m)" = x86_64 ]; then [ "$(value accel --arch x86_64 --accel kvm)" = kvm ]; fi
	rm -r "$XDG_CACHE_HOME"
	[ "$(uname -m)" != x86_64 ] || ACCELS='tcg\n' fails 69 "built without it" lima-probe --arch x86_64 --accel kvm
}

@test "another architecture is translated, and says so" {
	fake ./qemu
	arch=riscv64
	[ "$(uname -m)" != riscv64 ] || arch=s390x
	QEMU_SYSTEM_RISCV64=$PWD/qemu QEMU_SYSTEM_S390X=$PWD/qemu lima-probe --arch $arch >conf
	grep -qx accel=tcg conf
	grep -qx "accel.reason=the guest is $arch, the host is $(uname -m)" conf
	QEMU_SYSTEM_RISCV64=$PWD/qemu QEMU_SYSTEM_S390X=$PWD/qemu fails 69 "use tcg" lima-probe --arch $arch --accel kvm
}

@test "a QEMU without kvm" {
	fake ./qemu
	QEMU_SYSTEM_X86_64=$PWD/qemu lima-probe --arch x86_64 >conf
	grep -qx accel=tcg conf
	if [ "$(uname -m)" = x86_64 ]; then grep -qx 'accel.reason=this QEMU was built without kvm' conf; fi
}

@test "each architecture has its program and variable" {
	fake ./qemu
	while read -r arch program variable; do
		PATH=$tools fails 69 "$program is not in PATH; install QEMU" lima-probe --arch "$arch"
		[[ $output == *"set $variable"* ]]
		env "$variable=$PWD/qemu" lima-probe --arch "$arch" | grep -qx "arch=$arch"
		mkdir -p bin
		cp qemu "bin/$program"
		PATH=$PWD/bin:$PATH lima-probe --arch "$arch" | grep -qx "qemu=$PWD/bin/$program"
		rm -r bin
	done <<-'END'
	x86_64 qemu-system-x86_64 QEMU_SYSTEM_X86_64
	aarch64 qemu-system-aarch64 QEMU_SYSTEM_AARCH64
	armv7l qemu-system-arm QEMU_SYSTEM_ARM
	riscv64 qemu-system-riscv64 QEMU_SYSTEM_RISCV64
	ppc64le qemu-system-ppc64 QEMU_SYSTEM_PPC64
	s390x qemu-system-s390x QEMU_SYSTEM_S390X
	END
}

@test "the variable is split as a shell would, and its arguments come first" {
	mkdir 'a dir'
	fake "a dir/qemu"
	QEMU_SYSTEM_X86_64="'a dir/qemu' -m 77 \"-name\" x\\ y \$HOME ''" lima-probe --arch x86_64 >conf
	grep -qx "qemu=$PWD/a dir/qemu" conf
	grep -qx 'qemu.args=6' conf
	grep -qx 'qemu.args.0=-m' conf
	grep -qx 'qemu.args.1=77' conf
	grep -qx 'qemu.args.2=-name' conf
	grep -qx 'qemu.args.3=x y' conf
	grep -qx 'qemu.args.4=$HOME' conf
	grep -qx 'qemu.args.5=' conf
	grep -q '^-m 77 -name x y $HOME  --version$' starts
	QEMU_SYSTEM_X86_64="qemu 'open" fails 2 "QEMU_SYSTEM_X86_64" lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64='nothing-like-this -x' fails 69 "no program 'nothing-like-this'" lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64=$PWD/starts fails 69 "QEMU_SYSTEM_X86_64" lima-probe --arch x86_64
}

@test "an empty variable counts as unset" {
	mkdir bin
	fake bin/qemu-system-x86_64
	QEMU_SYSTEM_X86_64='' PATH=$PWD/bin:$PATH lima-probe --arch x86_64 | grep -qx "qemu=$PWD/bin/qemu-system-x86_64"
}

@test "versions: 4.0 is the oldest; what is no QEMU is said to be none" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	VERSION=3.1.9 fails 69 "is QEMU 3.1.9; version 4.0 or newer is needed" lima-probe --arch x86_64
	VERSION=4.0.0 lima-probe --arch x86_64 | grep -qx version=4.0.0
	rm -r "$XDG_CACHE_HOME"
	VERSION=10.2.90 lima-probe --arch x86_64 | grep -qx version=10.2.90
	rm -r "$XDG_CACHE_HOME"
	VERSION=x fails 69 "is it QEMU?" lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64=true fails 69 "is it QEMU?" lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64=false fails 69 "status 1" lima-probe --arch x86_64
	MACHINES='none\npc\n' fails 69 "machine type q35" lima-probe --arch x86_64
	[ -z "$(find "$XDG_CACHE_HOME" -type f)" ]
}

@test "a QEMU that hangs is ended and reported" {
	printf '#!/bin/sh\necho $$ >pid\nexec sleep 600\n' >qemu
	chmod +x qemu
	QEMU_SYSTEM_X86_64=$PWD/qemu fails 69 "--version does not answer within" lima-probe --arch x86_64
	run ! kill -0 "$(cat pid)"
}

@test "what is not built in is found out" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	NO_SANDBOX=1 NETDEVS='user\nstreamer\n' lima-probe --arch x86_64 >conf
	grep -qx sandbox=false conf
	grep -qx netdev.stream=false conf
	rm -r "$XDG_CACHE_HOME"
	lima-probe --arch x86_64 >conf
	grep -qx sandbox=true conf
	grep -qx netdev.stream=true conf
	grep -qx 'cpus=486 base max' conf
	rm -r "$XDG_CACHE_HOME"
	CPUS_TEXT='Available CPUs:\n  cortex-a57\n  max\n' lima-probe --arch x86_64 | grep -qx 'cpus=cortex-a57 max'
	rm -r "$XDG_CACHE_HOME"
	CPUS_TEXT='PowerPC power9_v2.0      PVR 004e1200\nPowerPC max (alias for power9)\n' lima-probe --arch x86_64 |
		grep -qx 'cpus=power9_v2.0 max'
}

@test "firmware: the user's, beside QEMU, the system's; looked up each time" {
	mkdir -p inst/bin inst/share/qemu
	fake inst/bin/qemu
	export QEMU_SYSTEM_X86_64=$PWD/inst/bin/qemu
	lima-probe --arch x86_64 | grep -qxE 'firmware=(/usr/share/.*)?'
	: >inst/share/qemu/edk2-x86_64-code.fd
	lima-probe --arch x86_64 | grep -qx "firmware=$PWD/inst/bin/../share/qemu/edk2-x86_64-code.fd"
	mkdir -p "$HOME/.local/share/qemu"
	: >"$HOME/.local/share/qemu/edk2-x86_64-code.fd"
	lima-probe --arch x86_64 | grep -qx "firmware=$HOME/.local/share/qemu/edk2-x86_64-code.fd"
	: >"$HOME/.local/share/qemu/edk2-riscv-code.fd"
	QEMU_SYSTEM_RISCV64=$QEMU_SYSTEM_X86_64 lima-probe --arch riscv64 | grep -qx "firmware=$HOME/.local/share/qemu/edk2-riscv-code.fd"
	QEMU_SYSTEM_S390X=$QEMU_SYSTEM_X86_64 lima-probe --arch s390x | grep -qx 'firmware='
}

@test "a second answer comes out of the cache and starts nothing" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	lima-probe --arch x86_64 >first
	[ -s starts ]
	: >starts
	lima-probe --arch x86_64 >second
	cmp first second
	[ ! -s starts ]
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=clone,clone3,fork,vfork,execve -o calls lima-probe --arch x86_64 >/dev/null
	[ "$(grep -c . calls)" = 1 ]
}

@test "the cache holds for this program, its arguments, this boot and this kvm only" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	asked() { # COMMAND...: whether QEMU was started
		: >starts
		"$@" >/dev/null
		[ -s starts ]
	}
	asked lima-probe --arch x86_64
	run ! asked lima-probe --arch x86_64
	touch -d 2020-02-02 qemu
	asked lima-probe --arch x86_64
	run ! asked lima-probe --arch x86_64
	echo '# longer' >>qemu
	touch -d 2020-02-02 qemu
	asked lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64="$PWD/qemu -m 1" asked lima-probe --arch x86_64
	QEMU_SYSTEM_X86_64="$PWD/qemu -m 1" run ! asked lima-probe --arch x86_64
	QEMU_SYSTEM_AARCH64=$PWD/qemu asked lima-probe --arch aarch64
	asked lima-probe --arch x86_64 --accel tcg
	run ! asked lima-probe --arch x86_64
	# Another boot: the key in the entry is another one.
	boot=$(cat /proc/sys/kernel/random/boot_id)
	[ "$(grep -rl "$boot" "$XDG_CACHE_HOME/lima/probe" | wc -l)" = 4 ]
	find "$XDG_CACHE_HOME/lima/probe" -type f -exec sed -i "s/$boot/11111111-2222-3333-4444-555555555555/" {} +
	asked lima-probe --arch x86_64
	run ! asked lima-probe --arch x86_64
}

@test "damaged entries and caches that cannot be written do no harm" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	lima-probe --arch x86_64 >want
	entry=$(find "$XDG_CACHE_HOME" -type f)
	[ "$(stat -c %a "$entry")" = 600 ]
	for damage in '' 'x' 'cache.key=x' "$(head -n 1 "$entry")"; do
		printf %s "$damage" >"$entry"
		lima-probe --arch x86_64 | cmp want -
	done
	rm "$entry"
	mkdir "$entry"
	lima-probe --arch x86_64 | cmp want -
	XDG_CACHE_HOME=/dev/null/x lima-probe --arch x86_64 | cmp want -
	env -u HOME -u XDG_CACHE_HOME lima-probe --arch x86_64 | cmp want -
}

@test "killed while it writes the cache: the next answer is right" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu ASAN_OPTIONS=detect_leaks=0
	lima-probe --arch x86_64 >want
	for call in openat write fsync rename; do
		for n in 1 2 3; do
			rm -rf "$XDG_CACHE_HOME/lima"
			strace -qq -o /dev/null -e "inject=$call:signal=KILL:when=$n" lima-probe --arch x86_64 >/dev/null 2>&1 || true
			lima-probe --arch x86_64 | cmp want -
			lima-probe --arch x86_64 | cmp want -
		done
	done
}

@test "-o writes the answer, and leaves an equal file alone" {
	fake ./qemu
	export QEMU_SYSTEM_X86_64=$PWD/qemu
	lima-probe --arch x86_64 -o out
	lima-probe --arch x86_64 | cmp out -
	touch -d 2001-01-01 out
	lima-probe --arch x86_64 --output out
	[ "$(stat -c %Y out)" = "$(date -d 2001-01-01 +%s)" ]
	fails 73 "nowhere" lima-probe --arch x86_64 -o nowhere/out
}

@test "wrong usage" {
	fails 2 "no architecture 'mips'" lima-probe --arch mips
	fails 2 "neither kvm nor tcg" lima-probe --accel hvf
	fails 2 "no arguments" lima-probe x
	fails 2 "" lima-probe --nonsense
	lima-probe --help | grep -q '^usage: lima-probe'
	lima-probe --version | grep -qx 'lima-probe [0-9.]*'
}
