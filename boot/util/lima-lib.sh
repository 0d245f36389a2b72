# shellcheck shell=sh disable=SC2034,SC2030,SC2031
# lima-lib.sh - what boot.sh, its modules and native/early.sh share. Sourced; defines functions and these variables:
#
#   LIMA_CIDATA_MNT   where the cidata volume is mounted
#   LIMA_RUN          /run        state of this boot: markers, lima-boot-status
#   LIMA_ROOT         (empty)     put before every other path that is written or read; tests set it
#   BOOT_ID           the kernel's id of this boot: a marker that holds another one is left over from an earlier boot
#   TAB, NL           one character each
#
# The style is that of a machine on which starting a program takes 10 ms: the shell's own words before programs.

LIMA_ROOT=${LIMA_ROOT:-}
LIMA_RUN=${LIMA_RUN:-$LIMA_ROOT/run}
LIMA_CIDATA_MNT=${LIMA_CIDATA_MNT:-/mnt/lima-cidata}
STATUS=$LIMA_RUN/lima-boot-status
TAB='	'
NL='
'
if [ -z "${BOOT_ID:-}" ]; then
	read -r BOOT_ID <"${LIMA_BOOT_ID_FILE:-/proc/sys/kernel/random/boot_id}"
fi

# ---- words -----------------------------------------------------------------------------------------------------------

# The time in front is that since the machine was started, in seconds: there for the reading, unlike a date.
log() {
	read -r log_time log_rest </proc/uptime
	printf 'LIMA %s| %s\n' "$log_time" "$*"
}
warn() { log "WARNING: $*"; }
fail() {
	log "ERROR: $*"
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# slurp FILE: REPLY = its text without the final newline; false and "" when it cannot be read.
slurp() {
	REPLY='' slurp_more=''
	[ -r "$1" ] || return 1
	while IFS= read -r slurp_line || [ -n "$slurp_line" ]; do
		REPLY=$REPLY$slurp_more$slurp_line
		slurp_more=$NL
	done <"$1"
}

# put FILE TEXT: writes text and a newline unless the file holds just that; says by CHANGED=1 that it wrote.
put() {
	CHANGED=
	if slurp "$1" && [ "$REPLY" = "$2" ]; then return 0; fi
	printf '%s\n' "$2" >"$1" && CHANGED=1
}

# put_private UMASK FILE TEXT: the same; a file that is new gets no more rights than the mask leaves.
put_private() {
	umask "$1"
	put "$2" "$3"
	put_code=$?
	umask 022
	return $put_code
}

# var NAME: REPLY = the value of that variable, "" when unset. NAME is built by our own code, its value is not evaluated.
var() {
	case $1 in *[!A-Za-z0-9_]*) return 1 ;; esac
	eval "REPLY=\${$1:-}"
}

# ---- the env files of cidata -----------------------------------------------------------------------------------------

# Values are never evaluated: what the shell would make of $(x), quotes or blanks in them does not happen.
# read_env FILE PREFIX: exports its KEY=VALUE lines whose key is PREFIX and capital letters, digits, _ (param.env: any
# letters). The names are added to ENV_NAMES, separated by commas.
read_env() {
	[ -r "$1" ] || return 1
	while IFS= read -r env_line || [ -n "$env_line" ]; do
		env_key=${env_line%%=*}
		case $env_key in
		"$env_line" | *[!A-Za-z0-9_]*) continue ;;
		"$2"?*) export "$env_key=${env_line#*=}" && ENV_NAMES=${ENV_NAMES:-}${ENV_NAMES:+,}$env_key ;;
		esac
	done <"$1"
}

