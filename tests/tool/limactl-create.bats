#!/usr/bin/env bats
# limactl create and start as far as no machine is needed: arguments, names, flags, what is left behind.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
}

teardown() {
	end_running
}

@test "create makes an instance, says how to start it, and prints nothing on standard output" {
	run --separate-stderr limactl create --tty=false
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $stderr == *'Run `limactl start default` to start the instance.'* ]]
	[ "$(stat -c %a "$LIMA_HOME/default")" = 700 ]
	[ "$(stat -c %a "$LIMA_HOME/default/lima.yaml")" = 644 ]
	[ "$(stat -c %a "$LIMA_HOME/default/lima-version")" = 444 ]
	[ "$(tail -c 1 "$LIMA_HOME/default/lima-version" | wc -l)" = 0 ]
	[ -s "$LIMA_HOME/default/cloud-config.yaml" ]
	fails 1 'instance `default` already exists' limactl create
}

@test "without a terminal the menu is skipped and that is said" {
	run limactl create </dev/null
	has 'Terminal is not available, proceeding without opening an editor'
}

@test "a name is an instance made from template:default, even where a template or a file is called so" {
	printf 'cpus: 3\nbase: template:default\n' >"$LIMA_HOME/_templates/docker.yaml"
	cp "$LIMA_HOME/_templates/docker.yaml" foo
	run limactl create docker
	[ "$status" = 0 ]
	has 'not from `template:docker`'
	has 'level=warning'
	has 'deprecated'
	not grep -q cpus "$LIMA_HOME/docker/lima.yaml"
	limactl create foo
	not grep -q cpus "$LIMA_HOME/foo/lima.yaml"
	run limactl create default
	[[ $output != *deprecated* ]]
	fails 1 'cannot be used together' limactl create --name=other foo2
}


@test "templates, files, URLs: the name comes from the locator unless --name gives one" {
	printf 'cpus: 3\nbase: template:default\n' >"$LIMA_HOME/_templates/debian-99.yaml"
	printf 'cpus: 4\nbase: template:default\n' >My-VM.YAML.yaml
	printf 'cpus: 5\nbase: template:default\n' >file.yml
	limactl create template:debian-99
	grep -q 'cpus: 3' "$LIMA_HOME/debian-99/lima.yaml"
	run limactl create template://debian-99 --name=old
	[ "$status" = 0 ]
	has 'level=warning'
	limactl create ./file.yml
	limactl create "file://$PWD/file.yml" --name two
	grep -q 'cpus: 5' "$LIMA_HOME/two/lima.yaml"
	fails 1 'template' limactl create template:nothing
	fails 1 'nothing.yaml' limactl create ./nothing.yaml
	fails 1 'name' limactl create "./a b.yaml"
	fails 1 "instance name \`-x\` is not a valid identifier: identifier \`-x\` must match" limactl create --name=-x template:default
	fails 1 "greater than maximum length (76 characters)" limactl create --name="$(printf "a%.0s" {1..77})"
	fails 1 'name' limactl create --name=a..b
	fails 1 "instance name \`a.yaml\` must not end with .yml or .yaml suffix" limactl create --name=a.yaml template:default
}

@test "an image is a template of its own" {
	cp "$IMAGE" ./debian-12-genericcloud-amd64.qcow2
	run limactl create --plain ./debian-12-genericcloud-amd64.qcow2
	[ "$status" = 0 ]
	[ -e "$LIMA_HOME/debian-12-amd64/lima.yaml" ]
}

@test "a template from standard input needs a name and no terminal" {
	fails 1 'must pass instance name with --name when reading template from stdin' limactl create - </dev/null
	run bash -c 'echo "base: template:default" | limactl create --tty=true --name=a -'
	[ "$status" = 1 ]
	echo 'base: template:default' | limactl create --name=a -
	[ -e "$LIMA_HOME/a/lima.yaml" ]
	run bash -c 'echo "base: ./x.yaml" | limactl create --name=b -'
	[ "$status" = 1 ]
	[ ! -e "$LIMA_HOME/b" ]
}

