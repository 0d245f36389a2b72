# shellcheck shell=sh
# Colours of the host's terminal in ssh sessions.
[ -d "$LIMA_ROOT/etc/ssh/sshd_config.d" ] && [ "$LIMA_BOOT_MODE" != native ] || return 0
put "$LIMA_ROOT/etc/ssh/sshd_config.d/10-acceptenv-colorterm.conf" 'AcceptEnv COLORTERM'
if [ -n "$CHANGED" ] && have systemctl; then
	systemctl try-reload-or-restart ssh.service sshd.service 2>/dev/null || true
fi
