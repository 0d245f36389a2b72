# shellcheck shell=sh
# The certificates of caCerts, on images without cloud-init, which does that by itself. What was done last is in STAMP, so that it
# is done again only after a change, and undone when they are no longer wanted.
[ "$LIMA_BOOT_MODE" = native ] || return 0
pem=$LIMA_CIDATA_MNT/ca-certs.pem
stamp=$LIMA_ROOT/var/lib/lima-ca-certs.pem
dir=$LIMA_ROOT/usr/local/share/ca-certificates
conf=$LIMA_ROOT/etc/ca-certificates.conf
if [ -e "$pem" ]; then
	! cmp -s "$pem" "$stamp" || return 0
else
	[ -e "$stamp" ] || return 0
	pem=/dev/null
fi
have update-ca-certificates || fail 'update-ca-certificates is missing: install ca-certificates'

# A '!' in front of a name switches a certificate of the system off.
if grep -qs '^# instead' "$stamp"; then sed -i 's/^!//' "$conf"; fi
if grep -qs '^# instead' "$pem"; then sed -i 's/^[^#!]/!&/' "$conf"; fi
mkdir -p "$dir"
rm -f "$dir"/lima-*.crt
# One to a file, as update-ca-certificates wants them.
awk -v to="$dir/lima-" '/^-----BEGIN/ { file = sprintf("%s%03d.crt", to, ++n) } file { print >file } /^-----END/ { close(file); file = "" }' "$pem"
update-ca-certificates --fresh
if [ "$pem" = /dev/null ]; then rm "$stamp"; else cp "$pem" "$stamp"; fi
