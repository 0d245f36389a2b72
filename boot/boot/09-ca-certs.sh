# shellcheck shell=sh
# The certificates of caCerts, on images without cloud-init, which does that by itself. What was done last is in STAMP, so that it
# is done again only after a change, and undone when they are no longer wanted.
[ "$LIMA_BOOT_MODE" = native ] || return 0
pem=$LIMA_CIDATA_MNT/ca-certs.pem
stamp=$LIMA_ROOT/var/lib/lima-ca-certs.pem
dir=$LIMA_ROOT/usr/local/share/ca-certificates
conf=$LIMA_ROOT/etc/ca-certificates.conf
certs=$LIMA_ROOT/etc/ssl/certs
if [ -e "$pem" ]; then
	! cmp -s "$pem" "$stamp" || return 0
else
	[ -e "$stamp" ] || return 0
	pem=/dev/null
fi

# One to a file, as update-ca-certificates wants them.
split() {
	mkdir -p "$dir"
	rm -f "$dir"/lima-*.crt
	awk -v to="$dir/lima-" '/^-----BEGIN/ { file = sprintf("%s%03d.crt", to, ++n) } file { print >file }
		/^-----END/ { close(file); file = "" }' "$pem"
}

# What update-ca-certificates would do for them, which looks at all others, too: seconds, and much more without KVM.
add() {
	for crt in "$dir"/lima-*.crt; do
		[ -e "$crt" ] || continue
		name=${crt##*/}
		name=${name%.crt}.pem
		hash=$(openssl x509 -hash -noout -in "$crt")
		cat "$crt" >>"$certs/ca-certificates.crt"
		ln -sf "${crt#"$LIMA_ROOT"}" "$certs/$name"
		n=0
		while [ -L "$certs/$hash.$n" ]; do n=$((n + 1)); done
		ln -s "$name" "$certs/$hash.$n"
	done
}

all() {
	have update-ca-certificates || fail 'update-ca-certificates is missing: install ca-certificates'
	# A '!' in front of a name switches a certificate of the system off.
	if grep -qs '^# instead' "$stamp"; then sed -i 's/^!//' "$conf"; fi
	if grep -qs '^# instead' "$pem"; then sed -i 's/^[^#!]/!&/' "$conf"; fi
	update-ca-certificates --fresh
}

split
if [ ! -e "$stamp" ] && [ -s "$certs/ca-certificates.crt" ] && have openssl && ! grep -q '^# instead' "$pem"; then add; else all; fi
if [ "$pem" = /dev/null ]; then rm "$stamp"; else cp "$pem" "$stamp"; fi
