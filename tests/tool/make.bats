#!/usr/bin/env bats
# The Makefile: the goals a user types, and what a hostile variable must not be able to do.

load ../lib/common

setup() {
	fresh_home
	cd "$TOP"
	# Built already: a goal must not build with other settings here.
	export O=${O:-build}
}

@test "help lists every goal and every variable" {
	run make help
	[ "$status" = 0 ]
	for goal in create start stop restart shell list status logs validate delete protect prune plan deps all check bench install uninstall clean; do
		[[ $output == *"  $goal:"* ]] || { echo "no $goal"; false; }
	done
	for var in INSTANCE TEMPLATE CPUS MEMORY DISK SET CMD FORCE TIMEOUT CONFIRM LIMA_HOME ACCEL PREFIX DESTDIR SANITIZE; do
		[[ $output == *"$var"* ]] || { echo "no $var"; false; }
	done
}

@test "help is what a bare make prints" {
	[ "$(make)" = "$(make help)" ]
}

@test "nothing in a variable is executed, from the command line or the environment" {
	mark=$BATS_TEST_TMPDIR/mark
	for value in "x; touch $mark" "\$(shell touch $mark)" "\`touch $mark\`" "\$\$(touch $mark)" "x' ; touch $mark ; '" \
		"x\" ; touch $mark ; \"" $'x\n\ttouch '"$mark" "\$(eval X:=\$(shell touch $mark))"; do
		for var in INSTANCE LIMA_HOME LIMA_INSTANCE TEMPLATE CMD SET CPUS MEMORY DISK TIMEOUT ACCEL; do
			make INSTANCE=x "$var=$value" create >/dev/null 2>&1 || true
			[ ! -e "$mark" ] || { echo "$var='$value' executed it"; false; }
			env "$var=$value" make status >/dev/null 2>&1 || true
			[ ! -e "$mark" ] || { echo "$var='$value' in the environment executed it"; false; }
		done
	done
	SHELL=/bin/false make status >/dev/null 2>&1 || true
	rm -rf "$LIMA_HOME"
}

@test "an invalid or empty INSTANCE is refused before anything is made" {
	for name in ../x "a b" "" .x "$(printf 'a%.0s' {1..100})"; do
		run make INSTANCE="$name" create
		[ "$status" = 2 ]
		[[ $output == *"instance name"* ]]
	done
	[ ! -e "$LIMA_HOME" ]
}

@test "without INSTANCE the name is LIMA_INSTANCE, else default" {
	run make status
	[[ $output == *"no instance 'default'"* ]]
	LIMA_INSTANCE=other run make status
	[[ $output == *"no instance 'other'"* ]]
}

@test "an existing instance's files are not touched by status and list" {
	mkdir -p "$LIMA_HOME/a"
	echo '{}' >"$LIMA_HOME/a/lima.yaml"
	make -s list
	make -s INSTANCE=a status
	[ "$(ls -A "$LIMA_HOME/a")" = lima.yaml ]
}

@test "install puts everything below DESTDIR and PREFIX, uninstall removes it all" {
	make -s install DESTDIR="$BATS_TEST_TMPDIR/root dir" PREFIX=/opt/x
	root="$BATS_TEST_TMPDIR/root dir/opt/x"
	for f in bin/lima-instance bin/lima-render bin/lima-fetch bin/lima-mkiso bin/lima-qemu-argv bin/lima-hostagent \
		share/lima/mk/instance.mk share/lima/templates/default.yaml share/lima/boot/boot.sh; do
		[ -e "$root/$f" ] || { echo "no $f"; false; }
	done
	[ -x "$root"/share/lima/lima-guestagent.Linux-* ]
	(cd / && "$root/bin/lima-render" --check default)
	[ "$(git status --porcelain --ignored | grep -c 'root dir')" = 0 ]
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR/root dir" PREFIX=/opt/x
	[ -z "$(find "$root" -type f)" ]
}

@test "install has limactl's wrappers, completions and pages; it works from there without the sources" {
	inst="$BATS_TEST_TMPDIR/dest dir/usr"
	make -s install DESTDIR="$BATS_TEST_TMPDIR/dest dir" PREFIX=/usr
	for name in lima limactl nerdctl.lima docker.lima podman.lima kubectl.lima apptainer.lima; do
		[ -x "$inst/bin/$name" ]
		[ ! -L "$inst/bin/$name" ]
	done
	grep -q _limactl "$inst/share/bash-completion/completions/limactl"
	grep -q '^#compdef limactl' "$inst/share/zsh/site-functions/_limactl"
	grep -q 'complete -c limactl' "$inst/share/fish/vendor_completions.d/limactl.fish"
	[ -s "$inst/share/man/man1/limactl.1" ]
	[ -s "$inst/share/man/man1/lima.1" ]
	cd /
	# Only what was installed is in PATH; the templates are found beside it.
	run env PATH="$inst/bin:/usr/bin:/bin" LIMA_HOME="$BATS_TEST_TMPDIR/li ma ü" limactl __completeNoDesc create template:debian-12
	[[ $output == *template:debian-12* ]]
	run env PATH="$inst/bin:/usr/bin:/bin" lima --version
	[ "$status" = 0 ]
	[[ $output == "limactl version "* ]]
}
