# limactl - helpers for tests of limactl: what it says and how it ends.
# shellcheck shell=bash disable=SC2154
load ../lib/common

# ok COMMAND... : succeeds; $output and $stderr are set.
ok() {
	run --separate-stderr "$@"
	[ "$status" = 0 ] || { printf 'status %s\n%s\n%s\n' "$status" "$output" "$stderr"; return 1; }
}

# fatal TEXT COMMAND... : ends with status 1, and its last line of log is fatal and has the text (as it is inside of the quotes).
fatal() {
	local want=$1
	shift
	run --separate-stderr "$@"
	if [ "$status" != 1 ] || [[ $(tail -n 1 <<<"$stderr") != *"level=fatal msg="*"$want"* ]]; then
		printf 'expected status 1 and fatal: %s\ngot %s\n%s\n%s\n' "$want" "$status" "$output" "$stderr"
		return 1
	fi
}

# says LEVEL TEXT : $stderr has such a line.
says() {
	grep -F -- "level=$1 msg=" <<<"$stderr" | grep -qF -- "$2" || { printf 'no %s %s in:\n%s\n' "$1" "$2" "$stderr"; return 1; }
}

# is EXPECTED : $output is just this.
is() { [ "$output" = "$1" ] || { diff <(printf '%s\n' "$1") <(printf '%s\n' "$output"); return 1; }; }

# Just nothing more than debug chatter on stderr.
quiet() { [ -z "$stderr" ] || { echo "unexpected: $stderr"; return 1; }; }

# instance NAME [YAML] : as far as commands need one that do not start it.
instance() {
	mkdir -p "$LIMA_HOME/$1"
	printf '%s\n' "${2:-$MINIMAL}" >"$LIMA_HOME/$1/lima.yaml"
}
# shellcheck disable=SC2034
MINIMAL='images: [{location: /image, arch: x86_64}]
arch: x86_64
cpus: 2
memory: 1GiB
disk: 3GiB
mounts: []
containerd: {system: false, user: false}'

# py CODE : a Python program on $output as `data`, its lines as JSON in `rows`.
py() { python3 -c 'import json,sys,yaml
data=sys.stdin.read()
def rows(): return [json.loads(l) for l in data.splitlines()]
'"$1" <<<"$output"; }
