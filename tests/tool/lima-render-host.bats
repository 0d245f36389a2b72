#!/usr/bin/env bats
# What lima-render takes over from the host into the guest: proxies, as the host resolves their names, and certificates.

load ../lib/common

setup() {
	fresh_home
	export DIR=$LIMA_HOME/vm
	mkdir -p "$LIMA_HOME"
	mkdir -m 700 "$DIR"
	printf 'images: [{location: https://example.org/a.qcow2}]\ncontainerd: {system: false, user: false}\n' >"$DIR/lima.yaml"
}

@test "a proxy whose name means this machine, by /etc/hosts or the name server, is reached at the gateway, as of each run" {
	need_namespaces --mount --net
	printf 'proxy.example A 127.0.0.5\nsix.example AAAA ::1\nfar.example A 192.0.2.1\n' >"$BATS_TEST_TMPDIR/zone"
	echo 'nameserver 127.0.0.1' >"$BATS_TEST_TMPDIR/resolv.conf"
	echo '127.0.1.1 filed' >"$BATS_TEST_TMPDIR/hosts"
	cat >"$BATS_TEST_TMPDIR/inside" <<-'END'
	ip link set lo up
	cd "$BATS_TEST_TMPDIR"
	mount --bind resolv.conf /etc/resolv.conf
	mount --bind hosts /etc/hosts
	python3 "$TOP/tests/lib/fake-nameserver.py" zone 53 >asked 2>&1 3>&- &
	until [ -s asked ]; do kill -0 $!; sleep 0.05; done
	http_proxy=http://proxy.example:1/ HTTPS_PROXY=http://u:p@far.example:2 ftp_proxy=http://six.example:3 lima-render --instance "$DIR"
	cp "$DIR/.make/cidata/etc_environment" first
	http_proxy=http://FILED:4 https_proxy=http://none.example:5 lima-render --instance "$DIR"
	cp "$DIR/.make/cidata/etc_environment" second
	sed -i s/127.0.0.5/192.0.2.5/ zone
	http_proxy=http://proxy.example:1/ lima-render --instance "$DIR"
	kill $!
	END
	unshare --mount --net sh -eu "$BATS_TEST_TMPDIR/inside"
	grep -x 'http_proxy=http://192.168.5.2:1/' "$BATS_TEST_TMPDIR/first"
	grep -x 'https_proxy=http://u:p@far.example:2' "$BATS_TEST_TMPDIR/first"
	grep -x 'FTP_PROXY=http://192.168.5.2:3' "$BATS_TEST_TMPDIR/first"
	grep -x 'HTTP_PROXY=http://192.168.5.2:4' "$BATS_TEST_TMPDIR/second"
	grep -x 'https_proxy=http://none.example:5' "$BATS_TEST_TMPDIR/second"
	grep -x 'http_proxy=http://proxy.example:1/' "$DIR/.make/cidata/etc_environment"
	not_there=$(grep -c ftp_proxy "$DIR/.make/cidata/etc_environment" || true)
	[ "$not_there" = 0 ]
}

@test "certificates: from files, as of each run, then from the document; none is no file" {
	lima-render --instance "$DIR"
	[ ! -e "$DIR/.make/cidata/ca-certs.pem" ]
	run ! grep ca_certs "$DIR/.make/cidata/user-data"
	printf -- '-----BEGIN CERTIFICATE-----\n\n  QQ==  \r\n-----END CERTIFICATE-----\n' >"$HOME/a.pem"
	cp "$DIR/lima.yaml" "$BATS_TEST_TMPDIR/plain.yaml"
	printf 'caCerts:\n  files: ["~/a.pem"]\n  certs: ["-----BEGIN CERTIFICATE-----\\nQkI=\\n-----END CERTIFICATE-----"]\n' >>"$DIR/lima.yaml"
	lima-render --instance "$DIR"
	diff -u - "$DIR/.make/cidata/ca-certs.pem" <<-'END'
	-----BEGIN CERTIFICATE-----
	QQ==
	-----END CERTIFICATE-----
	-----BEGIN CERTIFICATE-----
	QkI=
	-----END CERTIFICATE-----
	END
	grep -A 10 '^ca_certs:' "$DIR/.make/cidata/user-data" | grep -x '    QkI='
	sed -i s/QQ==/Q0M=/ "$HOME/a.pem"
	lima-render --instance "$DIR"
	grep -qx Q0M= "$DIR/.make/cidata/ca-certs.pem"
	{ cat "$BATS_TEST_TMPDIR/plain.yaml"; echo 'caCerts: {removeDefaults: true}'; } >"$DIR/lima.yaml"
	lima-render --instance "$DIR"
	[ "$(cat "$DIR/.make/cidata/ca-certs.pem")" = "# instead of the system's" ]
	grep -qx '  remove_defaults: true' "$DIR/.make/cidata/user-data"
	cp "$BATS_TEST_TMPDIR/plain.yaml" "$DIR/lima.yaml"
	lima-render --instance "$DIR"
	[ ! -e "$DIR/.make/cidata/ca-certs.pem" ]
}
