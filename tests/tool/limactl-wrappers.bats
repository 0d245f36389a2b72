#!/usr/bin/env bats
# lima, nerdctl.lima, docker.lima, ...: what they run, with a limactl that only says what it was asked.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/common

setup() {
	fresh_home
	unset DOCKER PODMAN KUBECTL APPTAINER_BINDPATH LIMACTL
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	# Instances are lines "NAME STATUS" of the file `instances`; any other call is told with its words in <>.
	cat >bin/limactl <<-'SCRIPT'
		#!/bin/sh
		here=$(dirname "$0")/..
		case "$1 $2" in
		"ls -q") grep -o "^$3 " "$here/instances" | tr -d ' ' ;;
		"ls -f") [ "$3" = '{{ .Status }}' ] && sed -n "s/^$4 //p" "$here/instances" ;;
		"list "*) printf '%s\n' "$4" | sed "s|{{.Dir}}|/home/i/$2|" ;;
		*)
			printf '<%s>' "$@"
			echo " $LIMA_INSTANCE"
			exit 5
			;;
		esac
	SCRIPT
	for client in docker podman kubectl; do
		printf '#!/bin/sh\nprintf "<%%s>" "$@"; echo " %s $DOCKER_HOST$CONTAINER_HOST$KUBECONFIG"; exit 6\n' $client >bin/host-$client
	done
	chmod +x bin/*
	: >instances
	PATH=$PWD/bin:$PATH
}

# runs STATUS OUTPUT COMMAND...
runs() {
	local status_want=$1 want=$2
	shift 2
	run --separate-stderr "$@"
	[ "$status" = "$status_want" ] && [ "$output" = "$want" ] && [ -z "$stderr" ] ||
		{ printf '%s\nwant %s: %s\ngot %s: %s\n%s\n' "$*" "$status_want" "$want" "$status" "$output" "$stderr"; return 1; }
}

# no COMMAND... : status 1, nothing on stdout.
no() {
	run --separate-stderr "$@"
	[ "$status" = 1 ] && [ -z "$output" ] || { echo "$status: $output"; return 1; }
}

@test "lima" {
	runs 5 '<shell><--instance><default> ' lima
	runs 5 '<shell><--instance><default><ls><-l><a b><> ' lima ls -l 'a b' ''
	runs 5 '<shell><--instance><x><--tty=false><ls> x' env LIMA_INSTANCE=x lima --tty=false ls
	runs 5 '<shell><--instance><default><--><-x> ' env -u LIMA_INSTANCE lima -- -x
	runs 5 '<shell><--instance><default> default' env LIMA_INSTANCE= LIMA_SHELL= LIMA_WORKDIR= lima
	runs 5 '<shell><--workdir></a b><--shell></bin/zsh><--instance><x><ls> x' \
		env LIMA_INSTANCE=x LIMA_SHELL=/bin/zsh 'LIMA_WORKDIR=/a b' lima ls
	runs 5 '<shell><--instance><default><--help><x> ' lima --help x
	runs 5 '<--version> ' lima --version
	runs 5 '<-v> ' lima -v
	cp bin/limactl bin/other
	rm bin/limactl
	runs 5 '<shell><--instance><default><ls> ' env LIMACTL="$PWD/bin/other" lima ls
	for flag in -h --help; do
		run --separate-stderr env LIMA_INSTANCE=x lima $flag
		[ "$status" = 0 ]
		[ -z "$stderr" ]
		[[ $output == Usage:* && $output == *'"x"'* && $output == *'"limactl"'* ]]
	done
}

@test "lima hands text from and to the command, and nothing is expanded" {
	runs 5 '<shell><--instance><default><$(id)><*><`id`><-n> ' lima '$(id)' '*' '`id`' -n
}

@test "nerdctl.lima" {
	runs 5 '<shell><--preserve-env><default><nerdctl><run><--rm><a b> ' nerdctl.lima run --rm 'a b'
	runs 5 '<shell><--preserve-env><x><nerdctl> x' env LIMA_INSTANCE=x nerdctl.lima
	runs 5 '<shell><--preserve-env><default><nerdctl> ' env LIMA_INSTANCE= nerdctl.lima
}

# engine NAME HOST_VARIABLE SOCKET GLOBAL_FLAGS: docker and podman.
engine() {
	local name=$1 variable=$2 socket=$3 flags=$4
	no "$name.lima" ps
	[[ $stderr == "instance \"$name\" does not exist, run "*"create --name=$name template:$name"* ]]
	no env LIMA_INSTANCE=x "$name.lima" ps
	[[ $stderr == "instance \"x\" does not exist, run "*"create --name=x template:$name"* ]]
	printf '%s Stopped\nx Broken\n' "$name" >instances
	no "$name.lima" ps
	[[ $stderr == "instance \"$name\" is not running, run "*"start $name"* ]]
	printf '%s Running\nx Running\n' "$name" >instances
	runs 5 "<shell><--instance><$name><$name><ps><a b> $name" env "$variable=no-such-program" "$name.lima" ps 'a b'
	runs 6 "$flags<ps><a b> $name unix:///home/i/x/sock/$socket" env LIMA_INSTANCE=x "$variable=host-$name" "$name.lima" ps 'a b'
}

@test "docker.lima" {
	engine docker DOCKER docker.sock ''
}

@test "podman.lima" {
	engine podman PODMAN podman.sock '<--remote>'
}

@test "kubectl.lima" {
	no kubectl.lima get pods
	[ "$(wc -l <<<"$stderr")" = 4 ]
	no env LIMA_INSTANCE=x kubectl.lima
	[[ $stderr == 'instance "x" does not exist, run '* ]]
	printf 'k8s Stopped\n' >instances
	no kubectl.lima
	[[ $stderr == 'instance "k8s" is not running, run '*'start k8s'* ]]
	printf 'k8s Running\nk3s Running\nx Running\n' >instances
	export KUBECTL=no-such-program
	runs 5 '<shell><--instance><k3s><sudo><kubectl><get><pods> k3s' kubectl.lima get pods
	runs 5 '<shell><--instance><x><sudo><kubectl> x' env LIMA_INSTANCE=x kubectl.lima
	export KUBECTL=host-kubectl
	runs 6 '<get><pods> kubectl /home/i/k3s/copied-from-guest/kubeconfig.yaml' kubectl.lima get pods
}

@test "apptainer.lima" {
	no apptainer.lima run
	[[ $stderr == 'instance "apptainer" does not exist, run '*'template:apptainer'* ]]
	printf 'apptainer Stopped\n' >instances
	no apptainer.lima run
	printf 'apptainer Running\nx Running\n' >instances
	runs 5 "<shell><--instance><apptainer><APPTAINER_BINDPATH=$HOME><apptainer><run><x y> apptainer" apptainer.lima run 'x y'
	runs 5 "<shell><--instance><x><APPTAINER_BINDPATH=/a,/b,$HOME><apptainer> x" \
		env LIMA_INSTANCE=x APPTAINER_BINDPATH=/a,/b apptainer.lima
}
