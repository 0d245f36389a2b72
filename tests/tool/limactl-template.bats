#!/usr/bin/env bats
# limactl template copy, validate, yq, url, and limactl validate.

load ../lib/common
load ../lib/machine

setup() {
	machine_home
	printf '# kept\nbase: template:default\n\n# two\ncpus: 2 # c\n' >"$LIMA_HOME/_templates/two.yaml"
}

@test "copy: as it is, to standard output and to a file" {
	[ "$(limactl template copy --verbatim template:two)" = "$(cat "$LIMA_HOME/_templates/two.yaml")" ]
	limactl tmpl copy --verbatim template:two out.yaml
	cmp out.yaml "$LIMA_HOME/_templates/two.yaml"
	[ "$(stat -c %a out.yaml)" = 644 ]
	echo longer than that, by far >out.yaml
	printf 'cpus: 1' >in.yaml
	limactl tmpl copy --verbatim in.yaml out.yaml
	cmp in.yaml out.yaml
	limactl tmpl copy --verbatim - - <in.yaml | cmp - in.yaml
	for flag in --embed --embed-all --fill; do
		fails 1 '--verbatim' limactl tmpl copy --verbatim $flag in.yaml
	done
	fails 1 "don't know how to interpret" limactl tmpl copy ''
}

@test "copy alone makes relative locators absolute and merges nothing" {
	mkdir d
	printf 'base: part.yaml # why\nprovision:\n- file: x.sh\n' >d/t.yaml
	limactl tmpl copy d/t.yaml >out
	grep -qx "base: $WORK/d/part.yaml # why" out
	grep -q "file: $WORK/d/x.sh" out
}

@test "copy --embed keeps template: bases, --embed-all does not, --fill adds the defaults" {
	printf 'base: template:default\ncpus: 3\n' >part.yaml
	printf 'base: part.yaml\nmemory: 2GiB\n' >t.yaml
	limactl tmpl copy --embed t.yaml >out
	grep -q 'template:default' out
	grep -q 'cpus: 3' out
	not grep -q part.yaml out
	limactl tmpl copy --embed-all t.yaml >out
	not grep -q 'base:' out
	grep -q "$IMAGE" out
	not grep -q 'vmType' out
	limactl tmpl copy --fill t.yaml >out
	grep -q 'vmType: qemu' out
	grep -q 'memory: 2GiB' out
	limactl validate ./out.yaml 2>/dev/null && false
	cp out filled.yaml
	limactl validate ./filled.yaml
}

@test "a base with only a template: base comes through --embed byte for byte" {
	for text in '# c\nbase: template:default\n' 'base: template:default\n\n# two\ncpus: 2 # c\n' 'base:\n- template:default\n- template:two\n'; do
		printf "$text" >part.yaml
		printf 'base: part.yaml\n' | limactl tmpl copy --embed - - | cmp - part.yaml
	done
}

@test "copy and yq in colours on a terminal, and only there" {
	printf '# Of: all\nbase: template:default\n\nparam:\n  # of A\n  A: "x: y"  # why: so\nprovision:\n- script: |\n    # not: a comment\n    a: b\n  mode: system\n' >t.yaml
	limactl tmpl copy t.yaml >plain
	not grep -q $'\033' plain
	[ "$(_LIMA_OUTPUT_IS_TTY=1 NO_COLOR=1 limactl tmpl copy t.yaml)" = "$(cat plain)" ]
	_LIMA_OUTPUT_IS_TTY=1 limactl tmpl copy t.yaml >coloured
	diff plain <(sed 's/\x1b\[[0-9;]*m//g' coloured)
	key=$'\033[36m' comment=$'\033[90m' off=$'\033[0m'
	grep -qxF "$comment# Of: all$off" coloured
	grep -qxF "  $comment# of A$off" coloured
	grep -qF "  ${key}A$off: \"x: y\"  # why: so" coloured
	grep -qxF -- "- ${key}script$off: |" coloured
	grep -qxF "    # not: a comment" coloured
	grep -qxF "    a: b" coloured
	# A file is none, whatever the terminal; bytes stay bytes.
	_LIMA_OUTPUT_IS_TTY=1 limactl tmpl copy t.yaml to.yaml
	cmp plain to.yaml
	[ "$(_LIMA_OUTPUT_IS_TTY=1 limactl tmpl copy --verbatim t.yaml)" = "$(cat t.yaml)" ]
	# A real terminal.
	on_terminal '' tmpl copy t.yaml | grep -qF "${key}param$off:"
	on_terminal '' tmpl yq template:two '{"a": .cpus}' | grep -qF "${key}a$off: 2"
	[ "$(on_terminal '' tmpl yq template:two .cpus | tail -n 1 | tr -d '\r')" = 2 ]
	[ "$(NO_COLOR=1 on_terminal '' tmpl copy t.yaml | grep -c $'\033')" = 0 ]
}

@test "scripts in files become part of the copy" {
	printf '#!/bin/sh\necho hello\n' >x.sh
	printf 'base: template:default\nprovision:\n- mode: user\n  file: x.sh\n' >t.yaml
	limactl tmpl copy --embed t.yaml | grep -q 'echo hello'
}

