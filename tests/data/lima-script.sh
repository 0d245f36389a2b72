#!/bin/sh
# What people do with Lima, written for Lima: nothing in it knows by what limactl is provided. It needs a template (TEMPLATE) whose
# guest has perl and rsync, and curl on the host.
# Single quotes keep what is meant for the shell of the guest.
# shellcheck disable=SC2016
set -eu
TEMPLATE=${TEMPLATE:-template:default}
NAME=${NAME:-work}
COPY=$NAME-copy
DISK=$NAME-data
PORT=${PORT:-18765}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

step() { echo "=== $*" >&2; }
die() { echo "FAILED: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || die "expected '$2', got '$1'"; }
guest() { limactl shell "$NAME" "$@"; }

step "make"
limactl disk create "$DISK" --size 100M
limactl create --tty=false --name="$NAME" --cpus=2 --memory=1 --disk=5 --mount-none \
	--set ".additionalDisks = [\"$DISK\"]" --port-forward "$PORT:8080" "$TEMPLATE"
same "$(limactl list --format '{{.Status}}' "$NAME")" Stopped
limactl list -q | grep -qx "$NAME" || die "not listed"
! limactl create --tty=false --name="$NAME" "$TEMPLATE" 2>/dev/null || die "made twice"

step "start"
http_proxy=http://127.0.0.1:3128 no_proxy=localhost limactl start "$NAME"
same "$(limactl list --format '{{.Status}} {{.CPUs}}' "$NAME")" "Running 2"
limactl list --json "$NAME" | grep -q '"sshLocalPort":[1-9]' || die "no port"

step "shell"
same "$(guest hostname)" "lima-$NAME"
same "$(guest sh -c 'echo "$1"' sh 'a  "b"')" 'a  "b"'
same "$(echo text | guest cat)" text
status=0
guest sh -c 'exit 42' || status=$?
same "$status" 42
same "$(guest printenv http_proxy)" http://192.168.5.2:3128
same "$(LIMA_INSTANCE=$NAME lima uname -s)" Linux

step "copy"
mkdir -p "$tmp/src/sub"
echo one >"$tmp/src/file"
echo two >"$tmp/src/sub/file two"
limactl copy -r "$tmp/src" "$NAME:dir"
same "$(guest cat 'dir/sub/file two')" two
limactl cp --backend=scp -r "$NAME:dir" "$tmp/back"
diff -r "$tmp/src" "$tmp/back" || die "not the same"

step "forward a port"
guest sh -c 'nohup perl -MIO::Socket::INET -e "
	\$s = IO::Socket::INET->new(LocalAddr => q(127.0.0.1), LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
	while (\$c = \$s->accept) { while (<\$c>) { last if /^\s*\$/ } print \$c qq(HTTP/1.0 200 OK\r\n\r\nhello\n); close \$c }
	" >/dev/null 2>&1 &'
same "$(curl -sS --retry 20 --retry-delay 1 --retry-all-errors --max-time 60 "http://127.0.0.1:$PORT/")" hello

step "snapshot"
limactl snapshot create "$NAME" --tag live
same "$(limactl snapshot list "$NAME" --quiet)" live
limactl snapshot delete "$NAME" --tag live
same "$(limactl snapshot list "$NAME" --quiet)" ""

step "stop"
guest sh -c 'echo precious >~/data; sudo sh -c "echo on disk >/mnt/lima-'"$DISK"'/data"; sync'
! limactl delete "$NAME" 2>/dev/null || die "deleted while it runs"
limactl stop "$NAME"
limactl snapshot create "$NAME" --tag cold
limactl disk resize "$DISK" --size 200M
! guest true 2>/dev/null || die "a shell in a stopped instance"

step "clone"
limactl clone --tty=false "$NAME" "$COPY" --cpus 1 --set 'del(.additionalDisks) | del(.portForwards)'
limactl start "$COPY"
same "$(limactl shell "$COPY" sh -c 'hostname; cat ~/data; nproc' | tr '\n' ' ')" "lima-$COPY precious 1 "
limactl protect "$COPY"
! limactl delete -f "$COPY" 2>/dev/null || die "deleted although protected"
limactl unprotect "$COPY"
limactl delete -f "$COPY"
! limactl list -q | grep -qx "$COPY" || die "still listed"

step "start again: the data is there, the proxy is another one, the disk has grown"
http_proxy=http://127.0.0.1:3129 limactl start "$NAME"
same "$(guest cat data)" precious
same "$(guest cat "/mnt/lima-$DISK/data")" "on disk"
same "$(guest printenv http_proxy)" http://192.168.5.2:3129
size=$(guest lsblk -bdno SIZE /dev/disk/by-id/virtio-"$DISK" 2>/dev/null || guest sh -c 'lsblk -bno SIZE,MOUNTPOINT | grep "/mnt/lima-" | sort -n | tail -n 1 | sed "s/^ *//; s/ .*//"')
[ "$size" -gt 150000000 ] || die "the disk is still small: $size"
guest sh -c 'echo changed >~/data; sync'

step "restart"
limactl restart "$NAME"
same "$(guest cat data)" changed
same "$(guest sh -c 'echo "${http_proxy:-none}"')" none

step "back to the snapshot, rename, delete"
limactl stop "$NAME"
limactl snapshot apply "$NAME" --tag cold
limactl rename --tty=false "$NAME" "$NAME-2"
same "$(limactl list -q)" "$NAME-2"
limactl delete "$NAME-2"
limactl disk delete "$DISK"
echo "all done"
