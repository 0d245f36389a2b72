#!/usr/bin/env bats
# What a shell offers behind TAB: the candidates, and the scripts for bash, zsh and fish in these shells.
# shellcheck disable=SC2154 # run sets status, output

load ../lib/common

setup() {
	fresh_home
	export LIMA_HOME="$BATS_TEST_TMPDIR/li ma ü"
	cd "$BATS_TEST_TMPDIR"
	for name in alpha alpine beta; do
		mkdir -p "$LIMA_HOME/$name"
		echo '{}' >"$LIMA_HOME/$name/lima.yaml"
	done
	mkdir -p "$LIMA_HOME/_disks/data" "$LIMA_HOME/_disk/more" "$LIMA_HOME/.hidden" "$LIMA_HOME/nothing" "$LIMA_HOME/_config"
	touch "$LIMA_HOME/_disks/data/datadisk" "$LIMA_HOME/_disk/more/datadisk"
}

# offers "WANT" WORD... : the candidates and the directive, blank separated.
offers() {
	local want=$1
	shift
	run limactl __completeNoDesc "$@"
	[ "$status" = 0 ] && [ "$(echo $output)" = "$want" ] || { printf '%s\nwant: %s\ngot:  %s\n' "$*" "$want" "$(echo $output)"; return 1; }
}

# has WORD... -- CANDIDATE... : all of these are among the candidates.
has() {
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run limactl __completeNoDesc "${words[@]}"
	for want in "$@"; do
		grep -qxF -e "$want" <<<"$output" || { printf '%s: no %s in:\n%s\n' "${words[*]}" "$want" "$output"; return 1; }
	done
}

