# shellcheck shell=sh
# What rootless containers need: sub-ids, a user manager that stays, cgroup delegation, low ports. Each is looked at before it
# is done, so that this costs nothing on a second boot.
have systemctl || return 0
user=$LIMA_CIDATA_USER home=$LIMA_ROOT$LIMA_CIDATA_HOME

# A mount point below the home may have been made before the home.
if [ -d "$home" ] && [ -O "$home" ]; then
	find "$home" -xdev -user root -exec chown -h "$user" {} + || true
fi

# Recipe images have these settings from the start.
slurp "$LIMA_CIDATA_MNT/util/sysctl.conf"
put "$LIMA_ROOT/etc/sysctl.d/99-lima.conf" "$REPLY"
[ -z "$CHANGED" ] || sysctl -q -p "$LIMA_ROOT/etc/sysctl.d/99-lima.conf"
# Debian's own knob; its kernels have it on since Debian 11.
if slurp "$LIMA_ROOT/proc/sys/kernel/unprivileged_userns_clone" && [ "$REPLY" = 0 ]; then
	put "$LIMA_ROOT/etc/sysctl.d/99-lima-userns.conf" 'kernel.unprivileged_userns_clone = 1'
	sysctl -q -p "$LIMA_ROOT/etc/sysctl.d/99-lima-userns.conf"
fi

for file in subuid subgid; do
	[ -e "$LIMA_ROOT/etc/$file" ] || : >"$LIMA_ROOT/etc/$file"
	slurp "$LIMA_ROOT/etc/$file"
	case $NL$REPLY in *"$NL$user:"*) continue ;; esac
	first=524288
	[ "$LIMA_CIDATA_UID" -lt "$first" ] || first=$((LIMA_CIDATA_UID + 1))
	printf '%s:%s:1073741824\n' "$user" "$first" >>"$LIMA_ROOT/etc/$file"
done

mkdir -p "$LIMA_ROOT/etc/systemd/system/user@.service.d"
put "$LIMA_ROOT/etc/systemd/system/user@.service.d/lima.conf" '[Service]
Delegate=yes'
if [ -n "$CHANGED" ] && [ "$LIMA_BOOT_MODE" != native ]; then systemctl daemon-reload; fi

[ -e "$LIMA_ROOT/var/lib/systemd/linger/$user" ] || loginctl enable-linger "$user"

# Programs of the administrator in the user's PATH. At the beginning of the file, because Debian's .bashrc ends early for
# shells that are not interactive; as the user, because the folder is his. Recipe images have it in /etc/skel.
path_done=$LIMA_ROOT/var/lib/lima/path-$user
if [ "$LIMA_BOOT_MODE" != native ] && [ ! -e "$path_done" ]; then
	# shellcheck disable=SC2016 # his shell's variables
	as_user "$user" sh -c 'cd "$1" || exit
for file in .profile .bashrc .zshrc; do
	[ -f "$file" ] && ! grep -q "^# Lima BEGIN" "$file" || continue
	{ printf "%s\n" "$2"; cat "$file"; } >"$file.lima-new" && cat "$file.lima-new" >"$file"
	rm -f "$file.lima-new"
done' sh "$home" "$(cat "$LIMA_CIDATA_MNT/util/path.sh")"
	mkdir -p "${path_done%/*}"
	: >"$path_done"
fi
