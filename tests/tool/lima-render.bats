#!/usr/bin/env bats
# lima-render as a user and as mk/instance.mk drive it.

load ../lib/common

setup() {
	fresh_home
	export LIMA_SHARE=$BATS_TEST_TMPDIR/share DIR=$LIMA_HOME/vm
	mkdir -p "$LIMA_SHARE"/boot/{boot,util,distro,native,recipes} "$LIMA_SHARE/templates/_parts" "$LIMA_HOME"
	printf '#!/bin/sh\necho boot\n' >"$LIMA_SHARE/boot/boot.sh"
	printf 'step\n' >"$LIMA_SHARE/boot/boot/01-first.sh"
	printf '#!/bin/sh\n' >"$LIMA_SHARE/boot/util/tool"
	printf 'x\n' >"$LIMA_SHARE/boot/util/.hidden"
	printf 'x\n' >"$LIMA_SHARE/boot/util/backup~"
	printf 'not for the guest\n' >"$LIMA_SHARE/boot/recipes/build"
	printf '\177ELF agent' >"$LIMA_SHARE/lima-guestagent.Linux-x86_64"
	mkdir -m 700 "$DIR"
	simple >"$DIR/lima.yaml"
}

# A document with little in it; all else is filled in. More lines come from stdin when given.
simple() {
	cat <<-'END'
	# the user's comment
	arch: x86_64
	images:
	- location: https://example.org/a.qcow2 # the image
	  arch: x86_64
	cpus: 2
	memory: 1GiB
	disk: 5GiB
	user: {name: max, uid: 1234, comment: "", home: /home/max.guest}
	timezone: Etc/UTC
	containerd: {system: false, user: false}
	END
}

# A variable of a KEY=VALUE file.
value() { sed -n "s/^$2=//p" "$DIR/.make/$1"; }
render() { lima-render --instance "$DIR"; }
# Names, modes, times and inodes of everything in the instance.
snapshot() { (cd "$DIR" && find . -printf '%p %m %T@ %i\n' | sort); }
content() { (cd "$DIR" && find . -type f ! -name 'ssh_host*' -exec sha256sum {} + | sort -k2); }

has_yaml() { python3 -c 'import yaml' 2>/dev/null; }

# ---- what one run makes ----------------------------------------------------------------------------------------------

