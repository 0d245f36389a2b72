#!/usr/bin/env bats
# limactl and lima on a real machine: what needs a guest to be known, mixing with the verbs of make, and a whole script written for
# Lima.

load ../lib/vm
load ../lib/machine

setup_file() {
	vm_setup ctl
	export VM2=$VM_TMP/s
	limactl start --name=ctl --cpus=2 --memory=1 --disk=5 --mount-none template:recipe-debian-12 2>"$VM_TMP/start.log" ||
		{ cat "$VM_TMP/start.log"; tail -n 30 "$DIR/serial.log" "$DIR/ha.stderr.log"; false; }
}

teardown_file() {
	vm_teardown
	rm -rf "$VM2"
}

in_guest() { limactl shell ctl "$@"; }

@test "start told what people wait for, and nothing on standard output" {
	grep -q 'msg="READY. Run `limactl shell ctl` to open the shell."' "$VM_TMP/start.log"
	grep -q 'msg="SSH Local Port: [1-9]' "$VM_TMP/start.log"
	grep -q 'msg="\[hostagent\] ' "$VM_TMP/start.log"
	run --separate-stderr limactl start ctl
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $stderr == *'The instance `ctl` is already running. Run `limactl shell ctl` to open the shell.'* ]]
}

@test "every nasty argument arrives in the guest as it is" {
	local -a nasty=('a b' "it's" '"x"' '$HOME' '`id`' '$(id)' '*' '~' '' $'new\nline' $'tab\t' '\' '-x' '--' ';' '|' '{a,b}' '!' '#' '='
		'ümlaut ✓' $'\x01\x1b[0m' "'\"'\"'" 'x=y')
	printf '%s\0' "${nasty[@]}" >"$VM_TMP/want"
	in_guest printf '%s\0' "${nasty[@]}" >"$VM_TMP/got"
	cmp "$VM_TMP/want" "$VM_TMP/got"
	[ "$(in_guest FOO='a b' sh -c 'echo "$FOO"')" = 'a b' ]
}

@test "exit statuses, signals, standard streams" {
	for want in 0 1 2 42 126 255; do
		got=0
		in_guest sh -c "exit $want" || got=$?
		[ "$got" = "$want" ]
	done
	head -c 3000000 /dev/urandom >"$VM_TMP/blob"
	in_guest cat <"$VM_TMP/blob" | cmp - "$VM_TMP/blob"
	[ "$(in_guest sh -c 'echo out; echo err >&2' 2>"$VM_TMP/err")" = out ]
	[ "$(cat "$VM_TMP/err")" = err ]
	got=0
	in_guest sh -c 'kill -TERM $$' || got=$?
	[ "$got" = 255 ] # what ssh makes of it
}

@test "--workdir, --shell, --preserve-env, --reconnect, lima and its variables" {
	[ "$(limactl shell --workdir /usr/share ctl pwd)" = /usr/share ]
	got=0
	limactl shell --workdir /nowhere ctl pwd 2>"$VM_TMP/err" || got=$?
	[ "$got" = 1 ]
	[ "$(limactl shell --shell /bin/sh ctl 'readlink' /proc/self/exe | wc -l)" = 1 ]
	[ "$(NASTY=$'a b\n$x' limactl shell --preserve-env ctl printenv NASTY)" = $'a b\n$x' ]
	[ "$(LIMA_SHELLENV_BLOCK=+NASTY NASTY=x limactl shell --preserve-env ctl sh -c 'echo "${NASTY-none}"')" = none ]
	limactl shell --reconnect ctl true
	[ "$(LIMA_INSTANCE=ctl LIMA_WORKDIR=/usr lima pwd)" = /usr ]
	[ "$(LIMA_INSTANCE=ctl LIMA_SHELL=/bin/sh lima sh -c 'echo $0')" = sh ]
	# A terminal there when there is one here.
	script -qec "limactl shell ctl tty" /dev/null </dev/null | grep -q /dev/pts
}

@test "--sync works on a copy and brings the changes back; a failing command brings nothing" {
	mkdir -p "$HOME/project dir/sub"
	echo 1 >"$HOME/project dir/file"
	limactl shell --sync "$HOME/project dir" ctl sh -c 'pwd; echo 2 >>file; echo new >sub/new' >"$VM_TMP/pwd"
	grep -q "project dir$" "$VM_TMP/pwd"
	[ "$(cat "$HOME/project dir/file" "$HOME/project dir/sub/new" | tr '\n' ' ')" = "1 2 new " ]
	got=0
	limactl shell --sync "$HOME/project dir" ctl sh -c 'echo 3 >>file; exit 5' || got=$?
	[ "$got" = 5 ]
	[ "$(tail -n 1 "$HOME/project dir/file")" = 2 ]
}

@test "copy, both backends, both directions, directories and odd names" {
	mkdir -p "$VM_TMP/d/sub"
	echo 1 >"$VM_TMP/d/one"
	echo 2 >"$VM_TMP/d/sub/it's two"
	for backend in scp rsync auto; do
		limactl copy --backend=$backend -r "$VM_TMP/d" "ctl:$backend-d"
		limactl copy --backend=$backend -r "ctl:$backend-d" "$VM_TMP/$backend-back"
		diff -r "$VM_TMP/d" "$VM_TMP/$backend-back"
		limactl copy --backend=$backend "$VM_TMP/d/one" "ctl:/tmp/$backend-file"
		limactl copy --backend=$backend "ctl:/tmp/$backend-file" "$VM_TMP/$backend-file"
		cmp "$VM_TMP/d/one" "$VM_TMP/$backend-file"
		got=0
		limactl copy --backend=$backend "ctl:/tmp/nothing" "$VM_TMP/" 2>/dev/null || got=$?
		[ "$got" != 0 ]
	done
	# -r to a directory that is there: scp puts the source inside; rsync merges, unless a slash says otherwise.
	in_guest mkdir there-scp there-rsync there-slash
	limactl copy --backend=scp -r "$VM_TMP/d" ctl:there-scp
	in_guest test -e there-scp/d/one
	limactl copy --backend=rsync -r "$VM_TMP/d" ctl:there-rsync
	in_guest test -e there-rsync/one
	limactl copy --backend=rsync -r "$VM_TMP/d" ctl:there-slash/
	in_guest test -e there-slash/d/one
}

