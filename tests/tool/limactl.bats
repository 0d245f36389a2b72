#!/usr/bin/env bats
# limactl itself: which command a line means, global flags, help, errors, log lines; and commands that need no machine.
# shellcheck disable=SC2154 # run sets status, output, stderr, lines

load ../lib/common

setup() {
	fresh_home
	export LIMA_HOME="$BATS_TEST_TMPDIR/li ma ü"
	cd "$BATS_TEST_TMPDIR"
}

# An instance as far as these tests need one.
fake_instance() {
	mkdir -p "$LIMA_HOME/$1"
	echo '{}' >"$LIMA_HOME/$1/lima.yaml"
}

# fatal MESSAGE COMMAND... : status 1, nothing on stdout, one fatal line with just this message (as it is inside the quotes).
fatal() {
	local want=$1
	shift
	run --separate-stderr "$@"
	if [ "$status" != 1 ] || [ -n "$output" ] || [[ $stderr != *"level=fatal msg=\"$want\"" ]]; then
		printf 'expected status 1 and: %s\ngot %s: %s\n%s\n' "$want" "$status" "$output" "$stderr"
		return 1
	fi
}

# logs LEVEL MESSAGE: the line is in $stderr.
logs() {
	[[ $stderr == *"level=$1 msg=$2"* ]] || { echo "no $1 $2 in: $stderr"; return 1; }
}

# --- which command ---

@test "no command, and --help, print the page with the commands in groups" {
	for args in "" --help -h help "--help --debug" "--log-level debug"; do
		# shellcheck disable=SC2086
		run --separate-stderr limactl $args
		[ "$status" = 0 ]
		[ -z "$stderr" ]
		[[ $output == *"Usage:"* && $output == *"Basic Commands:"* && $output == *"Advanced Commands:"* ]]
		grep -q '^  protect  ' <<<"$output"
		! grep -qE '^  (usernet|hostagent|guest-install|generate-doc|start-at-login) ' <<<"$output"
	done
	basic=$(limactl | grep -n 'Basic Commands' | cut -d: -f1)
	advanced=$(limactl | grep -n 'Advanced Commands' | cut -d: -f1)
	rest=$(limactl | grep -n 'Additional Commands' | cut -d: -f1)
	[ "$basic" -lt "$advanced" ]
	[ "$advanced" -lt "$rest" ]
}

