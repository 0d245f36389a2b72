# shellcheck shell=sh
# ssh-ready.sh - tells the host that sessions opened from now on are complete and stay.
. "${LIMA_CIDATA_MNT:=/mnt/lima-cidata}/util/lima-lib.sh"
marker lima-ssh-ready
status ssh-ready
