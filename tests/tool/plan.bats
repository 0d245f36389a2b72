#!/usr/bin/env bats
# plan, and what create and start do with a description that was edited: apply, tell, or refuse. No machine is started.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	arch=$(uname -m)
	mke2fs -q -F image.raw 32M
	mke2fs -q -F other.raw 48M
	printf '%s\n' '# ours' 'images:' "- location: $PWD/image.raw" "  arch: $arch" "- location: $PWD/spare.raw" "  arch: $arch" \
		'mounts: []' 'containerd: {system: false, user: false}' 'disk: 1GiB' 'cpus: 1 # few' 'memory: 256MiB' >t.yaml
	lima-instance create --quiet --template t.yaml a
	DIR=$LIMA_HOME/a
	# Something on the disk that must never get lost.
	qemu-io -f qcow2 -c 'write -P 7 0 64k' "$DIR/diffdisk" >/dev/null
}

# Every file of the instance with its inode, time and mode.
snapshot() { find "$DIR" -printf '%p %i %T@ %m %s\n' | sort; }
disk_sum() { sha256sum <"$1"; }
info() { qemu-img info --output=json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"; }
edit() { sed -i "$1" "$DIR/lima.yaml"; }

@test "plan without an edit: nothing would change, and nothing is written" {
	before=$(snapshot)
	run --separate-stderr lima-instance plan a
	[ "$status" = 0 ] && [ "$output" = "nothing would change" ]
	[ "$(snapshot)" = "$before" ]
}

@test "plan names each change with both values and its class, the worst one last, and writes nothing" {
	edit 's/^cpus: 1/cpus: 2/; s/^mounts:.*/mounts: [{location: "~"}]/'
	echo 'message: hello' >>"$DIR/lima.yaml"
	echo 'minimumLimaVersion: 1.0.0' >>"$DIR/lima.yaml"
	echo 'portForwards: [{guestPort: 8080, hostPort: 18080}]' >>"$DIR/lima.yaml"
	before=$(snapshot)
	run --separate-stderr lima-instance plan a
	[ "$status" = 0 ]
	[[ $output == *$'cpus: 1 -> 2 (restart)\n'* ]]
	[[ $output == *'message: "" -> "hello" (live)'* ]]
	[[ $output == *'portForwards: [] -> [{'*'... (live)'* ]]
	[[ $output == *'minimumLimaVersion: (unset) -> "1.0.0" (no-op)'* ]]
	[[ $output =~ "mounts: [] -> "[^$'\n']*" (recreate-cidata)" ]]
	[ "${lines[-1]}" = "in all: recreate-cidata" ]
	[ "$(snapshot)" = "$before" ]
}

@test "plan takes settings and a template; diff is the same" {
	sed 's/^cpus: 1/cpus: 2/' t.yaml >two.yaml
	before=$(snapshot)
	for verb in plan diff; do
		run --separate-stderr lima-instance $verb --template two.yaml a
		[ "${lines[0]}" = "cpus: 1 -> 2 (restart)" ] && [ "${#lines[@]}" = 2 ]
		run --separate-stderr lima-instance $verb --memory 512MiB --set '.mountInotify = true' a
		[[ $output == *'memory: "256MiB" -> "512MiB" (restart)'* && $output == *'mountInotify: false -> true (restart)'* ]]
		[ "${#lines[@]}" = 3 ]
	done
	[ "$(snapshot)" = "$before" ]
}

@test "plan through make, with the knobs" {
	cd "$TOP"
	export O=${O:-build}
	LIMA_HOME=$LIMA_HOME run --separate-stderr make -s INSTANCE=a CPUS=2 plan
	[ "$status" = 0 ]
	[ "${lines[-2]}" = "cpus: 1 -> 2 (restart)" ]
	run make help
	[[ $output == *"  plan:"* && $output == *"CONFIRM"* ]]
}

@test "plan of what does not exist, and of a broken description" {
	fails 1 "no instance 'b'" lima-instance plan b
	echo 'cpus: many' >"$DIR/lima.yaml"
	fails 65 "lima.yaml:1:7: cpus" lima-instance plan a
}

@test "an edit is applied by the next create, told, and then it is the state" {
	edit 's/^cpus: 1/cpus: 2/'
	run lima-instance create a
	[ "$status" = 0 ]
	[[ $output == *"lima: cpus: 1 -> 2 (restart)"* ]]
	grep -q -- '-smp 2' <(tr '\n' ' ' <"$DIR/qemu.argv")
	grep -q 'few' "$DIR/lima.yaml"
	run --separate-stderr lima-instance plan a
	[ "$output" = "nothing would change" ]
	run lima-instance create a
	[[ $output != *"cpus"* ]]
}

@test "an unchanged instance starts no process for the comparison" {
	lima-instance create --quiet a
	strace -f -qq -e trace=execve -o trace lima-instance create --quiet a
	grep -q -- '"--instance"' trace
	[ "$(grep -c -- '"--plan"' trace)" = 0 ]
}

@test "_config counts like lima.yaml" {
	mkdir -p "$LIMA_HOME/_config"
	echo 'cpus: 2' >"$LIMA_HOME/_config/override.yaml"
	run lima-instance create a
	[[ $output == *"cpus: 1 -> 2 (restart)"* ]]
	echo 'disk: 500MiB' >"$LIMA_HOME/_config/override.yaml"
	fails 1 "CONFIRM=yes" lima-instance create --quiet a
}

@test "what needs a new disk is refused by create and start, with the reason, and nothing is written" {
	sum=$(disk_sum "$DIR/diffdisk")
	for e in 's|image.raw|other.raw|' 's|^disk: 1GiB|disk: 900MiB|' "s|^disk:|arch: s390x\ndisk:|" "s|^disk:|os: FreeBSD\ndisk:|"; do
		cp "$DIR/lima.yaml" keep.yaml
		edit "$e"
		before=$(snapshot)
		for verb in create start restart; do
			fails 1 "CONFIRM=yes" lima-instance $verb --quiet a
			# Any other word is no confirmation.
			INSTANCE=a CONFIRM=y fails 1 "CONFIRM=yes" lima-instance $verb --quiet --env
		done
		[ "$(snapshot)" = "$before" ]
		cp keep.yaml "$DIR/lima.yaml"
	done
	fails 1 'disk: "1GiB" -> "900MiB"' lima-instance create --quiet --disk 900MiB a
	cmp keep.yaml "$DIR/lima.yaml"
	[ "$(disk_sum "$DIR/diffdisk")" = "$sum" ]
	lima-instance create --quiet a
}

@test "images: only the entry in use counts" {
	sum=$(disk_sum "$DIR/diffdisk")
	# The spare one changes; one for another architecture is put in front; one is added behind.
	edit 's|spare.raw|spare2.raw|; s|^images:|images:\n- location: /x.raw\n  arch: '"$([ "$arch" = s390x ] && echo riscv64 || echo s390x)"'|'
	edit "s|^mounts:|- location: /y.raw\n  arch: $arch\nmounts:|"
	run --separate-stderr lima-instance plan a
	[ "${lines[-1]}" = "in all: no-op" ]
	lima-instance create --quiet a
	# An entry for this architecture in front of it.
	edit "s|^images:|images:\n- location: $PWD/other.raw\n  arch: $arch|"
	fails 1 "CONFIRM=yes" lima-instance create --quiet a
	[ "$(disk_sum "$DIR/diffdisk")" = "$sum" ]
}

@test "a digest added to the entry in use is a new image" {
	edit "s|^\(- location: .*image.raw\)|\1\n  digest: sha256:$(sha256sum <image.raw | cut -d' ' -f1)|"
	fails 1 "images" lima-instance create --quiet a
}

@test "confirmed: the old disk and its image move aside as a pair, and a new disk is made" {
	sum=$(disk_sum "$DIR/diffdisk")
	edit 's|image.raw|other.raw|'
	INSTANCE=a CONFIRM=yes lima-instance create --env
	[ "$(disk_sum "$DIR/diffdisk.old.1/diffdisk")" = "$sum" ]
	cmp image.raw "$DIR/diffdisk.old.1/basedisk"
	cmp other.raw "$DIR/basedisk"
	# Each disk finds its own image.
	[ "$(info "$DIR/diffdisk.old.1/diffdisk" full-backing-filename)" = "$DIR/diffdisk.old.1/basedisk" ]
	qemu-io -f qcow2 -c 'read -P 7 0 64k' "$DIR/diffdisk.old.1/diffdisk" | grep -q 'read 65536/65536'
	qemu-img compare -q -f qcow2 -F raw "$DIR/diffdisk" other.raw || [ $? = 1 ]
	qemu-img check -q "$DIR/diffdisk"
	run --separate-stderr lima-instance plan a
	[ "$output" = "nothing would change" ]
	# Once more: the next number, the first one stays.
	lima-instance create --quiet --confirm --disk 500MiB a
	[ "$(disk_sum "$DIR/diffdisk.old.1/diffdisk")" = "$sum" ]
	cmp other.raw "$DIR/diffdisk.old.2/basedisk"
	[ "$(info "$DIR/diffdisk" virtual-size)" = $((500 << 20)) ]
}

@test "confirmation alone, without a need, touches no disk" {
	before=$(snapshot)
	lima-instance create --quiet --confirm a
	[ "$(snapshot)" = "$before" ]
	lima-instance create --quiet --confirm --cpus 2 a
	[ ! -e "$DIR/diffdisk.old.1" ]
}

@test "a new disk that cannot be made: the old one is back, and asked about again" {
	sum=$(disk_sum "$DIR/diffdisk")
	inode=$(stat -c %i "$DIR/diffdisk")
	run lima-instance create --confirm --disk 1MiB a
	[ "$status" != 0 ]
	[[ $output == *"smaller than the image"* ]]
	[ "$(stat -c %i "$DIR/diffdisk")" = "$inode" ]
	[ "$(disk_sum "$DIR/diffdisk")" = "$sum" ]
	cmp image.raw "$DIR/basedisk"
	[ ! -e "$DIR/diffdisk.old.1" ]
	fails 1 "CONFIRM=yes" lima-instance create --quiet a
	lima-instance create --quiet --disk 1GiB a
	# The same with an image that is not there.
	edit 's|image.raw|missing.raw|; s|spare.raw|missing.raw|'
	run lima-instance create --confirm a
	[ "$status" != 0 ]
	[ "$(disk_sum "$DIR/diffdisk")" = "$sum" ]
	cmp image.raw "$DIR/basedisk"
}

@test "while the machine runs a disk is not moved, confirmed or not" {
	edit 's|image.raw|other.raw|'
	before=$(snapshot)
	# A host agent that lives holds the lock on ha.pid.
	flock "$DIR/ha.pid" sh -c 'echo held >held; exec sleep 60' &
	holder=$!
	until grep -qs held held; do sleep 0.05; done
	touch -d '1 hour ago' "$DIR/qemu.pid"
	run lima-instance plan a
	[[ $output == *"in all: new-disk"* && $output == *"waits for a restart"* ]]
	run lima-instance create --quiet --confirm a
	kill $(ps -o pid= --ppid $holder) $holder
	wait $holder 2>/dev/null || true
	rm "$DIR/ha.pid" "$DIR/qemu.pid"
	[ "$status" = 1 ]
	[[ $output == *"when it is stopped"* ]]
	[ "$(snapshot | grep -v "^$DIR [0-9]")" = "$(grep -v "^$DIR [0-9]" <<<"$before")" ]
}

@test "a lima.yaml that is a link stays one" {
	mv "$DIR/lima.yaml" mine.yaml
	ln -s "$PWD/mine.yaml" "$DIR/lima.yaml"
	sed -i 's/^cpus: 1/cpus: 2/' mine.yaml
	lima-instance create --quiet a
	[ -L "$DIR/lima.yaml" ]
}