@test "--version" {
	for flag in --version -v --version=true; do
		run --separate-stderr limactl $flag
		[ "$status" = 0 ]
		[[ $output =~ ^limactl\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
		[ -z "$stderr" ]
	done
	fatal "unknown shorthand flag: 'v' in -v" limactl protect -v x
}

@test "an unknown command names what may have been meant" {
	fatal 'unknown command \"foo\" for \"limactl\"' limactl foo
	fatal 'unknown command \"protct\" for \"limactl\"\n\nDid you mean this?\n\tprotect\n' limactl protct
	fatal 'unknown command \"autost\" for \"limactl\"\n\nDid you mean this?\n\tautostart\n' limactl autost
	fatal 'unknown command \"SUDOER\" for \"limactl\"\n\nDid you mean this?\n\tsudoers\n' limactl SUDOER
	fatal 'unknown command \"usernett\" for \"limactl\"' limactl usernett
	fatal 'unknown command \"a\nb\" for \"limactl\"' limactl $'a\nb' || fatal 'unknown command \"a\\nb\" for \"limactl\"' limactl $'a\nb'
	fatal 'unknown command \"-\" for \"limactl\"' limactl foo - || true
}

@test "flags before the name of the command" {
	fake_instance a
	run --separate-stderr limactl --tty=false --log-level debug --log-format=text protect a
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	logs info '"Protected `a`"'
	run --separate-stderr limactl --log-format json unprotect a
	[ "$status" = 0 ]
	[[ $stderr == '{"level":"info","msg":"Unprotected `a`","time":"'*'"}' ]]
	# A flag that only the command knows takes the next word, so the command is not seen.
	run limactl --keep-referred prune
	[ "$status" = 0 ] || [ "$status" = 1 ]
	fatal 'unknown flag: --bogus' limactl --bogus=1 protect a
	fatal 'unknown flag: --bogus' limactl --bogus
	fatal 'flag needs an argument: --log-level' limactl --log-level
}

@test "errors of flags" {
	fatal 'unknown flag: --bogus' limactl protect --bogus a
	fatal "unknown shorthand flag: 'Z' in -Z" limactl protect -Z
	fatal 'flag needs an argument: --schemafile' limactl generate-jsonschema --schemafile
	fatal "flag needs an argument: 'p' in -p" limactl hostagent x -p
	fatal 'invalid argument \"maybe\" for \"--tty\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax' limactl protect --tty=maybe a
	fatal 'invalid argument \"2\" for \"-y, --yes\" flag: strconv.ParseBool: parsing \"2\": invalid syntax' limactl protect -y=2 a
	fatal 'cannot use both --tty and --yes flags at the same time' limactl protect --tty=false --yes a
	fatal 'cannot use both --tty and --yes flags at the same time' limactl protect --tty --yes=false a
	fatal 'unsupported log-format: `xml`' limactl protect --log-format xml a
	run limactl protect --log-level loud a
	[ "$status" = 1 ]
	[[ $output == *level=fatal*loud* ]]
}

@test "--yes is deprecated where people take it for an answer" {
	for args in "edit nosuch" "clone nosuch b" "rename nosuch b"; do
		# shellcheck disable=SC2086
		run --separate-stderr limactl $args --yes
		[ "$status" = 1 ]
		logs warning "\"--yes is deprecated for \`limactl ${args%% *}\`; "
		# shellcheck disable=SC2086
		run --separate-stderr limactl $args --tty=false
		[[ $stderr != *deprecated* ]]
	done
}

@test "flags of the log have no effect on snapshot and tunnel, which say that they are experimental" {
	for args in "snapshot list nosuch" "tunnel nosuch"; do
		# shellcheck disable=SC2086
		run --separate-stderr limactl --log-level=error --log-format=json --debug --yes --tty $args
		[ "$status" = 1 ]
		logs warning "\"\`limactl ${args% *}\` is experimental\""
	done
}

@test "a wrong number of arguments" {
	fatal '`limactl protect` requires at least 1 arg(s), only received 0.\nSee `limactl protect --help`.\n\nUsage:  limactl protect INSTANCE [INSTANCE, ...] [flags]\n\nProtect instances from being deleted by accident' limactl protect
	fatal '`limactl autostart enable` accepts 1 arg(s), received 2.\nSee `limactl autostart enable --help`.\n\nUsage:  limactl autostart enable INSTANCE [flags]\n\nStart an instance when you log in' limactl autostart enable a b
	fatal '`limactl guest-install` accepts at most 1 arg(s), received 2.\nSee `limactl guest-install --help`.\n\nUsage:  limactl guest-install [INSTANCE] [flags]\n\nPut the guest agent and the container engine into a running guest' limactl guest-install a b
	fatal '`limactl prune` unknown command \"x\" for \"limactl prune\".\nSee `limactl prune --help`.\n\nUsage:  limactl prune [flags]\n\nRemove downloaded and built images from the cache' limactl prune x
	fatal 'unknown command \"x\" for \"limactl usernet\"' limactl usernet x
	[ ! -e "$LIMA_HOME" ]
}

@test "a group alone, or with a word it does not have, prints its page" {
	for args in autostart "autostart foo" "autostart --help" "help autostart" "autostart help"; do
		# shellcheck disable=SC2086
		run --separate-stderr limactl $args
		[ "$status" = 0 ]
		[ -z "$stderr" ]
		[[ $output == *"limactl autostart [command]"* && $output == *"  enable "* && $output == *"  disable "* ]]
	done
	fatal 'unknown flag: --bogus' limactl autostart --bogus
}

@test "help of a command, of a topic, of nothing" {
	run --separate-stderr limactl help autostart enable whatever
	[[ $output == *"limactl autostart enable INSTANCE [flags]"* && $output == *"--condition string"*'(default "login")'* ]]
	run --separate-stderr limactl protect --help
	[ "$status" = 0 ]
	[[ $output == *"Global Flags:"*"-y, --yes"* ]]
	run --separate-stderr limactl yq-restrictions
	[ "$status" = 0 ]
	[[ $output == *"env(NAME)"* ]]
	run --separate-stderr limactl help nosuch x
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $stderr == 'Unknown help topic [`nosuch` `x`]'*"Usage:"* ]]
}

