#!/bin/bash
# test-templates.sh - the integration test of one template: makes a machine from it and checks what a user relies on.
#
#   ./hack/test-templates.sh ./templates/default.yaml
#   ./hack/test-templates.sh ./hack/test-templates/test-misc.yaml
#
# The instance is named after the file, lives in a LIMA_HOME of its own, and is removed at the end. Prints TAP. A check that a
# template has to ask for (a parameter, an extra mount) runs when the template's name says so.
set -u

if [ $# != 1 ] || [ ! -f "$1" ]; then
	echo "usage: $0 TEMPLATE.yaml" >&2
	exit 2
fi
template=$(realpath "$1")
top=$(cd "$(dirname "$0")/.." && pwd)
name=t-$(basename "$template" .yaml)
make -s -C "$top" tools || exit 1
PATH=$top/${O:-build}/bin:$PATH
XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
tmp=$(mktemp -d /tmp/lima-t.XXXXXX)
HOME=$tmp/home LIMA_HOME=$tmp/lima
export PATH XDG_CACHE_HOME HOME LIMA_HOME
mkdir -p "$HOME"
echo "seen from the guest" >"$HOME/host-file"
trap 'lima-instance delete --force --quiet "$name"; rm -rf "$tmp"' EXIT

count=0 failed=0
check() { # NAME COMMAND...
	local what=$1
	shift
	count=$((count + 1))
	if output=$("$@" 2>&1); then
		echo "ok $count - $what"
	else
		failed=$((failed + 1))
		echo "not ok $count - $what"
		while IFS= read -r line; do echo "# $line"; done <<<"$output"
	fi
}
guest() { lima-instance shell "$name" -- sh -c "$1"; }
same() { [ "$1" = "$2" ] || { echo "got '$1', expected '$2'"; false; }; }
has_param() { grep -q "^ *$1:" "$template"; }

check "validates" lima-render --check "$template"
check "starts" lima-instance start --template "$template" "$name"
check "starts again without doing anything" lima-instance start "$name"
check "answers" guest 'uname -a'
check "has its host name" same "$(guest hostname)" "lima-$name"
# The guest's shell expands it.
# shellcheck disable=SC2016
check "systemd has nothing failed" guest 'command -v systemctl >/dev/null || exit 0; [ -z "$(systemctl --failed --no-legend)" ]'
check "passes exit statuses" same "$(lima-instance shell "$name" -- sh -c 'exit 9'; echo $?)" 9
if lima-render --json "$template" | grep -q '"location": *"'"$HOME"'"'; then
	check "shows the home directory" same "$(guest "cat '$HOME/host-file'")" "seen from the guest"
fi
if has_param word; then
	check "hands parameters to system scripts" same "$(guest 'sudo cat /etc/test-system')" "word"
	check "hands parameters to user scripts" same "$(guest 'cat ~/test-user')" "word"
	check "writes data files" same "$(guest 'sudo cat /etc/test-data')" "word"
fi
guest 'echo kept >~/kept; sync'
check "stops" lima-instance stop "$name"
check "starts after a stop" lima-instance start "$name"
check "keeps the home over a restart" same "$(guest 'cat ~/kept')" kept
check "is protected when asked to" bash -c "lima-instance protect $name && ! lima-instance delete $name 2>/dev/null && lima-instance unprotect $name"
check "is deleted" lima-instance delete --force "$name"
echo "1..$count"
[ "$failed" = 0 ]
