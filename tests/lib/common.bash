# common - what every bats file loads: the built tools in PATH, a home of its own, small helpers.
bats_require_minimum_version 1.5.0

# The tools: those of $O, else those already in PATH (tests/run sets it), else build/.
if [ -n "${O:-}" ]; then
	PATH=$(cd "$O" && pwd)/bin:$PATH
elif ! command -v lima-instance >/dev/null; then
	PATH=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build/bin:$PATH
fi
export PATH
TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export TOP

# A fresh HOME, LIMA_HOME and cache below the test's own folder, nothing inherited that would change results.
fresh_home() {
	export HOME=$BATS_TEST_TMPDIR/home XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache LIMA_HOME=$BATS_TEST_TMPDIR/lima
	mkdir -p "$HOME" "$XDG_CACHE_HOME"
	unset LIMA_INSTANCE LIMA_SHELL LIMA_WORKDIR LIMA_TEMPLATES_PATH LIMA_SHARE INSTANCE TEMPLATE CPUS MEMORY DISK SET CMD FORCE \
		http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY
	export LC_ALL=C.UTF-8
}

# Skips a test that needs namespaces of its own, made with these options of unshare, where there are none: for users of some
# kernels, and for everybody in a chroot.
need_namespaces() {
	unshare "$@" true 2>/dev/null || skip "namespaces (unshare $*) are not to be had here"
}

# fails STATUS TEXT COMMAND... : the command exits with STATUS and its output contains TEXT.
# shellcheck disable=SC2154 # status and output are set by run
fails() {
	local want=$1 text=$2
	shift 2
	run "$@"
	if [ "$status" != "$want" ] || [[ $output != *"$text"* ]]; then
		echo "expected status $want and '$text'; got status $status and:"
		echo "$output"
		return 1
	fi
}

# A plain "!" does not make a test fail.
not() {
	if "$@"; then
		echo "did not fail: $*"
		return 1
	fi
}

# Repeats a command until it succeeds. The bound, in seconds, only ends a hanging test.
UNTIL_S=20
until_ok() {
	local end=$((SECONDS + UNTIL_S))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > end)); then
			echo "in vain: $*"
			"$@" || :
			! declare -F in_vain >/dev/null || in_vain
			return 1
		fi
		sleep 0.02
	done
}

# Builds tests/lib/fake-qemu.c once for a bats file.
build_fake_qemu() {
	export FAKE_QEMU=$BATS_FILE_TMPDIR/fake-qemu
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -I"$TOP/tools/lib" -o "$FAKE_QEMU" "$TOP/tests/lib/fake-qemu.c" \
		"$TOP"/tools/lib/{buf,err,wire,kv,file}.c
}