@test "commands, their groups, descriptions" {
	offers "protect prune :4" pr
	offers "autostart :4" aut
	offers "enable disable :4" autostart ''
	offers "enable :4" autostart en
	offers ":4" nosuch ''
	offers "protect prune :4" --debug --log-level info pr
	has '' -- protect autostart completion help
	run limactl __completeNoDesc ''
	! grep -qxE 'usernet|hostagent|start-at-login|guest-install|__complete' <<<"$output"
	run limactl __complete autostart d
	[ "${lines[0]}" = $'disable\tStart it by hand again' ]
	mkdir bin
	printf '#!/bin/sh\n' >bin/limactl-plug
	cp bin/limactl-plug bin/limactl-url-x
	chmod +x bin/*
	PATH=$PWD/bin:$PATH offers "plug :4" pl
	PATH=$PWD/bin:$PATH offers ":4" url
	offers "protect prune :4" help pr
}

@test "flags and their values" {
	offers "--log-format --log-level :4" --log
	offers "--keep-referred :4" prune --k
	offers "text json :4" --log-format ''
	offers "json :4" protect --log-format j
	offers "--log-format=text --log-format=json :4" protect --log-format=
	offers "--log-format=json :4" protect --log-format=j
	offers "--tty=true --tty=false :4" protect --tty=
	offers "--tty=false :4" --tty=f
	offers ":4" protect -- --t
	offers ":0" generate-jsonschema --schemafile ''
	has protect - -- --tty --yes --debug --help
	run limactl __complete autostart enable --cond
	[ "${lines[0]}" = $'--condition\twhen to start it: login' ]
}

@test "instances" {
	offers "alpha alpine beta :4" protect ''
	offers "alpha alpine :4" protect al
	offers "alpha beta :4" protect alpine ''
	offers "beta :4" unprotect alpha --debug b
	offers "alpha alpine beta :4" autostart enable ''
	offers ":4" autostart enable alpha ''
	LIMA_HOME=$BATS_TEST_TMPDIR/none offers ":4" protect ''
	[ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "templates, disks, networks, keys" {
	has create template:deb -- template:debian template:debian-12
	has start '' -- template:default template:docker
	run limactl __completeNoDesc create template:
	! grep -q 'template:_' <<<"$output"
	has create template:_im -- template:_images/debian-12
	has create template:experimental/ -- template:experimental/wsl2
	offers "data :4" disk delete d
	offers "data more :4" disk resize ''
	offers "lima:bridged lima:host lima:shared lima:user-v2 :4" create --network ''
	offers "lima:user-v2 :4" create --network lima:u
	printf 'networks:\n  mine: {mode: user-v2}\n  other: {mode: shared}\n' >"$LIMA_HOME/_config/networks.yaml"
	offers "lima:mine lima:other :4" create --network lima:
	offers "mine other :4" network list ''
	offers ".cpus .cpuType :6" create --set .cpu || offers ".cpuType .cpus :6" create --set .cpu
	has create --set .ssh. -- .ssh.localPort .ssh.forwardAgent
}

@test "values of the flags that change a template" {
	offers "1 2 4 8 :4" create --cpus ''
	offers "1 2 4 8 16 32 :4" create --memory ''
	has start --disk '' -- 30 100
	offers "reverse-sshfs 9p virtiofs :4" edit --mount-type ''
	offers "qemu :4" create --vm-type ''
	has create --arch '' -- x86_64 aarch64 riscv64
	offers "user system user+system none :4" create --containerd ''
	has create --shell '' -- /bin/bash
	has create --ssh-port '' -- 0
	has create --port-forward '' -- 8080:80
	offers "config cmd args options :4" show-ssh --format '' || has show-ssh --format '' -- cmd args options config
}

# --- in the shells ---

# What bash would fill in for a line of words, the last one unfinished.
in_bash() {
	bash --norc -c '
		source <(limactl completion bash)
		COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		compopt() { printf "compopt %s %s\n" "$1" "$2"; }
		_limactl
		printf "%s\n" "${COMPREPLY[@]}"' bash limactl "$@"
}

@test "bash" {
	[ "$(in_bash protect al)" = $'alpha\nalpine' ]
	[ "$(in_bash autostart d)" = disable ]
	[ "$(in_bash generate-jsonschema x)" = $'compopt -o default' ]
	# readline splits at ':' and '=': it gets what is behind them.
	[[ $(in_bash create template:debian-1) == *debian-12* ]]
	[[ $(in_bash create template:debian-1) != *template:* ]]
	[ "$(in_bash protect alpine '')" = $'alpha\nbeta' ]
	[ "$(in_bash protect --log-format=j)" = json ]
	[ "$(in_bash create --set .ssh.localP)" = $'compopt -o nospace\n.ssh.localPort' ] ||
		[ "$(in_bash create --set .ssh.localP)" = $'.ssh.localPort\ncompopt -o nospace' ]
	run limactl completion bash --no-descriptions
	[[ $output == *" __completeNoDesc "* ]]
	run limactl completion bash
	[[ $output == *" __complete "* ]]
}

# zsh's completion system with a stub for what shows the candidates.
in_zsh() {
	zsh -f -c '
		compdef() { : }
		_describe() { print -rl -- "${(@P)2}"; print -r -- "${@:3}" }
		_files() { print FILES }
		source <(limactl completion zsh)
		words=("$@") CURRENT=$#
		_limactl' zsh limactl "$@"
}

@test "zsh" {
	[ "$(in_zsh protect al)" = $'alpha\nalpine' ]
	[ "$(in_zsh autostart d)" = 'disable:Start it by hand again' ]
	[ "$(in_zsh generate-jsonschema x)" = FILES ]
	[[ $(in_zsh create template:debian-1) == *'template\:debian-12'* ]]
	[ "$(in_zsh create --set .ssh.localP)" = $'.ssh.localPort\n-S ' ]
}

in_fish() {
	fish --no-config -c 'limactl completion fish | source; complete -C "limactl '"$1"'"'
}

@test "fish" {
	[ "$(in_fish 'protect al')" = $'alpha\nalpine' ]
	[ "$(in_fish 'autostart d')" = $'disable\tStart it by hand again' ]
	[[ $(in_fish 'create template:debian-1') == *template:debian-12* ]]
	[ "$(in_fish 'protect --log-format=j')" = "--log-format=json" ]
	touch 'some file'
	[[ $(in_fish 'generate-jsonschema so') == *"some"* ]]
}

# --- typed at a prompt ---

# typed SHELL TEXT WANT: with the TAB keys in it (\t) the line becomes that.
typed() {
	local got
	got=$(timeout 120 python3 "$TOP/tests/lib/typed.py" "$1" "$2")
	[ "$got" = "$3" ] || { printf '%s: %s\nwant: %s\ngot:  %s\n' "$1" "$2" "$3" "$got"; return 1; }
}

# A command, an argument, a common beginning; a word that the shell would split; a value of a flag.
typed_lines() {
	command -v "$1" >/dev/null || skip "there is no $1"
	typed "$1" 'limactl unprot\tbe\t' 'limactl unprotect beta '
	typed "$1" 'limactl autostart en\tal\t' 'limactl autostart enable alp'
	typed "$1" 'limactl create template:debian-1\t2\t' 'limactl create template:debian-12 '
	typed "$1" 'limactl start --net\tlima:u\t' 'limactl start --network lima:user-v2 '
}

@test "typed in bash" {
	typed_lines bash
	typed bash 'limactl protect --log-format=j\t' 'limactl protect --log-format=json '
}

@test "typed in zsh" {
	typed_lines zsh
	# From a file of $fpath, as installed.
	mkdir functions
	limactl completion zsh >functions/_limactl
	run zsh -f -c 'fpath=(functions $fpath); autoload -U compinit; compinit -D -u; print -r -- ${_comps[limactl]}'
	[ "$output" = _limactl ]
}

@test "typed in fish" {
	typed_lines fish
}