@test "flags change the template; what is wrong is named and leaves nothing" {
	create a --cpus=3 --memory=0.5 --disk 2 --set '.env.X = "y"' --mount "$WORK:w" --mount-type=9p --plain --containerd=none \
		--ssh-port 60055 --shell /bin/sh --arch x86_64 --dns 1.1.1.1 --network lima:user-v2 --vm-type qemu --video=false \
		--nested-virt=false --rosetta=false --mount-inotify=false --mount-writable=true --port-forward 8080:80,static=true \
		--audio-device none --audio-interface virtio
	yaml=$LIMA_HOME/a/lima.yaml
	for want in 'cpus: 3' 'memory: 0.5GiB' 'disk: 2GiB' 'X: "\?y"\?' 'mountType: "\?9p"\?' 'plain: true' 'localPort: 60055' \
		'shell: "\?/bin/sh"\?' 'arch: "\?x86_64"\?' '1.1.1.1' 'lima: user-v2' 'vmType: "\?qemu"\?' 'writable: true' 'hostPort: "\?8080"\?'; do
		grep -q "$want" "$yaml" || { echo "no $want in:"; cat "$yaml"; false; }
	done
	create b --mount-none --image-variant x && false
	fails 1 'error while processing flag `param`: template does not define param `K`' limactl create --name=b --param K=V template:default
	fails 1 'error while processing flag `set`:' limactl create --name=b --set '.cpus = ' template:default
	fails 1 'error while processing flag `mount-type`' limactl create --name=b --mount-type= template:default
	fails 1 'env' limactl create --name=b --set '.env.X = env(HOME)' template:default
	fails 1 'cpus' limactl create --name=b --cpus=-1 template:default
	[ ! -e "$LIMA_HOME/b" ]
}

@test "a parameter of the template is set" {
	printf 'param:\n  K: a\nbase: template:default\nprovision:\n- mode: system\n  script: "echo {{.Param.K}}"\n' >t.yaml
	limactl create --param K=new ./t.yaml
	grep -q 'K: "\?new' "$LIMA_HOME/t/lima.yaml"
}

@test "bases are merged in, comments stay, _config/base.yaml comes too" {
	mkdir -p "$LIMA_HOME/_config"
	echo 'env: {FROM: base}' >"$LIMA_HOME/_config/base.yaml"
	printf '# my machine\nbase: template:default\ncpus: 2 # two\n' >t.yaml
	limactl create ./t.yaml
	grep -q '^# my machine' "$LIMA_HOME/t/lima.yaml"
	grep -q 'cpus: 2 *# two' "$LIMA_HOME/t/lima.yaml"
	grep -q 'FROM: base' "$LIMA_HOME/t/lima.yaml"
	grep -q "$IMAGE" "$LIMA_HOME/t/lima.yaml"
	not grep -q '^base:' "$LIMA_HOME/t/lima.yaml"
}

@test "an invalid template leaves nothing and tells every error" {
	printf 'base: template:default\ncpus: -1\nmemory: lots\n' >t.yaml
	run limactl create ./t.yaml
	[ "$status" = 1 ]
	has cpus
	has memory
	[ ! -e "$LIMA_HOME/t" ]
}

@test "a build that fails leaves no instance, and its reason is in the log" {
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl create
	[ "$status" = 1 ]
	has 'lima-fetch: this image cannot be had'
	[ ! -e "$LIMA_HOME/default" ]
}

@test "a name whose sockets would have too long a path is refused" {
	export LIMA_HOME=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..60})
	fails 1 '108' limactl create --name="$(printf 'y%.0s' {1..60})" ./none.yaml
}

@test "--list-templates and --list-drivers, of create and of start" {
	printf 'cpus: 1\n' >"$LIMA_HOME/_templates/_hidden.yaml"
	printf 'cpus: 1\n' >"$LIMA_HOME/_templates/zzz.yaml"
	for verb in create start; do
		run --separate-stderr limactl $verb --list-templates
		[ "$status" = 0 ]
		[[ $'\n'$output$'\n' == *$'\nzzz\n'* ]]
		[[ $output != *_hidden* ]]
		[ "$output" = "$(sort <<<"$output")" ]
		[ "$(limactl $verb --list-drivers)" = qemu ]
	done
}

@test "templates that went into others are named with what to use" {
	run limactl create template:experimental/9p
	[ "$status" = 1 ]
	has 'mount-type=9p'
}