@test "copying from an instance to itself goes through the host" {
	in_guest sh -c 'echo x >~/from'
	limactl copy ctl:from ctl:to
	[ "$(in_guest cat to)" = x ]
}

@test "guest-install puts the guest agent where the configuration says, and replaces it" {
	agent=$(dirname "$(command -v limactl)")/../share/lima/lima-guestagent.Linux-x86_64
	limactl guest-install ctl
	in_guest sudo mv /usr/local/bin/lima-guestagent /usr/local/bin/first
	in_guest sudo sh -c 'echo an older one >/usr/local/bin/lima-guestagent'
	limactl guest-install ctl
	in_guest sudo cmp /usr/local/bin/first /usr/local/bin/lima-guestagent
	[ "$(in_guest sha256sum /usr/local/bin/lima-guestagent | cut -d' ' -f1)" = "$(sha256sum "$agent" | cut -d' ' -f1)" ]
	in_guest test -x /usr/local/bin/lima-guestagent
	in_guest test ! -e /usr/local/bin/.lima-guestagent.new
}

# What `make install` installs, with the libraries that the guest lacks.
install_tree() {
	local tree=$1 tool
	make -s -C "$TOP" ${O:+O="$O"} install DESTDIR="$tree" PREFIX=/usr/local
	mkdir "$tree/libs"
	for tool in limactl lima-instance lima-render lima-hostagent; do
		ldd "$tree/usr/local/bin/$tool" | awk '$2 == "=>" { print $3 }'
	done | sort -u | grep -vE '/(libc|libm|libresolv|libpthread|libdl|librt)\.so' >"$tree/list"
	xargs -a "$tree/list" -I{} cp -L {} "$tree/libs/"
}

@test "autostart with the systemd of the guest's user: unit, start, stop, a host agent that dies (8.24)" {
	install_tree "$VM_TMP/tree"
	mkdir "$VM_TMP/fake"
	BATS_FILE_TMPDIR=$VM_TMP/fake build_fake_qemu
	fake_make "$VM_TMP/fake/make"
	printf '#!/bin/sh\nexit 0\n' >"$VM_TMP/fake/ssh"
	chmod +x "$VM_TMP/fake/ssh"
	limactl copy -r "$VM_TMP/tree" ctl:tree
	limactl copy -r "$VM_TMP/fake" ctl:fake
	# Only what is missing: the guest's own programs keep theirs.
	in_guest sh -c 'cd tree && for l in libs/*; do ldconfig -p | grep -qF " ${l#libs/} " || sudo cp "$l" /usr/local/lib/; done
		sudo cp -a usr/local/. /usr/local/ && sudo ldconfig'
	run in_guest limactl --version
	[[ $output != *GLIBC_* ]] || skip "the guest's C library is older than the one that the tools are built for: $output"
	[ "$status" = 0 ]
	run timeout 300 limactl shell ctl sh <"$TOP/tests/data/autostart-guest.sh"
	[ "$status" = 0 ] || { echo "$output"; false; }
	[ "${lines[-1]}" = "all done" ]
}

@test "make and limactl work on the same instance" {
	lima-instance status ctl | grep -q Running
	[ "$(lima-instance shell ctl -- hostname)" = lima-ctl ]
	run limactl stop nothing
	[ "$status" = 1 ]
	lima-instance stop ctl
	[ "$(limactl list --format '{{.Status}}' ctl)" = Stopped ]
	fails 1 'expected status `Running`, got `Stopped` (maybe use `limactl stop -f`?)' limactl stop ctl
	limactl edit ctl --cpus 1
	limactl shell --start ctl nproc >"$VM_TMP/out" 2>"$VM_TMP/err"
	[ "$(cat "$VM_TMP/out")" = 1 ]
	run ! grep 'msg="READY' "$VM_TMP/err"
	limactl stop --force ctl
	[ "$(lima-instance status ctl | sed -n 's/^status: *//p')" = Stopped ]
	[ -z "$(find "$DIR" -maxdepth 1 -name '*.sock' -o -maxdepth 1 -name '*.pid')" ]
	qemu-img check -q "$DIR/diffdisk" || [ $? = 3 ]
	lima-instance delete ctl
	[ ! -e "$DIR" ]
}

@test "a script written for Lima runs unchanged" {
	mkdir -p "$VM2"
	# Under a name that sockets have room for.
	LIMA_HOME=$VM2 NAME=w TEMPLATE=template:recipe-debian-12 timeout 400 "$TOP/tests/data/lima-script.sh" >"$VM_TMP/script.log" 2>&1 ||
		{ tail -n 40 "$VM_TMP/script.log"; LIMA_HOME=$VM2 limactl delete -f w w-copy w-2; false; }
	[ "$(tail -n 1 "$VM_TMP/script.log")" = "all done" ]
}
