# vm - what the real-guest suites share: a home with a blank and a non-ASCII character in it, the machine's own image
# cache (an image is built once for all suites), and one instance for many tests.
load ../lib/common

# Once for each file. $1 = the instance's name.
vm_setup() {
	export VM=$1
	export XDG_CACHE_HOME=${LIMA_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}
	VM_TMP=$(mktemp -d /tmp/lima.XXXXXX)
	export VM_TMP
	export HOME="$VM_TMP/home" LIMA_HOME="$VM_TMP/lima hömè"
	mkdir -p "$HOME/work dir"
	echo "from the host" >"$HOME/work dir/file"
	unset LIMA_INSTANCE LIMA_SHELL LIMA_WORKDIR LIMA_TEMPLATES_PATH INSTANCE TEMPLATE CPUS MEMORY DISK SET CMD FORCE \
		http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY
	export DIR="$LIMA_HOME/$VM"
}

vm_teardown() {
	local name
	for name in "$LIMA_HOME"/[a-z]*/; do
		[ -d "$name" ] && lima-instance delete --force --quiet "$(basename "$name")"
	done
	[ ! -e "$VM_TMP/zone.pid" ] || kill "$(cat "$VM_TMP/zone.pid")"
	rm -rf "$VM_TMP"
}

# In setup_file: whether virtiofsd, and the confinement of what stands in for it, can be had on this machine. Otherwise VM_SKIP says
# why not, which is for vm_need in setup: all tests of the file are skipped.
#
# VIRTIOFSD=PATH tests with another one than the system's; the user's description of it goes first.
has_virtiofsd() {
	local p described=$HOME/.local/share/qemu/vhost-user
	VM_SKIP=
	if [ -n "${VIRTIOFSD-}" ]; then
		mkdir -p "$described"
		printf '{"description": "virtiofsd", "type": "fs", "binary": "%s"}\n' "$VIRTIOFSD" >"$described/50-virtiofsd.json"
	fi
	for p in ${VIRTIOFSD:+"$VIRTIOFSD"} /usr/libexec/virtiofsd /usr/lib/virtiofsd /usr/lib/qemu/virtiofsd; do
		[ ! -x "$p" ] || break
	done
	if [ ! -x "$p" ]; then
		VM_SKIP="there is no virtiofsd (Debian: package virtiofsd, up to Debian 12 in qemu-system-common)"
	elif [ "$(id -u)" != 0 ] && "$p" --version 2>&1 | grep -q 'QEMU Project'; then
		VM_SKIP="this virtiofsd must be run by root"
	elif ! lima-confine "$VM_TMP" /bin/true 2>/dev/null || ! lima-confine -rk "$VM_TMP" /bin/true 2>/dev/null; then
		VM_SKIP="this system allows no mount namespaces"
	fi
	export VM_SKIP
	[ -z "$VM_SKIP" ]
}
vm_need() { [ -z "${VM_SKIP-}" ] || skip "$VM_SKIP"; }

# The guest runs a command line.
guest() { lima-instance shell "$VM" -- sh -c "$1"; }

qemu_pid() { cat "$DIR/qemu.pid"; }
agent_pid() { cat "$DIR/ha.pid"; }

# How many QEMUs have this instance's directory as theirs.
count_qemu() {
	local n=0 p
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in
		*/qemu-system-*) [ "$(readlink "$p/cwd")" = "$DIR" ] && n=$((n + 1)) ;;
		esac
	done
	echo $n
}

state() { lima-instance status "$VM" | sed -n 's/^status: *//p'; }

export UNTIL_S=300 # a guest may be slow
in_vain() {
	[ ! -e "$DIR/ha.stderr.log" ] || tail -n 20 "$DIR/ha.stderr.log"
}

state_is() { [ "$(state)" = "$1" ]; }
await_state() { until_ok state_is "$1" || { echo "still $(state), not $1" >&2; return 1; }; }

# In setup_file: a name server with these records ('NAME TYPE VALUE'), which is the host's for all that is started from here on.
# What it was asked is in $VM_TMP/asked.
vm_nameserver() {
	printf '%s\n' "$@" >"$VM_TMP/zone"
	python3 "$TOP/tests/lib/fake-nameserver.py" "$VM_TMP/zone" >"$VM_TMP/asked" 2>"$VM_TMP/zone.err" 3>&- &
	echo $! >"$VM_TMP/zone.pid"
	until [ -s "$VM_TMP/asked" ]; do kill -0 $! && sleep 0.05; done
	export LIMA_RESOLV_CONF=$VM_TMP/resolv.conf
	printf 'nameserver [127.0.0.1]:%s\n' "$(head -n 1 "$VM_TMP/asked")" >"$LIMA_RESOLV_CONF"
}
