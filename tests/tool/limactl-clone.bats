#!/usr/bin/env bats
# limactl clone, rename, delete, stop --force, factory-reset: what happens to the files of an instance.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
	create one --cpus=1 --disk=5
	dir=$LIMA_HOME/one
	printf 'precious' >"$dir/diffdisk"
	truncate -s 5M "$dir/diffdisk"
	touch "$dir/x.pid" "$dir/x.sock" "$dir/x.tmp" "$dir/ha.stderr.log" "$dir/serial.log"
	mkdir -p "$dir/swtpm" "$dir/copied-from-guest/deep"
	echo kept >"$dir/copied-from-guest/deep/file"
	ln -s deep/file "$dir/copied-from-guest/link"
	echo 'Host lima-one' >"$dir/ssh.config"
	limactl protect one 2>/dev/null
}

teardown() {
	end_running
}

# What a folder must not have after it got another name.
no_trace_of() {
	local found
	found=$(grep -rlE "lima-$1\\b|/$1\\b" "$2" || :)
	# What it was built from is remembered until the next start.
	found=$(grep -v '/\.make/applied' <<<"$found" || :)
	[ -z "$found" ] || { echo "$1 is still in: $found"; return 1; }
}

@test "clone copies the disk and the description, with an identity of its own" {
	run --separate-stderr limactl clone one two
	[ "$status" = 0 ]
	[ -z "$output" ]
	new=$LIMA_HOME/two
	cmp "$dir/diffdisk" "$new/diffdisk"
	[ "$(stat -c %i "$dir/diffdisk")" != "$(stat -c %i "$new/diffdisk")" ]
	[ "$(stat -c %b "$new/diffdisk")" -lt 1000 ]
	cmp "$dir/basedisk" "$new/basedisk"
	cmp "$dir/lima.yaml" "$new/lima.yaml"
	cmp "$dir/lima-version" "$new/lima-version"
	[ "$(stat -c %a "$new")" = 700 ]
	[ "$(cat "$new/copied-from-guest/link")" = kept ]
	for f in protected swtpm x.pid x.sock x.tmp ssh.config serial.log ha.stderr.log qemu.argv cidata.iso; do
		[ ! -e "$new/$f" ] || { echo "$f was copied"; false; }
	done
	not cmp "$dir/ssh_host_ed25519_key" "$new/ssh_host_ed25519_key"
	not grep -q "$(cut -d' ' -f2 "$dir/ssh_host_ed25519_key.pub")" "$new/known_hosts"
	grep -q '^lima-two ' "$new/known_hosts"
	grep -q '^hostname=lima-two$' "$new/.make/agent.conf"
	[ "$(sed -n 's/^mac=//p' "$dir/.make/qemu.conf")" != "$(sed -n 's/^mac=//p' "$new/.make/qemu.conf")" ]
	no_trace_of one "$new"
	grep -q '^lima-one ' "$dir/known_hosts"
	[ -e "$dir/protected" ]
	[ "$(limactl list -q | tr '\n' ' ')" = "one two " ]
}

@test "flags change the clone alone; a clone that cannot be finished is taken away" {
	limactl clone --cpus=2 --set '.env.A = "b"' one two
	grep -q 'cpus: 2' "$LIMA_HOME/two/lima.yaml"
	grep -q 'cpus: 1' "$dir/lima.yaml"
	fails 1 'shrinking the disk' limactl clone --disk=1 one three
	fails 1 'error while processing flag `set`' limactl clone --set '.cpus = ' one three
	[ ! -e "$LIMA_HOME/three" ]
	[ -z "$(find "$LIMA_HOME/_locks" -name '*.new')" ]
}

@test "what a killed clone left is swept up, and the source is only read" {
	mkdir -p "$LIMA_HOME/_locks/two.new/old"
	before=$(find "$dir" -type f -exec sha256sum {} + | sort)
	limactl clone one two
	[ "$(find "$dir" -type f -exec sha256sum {} + | sort)" = "$before" ]
	[ ! -e "$LIMA_HOME/two/old" ]
}

@test "clone and rename refuse: missing, running, same, existing, bad and long names" {
	create other
	for verb in clone rename; do
		fails 1 'instance `nope` not found' limactl $verb nope new
		fails 1 'instance `other` already exists' limactl $verb one other
		fails 1 'already exists' limactl $verb one one
		fails 1 'is not a valid identifier' limactl $verb one a..b
		fails 1 'must not end with' limactl $verb one a.yaml
		fails 1 'accepts 2 arg(s), received 1' limactl $verb one
	done
	seem_running one
	fails 1 'cannot clone a running instance' limactl clone one new
	fails 1 'cannot rename a running instance' limactl rename one new
	[ "$(limactl list -q | tr '\n' ' ')" = "one other " ]
}