@test "every command has a page, and none is without a summary" {
	for cmd in $(limactl __completeNoDesc '' | grep -v '^:'); do
		[ "$cmd" = help ] && continue
		run --separate-stderr limactl "$cmd" --help
		[ "$status" = 0 ]
		[ -n "${lines[0]}" ]
		[[ $output == *"Global Flags:"* ]]
	done
}

@test "HOME or LIMA_HOME must be there" {
	run env -u HOME -u LIMA_HOME limactl prune
	[ "$status" = 1 ]
	[[ $output == *level=fatal*HOME* ]]
}

# --- log ---

@test "levels" {
	fake_instance a
	limactl protect a
	run --separate-stderr limactl protect --log-level error a
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	run --separate-stderr limactl protect a --log-level=warning
	logs warning '"Instance `a` is already protected. Skipping."'
	run --separate-stderr limactl protect a --debug --log-level=error
	[ -z "$stderr" ]
}

@test "the line's form, and its time" {
	fake_instance a
	run --separate-stderr env TZ=UTC limactl protect a
	[[ $stderr =~ ^time=\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\"\ level=info\ msg=\"Protected\ \`a\`\"$ ]]
	run --separate-stderr env TZ=XXX5 limactl unprotect a
	[[ $stderr =~ ^time=\"[0-9T:-]{19}-05:00\"\  ]]
}

@test "on a terminal lines are coloured, with the seconds since the start" {
	fake_instance a
	run script -qec 'limactl protect a' /dev/null
	[[ $output == $'\e[36mINFO\e[0m[0000] Protected `a` '* ]]
	run script -qec 'limactl protect a' /dev/null
	[[ $output == $'\e[33mWARN\e[0m[0000] Instance `a` is already protected. Skipping. '* ]]
	run script -qec 'limactl sudoers' /dev/null
	[[ $output == $'\e[31mFATA\e[0m[0000] '* ]]
}

# --- protect, unprotect ---

@test "protect and unprotect" {
	fake_instance a
	fake_instance b.c
	run --separate-stderr limactl protect a b.c
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ "$stderr" != "" ]
	logs info '"Protected `a`"'
	logs info '"Protected `b.c`"'
	[ "$(stat -c '%a %s' "$LIMA_HOME/a/protected")" = "400 0" ]
	run --separate-stderr limactl unprotect a
	logs info '"Unprotected `a`"'
	[ ! -e "$LIMA_HOME/a/protected" ]
	[ -e "$LIMA_HOME/b.c/protected" ]
	run --separate-stderr limactl unprotect a
	[ "$status" = 0 ]
	logs warning "\"Instance \`a\` isn't protected. Skipping.\""
}

@test "protect goes on behind an instance that does not exist" {
	fake_instance b
	run --separate-stderr limactl protect a b .x
	[ "$status" = 1 ]
	[[ $stderr == *'level=fatal msg="failed to inspect instance `a`: open '"$LIMA_HOME"'/a/lima.yaml: no such file or directory\nfailed to inspect instance `.x`: '* ]]
	[ -e "$LIMA_HOME/b/protected" ]
	ln -s nowhere "$LIMA_HOME/b/gone"
	rm "$LIMA_HOME/b/protected"
	ln -s nowhere "$LIMA_HOME/b/protected"
	run --separate-stderr limactl protect b
	logs warning '"Instance `b` is already protected. Skipping."'
	run --separate-stderr limactl unprotect b
	[ ! -L "$LIMA_HOME/b/protected" ]
}

# --- what cannot be here ---

@test "usernet runs a network until it is told to end" {
	run limactl usernet --subnet 192.168.104.0/24
	[ "$status" = 2 ]
	[[ $output == "lima-usernet: --pidfile, "* ]]
	dir=$BATS_TEST_TMPDIR/n
	mkdir "$dir"
	limactl usernet -p "$dir/pid" -e "$dir/ep" --listen-qemu="$dir/q" --listen "$dir/l" --subnet 10.3.0.0/24 --mtu 1400 \
		--leases 10.3.0.9=52:55:55:00:00:09 3>&- &
	pid=$!
	until_ok test -s "$dir/pid"
	[ "$(cat "$dir/pid")" = "$pid" ]
	[ "$(curl -sS --max-time 10 --unix-socket "$dir/ep" http://n/services/dhcp/leases)" = '{"10.3.0.9":"52:55:55:00:00:09"}' ]
	kill "$pid"
	wait "$pid"
	[ ! -e "$dir/ep" ]
}

@test "sudoers is refused with the reason" {
	fatal 'sudoers command is only supported on macOS right now' limactl sudoers
	fatal 'sudoers command is only supported on macOS right now' limactl sudoers --check /etc/sudoers.d/lima
	run limactl completion powershell
	[ "$status" = 1 ]
	[[ $output == *powershell* ]]
}

@test "kinds of machines that this host cannot run are refused by name" {
	for type in vz wsl2 krunkit; do
		fatal "error while processing flag \`vm-type\`: \`$type\` is not available on this host; only qemu is" limactl create --vm-type "$type" --name a template:debian-12
		printf 'vmType: %s\nimages:\n- location: /x.img\n' "$type" >x.yaml
		run limactl create --name a --containerd=none x.yaml
		[ "$status" = 1 ]
		[[ $output == *"vmType $type is not available on this host; only qemu is"* ]]
		[ ! -e "$LIMA_HOME/a" ]
	done
}

# --- autostart ---

@test "autostart: without systemd, and what is wrong with the arguments" {
	fatal 'instance \"a\" not found' limactl autostart enable a
	fatal 'instance \"a\" not found' limactl autostart disable a
	fatal '--condition=boot is only supported on macOS' limactl autostart enable a --condition=boot
	fatal 'unknown condition `x`, must be login' limactl autostart enable a --condition x
	run limactl autostart enable a --user root
	[ "$status" = 1 ]
	[[ $output == *macOS* ]]
	run --separate-stderr limactl start-at-login
	[ "$status" = 0 ]
	[[ $stderr == 'Command "start-at-login" is deprecated, '*level=info*'Instance `default` not found'* ]]
	[ ! -d /run/systemd/system ] || skip "systemd runs here"
	fake_instance a
	for cmd in "autostart enable a" "autostart disable a" "start-at-login a"; do
		# shellcheck disable=SC2086
		run limactl $cmd
		[ "$status" = 1 ]
		[[ $output == *"autostart is not supported on linux"* ]]
	done
}

# In a mount namespace with a /run of its own, where systemd seems to run; systemctl is a script that notes its arguments.
booted() {
	unshare -rm sh -c 'mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "$@"' sh "$@"
}

@test "autostart: the unit, enabled and disabled by systemctl" {
	need_namespaces -rm
	fake_instance a
	mkdir bin
	printf '#!/bin/sh\necho "$@" >>"%s"\n' "$BATS_TEST_TMPDIR/said" >bin/systemctl
	chmod +x bin/systemctl
	export XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config PATH=$PWD/bin:$PATH
	run --separate-stderr booted limactl autostart enable a --condition login
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	logs info '"Instance `a` registered to start at login"'
	unit=$XDG_CONFIG_HOME/systemd/user/lima-vm@a.service
	grep -qE '^ExecStart=".*/limactl" start %i --foreground$' "$unit"
	grep -qxF "Environment=\"LIMA_HOME=$LIMA_HOME\"" "$unit"
	grep -qx Restart=on-failure "$unit"
	grep -qx KillMode=process "$unit"
	grep -qx StartLimitBurst=5 "$unit"
	grep -qx WantedBy=default.target "$unit"
	[ "$(cat said)" = "--user enable lima-vm@a.service" ]
	run --separate-stderr booted limactl start-at-login a
	logs info '"The autostart entry for instance `a` has been updated"'
	run --separate-stderr booted limactl autostart disable a
	logs info '"Instance `a` unregistered from start at login"'
	[ ! -e "$unit" ]
	[ "$(tail -n1 said)" = "--user disable lima-vm@a.service" ]
	run --separate-stderr booted limactl autostart disable a
	[ "$status" = 0 ]
	logs info '"Instance `a` is not registered for automatic startup"'
	run --separate-stderr booted limactl start-at-login a --enabled=false
	logs info '"The autostart entry for instance `a` is not registered"'
	run --separate-stderr booted limactl start-at-login a
	logs info '"The autostart entry for instance `a` has been created"'
	run --separate-stderr booted limactl start-at-login a --enabled=false
	logs info '"The autostart entry for instance `a` has been unregistered"'
	printf '#!/bin/sh\necho no bus >&2\nexit 3\n' >bin/systemctl
	fatal 'systemctl --user enable lima-vm@a.service failed with status 3: no bus' booted limactl autostart enable a
}

# --- hostagent, guest-install ---

@test "hostagent wants its socket, an instance, and its files where they are" {
	fatal 'socket must be specified (limactl version mismatch?)' limactl hostagent a
	run limactl hostagent a --socket x --pidfile y
	[ "$status" = 1 ]
	[[ $output == *"level=fatal"*"'a'"* ]]
	fake_instance a
	run limactl hostagent a --socket /tmp/x
	[ "$status" = 1 ]
	[[ $output == *"--socket"*"ha.sock"* ]]
	run limactl hostagent a --socket "$LIMA_HOME/a/ha.sock" -p /tmp/p
	[ "$status" = 1 ]
	[[ $output == *"--pidfile"*"ha.pid"* ]]
	echo $$ >"$LIMA_HOME/a/ha.pid"
	exec 9<"$LIMA_HOME/a/ha.pid"
	flock 9
	run limactl hostagent a --socket "$LIMA_HOME/a/ha.sock" --pidfile "$LIMA_HOME/a/ha.pid"
	[ "$status" = 1 ]
	[[ $output == *"another hostagent may already be running with pid $$ (pidfile \`$LIMA_HOME/a/ha.pid\`)"* ]]
	exec 9<&-
	# Nobody holds it any more: lima-hostagent itself is reached, and misses its files.
	run limactl hostagent a --socket "$LIMA_HOME/a/ha.sock" --run-gui --guestagent x --nerdctl-archive y --progress
	[ "$status" != 0 ]
	[[ $output == *agent.conf* ]]
}

@test "guest-install wants a running instance" {
	run limactl guest-install
	[ "$status" = 1 ]
	[[ $output == *"'default'"* ]]
	fake_instance a
	fatal 'instance `a` is not running' limactl guest-install a
}

@test "guest-install sends the agent through ssh, and the engine when there is one" {
	fake_instance a
	mkdir -p "$LIMA_HOME/a/.make/cidata" bin share
	printf '%s\n' name=a arch=x86_64 guestInstallPrefix=/opt/it\'s containerd.user=true >"$LIMA_HOME/a/.make/agent.conf"
	echo engine >"$LIMA_HOME/a/.make/cidata/nerdctl-full.tgz"
	echo agent >share/lima-guestagent.Linux-x86_64
	export LIMA_SHARE=$PWD/share PATH=$PWD/bin:$PATH
	cat >bin/ssh <<-SCRIPT
		#!/bin/sh
		printf '%s\n' "\$@" >>"$BATS_TEST_TMPDIR/said"
		cat >>"$BATS_TEST_TMPDIR/got"
	SCRIPT
	chmod +x bin/ssh
	echo $$ >"$LIMA_HOME/a/ha.pid"
	exec 9<"$LIMA_HOME/a/ha.pid"
	flock 9
	run --separate-stderr limactl guest-install a
	exec 9<&-
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[ "$(cat got)" = $'agent\nengine' ]
	grep -qx lima-a said
	grep -qF "p='/opt/it'\\''s'; sudo mkdir -p" said
	grep -qF "sudo tar -xz -f - -C '/opt/it'\\''s'" said
}

# --- documents ---

@test "generate-jsonschema" {
	run --separate-stderr limactl generate-jsonschema
	[ "$status" = 0 ]
	python3 -c 'import json, sys; p = json.load(sys.stdin)["properties"]; p["cpus"], p["mounts"]' <<<"$output"
	printf 'images:\n- location: /x.img\n' >good.yaml
	printf 'cpus: many\n' >bad.yaml
	fatal '--schemafile is needed to check files against the schema' limactl generate-jsonschema good.yaml
	run --separate-stderr limactl generate-jsonschema --schemafile s.json good.yaml
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[ -z "$output" ]
	logs info '"`good.yaml`: OK"'
	python3 -c 'import json; json.load(open("s.json"))["properties"]["cpus"]'
	run --separate-stderr limactl generate-jsonschema --schemafile s.json good.yaml bad.yaml
	[ "$status" = 1 ]
	[[ $stderr == *'failed to validate YAML file `bad.yaml`'*cpus* ]]
}

@test "generate-doc" {
	limactl generate-doc out
	[ -s out/lima.1 ]
	[ -s out/limactl.1 ]
	[ -s out/limactl-autostart-enable.1 ]
	[ ! -e out/limactl-usernet.1 ]
	mandoc -Tlint -Wwarning out/*.1
	limactl generate-doc md --type docsy
	grep -q '^title: limactl protect$' md/limactl_protect.md
	limactl generate-doc out --output protect --prefix guard
	grep -q guard out/limactl-protect.1
	! grep -q protect out/limactl-protect.1
	fatal 'unknown type `x`, must be man or docsy' limactl generate-doc out --type x
}

# --- prune ---

@test "prune empties the cache" {
	mkdir -p "$XDG_CACHE_HOME/lima/download/by-url-sha256/x"
	run --separate-stderr limactl prune
	[ "$status" = 0 ]
	[ -z "$output" ]
	logs info "\"Pruning \`$XDG_CACHE_HOME/lima\`\""
	[ ! -e "$XDG_CACHE_HOME/lima" ]
	limactl prune
}

# entry URL: a complete entry of the cache.
entry() {
	local dir
	dir=$XDG_CACHE_HOME/lima/download/by-url-sha256/$(printf %s "$1" | sha256sum | cut -d' ' -f1)
	mkdir -p -m 700 "$dir"
	printf %s "$1" >"$dir/url"
	echo data >"$dir/data"
	echo "$dir"
}

@test "prune --keep-referred keeps what instances and templates name" {
	mkdir -p "$LIMA_HOME/a/.make" "$LIMA_HOME/_templates"
	fake_instance a
	printf '%s\n' arch=x86_64 images=1 images.0.location=http://h/a.img images.0.kernel.location=http://h/k nerdctl=1 \
		nerdctl.0.location=http://h/n.tgz firmware=0 >"$LIMA_HOME/a/.make/image.conf"
	printf 'images:\n- location: http://h/t.img\n  arch: aarch64\n' >"$LIMA_HOME/_templates/t.yaml"
	printf 'images: [\n' >"$LIMA_HOME/_templates/broken.yaml"
	image=$(entry http://h/a.img) kernel=$(entry http://h/k) engine=$(entry http://h/n.tgz) template=$(entry http://h/t.img)
	other=$(entry http://h/other)
	touch "$image/data.part"
	run --separate-stderr limactl prune --keep-referred
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	[ -e "$image/data" ]
	[ ! -e "$image/data.part" ]
	[ -e "$kernel/data" ]
	[ -e "$engine/data" ]
	[ -e "$template/data" ]
	[ ! -e "$other" ]
}

# --- plugins ---

plugin() {
	mkdir -p "$(dirname "$1")"
	cat >"$1"
	chmod +x "$1"
}

@test "a plugin is a command, with its arguments untouched and its status" {
	plugin bin/limactl-hello <<-'SCRIPT'
		#!/bin/sh
		# <limactl-desc>Says hello</limactl-desc>
		printf '<%s>' "$@"
		cat
		exit 7
	SCRIPT
	plugin bin/limactl-url-x <<<'#!/bin/sh'
	plugin bin/limactl-protect <<<'#!/bin/sh'
	touch bin/limactl-nothing
	PATH=$PWD/bin:$PATH
	run --separate-stderr limactl --debug hello --help 'a b' --bogus -- -Z '' <<<"input"
	[ "$status" = 7 ]
	[ "$output" = "<--help><a b><--bogus><--><-Z><>input" ]
	[ -z "$stderr" ]
	run limactl --help
	[[ $output == *"Plugins:"*"hello "*"Says hello"* ]]
	[[ $output != *url-x* && $output != *nothing* ]]
	[ "$(grep -c '^  protect ' <<<"$output")" = 1 ]
	fatal 'unknown command \"nothing\" for \"limactl\"' limactl nothing
	fatal 'unknown flag: --bogus' limactl --bogus=1 hello
	run limactl url-x
	[ "$status" = 0 ]
	printf '#!/bin/sh\nkill -9 $$\n' >bin/limactl-hello
	run limactl hello
	[ "$status" = 255 ]
}

@test "where plugins are looked for, and what they see as PATH" {
	real=$(dirname "$(readlink -f "$(command -v limactl)")")
	mkdir -p other prefix/bin path
	ln -s "$(readlink -f "$(command -v limactl)")" prefix/bin/limactl
	plugin prefix/libexec/lima/limactl-one <<<'#!/bin/sh
		echo libexec $PATH'
	plugin prefix/lib/lima/limactl-two <<<'#!/bin/sh
		echo lib'
	plugin prefix/bin/limactl-three <<<'#!/bin/sh
		echo beside'
	plugin path/limactl-three <<<'#!/bin/sh
		echo path'
	PATH=$PWD/path:$PATH
	run prefix/bin/limactl three
	[ "$output" = beside ]
	run prefix/bin/limactl two
	[ "$output" = lib ]
	run prefix/bin/limactl one
	[[ $output == "libexec $PWD/prefix/bin:$real:$PWD/path:"*":$PWD/prefix/libexec/lima:$PWD/prefix/lib/lima"* ]]
}

# --- the reference ---

@test "every flag of the reference is there, by its name and its letter" {
	local section command flags flag set help n=0
	declare -A sets
	while IFS=$'\t' read -r section command flags; do
		case $section$command in
		\#*) continue ;;
		7[EC])
			sets[$command]=$flags
			continue
			;;
		esac
		# shellcheck disable=SC2086
		help=$(limactl $command --help)
		for set in E C; do
			flags=" $flags "
			flags=${flags/ $set / ${sets[$set]} }
		done
		for flag in $flags; do
			n=$((n + 1))
			# "-f, --force", and a blank behind, or a word that says what the value is.
			grep -qE -- "^ +${flag/,/, }( |\$)" <<<"${help//      --/  --}" || { echo "$command ($section) lacks $flag:"; echo "$help"; false; }
		done
	done <"$TOP/tests/data/cli-flags.tsv"
	[ "$n" -gt 200 ]
}