# read_pam_env FILE: exports the lines of etc_environment as pam_env takes them: blanks and "export " before the name
# dropped, # ends a value, one quote at its begin and, if there was one, at its end removed.
read_pam_env() {
	[ -r "$1" ] || return 0
	while IFS= read -r env_line || [ -n "$env_line" ]; do
		env_line=${env_line%%#*}
		env_line=${env_line#"${env_line%%[! "$TAB"]*}"}
		env_line=${env_line#export }
		env_line=${env_line%"${env_line##*[! "$TAB"]}"}
		env_key=${env_line%%=*}
		case $env_key in
		'' | "$env_line" | [0-9]* | *[!A-Za-z0-9_]*) continue ;;
		esac
		env_value=${env_line#*=}
		case $env_value in
		[\"\']*)
			env_value=${env_value#?}
			case $env_value in *[\"\']) env_value=${env_value%?} ;; esac
			;;
		esac
		export "$env_key=$env_value"
	done <"$1"
}

# ---- what the host is told -------------------------------------------------------------------------------------------

# status FIELD...: one line of lima-boot-status, its fields separated by tabs.
status() {
	status_line=$1
	shift
	for status_field; do status_line=$status_line$TAB$status_field; done
	printf '%s\n' "$status_line" >>"$STATUS"
}

# status_begin MODE: starts the file; does nothing when this boot's has been started already.
status_begin() {
	if [ -r "$STATUS" ] && read -r REPLY <"$STATUS" && [ "$REPLY" = "begin$TAB$BOOT_ID$TAB$1" ]; then return 0; fi
	printf 'begin\t%s\t%s\n' "$BOOT_ID" "$1" >"$STATUS"
}

# status_tail NAME: the last lines of this step's part of the log, without control characters.
status_tail() {
	awk -v mark="| step $1" '/^LIMA / && substr($0, index($0, "|")) == mark { n = 0; next } { line[n++] = $0 }
		END { for (i = n > 20 ? n - 20 : 0; i < n; i++) print line[i] }' "$LIMA_LOG" |
		LC_ALL=C tr '\000-\010\013-\037\177' '?' | cut -c 1-1000 |
		while IFS= read -r REPLY; do status tail "$1" "$REPLY"; done
}

marker() { printf '%s\n' "$BOOT_ID" >"$LIMA_RUN/$1"; }

# ---- /etc files that hold a block of ours ----------------------------------------------------------------------------

# put_block FILE BEGIN END TEXT: the lines between BEGIN and END in FILE become TEXT; CHANGED=1 when that wrote something.
put_block() {
	block_out='' block_in=''
	block_old=
	slurp "$1" && block_old=$REPLY
	while IFS= read -r REPLY; do
		case $REPLY in
		"$2") block_in=1 ;;
		"$3") block_in='' ;;
		*) [ -n "$block_in" ] || block_out=$block_out$REPLY$NL ;;
		esac
	done <<-EOF
	$block_old
	EOF
	[ -n "$block_old" ] || block_out=
	put "$1" "$block_out$2$NL$4${4:+$NL}$3"
}

# The user's environment, into /etc/environment, from where PAM reads it for every session. The file brings its marks along.
put_environment() {
	slurp "$LIMA_CIDATA_MNT/etc_environment" || return 0
	env_body=${REPLY#"#LIMA-START"}
	env_body=${env_body%"#LIMA-END"}
	env_body=${env_body#"$NL"}
	put_block "$LIMA_ROOT/etc/environment" '#LIMA-START' '#LIMA-END' "${env_body%"$NL"}"
}

# ---- the guest agent -------------------------------------------------------------------------------------------------

# REPLY = the options for the way by which the agent talks to the host: the virtio port when the machine has one, else vsock, else a socket that
# ssh forwards to the host as the user.
agent_args() {
	for agent_port in "$LIMA_ROOT"/sys/class/virtio-ports/*/name; do
		slurp "$agent_port" && [ "$REPLY" = "${LIMA_CIDATA_VIRTIO_PORT:-io.lima-vm.guest_agent.0}" ] || continue
		REPLY="--virtio-port $REPLY"
		return
	done
	if [ "${LIMA_CIDATA_VSOCK_PORT:-0}" != 0 ]; then
		REPLY="--vsock-port $LIMA_CIDATA_VSOCK_PORT"
	else
		REPLY="--unix /run/lima-guestagent.sock --socket-owner $LIMA_CIDATA_UID"
	fi
}
