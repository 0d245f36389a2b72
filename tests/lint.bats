#!/usr/bin/env bats
# The sources themselves: compilers, analysers, pages, and the rules of the house.

TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)

setup() {
	cd "$TOP"
}

c_files() { git ls-files '*.c' | grep -v '^tests/'; }
scripts() { git grep -lE '^#!/(usr/)?bin/(env )?(ba)?sh' -- ':!*.bats'; }

@test "clang builds everything without a warning" {
	make -s O="$BATS_TEST_TMPDIR/clang" CC=clang tools
}

@test "clang-tidy has nothing to say" {
	# One file at a time: over several the analyser makes things up. Its own notes about suppressed findings are noise.
	c_files | xargs -P2 -n1 sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$0" -- -std=c11 -D_GNU_SOURCE -Itools/lib -Itools \
		-DLIMA_VERSION="\"0\"" 2>/dev/null' >"$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; false; }
}

@test "cppcheck has nothing to say" {
	c_files | xargs cppcheck -j2 --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -Itools/lib -Itools -DLIMA_VERSION='"0"'
}

@test "shellcheck has nothing to say" {
	scripts | xargs shellcheck
}

@test "every tool has a man page without lint, --help and --version" {
	for tool in build/bin/lima-*; do
		name=$(basename "$tool")
		page=$(ls tools/man/"$name".[18])
		mandoc -Tlint -Wwarning "$page"
		"$tool" --help >"$BATS_TEST_TMPDIR/help"
		grep -q "$name" "$BATS_TEST_TMPDIR/help"
		"$tool" --version | grep -q "^$name "
	done
}

@test "no function that writes without a bound or splits by hidden state is used" {
	! git grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|ctime|asctime|system|popen|mktemp|tmpnam)\(' -- 'tools/*.c' 'tools/*.h'
}

@test "descriptors are close-on-exec from birth" {
	! git grep -nE '\bopen(at)?\(' -- 'tools/*.c' | grep -vE 'O_CLOEXEC|\* |"' | grep -E 'O_(RDONLY|RDWR|WRONLY)'
}

@test "files have one subject: none over 600 lines" {
	run bash -c "git ls-files -z '*.c' '*.h' '*.sh' '*.mk' Makefile '*.bats' | xargs -0 wc -l | awk '\$2 != \"total\" && \$1 > 600'"
	[ -z "$output" ] || { echo "$output"; false; }
}

@test "the table of forwarding rules is what its program makes" {
	tests/data/forward/make-table | cmp - tests/data/forward/table
}
