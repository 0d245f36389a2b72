# shellcheck shell=sh
# The environment of sessions. On images with cloud-init the user may have logged in before it was in place; such sessions are
# ended, so that the next one is complete. On others early.sh has done all that, and lima-ssh-ready.service tells the host.
put_environment
[ "$LIMA_BOOT_MODE" != native ] || return 0
if [ -n "$CHANGED" ] && have loginctl; then
	loginctl terminate-user "$LIMA_CIDATA_USER" 2>/dev/null || log "no session of $LIMA_CIDATA_USER to end"
fi
marker lima-ssh-ready
status ssh-ready
