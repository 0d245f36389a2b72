# shellcheck shell=sh
# provision.sh - the `provision:` entries of lima.yaml, in the order data, yq, system, user, and within a mode in that of the
# file. (Dependency scripts run before packages are installed: boot/30-packages.sh.) Sourced by boot.sh.

# provision_mode MODE FUNCTION: one step for each file of that mode.
provision_mode() {
	for path in "$LIMA_CIDATA_MNT/provision.$1"/[0-9]*; do
		[ -f "$path" ] || continue
		step "provision.$1/${path##*/}" "$2" "$path"
	done
}

# The attributes of a file to be written: OWNER, TARGET, MODE from LIMA_CIDATA_<PREFIX>_<NUMBER>_*.
provision_file() {
	prefix=LIMA_CIDATA_$1_${2##*/}
	var "${prefix}_PATH" && TARGET=$LIMA_ROOT$REPLY
	[ -n "$REPLY" ] || fail "lima.env has no ${prefix}_PATH"
	var "${prefix}_OWNER" && OWNER=${REPLY:-root:root}
	var "${prefix}_PERMISSIONS" && MODE=${REPLY:-644}
}

# The folder of a file, made as its owner where he may, so that he owns what is made.
provision_parent() {
	parent=${1%/*}
	[ ! -d "${parent:=/}" ] || return 0
	as_user "${2%%:*}" mkdir -p "$parent" 2>/dev/null || {
		warn "$2 cannot make $parent; made as root"
		mkdir -p "$parent"
	}
}

as_user() {
	if [ "$1" = root ]; then
		shift
		"$@"
	else
		as_name=$1
		shift
		sudo -n -u "$as_name" -- "$@"
	fi
}

# Written beside its place and renamed, so that nobody sees half a file.
provision_data() {
	set -eu
	provision_file DATAFILE "$1"
	var "${prefix}_OVERWRITE"
	if [ -e "$TARGET" ] && [ "$REPLY" = false ]; then
		log "$TARGET exists and is not to be overwritten"
		return
	fi
	provision_parent "$TARGET" "$OWNER"
	[ ! -d "$TARGET" ] || fail "$TARGET is a folder"
	new=$TARGET.lima-new
	rm -f "$new"
	(umask 077 && cat "$1" >"$new")
	chown "$OWNER" "$new" && chmod "$MODE" "$new" && mv -f "$new" "$TARGET" || {
		rm -f "$new"
		exit 1
	}
}

# There is no yq in the guest yet: an error says so, instead of a file that is silently not edited.
provision_yq() {
	have yq || fail "mode: yq needs the program yq in the guest, and it is not there; install it by a dependency script"
	set -eu
	provision_file YQ_PROVISION "$1"
	var "${prefix}_FORMAT"
	format=${REPLY:-auto}
	[ "$format" != auto ] || case ${TARGET##*/} in
	*.yaml | *.yml) format=yaml ;;
	*.json | *.toml | *.xml | *.csv | *.tsv | *.ini) format=${TARGET##*.} ;;
	*.properties) format=props ;;
	*) warn "format of $TARGET is not known by its name: taken as yaml" && format=yaml ;;
	esac
	provision_parent "$TARGET" "$OWNER"
	new=$TARGET.lima-new
	if [ -e "$TARGET" ]; then
		yq --from-file "$1" --input-format "$format" --output-format "$format" "$TARGET" >"$new"
	else
		yq --null-input --from-file "$1" --output-format "$format" >"$new"
	fi
	chown "$OWNER" "$new"
	chmod "$MODE" "$new"
	mv -f "$new" "$TARGET"
}

# By sh whatever its first line says, as cloud-init's bootcmd would: there it runs long before this script.
provision_boot() { sh "$1"; }

provision_system() { "$1"; }

# As in a login of the user: his environment, and PARAM_* and nothing else from here.
provision_user() {
	set -eu
	user=$LIMA_CIDATA_USER home=$LIMA_CIDATA_HOME
	script=$LIMA_ROOT$home/.lima-user-script
	if have systemctl; then
		# Returns when his service manager is up.
		systemctl start "user@$LIMA_CIDATA_UID.service" || warn "no systemd of user $user: systemctl --user will not work"
	fi
	rm -f "$script"
	cp "$1" "$script"
	chown "$user" "$script"
	chmod 755 "$script"
	code=0
	export XDG_RUNTIME_DIR="/run/user/$LIMA_CIDATA_UID"
	sudo -iu "$user" "--preserve-env=XDG_RUNTIME_DIR${PARAM_NAMES:+,$PARAM_NAMES}" "$home/.lima-user-script" || code=$?
	rm -f "$script"
	exit $code
}

# passwordlessSudo: false. The password is made once, and kept where only the user can read it.
provision_password() {
	set -eu
	home=$LIMA_ROOT$LIMA_CIDATA_HOME
	serial_login
	[ ! -e "$home/.lima-password-set" ] || return 0
	password=$(od -An -N 8 -tx1 /dev/urandom | tr -d ' \n')
	printf '%s:%s\n' "$LIMA_CIDATA_USER" "$password" | chpasswd
	(umask 077 && printf '%s\n' "$password" >"$home/password")
	: >"$home/.lima-password-set"
	chown "$LIMA_CIDATA_USER" "$home/password" "$home/.lima-password-set"
}

# Who has a password can log in at the serial console, too. Recipe images start no getty by themselves.
serial_login() {
	[ "$LIMA_BOOT_MODE" = native ] && slurp "$LIMA_ROOT/sys/class/tty/console/active" || return 0
	tty=${REPLY##* }
	udevadm trigger "/dev/$tty" || return 0
	systemctl --no-block start "serial-getty@$tty.service"
}

provision_all() {
	provision_mode data provision_data
	provision_mode yq provision_yq
	provision_mode system provision_system
	provision_mode user provision_user
	[ "${LIMA_CIDATA_PASSWORDLESS_SUDO-1}" = 1 ] || step password provision_password
}
