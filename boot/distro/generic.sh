# shellcheck shell=sh
# generic.sh - a distribution that we know nothing of. The others define the same names:
#
#   packages_for WHAT...   prints the names of the packages that give sshfs, fuse, iptables, rootless, rsync, ...
#   pkg_install NAME...    installs packages; a failure is the step's
#
# A new distribution is a file distro/<ID>.sh, by the ID (or a word of ID_LIKE) of its /etc/os-release.
packages_for() { printf '%s ' "$@"; }
pkg_install() { fail "no package manager is known for this distribution (ID and ID_LIKE: $DISTRO); install by hand: $*"; }