@test "an instance gets all derived files, private ones private, whatever the umask" {
	for mask in 000 077 022; do
		rm -rf "$DIR" "$LIMA_HOME/_config"
		(umask $mask; mkdir "$DIR"; simple >"$DIR/lima.yaml"; chmod 644 "$DIR/lima.yaml"; render)
		run sh -c 'cd "$DIR" && find . -printf "%m %p\n" | sort -k2'
		diff <(sort -k2 <<-'END'
		700 .
		700 ./.make
		600 ./.make/agent.conf
		700 ./.make/cidata
		700 ./.make/cidata/boot
		600 ./.make/cidata/boot/01-first.sh
		700 ./.make/cidata/boot.sh
		600 ./.make/cidata/etc_environment
		700 ./.make/cidata/lima-guestagent
		600 ./.make/cidata/lima.env
		600 ./.make/cidata.list
		600 ./.make/cidata/meta-data
		600 ./.make/cidata/network-config
		600 ./.make/cidata/param.env
		600 ./.make/cidata/ssh_authorized_keys
		600 ./.make/cidata/ssh_host_ed25519_key
		600 ./.make/cidata/ssh_host_ed25519_key.pub
		600 ./.make/cidata/user-data
		700 ./.make/cidata/util
		700 ./.make/cidata/util/tool
		600 ./.make/disk.conf
		600 ./.make/image.conf
		600 ./.make/qemu.conf
		600 ./.make/resolved.json
		600 ./.make/vars.mk
		644 ./ansible-inventory.yaml
		444 ./cloud-config.yaml
		644 ./known_hosts
		644 ./lima.yaml
		600 ./ssh_host_ed25519_key
		644 ./ssh_host_ed25519_key.pub
		END
		) <(sort -k2 <<<"$output") || return 1
		run stat -c '%a %n' "$LIMA_HOME"/_config "$LIMA_HOME"/_config/*
		[ "$output" = "700 $LIMA_HOME/_config"$'\n'"600 $LIMA_HOME/_config/user"$'\n'"644 $LIMA_HOME/_config/user.pub" ]
	done
}

@test "the values arrive" {
	render
	[ "$(value cidata/lima.env LIMA_CIDATA_NAME)" = vm ]
	[ "$(value cidata/lima.env LIMA_CIDATA_HOSTNAME)" = lima-vm ]
	[ "$(value cidata/lima.env LIMA_CIDATA_USER)" = max ]
	[ "$(value cidata/lima.env LIMA_CIDATA_UDP_DNS_LOCAL_PORT)" = 0 ]
	[ "$(value qemu.conf memory)" = 1073741824 ]
	[ "$(value disk.conf size)" = 5368709120 ]
	[ "$(value image.conf images.0.location)" = https://example.org/a.qcow2 ]
	[ "$(value agent.conf ssh.identities.0)" = "$LIMA_HOME/_config/user" ]
	[ "$(cat "$DIR/.make/vars.mk")" = "LIMA_ARCH := x86_64" ]
	grep -q "^lima-vm ssh-ed25519 AAAA" "$DIR/known_hosts"
	[ "$(cut -d' ' -f1,2 <"$DIR/ssh_host_ed25519_key.pub")" = "$(cut -d' ' -f2,3 <"$DIR/known_hosts")" ]
	cmp "$DIR/ssh_host_ed25519_key" "$DIR/.make/cidata/ssh_host_ed25519_key"
	[ "$(cat "$DIR/.make/cidata/ssh_authorized_keys")" = "$(cat "$LIMA_HOME/_config/user.pub")" ]
	ssh-keygen -l -f "$LIMA_HOME/_config/user" | grep -q ' lima (ED25519)$'
	[ "$(ssh-keygen -y -f "$DIR/ssh_host_ed25519_key" | cut -d' ' -f1,2)" = "$(cut -d' ' -f1,2 <"$DIR/ssh_host_ed25519_key.pub")" ]
}

@test "cidata.list has the digest, mode and path of each file" {
	render
	run sh -c 'cd "$DIR/.make/cidata" && find . -type f -printf "%P\n" | LC_ALL=C sort |
		while read -r f; do printf "%s 0%s %s\n" "$(sha256sum <"$f" | cut -d" " -f1)" "$(stat -c %a "$f")" "$f"; done'
	diff <(echo "$output") "$DIR/.make/cidata.list"
}

@test "make can read vars.mk" {
	render
	run make -s -f - <<<"include $DIR/.make/vars.mk
all:;@echo [\$(LIMA_ARCH)]"
	[ "$output" = "[x86_64]" ]
}

@test "containerd: its archive is described, and left alone on the volume as long as it is wanted" {
	sed -i 's/^containerd:.*/containerd: {user: true, archives: [{location: \/n.tgz, arch: x86_64}]}/' "$DIR/lima.yaml"
	render
	[ "$(value image.conf nerdctl.0.location)" = /n.tgz ]
	[ "$(sed -n 2p "$DIR/.make/vars.mk")" = "LIMA_HAVE_NERDCTL := 1" ]
	[ "$(value cidata/lima.env LIMA_CIDATA_CONTAINERD_USER)" = 1 ]
	line=$(grep nerdctl-full.tgz "$DIR/.make/cidata.list")
	echo archive >"$DIR/.make/cidata/nerdctl-full.tgz"
	render
	[ "$(cat "$DIR/.make/cidata/nerdctl-full.tgz")" = archive ]
	[ "$(grep nerdctl-full.tgz "$DIR/.make/cidata.list")" = "$line" ]
	sed -i 's/n.tgz/m.tgz/' "$DIR/lima.yaml"
	render
	[ "$(grep nerdctl-full.tgz "$DIR/.make/cidata.list")" != "$line" ]
	sed -i 's/^containerd:.*/containerd: {system: false, user: false}/' "$DIR/lima.yaml"
	render
	[ ! -e "$DIR/.make/cidata/nerdctl-full.tgz" ]
	run ! grep -q nerdctl "$DIR/.make/cidata.list" "$DIR/.make/image.conf" "$DIR/.make/vars.mk"
}

