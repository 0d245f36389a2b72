# shellcheck shell=sh
# early.sh - what a login needs, on an image without cloud-init: host key, user, keys, sudo, host name, time zone, network,
# environment. Read by lima-init before sshd and the guest agent start. Every boot; writes only what differs, so a second
# boot starts hardly a program.
. "${LIMA_CIDATA_MNT:=/mnt/lima-cidata}/util/lima-lib.sh"

early_env() {
	[ -d "$LIMA_RUN/lima" ] || mkdir -p "$LIMA_RUN/lima"
	status_begin native
	read_env "$LIMA_CIDATA_MNT/lima.env" LIMA_CIDATA_ || fail "$LIMA_CIDATA_MNT/lima.env cannot be read"
}

early_hostname() {
	name=${LIMA_CIDATA_HOSTNAME:-lima-$LIMA_CIDATA_NAME}
	printf '%s\n' "$name" >"$LIMA_ROOT/proc/sys/kernel/hostname"
	put "$LIMA_ROOT/etc/hostname" "$name"
	put_block "$LIMA_ROOT/etc/hosts" '#LIMA-START' '#LIMA-END' \
		"127.0.1.1$TAB$name${LIMA_CIDATA_SLIRP_GATEWAY:+$NL$LIMA_CIDATA_SLIRP_GATEWAY${TAB}host.lima.internal}"
}

early_host_key() {
	key=$LIMA_ROOT/etc/ssh/ssh_host_ed25519_key
	for part in '' .pub; do
		slurp "$LIMA_CIDATA_MNT/ssh_host_ed25519_key$part" || return 0
		put_private 077 "$key$part" "$REPLY" || return
	done
}

# known FILE NAME: whether FILE (passwd, group, ...) has an entry of that name; REPLY = the rest of it.
known() {
	while IFS=: read -r entry REPLY; do
		[ "$entry" != "$2" ] || return 0
	done <"$1"
	return 1
}

# REPLY = a text as a field of passwd: without the colons that would end it.
passwd_field() {
	REPLY=$1
	while :; do
		case $REPLY in
		*:*) REPLY=${REPLY%%:*}\ ${REPLY#*:} ;;
		*) return ;;
		esac
	done
}

# The files are appended to directly: nothing else runs yet that could want their locks, and useradd costs a second.
early_user() {
	user=$LIMA_CIDATA_USER uid=$LIMA_CIDATA_UID home=$LIMA_CIDATA_HOME
	known "$LIMA_ROOT/etc/group" "$user" || printf '%s:x:%s:\n' "$user" "$uid" >>"$LIMA_ROOT/etc/group"
	known "$LIMA_ROOT/etc/gshadow" "$user" || printf '%s:!::\n' "$user" >>"$LIMA_ROOT/etc/gshadow"
	known "$LIMA_ROOT/etc/shadow" "$user" || printf '%s:!*:19700:0:99999:7:::\n' "$user" >>"$LIMA_ROOT/etc/shadow"
	known "$LIMA_ROOT/etc/passwd" "$user" || {
		passwd_field "${LIMA_CIDATA_COMMENT:-}"
		printf '%s:x:%s:%s:%s:%s:%s\n' "$user" "$uid" "$uid" "$REPLY" "$home" "${LIMA_CIDATA_SHELL:-/bin/bash}" \
			>>"$LIMA_ROOT/etc/passwd"
	}
	for file in subuid subgid; do
		[ -e "$LIMA_ROOT/etc/$file" ] && known "$LIMA_ROOT/etc/$file" "$user" ||
			printf '%s:%s:1073741824\n' "$user" "$((uid < 524288 ? 524288 : uid + 1))" >>"$LIMA_ROOT/etc/$file"
	done
	if [ ! -d "$LIMA_ROOT$home/.ssh" ]; then
		mkdir -p "$LIMA_ROOT$home"
		cp -R "$LIMA_ROOT/etc/skel/." "$LIMA_ROOT$home"
		mkdir -m 700 "$LIMA_ROOT$home/.ssh"
		chown -R "$uid:$uid" "$LIMA_ROOT$home"
		chmod 750 "$LIMA_ROOT$home"
	fi
	# Its user manager runs from boot on: rootless containers need it, and the first login does not wait for it.
	[ -d "$LIMA_ROOT/var/lib/systemd/linger" ] || mkdir -p "$LIMA_ROOT/var/lib/systemd/linger"
	[ -e "$LIMA_ROOT/var/lib/systemd/linger/$user" ] || : >"$LIMA_ROOT/var/lib/systemd/linger/$user"
}

