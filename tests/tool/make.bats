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
	# The goals are those that the make files declare, but for steps on the way to another one.
	mapfile -t goals < <({ sed -n 's/^\.PHONY: //p' Makefile mk/*.mk | grep -v '\$' | tr ' ' '\n'; sed -n 's/^VERBS := //p' mk/verbs.mk | tr ' ' '\n'; } | sort -u)
	[ "${#goals[@]}" -gt 30 ]
	for goal in "${goals[@]}"; do
		[[ " FORCE tools unit asan ready " != *" $goal "* ]] || continue
		grep -qE "^  ([a-z-]+ )*$goal( [a-z-]+)*:|[:;] .*\b$goal(:|$)" <<<"$output" || { echo "no $goal"; false; }
	done
	mapfile -t vars < <({ make -pq -f mk/config.mk 2>/dev/null | sed -n 's/^\(EDIT_\)\?KNOBS := //p' | tr ' ' '\n'
		sed -n 's/^\([A-Z_]*\) ?=.*/\1/p' mk/[!l]*.mk; echo CC; } | sort -u)
	[ "${#vars[@]}" -gt 35 ]
	for var in "${vars[@]}"; do
		grep -qwF -- "$var" <<<"$output" || { echo "no $var"; false; }
	done
}

@test "the README's commands are goals, variables and tools that there are" {
	run make help
	# Every "make ..." in a code block or between backquotes.
	mapfile -t lines < <({ sed -n 's/^    make//p' README.md; grep -oE '`make [^`]*`' README.md | tr -d '`' | sed 's/^make//'; } | sed "s/#.*//; s/;/\n/g; s/'[^']*'//g")
	[ "${#lines[@]}" -gt 8 ]
	for line in "${lines[@]}"; do
		for word in ${line//make/}; do
			case $word in
			*=*) grep -qw -- "${word%%=*}" <<<"$output" || { echo "README: no variable in '$word'"; false; } ;;
			*) grep -qE "^  ([a-z-]+ )*$word( [a-z-]+)*:" <<<"$output" || { echo "README: no goal '$word'"; false; } ;;
			esac
		done
	done
	for tool in $(grep -oE '\blima-[a-z-]+' README.md | sort -u); do
		[ -x "$O/bin/$tool" ] || [ "$tool" = lima-guestagent ] || { echo "README: no tool $tool"; false; }
	done
	# What it links to and the folders of its table.
	for f in $(grep -oE '\]\([^)]*\)' README.md | tr -d '](){}') $(sed -n 's/^| `\([a-z]*\/\)`.*/\1/p' README.md); do
		[ -e "$f" ] || { echo "README: no $f"; false; }
	done
}

@test "the table of packages is whole, and Debian's names are right" {
	awk -F '\t' '/^#/ { next } NF != 7 || $2 !~ /^(build|run|image|check)$/ { print "line " NR ": " $0; bad = 1 }
		{ for (i = 3; i <= 7; i++) if ($i == "" || $i ~ / /) { print "line " NR ", column " i; bad = 1 } } END { exit bad }' hack/packages.tsv
	command -v dpkg-query >/dev/null || skip "no Debian"
	# make check has installed them all.
	for p in $(awk -F '\t' '!/^#/ && $3 !~ /^-$|\?$/ { print $3 }' hack/packages.tsv | sort -u); do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p")" = installed ] || { echo "no $p"; false; }
	done
}

@test "the workflow names goals, scripts and templates that there are" {
	python3 - <<-'EOF'
		import os, re, subprocess, yaml
		doc = yaml.safe_load(open(".github/workflows/test.yml"))
		goals = set(re.findall(r"^  ([a-z-]+):", subprocess.run(["make", "help"], capture_output=True, text=True).stdout, re.M))
		commands = [s["run"] for job in doc["jobs"].values() for s in job["steps"] if "run" in s]
		assert len(commands) > 3
		for c in commands:
		    for goal in re.findall(r"\bmake ([a-z-]+)", c):
		        assert goal in goals, c
		    for script in re.findall(r"\./[a-z/.-]+", c):
		        assert os.access(script, os.X_OK), c
		for job in doc["jobs"].values():
		    for template in job.get("strategy", {}).get("matrix", {}).get("template", []):
		        assert os.path.exists(template), template
	EOF
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
	for f in bin/lima-instance bin/lima-render bin/lima-fetch bin/lima-mkiso bin/lima-qemu-argv bin/lima-hostagent bin/lima-usernet \
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