@test "plain mode: no agent on the volume" {
	echo "plain: true" >>"$DIR/lima.yaml"
	render
	[ ! -e "$DIR/.make/cidata/lima-guestagent" ]
	[ "$(value cidata/lima.env LIMA_CIDATA_PLAIN)" = 1 ]
}

@test "a missing guest agent is a warning" {
	rm "$LIMA_SHARE/lima-guestagent.Linux-x86_64"
	run --separate-stderr render
	[ "$status" = 0 ]
	[[ $stderr == *warning:*"no guest agent for x86_64"* ]]
}

@test "an incomplete installation is told as that" {
	rm "$LIMA_SHARE/boot/boot.sh"
	fails 69 "installed files are incomplete" render
	[ ! -e "$DIR/.make/vars.mk" ]
}

@test "proxies of the host reach the guest, those on its loopback at the gateway" {
	https_proxy=http://127.0.0.1:3128 no_proxy=a,b render
	diff - "$DIR/.make/cidata/etc_environment" <<-'END'
	#LIMA-START
	HTTPS_PROXY=http://192.168.5.2:3128
	NO_PROXY=a,b
	https_proxy=http://192.168.5.2:3128
	no_proxy=a,b
	#LIMA-END
	END
}

@test "keys in ~/.ssh log in, unless the document says no" {
	mkdir -p "$HOME/.ssh"
	ssh-keygen -q -t ed25519 -N '' -C me@home -f "$HOME/.ssh/id_ed25519"
	echo garbage >"$HOME/.ssh/bad.pub"
	run --separate-stderr render
	[ "$status" = 0 ]
	[[ $stderr == *"$HOME/.ssh/bad.pub: warning: "* ]]
	grep -qF "$(cat "$HOME/.ssh/id_ed25519.pub")" "$DIR/.make/cidata/user-data"
	[ "$(value agent.conf ssh.identities.1)" = "$HOME/.ssh/id_ed25519" ]
	echo "ssh: {loadDotSSHPubKeys: false}" >>"$DIR/lima.yaml"
	render
	run ! grep -q me@home "$DIR/.make/cidata/user-data" "$DIR/.make/agent.conf"
}

# ---- what a second run does ------------------------------------------------------------------------------------------

@test "a second run changes nothing, not even a time" {
	render
	snapshot >"$BATS_TEST_TMPDIR/before"
	render
	render
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

@test "a second run starts no process and writes no file" {
	render
	strace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=process,unlink,unlinkat,rename,renameat,fsync,chmod,fchmod,%file \
		lima-render --instance "$DIR"
	run ! grep -E '^[0-9]+ +(fork|vfork|clone)' "$BATS_TEST_TMPDIR/trace"
	run ! grep -E 'O_CREAT|O_WRONLY|O_RDWR|rename|unlink|fsync|chmod\(' "$BATS_TEST_TMPDIR/trace"
	[ "$(grep -c 'execve(' "$BATS_TEST_TMPDIR/trace")" = 1 ]
}

@test "cpus touch the machine, not the volume; a script touches the volume, not the machine" {
	render
	snapshot >"$BATS_TEST_TMPDIR/before"
	sed -i 's/^cpus: 2/cpus: 3/' "$DIR/lima.yaml"
	render
	run bash -c 'diff "$BATS_TEST_TMPDIR/before" <(cd "$DIR" && find . -type f -printf "%p %m %T@ %i\n" | sort) | sed -n "s/^> \([^ ]*\).*/\1/p"'
	[ "$output" = "./.make/agent.conf"$'\n'"./.make/qemu.conf"$'\n'"./.make/resolved.json"$'\n'"./lima.yaml" ]
	snapshot >"$BATS_TEST_TMPDIR/before"
	printf 'provision:\n- mode: system\n  script: echo hi\n' >>"$DIR/lima.yaml"
	render
	run bash -c 'diff "$BATS_TEST_TMPDIR/before" <(cd "$DIR" && find . -type f -printf "%p %m %T@ %i\n" | sort) | sed -n "s/^> \([^ ]*\).*/\1/p"'
	[ "$output" = "./.make/cidata.list"$'\n'"./.make/cidata/provision.system/00000000"$'\n'"./.make/resolved.json"$'\n'"./lima.yaml" ]
	[ "$(cat "$DIR/.make/cidata/provision.system/00000000")" = "echo hi" ]
	[ "$(stat -c %a "$DIR/.make/cidata/provision.system/00000000")" = 700 ]
}

@test "the instance id changes with what cloud-init acts on, and with nothing else" {
	render
	first=$(value cidata/lima.env LIMA_CIDATA_IID)
	[[ $first =~ ^iid-[0-9a-f]{64}$ ]]
	[ "$(sed -n 's/^instance-id: //p' "$DIR/.make/cidata/meta-data")" = "$first" ]
	printf 'provision:\n- mode: system\n  script: echo hi\n' >>"$DIR/lima.yaml"
	render
	[ "$(value cidata/lima.env LIMA_CIDATA_IID)" = "$first" ]
	sed -i 's/Etc\/UTC/Europe\/Berlin/' "$DIR/lima.yaml"
	render
	[ "$(value cidata/lima.env LIMA_CIDATA_IID)" != "$first" ]
}

@test "what does not belong on the volume is removed, torn files are repaired" {
	render
	content >"$BATS_TEST_TMPDIR/before"
	cd "$DIR/.make/cidata"
	mkdir -p provision.system boot/x
	echo old >provision.system/00000009
	echo half >user-data
	chmod 644 lima.env
	rm meta-data
	ln -s /etc/passwd boot/x/y
	echo tmp >.lima.env.tmp.999999999.0
	echo tmp >../.qemu.conf.tmp.999999999.0
	echo garbage >../qemu.conf
	cd "$DIR"
	render
	content | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e .make/cidata/provision.system ] && [ ! -e .make/cidata/boot/x ] && [ ! -e .make/.qemu.conf.tmp.999999999.0 ]
	[ "$(stat -c %a .make/cidata/lima.env)" = 600 ]
}

