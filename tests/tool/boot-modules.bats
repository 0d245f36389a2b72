#!/usr/bin/env bats
# The modules of boot.sh, early.sh, and the recipes as far as they go without building.

load ../lib/boot

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

@test "a folder of the host that cannot be mounted is left to the host, whatever its options say" {
	mkdir "$d/bin"
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >%s\nexit 32\n' "$d/args" >"$d/bin/mount"
	printf '#!/bin/sh\n' >"$d/bin/modprobe"
	chmod 755 "$d/bin/mount" "$d/bin/modprobe"
	cp "$boot/boot/16-mounts.sh" "$boot/boot/35-fuse.sh" "$mnt/boot/"
	cat >>"$mnt/lima.env" <<-'EOF'
		LIMA_CIDATA_MOUNTS=1
		LIMA_CIDATA_MOUNTTYPE=9p
		LIMA_CIDATA_MOUNTS_0_MOUNTPOINT=/a b
		LIMA_CIDATA_MOUNTS_0_TAG=lima-01
		LIMA_CIDATA_MOUNTS_0_FSTYPE=9p
		LIMA_CIDATA_MOUNTS_0_OPTIONS=ro,nofail,trans=virtio,nofail
	EOF
	run env PATH="$d/bin:$PATH" sh "$mnt/boot.sh"
	[ "$status" = 0 ]
	grep -qx 'mount	0	9p' "$root/run/lima-boot-status"
	grep -qx 'step	boot/16-mounts.sh	0' "$root/run/lima-boot-status"
	grep -q 'WARNING: .*/a b.*lima-01.*9p' "$root/var/log/lima-boot.log"
	# Everything else is then as for sshfs.
	[ -d "$root/a b" ]
	grep -qx user_allow_other "$root/etc/fuse.conf"
	[ "$(cat "$root/run/lima-fuse-ready")" = aaaa-bbbb ]
	diff -u <(printf '%s\n' -t 9p -o ro,trans=virtio lima-01 "$root/a b") "$d/args"
}

@test "early.sh makes the power button known as udev would" {
	mkdir -p "$root/sys/class/input/event0/device" "$root/sys/class/input/event1/device"
	echo 'AT Keyboard' >"$root/sys/class/input/event0/device/name"
	echo 'Power Button' >"$root/sys/class/input/event1/device/name"
	echo 13:64 >"$root/sys/class/input/event0/dev"
	echo 13:65 >"$root/sys/class/input/event1/dev"
	lib "$(sed -n '/^early_power_button()/,/^}/p' "$boot/native/early.sh"); early_power_button"
	[ "$(ls "$root/run/udev/tags/power-switch")" = c13:65 ]
	grep -qx G:power-switch "$root/run/udev/data/c13:65"
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

@test "certificates of caCerts are installed when they change, and undone, on images without cloud-init only" {
	cp "$boot/boot/09-ca-certs.sh" "$mnt/boot/"
	mkdir "$d/bin"
	printf '#!/bin/sh\necho update >>%s\n' "$d/updates" >"$d/bin/update-ca-certificates"
	chmod 755 "$d/bin/update-ca-certificates"
	mkdir -p "$root/var/lib" "$root/usr/local/share/ca-certificates"
	local dir=$root/usr/local/share/ca-certificates
	echo own >"$dir/own.crt"
	printf '# text\nmozilla/A.crt\n!mozilla/B.crt\n' >"$root/etc/ca-certificates.conf"
	export PATH=$d/bin:$PATH
	boot_sh --native
	[ ! -e "$d/updates" ]
	printf -- '-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nQkI=\n-----END CERTIFICATE-----\n' \
		>"$mnt/ca-certs.pem"
	boot_sh
	[ ! -e "$d/updates" ]
	boot_sh --native
	boot_sh --native
	[ "$(cat "$d/updates")" = update ]
	diff -u <(printf -- '-----BEGIN CERTIFICATE-----\nQkI=\n-----END CERTIFICATE-----\n') "$dir/lima-002.crt"
	[ "$(grep -c QQ== "$dir/lima-001.crt")" = 1 ]
	grep -qx 'mozilla/A.crt' "$root/etc/ca-certificates.conf"
	printf "# instead of the system's\n" >"$mnt/ca-certs.pem"
	boot_sh --native
	grep -qx '!mozilla/A.crt' "$root/etc/ca-certificates.conf"
	grep -qx '# text' "$root/etc/ca-certificates.conf"
	[ "$(ls "$dir")" = own.crt ]
	rm "$mnt/ca-certs.pem"
	boot_sh --native
	boot_sh --native
	[ "$(wc -l <"$d/updates")" = 3 ]
	grep -qx 'mozilla/A.crt' "$root/etc/ca-certificates.conf"
}

@test "the first certificates are added without looking at all others" {
	cp "$boot/boot/09-ca-certs.sh" "$mnt/boot/"
	mkdir -p "$d/bin" "$root/var/lib" "$root/usr/local/share" "$root/etc/ssl/certs"
	printf '#!/bin/sh\nexit 1\n' >"$d/bin/update-ca-certificates"
	chmod 755 "$d/bin/update-ca-certificates"
	echo before >"$root/etc/ssl/certs/ca-certificates.crt"
	for name in one two; do
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$d/key" -out "$d/$name.pem" -days 9 -subj "/CN=$name" 2>/dev/null
		cat "$d/$name.pem" >>"$mnt/ca-certs.pem"
	done
	PATH=$d/bin:$PATH boot_sh --native
	grep -q 'boot/09-ca-certs.sh.0$' "$root/run/lima-boot-status"
	diff -u <(echo before; cat "$mnt/ca-certs.pem") "$root/etc/ssl/certs/ca-certificates.crt"
	openssl verify -CAfile "$root/etc/ssl/certs/ca-certificates.crt" "$d/two.pem"
	cmp "$d/two.pem" "$root/usr/local/share/ca-certificates/lima-002.crt"
	[ "$(readlink "$root/etc/ssl/certs/$(openssl x509 -hash -noout -in "$d/two.pem").0")" = lima-002.pem ]
	[ "$(readlink "$root/etc/ssl/certs/lima-002.pem")" = /usr/local/share/ca-certificates/lima-002.crt ]
	PATH=$d/bin:$PATH boot_sh --native
	[ "$(wc -l <"$root/etc/ssl/certs/ca-certificates.crt")" = $(($(wc -l <"$mnt/ca-certs.pem") + 1)) ]
}
