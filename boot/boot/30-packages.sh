# shellcheck shell=sh
# Dependency scripts of lima.yaml, then packages that the description needs and the guest has not.
dependency_failed=
for path in "$LIMA_CIDATA_MNT"/provision.dependency/[0-9]*; do
	[ -f "$path" ] || continue
	name=provision.dependency/${path##*/}
	log "step $name"
	status step "$name" start
	code=0
	"$path" || code=$?
	status step "$name" "$code"
	[ "$code" = 0 ] || {
		status_tail "$name"
		dependency_failed=1
	}
done
[ -z "$dependency_failed" ] || fail 'a dependency script failed: no packages are installed'
[ "${LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION:-}" != 1 ] || return 0

wanted=
want() { wanted="$wanted${wanted:+ }$1"; }
containers=${LIMA_CIDATA_CONTAINERD_SYSTEM:-}${LIMA_CIDATA_CONTAINERD_USER:-}
if sshfs_wanted && ! have sshfs; then want sshfs; fi
if { [ -n "$containers" ] || host_dns_wanted; } && ! have iptables; then want iptables; fi
if [ "${LIMA_CIDATA_CONTAINERD_USER:-}" = 1 ] && ! have newuidmap; then want rootless; fi
have rsync || want rsync
[ -n "$wanted" ] || return 0
# shellcheck disable=SC2046,SC2086 # lists of names
pkg_install $(packages_for $wanted)