@test "two machines of one description differ only in what must differ" {
	mkdir -m 700 "$LIMA_HOME/other"
	cp "$DIR/lima.yaml" "$LIMA_HOME/other/"
	render
	lima-render --instance "$LIMA_HOME/other"
	run diff -r "$DIR/.make" "$LIMA_HOME/other/.make"
	# Names, MAC addresses, host keys and the id made from them.
	run grep -E '^[<>]' <<<"$output"
	[ -n "$output" ]
	run ! grep -vE 'vm|other|52:55:55:|ssh_host|iid-|^[<>] +[A-Za-z0-9+/=]{40,}$|-----|ssh-ed25519|user-data|meta-data|lima.env|network-config' <<<"$output"
}

@test "two runs at once in a fresh home make one key" {
	mkdir -m 700 "$LIMA_HOME/other"
	cp "$DIR/lima.yaml" "$LIMA_HOME/other/"
	lima-render --instance "$DIR" & one=$!
	lima-render --instance "$LIMA_HOME/other" & two=$!
	wait $one && wait $two
	key=$(ssh-keygen -y -f "$LIMA_HOME/_config/user" | cut -d' ' -f2)
	grep -q "$key" "$LIMA_HOME/_config/user.pub"
	grep -q "$key" "$DIR/.make/cidata/ssh_authorized_keys"
	grep -q "$key" "$LIMA_HOME/other/.make/cidata/ssh_authorized_keys"
	[ "$(echo "$LIMA_HOME"/_config/* "$LIMA_HOME"/_config/.[!.]*)" = "$LIMA_HOME/_config/user $LIMA_HOME/_config/user.pub $LIMA_HOME/_config/.[!.]*" ]
}

# ---- refusals --------------------------------------------------------------------------------------------------------

@test "a value that cannot be written is refused with its place, and nothing is written" {
	printf 'env:\n  A: "x\\nB=1"\n' >>"$DIR/lima.yaml"
	fails 65 "lima.yaml:13:6: env.A: " render
	[ ! -e "$DIR/.make" ]
}

@test "a broken document is refused with its place" {
	echo "cpus: [" >"$DIR/lima.yaml"
	fails 65 "lima.yaml:" render
	[ ! -e "$DIR/.make" ]
	rm "$DIR/lima.yaml"
	fails 1 "lima.yaml" render
}