@test "the menu: proceed, editor, another template, exit" {
	printf '#!/bin/sh\nsed -i "s/^cpus:.*/cpus: 7/; \\$ a env: {EDITED: yes}" "$1"\n' >"$BIN/ed"
	printf '#!/bin/sh\n: >"$1"\n' >"$BIN/empty"
	printf '#!/bin/sh\necho "cpus: [" >"$1"\n' >"$BIN/broken"
	chmod +x "$BIN"/*
	on_terminal 1 create --name=a --cpus=3 template:default
	grep -q 'cpus: 3' "$LIMA_HOME/a/lima.yaml"
	VISUAL=ed on_terminal 2 create --name=b --cpus=3 template:default
	grep -q 'cpus: 7' "$LIMA_HOME/b/lima.yaml"
	grep -q EDITED "$LIMA_HOME/b/lima.yaml"
	not grep -q 'Please edit' "$LIMA_HOME/b/lima.yaml"
	EDITOR=empty on_terminal 2 create --name=c template:default && false
	EDITOR=broken on_terminal 2 create --name=c template:default && false
	grep -q 'cpus: \[' lima.REJECTED.yaml
	on_terminal 4 create --name=c template:default && false
	printf 'cpus: 6\nbase: template:default\n' >"$LIMA_HOME/_templates/0first.yaml"
	on_terminal '3\n1\n1' create --name=d template:default
	grep -q 'cpus: 6' "$LIMA_HOME/d/lima.yaml"
	[ ! -e "$LIMA_HOME/c" ]
}

@test "start of an existing instance applies flags, keeps some as they are, and refuses others" {
	create a --disk=5
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl start --cpus=5 --arch=aarch64 --plain a
	[ "$status" = 1 ]
	has 'Using the existing instance `a`'
	has 'not applicable'
	has 'Starting the instance `a` with internal VM driver `qemu`'
	grep -q 'cpus: 5' "$LIMA_HOME/a/lima.yaml"
	not grep -q 'aarch64\|plain' "$LIMA_HOME/a/lima.yaml"
	fails 1 'shrinking the disk (5GiB --> 3GiB) is not supported' limactl start --disk=3 a
	fails 1 'lima.REJECTED.yaml' limactl start --cpus=0 --memory=0.000001 a
	grep -q 'cpus: 5' "$LIMA_HOME/a/lima.yaml"
	[ -d "$LIMA_HOME/a" ]
}

@test "a description that cannot be used is told before anything is started" {
	create a
	printf 'cpus: -1\nmemory: lots\n' >"$LIMA_HOME/a/lima.yaml"
	run limactl start a
	[ "$status" = 1 ]
	has 'instance \"a\" has configuration errors: ['
	has 'cpus: must be between'
	has 'memory: '
	[[ $output != *"internal VM driver"* ]]
}

@test "a name that sockets have no room for" {
	name=$(printf 'a%.0s' {1..76})
	path=$LIMA_HOME/$name/ssh.sock.1234567890123456
	[ "${#path}" -ge 108 ] || skip "the test's own path is too short for that"
	run limactl create --name="$name" template:default
	[ "$status" = 1 ]
	has "instance name \`$name\` too long: \`$path\` must be less than UNIX_PATH_MAX=108 characters, but is ${#path}"
	create a
	run limactl clone a "$name"
	[ "$status" = 1 ]
	has "too long: \`$path\`"
}

@test "the reason of a build that failed is the last line, whatever is logged" {
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl create --log-level=fatal --name=a template:default
	[ "$status" = 1 ]
	[[ ${lines[-1]} == *"level=fatal msg=\"the instance 'a' could not be built: lima-fetch: this image cannot be had\"" ]] || { echo "$output"; false; }
	fails 1 'template `nope.yaml` not found' limactl create template:nope
	printf '#!/bin/sh\necho loop:x\n' >"$BIN/limactl-url-loop"
	chmod +x "$BIN/limactl-url-loop"
	fails 1 'custom locator `loop:x` has a redirect loop' limactl create --name=a loop:x
}

@test "start of what seems to run says so and does nothing" {
	create default
	seem_running default
	run timeout 20 limactl start --timeout=1s
	[ "$status" = 1 ]
	[[ $output != *"internal VM driver"* ]]
}
