# shellcheck shell=sh
# The guest agent as a service. Early, because it tells the host of all the steps after this one. A recipe image has a unit
# that runs it from the cidata volume; elsewhere it is installed.
[ "$LIMA_BOOT_MODE" != native ] && [ -e "$LIMA_CIDATA_MNT/lima-guestagent" ] || return 0
bin=${LIMA_CIDATA_GUEST_INSTALL_PREFIX:-/usr/local}/bin/lima-guestagent
agent_args
args="daemon $REPLY"
[ "${LIMA_CIDATA_DEBUG:-}" != true ] || args="$args --debug"
changed=
if ! cmp -s "$LIMA_CIDATA_MNT/lima-guestagent" "$LIMA_ROOT$bin"; then
	mkdir -p "$LIMA_ROOT${bin%/*}"
	cp "$LIMA_CIDATA_MNT/lima-guestagent" "$LIMA_ROOT$bin.new"
	chmod 755 "$LIMA_ROOT$bin.new"
	mv -f "$LIMA_ROOT$bin.new" "$LIMA_ROOT$bin"
	changed=1
fi

agent_systemd() {
	put "$LIMA_ROOT/etc/systemd/system/lima-guestagent.service" "[Unit]
Description=Lima guest agent

[Service]
ExecStart=$bin $args
Restart=on-failure
OOMPolicy=continue
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target"
	if [ -n "$CHANGED" ]; then
		changed=1
		systemctl daemon-reload
		systemctl -q enable lima-guestagent.service
	fi
	[ -z "$changed" ] || systemctl --no-block restart lima-guestagent.service
	systemctl --no-block start lima-guestagent.service
}

agent_openrc() {
	put "$LIMA_ROOT/etc/init.d/lima-guestagent" "#!/sbin/openrc-run
supervisor=supervise-daemon
name=lima-guestagent
command=$bin
command_args=\"$args\"
output_log=/var/log/lima-guestagent.log
error_log=/var/log/lima-guestagent.log
pidfile=/run/lima-guestagent.pid"
	[ -z "$CHANGED" ] || changed=1
	chmod 755 "$LIMA_ROOT/etc/init.d/lima-guestagent"
	rc-update add lima-guestagent default
	[ -z "$changed" ] || rc-service --ifstarted lima-guestagent restart
	rc-service --ifstopped lima-guestagent start
}

if have systemctl; then
	agent_systemd
elif [ -e "$LIMA_ROOT/sbin/openrc-run" ]; then
	agent_openrc
else
	fail 'neither systemd nor OpenRC: the guest agent cannot be started'
fi