early_keys() {
	slurp "$LIMA_CIDATA_MNT/ssh_authorized_keys" || return 0
	file=$LIMA_ROOT$LIMA_CIDATA_HOME/.ssh/authorized_keys
	put_private 077 "$file" "$REPLY" || return
	[ -z "$CHANGED" ] || chown "$LIMA_CIDATA_UID:$LIMA_CIDATA_UID" "$file"
}

early_sudo() {
	rule=ALL
	[ "${LIMA_CIDATA_PASSWORDLESS_SUDO-1}" != 1 ] || rule='NOPASSWD:ALL'
	put_private 337 "$LIMA_ROOT/etc/sudoers.d/90-lima" "$LIMA_CIDATA_USER ALL=(ALL) $rule"
}

early_timezone() {
	zone=${LIMA_CIDATA_TIMEZONE:-}
	[ -n "$zone" ] && [ -e "$LIMA_ROOT/usr/share/zoneinfo/$zone" ] || return 0
	put "$LIMA_ROOT/etc/timezone" "$zone"
	[ -z "$CHANGED" ] || ln -sf "/usr/share/zoneinfo/$zone" "$LIMA_ROOT/etc/localtime"
}

# The folder by which pam_systemd knows that there is a logind. It is not there yet, but the login that asks for it over
# the bus starts it: so the exchange of keys, a second under emulation, need not wait for that.
early_sessions() { [ -d "$LIMA_RUN/systemd/seats" ] || mkdir -p "$LIMA_RUN/systemd/seats"; }

early_environment() { put_environment; }

# Read by lima-guestagent.service.
early_agent() {
	agent_args
	printf 'LIMA_AGENT_ARGS=%s\n' "$REPLY" >"$LIMA_RUN/lima/agent.env"
}

# The host stops a machine by its power button, which logind heeds when udev has tagged it; and udev, on these images, comes
# after all else. So the tag is put here, in the form of udev's own records, which udev overwrites in its time.
early_power_button() {
	for input in "$LIMA_ROOT"/sys/class/input/event*; do
		slurp "$input/device/name" && [ "$REPLY" = 'Power Button' ] && slurp "$input/dev" || continue
		id=c$REPLY
		[ -d "$LIMA_RUN/udev/tags/power-switch" ] || mkdir -p "$LIMA_RUN/udev/data" "$LIMA_RUN/udev/tags/power-switch"
		: >"$LIMA_RUN/udev/tags/power-switch/$id"
		[ -e "$LIMA_RUN/udev/data/$id" ] || printf 'I:1\nE:ID_INPUT=1\nE:ID_INPUT_KEY=1\nG:power-switch\nQ:power-switch\nV:1\n' \
			>"$LIMA_RUN/udev/data/$id"
	done
}

# The driver for the host's folders takes a second to load under emulation, and a processor has nothing to do now.
early_drivers() {
	case ${LIMA_CIDATA_MOUNTS_0_FSTYPE:-} in
	9p) exec modprobe -qa 9pnet_virtio 9p ;;
	virtiofs) exec modprobe -q virtiofs ;;
	esac
}

early_main() {
	# shellcheck disable=SC2034 # status_tail reads it
	LIMA_LOG=$LIMA_ROOT/var/log/lima-init.log
	code=0
	early_env
	early_drivers &
	for part in network hostname host_key user keys sudo timezone sessions environment agent power_button; do
		"early_$part" || { code=1; warn "early_$part failed"; }
	done
	return $code
}

. "$LIMA_CIDATA_MNT/native/network.sh"

log 'step native/early.sh'
early_main
code=$?
status step native/early.sh start
status step native/early.sh "$code"
[ "$code" = 0 ] || {
	status_tail native/early.sh
	: >"$LIMA_RUN/lima/early-failed"
}
exit "$code"