@test "rename takes everything along under the new name" {
	inode=$(stat -c %i "$dir/diffdisk")
	key=$(cat "$dir/ssh_host_ed25519_key")
	run --separate-stderr limactl rename one two
	[ "$status" = 0 ]
	[ -z "$output" ]
	new=$LIMA_HOME/two
	[ ! -e "$dir" ]
	[ "$(stat -c %i "$new/diffdisk")" = "$inode" ]
	[ "$(cat "$new/copied-from-guest/link")" = kept ]
	[ "$(cat "$new/ssh_host_ed25519_key")" != "$key" ]
	for f in protected x.pid ssh.config qemu.argv; do
		[ ! -e "$new/$f" ] || { echo "$f is still there"; false; }
	done
	no_trace_of one "$new"
	[ ! -e "$LIMA_HOME/_locks/one" ]
	limactl rename --cpus=2 two three
	grep -q 'cpus: 2' "$LIMA_HOME/three/lima.yaml"
	fails 1 'shrinking' limactl rename --disk=1 three four
	[ "$(limactl list -q)" = three ]
	grep -q '^lima-three ' "$LIMA_HOME/three/known_hosts"
}

@test "--start, and the question on a terminal" {
	touch "$BATS_TEST_TMPDIR/make.fails"
	run limactl clone --start one two
	[ "$status" = 1 ]
	has 'Starting the instance `two`'
	run on_terminal n clone one three
	[ "$status" = 0 ]
	has 'start the instance now?'
	run on_terminal '' rename --start=false three four
	[ "$status" = 0 ]
	[[ $output != *'start the instance now'* ]]
}

@test "delete: protected, running, missing, and folders that are no instances" {
	create two
	create three
	mkdir "$LIMA_HOME/odd"
	for flag in '' -f; do
		fails 1 'failed to delete instance `one`: instance is protected to prohibit accidental removal (Hint: use `limactl unprotect`)' \
			limactl delete $flag one two
	done
	[ -d "$LIMA_HOME/two" ]
	run limactl rm nothing odd two
	[ "$status" = 1 ]
	has 'Ignoring non-existent instance `nothing`'
	has "instance \`odd\` directory \`$LIMA_HOME/odd\` exists but its \`lima.yaml\` could not be read; "
	has "Deleted \`two\` (\`$LIMA_HOME/two\`)"
	[ -d "$LIMA_HOME/odd" ]
	[ ! -e "$LIMA_HOME/two" ]
	limactl delete nothing
	seem_running three
	fails 1 'failed to delete instance `three`: expected status `Stopped`, got `Running`' limactl delete three
	run limactl remove --force three
	[ "$status" = 0 ]
	[ ! -e "$LIMA_HOME/three" ]
	fails 1 'requires at least 1 arg(s)' limactl delete
}

@test "stop: only what runs, unless forced; forced works on anything" {
	fails 1 'expected status `Running`, got `Stopped` (maybe use `limactl stop -f`?)' limactl stop one
	fails 1 "open $LIMA_HOME/nope/lima.yaml: no such file or directory" limactl stop nope
	fails 1 "open $LIMA_HOME/default/lima.yaml: no such file or directory" limactl stop
	run limactl stop --force one
	[ "$status" = 0 ]
	has 'The qemu driver process seems already stopped'
	for f in x.pid x.sock x.tmp; do
		[ ! -e "$dir/$f" ] || { echo "$f is left"; false; }
	done
	[ -s "$dir/diffdisk" ]
	seem_running one
	run limactl stop -f one
	[ "$status" = 0 ]
	has 'Sending SIGKILL to the host agent process'
	[ "$(limactl list --format '{{.Status}}' one)" = Stopped ]
	echo 'cpus: [' >"$dir/lima.yaml"
	limactl stop -f one
}

@test "a forced stop gives data disks back" {
	mkdir -p "$LIMA_HOME/_disk/d"
	conf one disks=1 disks.0.name=d "disks.0.dir=$LIMA_HOME/_disk/d"
	ln -s "$dir" "$LIMA_HOME/_disk/d/in_use_by"
	limactl stop -f one
	[ ! -L "$LIMA_HOME/_disk/d/in_use_by" ]
}

@test "factory-reset leaves the description and what is needed for a first start" {
	fails 1 'protected' limactl factory-reset one
	[ -e "$dir/diffdisk" ]
	limactl unprotect one
	cp "$dir/lima.yaml" want
	echo x >"$dir/own.yml"
	run limactl factory-reset one
	[ "$status" = 0 ]
	has "Removing \`$dir/diffdisk\`"
	has 'Instance `one` has been factory reset'
	has "failed to remove \`$dir/copied-from-guest\`"
	cmp want "$dir/lima.yaml"
	for f in diffdisk basedisk serial.log ssh.config qemu.argv swtpm; do
		[ ! -e "$dir/$f" ] || { echo "$f is left"; false; }
	done
	for f in lima-version own.yml cloud-config.yaml copied-from-guest/deep/file; do
		[ -e "$dir/$f" ] || { echo "$f is gone"; false; }
	done
	run limactl factory-reset
	[ "$status" = 0 ]
	has 'Instance `default` not found'
}