@test "a folder that is no instance is refused" {
	mkdir -p "$BATS_TEST_TMPDIR/elsewhere"
	simple >"$BATS_TEST_TMPDIR/elsewhere/lima.yaml"
	fails 2 "is not in LIMA_HOME" lima-render --instance "$BATS_TEST_TMPDIR/elsewhere"
	fails 1 "cannot open" lima-render --instance "$LIMA_HOME/nosuch"
	mkdir "$LIMA_HOME/_config"
	simple >"$LIMA_HOME/_config/lima.yaml"
	fails 2 "" lima-render --instance "$LIMA_HOME/_config"
	[ ! -e "$LIMA_HOME/_config/.make" ] && [ ! -e "$BATS_TEST_TMPDIR/elsewhere/.make" ]
}

@test "disk full: an error that names the file, the old files stay, the next run completes" {
	render
	content >"$BATS_TEST_TMPDIR/before"
	sed -i 's/^cpus: 2/cpus: 3/' "$DIR/lima.yaml"
	run strace -f -o /dev/null -e inject=write:error=ENOSPC:when=1+ lima-render --instance "$DIR"
	[ "$status" = 74 ]
	grep -q '^cpus=2$' "$DIR/.make/qemu.conf"
	[ -z "$(find "$DIR" -name '.*.tmp.*')" ]
	render
	grep -q '^cpus=3$' "$DIR/.make/qemu.conf"
}

@test "LIMA_HOME with blanks, quotes, '#', '%', non-ASCII" {
	for name in "a b" "it's" '100% #1' 'Größe' '$(x)' '`x`'; do
		export LIMA_HOME="$BATS_TEST_TMPDIR/$name" DIR="$BATS_TEST_TMPDIR/$name/vm"
		mkdir -p "$DIR"
		simple >"$DIR/lima.yaml"
		render
		[ "$(value agent.conf ssh.identities.0)" = "$LIMA_HOME/_config/user" ]
		if has_yaml; then
			run python3 - "$DIR" <<-'END'
			import shlex, sys, yaml
			d = yaml.safe_load(open(sys.argv[1] + "/ansible-inventory.yaml", encoding="utf-8"))
			h = d["lima"]["hosts"]["vm"]
			assert shlex.split(h["ansible_ssh_common_args"]) == ["-F", sys.argv[1] + "/ssh.config"], h
			END
			[ "$status" = 0 ]
		fi
	done
}

