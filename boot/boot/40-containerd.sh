# shellcheck shell=sh
# containerd and nerdctl from the archive on the cidata volume, system-wide, for the user, or both.
[ -n "${LIMA_CIDATA_CONTAINERD_SYSTEM:-}${LIMA_CIDATA_CONTAINERD_USER:-}" ] || return 0
have systemctl || { warn 'no systemd: containerd is not set up'; return 0; }
archive=$LIMA_CIDATA_MNT/${LIMA_CIDATA_CONTAINERD_ARCHIVE:-nerdctl-full.tgz}
prefix=$LIMA_ROOT${LIMA_CIDATA_GUEST_INSTALL_PREFIX:-/usr/local}
[ -e "$archive" ] || fail "the cidata volume has no ${archive##*/}"

# The archive is unpacked when it is another one than last time: comparing its size and time costs nothing.
stamp=$(stat -L -c '%s %Y' "$archive")
if ! slurp "$LIMA_ROOT/var/lib/lima/nerdctl" || [ "$REPLY" != "$stamp" ] || [ ! -x "$prefix/bin/nerdctl" ]; then
	systemctl stop containerd.service buildkit.service stargz-snapshotter.service 2>/dev/null || true
	mkdir -p "$prefix" "$LIMA_ROOT/var/lib/lima" "$LIMA_ROOT/etc/bash_completion.d"
	tar -C "$prefix" --no-same-owner -xzf "$archive"
	"$prefix/bin/nerdctl" completion bash >"$LIMA_ROOT/etc/bash_completion.d/nerdctl" || true
	systemctl daemon-reload
	put "$LIMA_ROOT/var/lib/lima/nerdctl" "$stamp"
fi

# new_file FILE TEXT: a configuration that the user may have changed is left alone.
new_file() {
	[ ! -e "$1" ] || return 0
	mkdir -p "${1%/*}"
	printf '%s\n' "$2" >"$1"
}

containerd_system() {
	new_file "$LIMA_ROOT/etc/containerd/config.toml" 'version = 2
imports = ["/etc/containerd/conf.d/*.toml"]

[plugins."io.containerd.grpc.v1.cri"]
  enable_cdi = true

[proxy_plugins.stargz]
  type = "snapshot"
  address = "/run/containerd-stargz-grpc/containerd-stargz-grpc.sock"'
	new_file "$LIMA_ROOT/etc/buildkit/buildkitd.toml" '[worker.oci]
  enabled = false

[worker.containerd]
  enabled = true
  namespace = "default"
  snapshotter = "overlayfs"'
	systemctl enable --now containerd.service buildkit.service stargz-snapshotter.service
}

# A command as the user, with his service manager in reach.
as_user_session() {
	sudo -iu "$user" "XDG_RUNTIME_DIR=/run/user/$LIMA_CIDATA_UID" "PATH=$prefix/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

containerd_user() {
	user=$LIMA_CIDATA_USER
	config=$LIMA_ROOT$LIMA_CIDATA_HOME/.config
	run=/run/user/$LIMA_CIDATA_UID
	new_file "$config/containerd/config.toml" "version = 2

[plugins.\"io.containerd.grpc.v1.cri\"]
  enable_cdi = true

[proxy_plugins.fuse-overlayfs]
  type = \"snapshot\"
  address = \"$run/containerd-fuse-overlayfs.sock\"

[proxy_plugins.stargz]
  type = \"snapshot\"
  address = \"$run/containerd-stargz-grpc/containerd-stargz-grpc.sock\""
	chown -R "$user" "$config"
	[ ! -e "$config/systemd/user/containerd.service" ] || return 0
	apparmor_rootlesskit
	systemctl start "user@$LIMA_CIDATA_UID.service"
	as_user_session containerd-rootless-setuptool.sh install
	as_user_session containerd-rootless-setuptool.sh install-buildkit-containerd
	as_user_session containerd-rootless-setuptool.sh install-stargz
}

# Ubuntu forbids user namespaces to programs without a profile.
apparmor_rootlesskit() {
	[ -e "$LIMA_ROOT/etc/apparmor.d/abi/4.0" ] && [ -e "$LIMA_ROOT/proc/sys/kernel/apparmor_restrict_unprivileged_userns" ] || return 0
	put "$LIMA_ROOT/etc/apparmor.d/usr.local.bin.rootlesskit" "abi <abi/4.0>,
include <tunables/global>
$prefix/bin/rootlesskit flags=(unconfined) {
  userns,
  include if exists <local/usr.local.bin.rootlesskit>
}"
	[ -z "$CHANGED" ] || systemctl restart apparmor.service
}

[ "${LIMA_CIDATA_CONTAINERD_SYSTEM:-}" != 1 ] || containerd_system
[ "${LIMA_CIDATA_CONTAINERD_USER:-}" != 1 ] || containerd_user