@test "validate says OK for each, the first failure ends it, --fill prints" {
	printf 'cpus: -1\nbase: template:default\n' >bad.yaml
	run limactl validate template:two template:default
	[ "$status" = 0 ]
	has '`template:two`: OK'
	has '`template:default`: OK'
	fails 1 'failed to validate YAML file `bad.yaml`: ' limactl validate bad.yaml template:two
	[[ $output != *template:two* ]]
	fails 1 "can't determine instance name from template locator" limactl tmpl validate - </dev/null
	fails 1 'requires at least 1 arg(s), only received 0' limactl validate
	run --separate-stderr limactl tmpl validate --fill template:two
	[[ $output == *'vmType: qemu'* ]]
	[[ $output != *---* ]]
	run --separate-stderr limactl validate --fill template:two template:default
	[ "$(grep -cx -- --- <<<"$output")" = 2 ]
	[ "$(grep -cx '\.\.\.' <<<"$output")" = 2 ]
}

@test "every error of a template is told" {
	printf 'base: template:default\ncpus: -1\nmemory: lots\nmountType: floppy\n' >bad.yaml
	run limactl validate bad.yaml
	[ "$status" = 1 ]
	for key in cpus memory mountType; do
		has "$key"
	done
}

@test "all templates of ours are valid" {
	unset LIMA_TEMPLATES_PATH
	rm -r "$LIMA_HOME/_templates"
	# shellcheck disable=SC2046
	limactl validate $(limactl create --list-templates | sed 's/^/template:/') 2>"$BATS_TEST_TMPDIR/log" || { tail -n 3 "$BATS_TEST_TMPDIR/log"; false; }
	[ "$(grep -c ': OK' "$BATS_TEST_TMPDIR/log")" = "$(limactl create --list-templates | wc -l)" ]
}

@test "yq asks the complete template" {
	[ "$(limactl tmpl yq template:two .cpus)" = 2 ]
	[ "$(limactl tmpl yq template:two .vmType)" = qemu ]
	[ "$(limactl tmpl yq template:two '.images[].location')" = "$IMAGE" ]
	[ "$(limactl tmpl yq template:two 'select(.cpus == 3)')" = "" ]
	[ "$(limactl tmpl yq template:two '{"a": .cpus}')" = "a: 2" ]
	fails 1 'env operations have been disabled' limactl tmpl yq template:two 'env(HOME)'
	fails 1 'file operations have been disabled' limactl tmpl yq template:two 'load("/etc/passwd")'
}

@test "url shows what a locator stands for" {
	run --separate-stderr limactl tmpl url template://two
	[ "$output" = template:two ]
	[[ $stderr == *level=warning* ]]
	[ "$(limactl tmpl url https://x/y.yaml)" = https://x/y.yaml ]
	run --separate-stderr limactl tmpl url github:org/repo/vm.sh@v1
	[ "$output" = https://raw.githubusercontent.com/org/repo/v1/vm.sh ]
	[[ $stderr == *'The github: scheme is still EXPERIMENTAL'* ]]
	fails 1 'github: URL must contain at least an ORG, got ' limactl tmpl url github:
	printf '#!/bin/sh\necho "template:$1"\n' >"$BIN/limactl-url-my"
	chmod +x "$BIN/limactl-url-my"
	[ "$(limactl tmpl url my:two)" = template:two ]
	[ "$(limactl tmpl yq my:two .cpus)" = 2 ]
	run limactl --debug tmpl url my:two
	has 'Locator `my:two` replaced with `template:two`'
}

@test "github: templates through a link and a redirection, for limactl and lima-render" {
	# The tools beside a lima-fetch that has these files at GitHub.
	mkdir -p tools hub/me/me/HEAD hub/me/vms/v1/d
	cp "$(command -v limactl)" "$(command -v lima-render)" tools/
	printf '#!/bin/sh\nf=%s/hub/${1#https://raw.githubusercontent.com/}\n[ -f "$f" ] && echo "$f" && exit\n%s\n' "$PWD" \
		'echo "lima-fetch: $1: the server answered with HTTP status 404; check the URL" >&2; exit 69' >tools/lima-fetch
	chmod +x tools/lima-fetch
	LIMA_SHARE=$(realpath "$(dirname "$(realpath "$(command -v limactl)")")/../share/lima")
	export LIMA_SHARE
	echo github:me/vms >hub/me/me/HEAD/.lima.yaml
	printf d/real.yaml >hub/me/vms/v1/.lima.yaml
	printf '# of me\nbase: part.yaml\ncpus: 3\nimages: [{location: /i.raw}]\n' >hub/me/vms/v1/d/real.yaml
	echo 'memory: 3GiB' >hub/me/vms/v1/d/part.yaml
	run --separate-stderr tools/limactl tmpl url github:me@v1
	[ "$output" = https://raw.githubusercontent.com/me/vms/v1/d/real.yaml ] || { echo "$stderr"; false; }
	run tools/limactl --debug tmpl url github:me@v1
	has 'Locator `github:me@v1` replaced with `github:me/vms@v1`'
	has 'Locator `github:me/vms@v1` replaced with `https://raw.githubusercontent.com/me/vms/v1/d/real.yaml`'
	run --separate-stderr tools/limactl tmpl copy --embed-all github:me@v1
	[ "$status" = 0 ]
	has '# of me'
	has 'memory: 3GiB'
	[ "$(grep -c EXPERIMENTAL <<<"$stderr")" = 1 ]
	# As a base too.
	printf 'base: github:me@v1\n' >t.yaml
	run --separate-stderr tools/lima-render t.yaml
	[ "$status" = 0 ] || { echo "$stderr"; false; }
	has 'cpus: 3'
	has 'memory: 3GiB'
	[[ $stderr == *'The github: scheme is still EXPERIMENTAL'* ]]
	run tools/limactl tmpl url github:me/none
	[ "$status" = 1 ]
	has 'HTTP status 404'
}