@test "make -C with a relative directory is the same" {
	render
	snapshot >"$BATS_TEST_TMPDIR/before"
	(cd "$DIR" && lima-render --instance .)
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

# ---- readers that are not ours ---------------------------------------------------------------------------------------

@test "PyYAML reads the values back that went in" {
	has_yaml || skip "python3-yaml is not here"
	cat >>"$DIR/lima.yaml" <<-'END'
	param:
	  P: "it's \"$x\" `id` ${IFS} a, b=c # - \\ ü"
	mountType: 9p
	mounts:
	- {location: /tmp, mountPoint: "/mnt/a,]b", writable: true}
	provision:
	- mode: boot
	  script: "echo '$PARAM_P' \"\\n\"\n\t# ] }\n"
	END
	render
	python3 - "$DIR" <<-'END'
	import re, sys, yaml
	d = sys.argv[1] + "/.make/cidata/"
	text = open(d + "user-data", encoding="utf-8").read()
	assert text.startswith("#cloud-config\n")
	u = yaml.safe_load(text)
	assert u["users"][0]["name"] == "max" and u["users"][0]["uid"] == "1234" and len(u["users"]) == 1
	assert u["mounts"][0][1] == "/mnt/a,]b" and len(u["mounts"][0]) == 6, u["mounts"]
	p = "it's \"$x\" `id` ${IFS} a, b=c # - \\ ü"
	assert u["bootcmd"][1][1] == "PARAM_P=" + p, u["bootcmd"][1]
	assert u["bootcmd"][1][-1] == "echo '$PARAM_P' \"\\n\"\n\t# ] }\n", u["bootcmd"][1]
	assert u["ssh_keys"]["ed25519_private"] == open(d + "ssh_host_ed25519_key").read()
	n = yaml.safe_load(open(d + "network-config"))
	assert n["version"] == 2 and list(n["ethernets"]) == ["eth0"]
	m = yaml.safe_load(open(d + "meta-data"))
	assert m["local-hostname"] == "lima-vm"
	c = yaml.safe_load(open(sys.argv[1] + "/cloud-config.yaml", encoding="utf-8"))
	assert "ssh_keys" not in c and "mounts" not in c and "write_files" not in c and c["users"] == u["users"]
	END
}

@test "the entry script mounts the volume and runs boot.sh" {
	has_yaml || skip "python3-yaml is not here"
	render
	python3 -c 'import sys, yaml
f = yaml.safe_load(open(sys.argv[1]))["write_files"][0]
assert f["path"] == "/var/lib/cloud/scripts/per-boot/00-lima.boot.sh" and f["permissions"] == "0755"
sys.stdout.write(f["content"])' "$DIR/.make/cidata/user-data" >"$BATS_TEST_TMPDIR/entry"
	shellcheck "$BATS_TEST_TMPDIR/entry"
	# In a mount namespace of its own, with stand-ins for what needs a real volume.
	bin=$BATS_TEST_TMPDIR/bin mnt=$BATS_TEST_TMPDIR/mnt
	mkdir -p "$bin" "$mnt"
	sed "s|/mnt/lima-cidata|$mnt|; s|/dev/disk/by-label/cidata|$BATS_TEST_TMPDIR/volume|" "$BATS_TEST_TMPDIR/entry" >"$BATS_TEST_TMPDIR/e"
	: >"$BATS_TEST_TMPDIR/volume"
	printf '#!/bin/sh\necho "mount $*"\nprintf "#!/bin/sh\\necho booted \\$LIMA_CIDATA_MNT\\n" >"%s/boot.sh"\nchmod +x "%s/boot.sh"\n' \
		"$mnt" "$mnt" >"$bin/mount"
	chmod +x "$bin/mount"
	PATH=$bin:$PATH run sh "$BATS_TEST_TMPDIR/e"
	[ "$status" = 0 ]
	[ "${lines[0]}" = "mount -t iso9660 -o ro,mode=0700,dmode=0700,overriderockperm,exec,uid=0 $BATS_TEST_TMPDIR/volume $mnt" ]
	[ "${lines[1]}" = "booted $mnt" ]
}

@test "mode boot: the parameters reach the script, through the shell that cloud-init writes" {
	has_yaml || skip "python3-yaml is not here"
	cat >>"$DIR/lima.yaml" <<-'END'
	param: {P: "it's \"$x\" `id` ${IFS}"}
	provision:
	- {mode: boot, script: "printf '%s' \"$PARAM_P\""}
	END
	render
	# As cloud-init does: each word of a list in single quotes.
	run sh -c "$(python3 -c 'import sys, yaml
w = yaml.safe_load(open(sys.argv[1]))["bootcmd"][1]
print(" ".join("\x27%s\x27" % x.replace("\x27", "\x27\\\x27\x27") for x in w))' "$DIR/.make/cidata/user-data")"
	[ "$output" = "it's \"\$x\" \`id\` \${IFS}" ]
}

# ---- templates -------------------------------------------------------------------------------------------------------

templates() {
	mkdir -p "$LIMA_SHARE/templates/_parts" "$LIMA_SHARE/templates/more"
	cat >"$LIMA_SHARE/templates/_parts/image.yaml" <<-'END'
	images:
	- {location: https://example.org/a.qcow2, arch: x86_64} # part
	END
	cat >"$LIMA_SHARE/templates/default.yaml" <<-'END'
	# A machine.
	base: template:_parts/image
	arch: x86_64
	cpus: 1 # few
	memory: 1GiB
	disk: 5GiB
	timezone: Etc/UTC
	containerd: {system: false, user: false}
	user: {name: max, uid: 1234}
	END
	sed 's/^cpus: 1.*/cpus: 7/' "$LIMA_SHARE/templates/default.yaml" >"$LIMA_SHARE/templates/more/seven.yaml"
}

@test "a template becomes one file that needs no other; its text is a fixed point" {
	templates
	lima-render >"$BATS_TEST_TMPDIR/a.yaml"
	lima-render default | cmp - "$BATS_TEST_TMPDIR/a.yaml"
	lima-render template:default | cmp - "$BATS_TEST_TMPDIR/a.yaml"
	lima-render "$LIMA_SHARE/templates/default.yaml" | cmp - "$BATS_TEST_TMPDIR/a.yaml"
	lima-render - <"$LIMA_SHARE/templates/default.yaml" | cmp - "$BATS_TEST_TMPDIR/a.yaml"
	lima-render "$BATS_TEST_TMPDIR/a.yaml" | cmp - "$BATS_TEST_TMPDIR/a.yaml"
	grep -q '^# A machine\.$' "$BATS_TEST_TMPDIR/a.yaml"
	grep -q '^cpus: 1 *# few$' "$BATS_TEST_TMPDIR/a.yaml"
	grep -q 'https://example.org/a.qcow2' "$BATS_TEST_TMPDIR/a.yaml"
	run ! grep -q '^base:' "$BATS_TEST_TMPDIR/a.yaml"
	run ! grep -q 'hostResolver\|guestInstallPrefix' "$BATS_TEST_TMPDIR/a.yaml"
}

@test "templates are listed, those in folders too, parts of others not" {
	templates
	run lima-render --list-templates
	[ "$status" = 0 ]
	[ "$output" = default$'\n'more/seven ]
	lima-render more/seven | grep -q '^cpus: 7'
}

@test "edits change what they name and keep the rest" {
	templates
	lima-render >"$BATS_TEST_TMPDIR/a.yaml"
	lima-render --memory 3 --cpus=4 >"$BATS_TEST_TMPDIR/b.yaml"
	run diff "$BATS_TEST_TMPDIR/a.yaml" "$BATS_TEST_TMPDIR/b.yaml"
	[ "$(grep -c '^[<>]' <<<"$output")" = 4 ]
	grep -q '^cpus: 4 *# few$' "$BATS_TEST_TMPDIR/b.yaml"
	grep -q '^memory: 3GiB$' "$BATS_TEST_TMPDIR/b.yaml"
	lima-render --set '.cpus = 5' --plain default | grep -qx 'plain: true'
	[ "$(lima-render --set '.cpus = 5' --json default | sed -n 's/^  "cpus": \(.*\),$/\1/p')" = 5 ]
	fails 2 "" lima-render --cpus -1 default
	fails 2 "" lima-render --set '.cpus = ' default
	fails 2 "--mount" lima-render --mount /a --mount-none default
}

@test "an existing instance: the base configuration is not merged again, edits for new ones are skipped" {
	templates
	mkdir -p "$LIMA_HOME/_config"
	printf 'provision:\n- {mode: system, script: echo base}\n' >"$LIMA_HOME/_config/base.yaml"
	lima-render >"$DIR/lima.yaml"
	[ "$(grep -c 'echo base' "$DIR/lima.yaml")" = 1 ]
	lima-render "$DIR/lima.yaml" | cmp - "$DIR/lima.yaml"
	lima-render "$DIR" | cmp - "$DIR/lima.yaml"
	run --separate-stderr lima-render --arch aarch64 --cpus 3 "$DIR/lima.yaml"
	[ "$status" = 0 ]
	[[ $stderr == *--arch* ]]
	[[ $output == *"cpus: 3"* && $output == *"arch: x86_64"* ]]
}

@test "--check finds all errors of all files, prints their places, writes nothing" {
	templates
	printf 'cpus: x\nmemory: 4GiBB\nnosuch: 1\nbase: template:default\n' >"$BATS_TEST_TMPDIR/bad.yaml"
	before=$(find "$BATS_TEST_TMPDIR" | sort)
	run lima-render --check default "$BATS_TEST_TMPDIR/bad.yaml" more/seven
	[ "$status" = 65 ]
	[[ $output == *"bad.yaml:1:7: cpus: "* ]]
	[[ $output == *"bad.yaml:2:9: memory: "* ]]
	[[ $output == *"bad.yaml:3:1: nosuch: warning: "* ]]
	lima-render --check default more/seven
	fails 65 "cpus" lima-render "$BATS_TEST_TMPDIR/bad.yaml"
	[ -z "$(lima-render "$BATS_TEST_TMPDIR/bad.yaml" 2>/dev/null)" ]
	fails 1 "nosuch" lima-render --check nosuch
	fails 65 "bad.yaml" lima-render --check nosuch "$BATS_TEST_TMPDIR/bad.yaml"
	[ "$(find "$BATS_TEST_TMPDIR" | sort)" = "$before" ]
}

@test "--json prints the resolved document, the same as .make/resolved.json" {
	templates
	lima-render >"$DIR/lima.yaml"
	render
	lima-render --json "$DIR/" >"$BATS_TEST_TMPDIR/json"
	cmp "$BATS_TEST_TMPDIR/json" "$DIR/.make/resolved.json"
	python3 - "$BATS_TEST_TMPDIR/json" <<-'END'
	import json, sys
	d = json.load(open(sys.argv[1]))
	assert d["cpus"] == 1 and d["user"]["name"] == "max" and d["user"]["home"] == "/home/max.guest", d
	assert d["hostResolver"]["enabled"] is True and d["guestInstallPrefix"] == "/usr/local"
	END
}

@test "_config/default.yaml and override.yaml count in every run" {
	mkdir -p "$LIMA_HOME/_config"
	echo 'cpus: 5' >"$LIMA_HOME/_config/override.yaml"
	echo 'guestInstallPrefix: /opt' >"$LIMA_HOME/_config/default.yaml"
	render
	[ "$(value qemu.conf cpus)" = 5 ]
	[ "$(value cidata/lima.env LIMA_CIDATA_GUEST_INSTALL_PREFIX)" = /opt ]
	rm "$LIMA_HOME/_config/override.yaml"
	render
	[ "$(value qemu.conf cpus)" = 2 ]
	echo 'cpus: [' >"$LIMA_HOME/_config/override.yaml"
	fails 65 override.yaml render
}

@test "--plan tells what a start would change, and what it costs" {
	templates
	lima-render >"$DIR/lima.yaml"
	render
	run lima-render --plan "$DIR"
	[ "$status" = 0 ] && [ "$output" = "nothing would change" ]
	run --separate-stderr lima-render --plan "$DIR" --set '.cpus = 2'
	[ "$status" = 0 ]
	[[ $output == *"cpus: 1 -> 2 (restart)"* && $output == *"in all: restart"* ]]
	run --separate-stderr lima-render --plan "$DIR" --template more/seven
	[[ $output == *"cpus: 1 -> 7 (restart)"* ]]
	sed -i 's/^cpus: 1.*/cpus: 2/' "$DIR/lima.yaml"
	before=$(snapshot)
	run --separate-stderr lima-render --plan "$DIR"
	[[ $output == *"cpus: 1 -> 2 (restart)"* ]]
	[ "$(snapshot)" = "$before" ]
	fails 1 "no instance" lima-render --plan "$LIMA_HOME/nosuch"
}

@test "--schema is a JSON document that knows the keys" {
	lima-render --schema >"$BATS_TEST_TMPDIR/schema"
	python3 - "$BATS_TEST_TMPDIR/schema" <<-'END'
	import json, sys
	d = json.load(open(sys.argv[1]))
	assert {"cpus", "images", "mounts", "portForwards"} <= set(d["properties"]), d
	END
}

@test "options: help, version, misuse; the man page names them all" {
	run lima-render --help
	[ "$status" = 0 ]
	[[ $output == "usage: lima-render"* && $output == *"--mount-writable"* ]]
	run lima-render --version
	[[ $status = 0 && $output == "lima-render "* ]]
	fails 2 "see 'lima-render --help'" lima-render --nosuch
	fails 2 "exclude" lima-render --json --check default
	fails 2 "expected" lima-render --json
	fails 2 "unexpected argument 'b'" lima-render a b
	fails 2 "unexpected argument" lima-render --schema x
	fails 2 "--template" lima-render --template x
	fails 2 "edits" lima-render --instance "$DIR" --cpus 2
	for option in instance json check plan template schema list-templates help version; do
		grep -q "Fl -$option\|, -$option" "$TOP/tools/man/lima-render.1"
	done
	run mandoc -Tlint -Wwarning "$TOP/tools/man/lima-render.1"
	[ -z "$output" ]
}

@test "what is printed reaches a full disk: an error" {
	templates
	run bash -c 'lima-render >/dev/full'
	[ "$status" = 74 ]
}
