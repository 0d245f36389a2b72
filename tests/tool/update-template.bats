#!/usr/bin/env bats
# hack/update-template against a server here that looks like the vendors': directory listings and lists of checksums.

load ../lib/common

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	mkdir www
	python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >log 2>&1 3>&- &
	server=$!
	until grep -q 'port [0-9]' log; do sleep 0.05; done
	base=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' log | head -n 1)
}

teardown() {
	kill "$server"
	wait "$server" 2>/dev/null || true
}

update() { "$TOP/hack/update-template" --base "$base" "$@"; }

# image PATH SUMSFILE TOOL: a file of the vendor, with its line in a list of checksums beside it.
image() {
	mkdir -p "www/${1%/*}"
	echo "$1" >"www/$1"
	(cd "www/${1%/*}" && "$3" "${1##*/}" >>"$2")
}
digest() { "${2}sum" "www/$1" | sed "s/^\([0-9a-f]*\) .*/$2:\1/"; }
zeros() { printf '%0*d' "$1" 0; }

debian() { echo "cloud.debian.org/images/cloud/bookworm/$1/debian-12-genericcloud-$2-$1.qcow2"; }
template() {
	cat >t.yaml <<-EOF
		# Debian 12, ours.
		mountTypesUnsupported: [9p]   # as in the kernel
		images:
		# the usual one
		- location: https://$(debian 20260712-2537 amd64)
		  arch: x86_64
		  digest: sha512:$(zeros 128)   # pinned
		  variant: genericcloud
		- location: https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2
		  arch: x86_64
		- arch: aarch64
		  digest: sha512:$(zeros 128)
		  location: "https://$(debian 20260712-2537 arm64)"
		- location: recipe:debian-12
		  arch: x86_64
	EOF
}

@test "Debian: the newest version whose list has the file; comments, order and the rest stay" {
	template
	for v in 20260101-1 20260712-2537 20261003-2615; do
		image "$(debian $v amd64)" SHA512SUMS sha512sum
		image "$(debian $v arm64)" SHA512SUMS sha512sum
	done
	# A later one in the making: no list yet; and what is no version.
	mkdir -p www/cloud.debian.org/images/cloud/bookworm/{20261101-2700,latest,daily}
	sed "s|20260712-2537|20261003-2615|g" t.yaml >want.yaml
	sed -i "7s|sha512:0*|$(digest "$(debian 20261003-2615 amd64)" sha512)|; 12s|sha512:0*|$(digest "$(debian 20261003-2615 arm64)" sha512)|" want.yaml
	cp t.yaml before.yaml
	run update --check t.yaml
	[ "$status" = 1 ]
	[[ ${lines[0]} == "t.yaml:5: https://$(debian 20260712-2537 amd64) -> https://$(debian 20261003-2615 amd64)" ]]
	[ "${#lines[@]}" = 2 ]
	cmp t.yaml before.yaml
	update t.yaml
	diff want.yaml t.yaml
	# And then there is nothing left to do.
	run update --check t.yaml
	[ "$status" = 0 ] && [ -z "$output" ]
}

@test "an architecture that the newest version lacks stays at the last one that has it" {
	template
	image "$(debian 20260712-2537 amd64)" SHA512SUMS sha512sum
	image "$(debian 20260901-1 arm64)" SHA512SUMS sha512sum
	image "$(debian 20261003-2615 amd64)" SHA512SUMS sha512sum
	update t.yaml
	grep -q "$(debian 20261003-2615 amd64)" t.yaml
	grep -q "$(debian 20260901-1 arm64)" t.yaml
}

@test "Ubuntu: releases and minimal ones, numbers compared as numbers" {
	u() { echo "cloud-images.ubuntu.com/$1/noble/$2/ubuntu-24.04-$3-cloudimg-amd64.img"; }
	for v in release-20260705 release-20260705.9 release-20260705.10; do image "$(u releases $v server)" SHA256SUMS sha256sum; done
	image "$(u releases release server)" SHA256SUMS sha256sum
	sed -i 's/  / */' www/cloud-images.ubuntu.com/releases/noble/*/SHA256SUMS
	image "$(u minimal/releases release-20260801 minimal)" SHA256SUMS sha256sum
	printf '%s\n' images: "- location: https://$(u releases release-20260705.9 server)" "  digest: sha256:$(zeros 64)" \
		"- location: https://$(u minimal/releases release-20260716 minimal)" "  digest: sha256:$(zeros 64)" >t.yaml
	update t.yaml
	printf '%s\n' images: "- location: https://$(u releases release-20260705.10 server)" \
		"  digest: $(digest "$(u releases release-20260705.10 server)" sha256)" \
		"- location: https://$(u minimal/releases release-20260801 minimal)" \
		"  digest: $(digest "$(u minimal/releases release-20260801 minimal)" sha256)" >want.yaml
	diff want.yaml t.yaml
}

@test "vendors with the version in the file's name: AlmaLinux, Rocky, CentOS, Alpine, Fedora, Arch" {
	bsd() { sha256sum --tag "$@"; }
	while read -r old new sums how kind; do
		image "$old" old.sums sha256sum
		file=${new##*/}
		image "$new" "${sums/FILE/$file}" "$how"
		printf '%s\n' images: "- location: https://$old" "  digest: $kind:$(zeros $([ $kind = sha256 ] && echo 64 || echo 128))" >t.yaml
		update t.yaml
		printf '%s\n' images: "- location: https://$new" "  digest: $(digest "$new" "$kind")" >want.yaml
		diff want.yaml t.yaml
	done <<-'EOF'
		repo.almalinux.org/almalinux/9.8/cloud/x86_64/images/AlmaLinux-9-GenericCloud-9.8-20260526.x86_64.qcow2 repo.almalinux.org/almalinux/9.8/cloud/x86_64/images/AlmaLinux-9-GenericCloud-9.8-20260801.x86_64.qcow2 CHECKSUM sha256sum sha256
		dl.rockylinux.org/pub/rocky/9.8/images/x86_64/Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2 dl.rockylinux.org/pub/rocky/9.8/images/x86_64/Rocky-9-GenericCloud-Base-9.8-20260601.0.x86_64.qcow2 CHECKSUM bsd sha256
		cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20260720.0.x86_64.qcow2 cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20260910.0.x86_64.qcow2 FILE.SHA256SUM bsd sha256
		dl-cdn.alpinelinux.org/alpine/v3.22/releases/cloud/nocloud_alpine-3.22.4-x86_64-uefi-cloudinit-r0.qcow2 dl-cdn.alpinelinux.org/alpine/v3.22/releases/cloud/nocloud_alpine-3.22.10-x86_64-uefi-cloudinit-r0.qcow2 FILE.sha512 sha512sum sha512
		download.fedoraproject.org/pub/fedora/linux/releases/43/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2 download.fedoraproject.org/pub/fedora/linux/releases/43/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-43-1.7.x86_64.qcow2 Fedora-Cloud-43-1.7-x86_64-CHECKSUM bsd sha256
		geo.mirror.pkgbuild.com/images/v20260715.556894/Arch-Linux-x86_64-cloudimg-20260715.556894.qcow2 geo.mirror.pkgbuild.com/images/v20260901.600000/Arch-Linux-x86_64-cloudimg-20260901.600000.qcow2 FILE.SHA256 sha256sum sha256
	EOF
}

@test "openSUSE: builds and snapshots, each with its own checksum" {
	leap() { echo "download.opensuse.org/distribution/leap/$1/appliances/$2-Minimal-VM.x86_64-$1.0-Cloud-$3.qcow2"; }
	tumbleweed() { echo "download.opensuse.org/tumbleweed/appliances/openSUSE-Tumbleweed-Minimal-VM.x86_64-1.0.0-Cloud-Snapshot$1.qcow2"; }
	while read -r old new; do
		for i in "$old" "$new"; do image "$i" "${i##*/}.sha256" sha256sum; done
		# The moving name stands in the same folder.
		touch "www/${new%-Cloud-*}-Cloud.qcow2"
		printf '%s\n' images: "- location: https://$old" "  digest: sha256:$(zeros 64)" >t.yaml
		update t.yaml
		printf '%s\n' images: "- location: https://$new" "  digest: $(digest "$new" sha256)" >want.yaml
		diff want.yaml t.yaml
	done <<-EOF
		$(leap 15.6 openSUSE-Leap-15.6 Build19.81) $(leap 15.6 openSUSE-Leap-15.6 Build19.110)
		$(leap 16.0 Leap-16.0 Build16.2) $(leap 16.0 Leap-16.0 Build16.10)
		$(tumbleweed 20260701) $(tumbleweed 20260915)
	EOF
}

@test "FreeBSD: the newest release of the same major version, over http as pinned" {
	bsd() { sha256sum --tag "$@"; }
	at=ftp-archive.freebsd.org/pub/FreeBSD-Archive/old-releases/VM-IMAGES
	f() { echo "$at/$1-RELEASE/amd64/Latest/FreeBSD-$1-RELEASE-amd64-BASIC-CLOUDINIT-zfs.raw.xz"; }
	for v in 14.3 15.1 15.2 15.10 16.0; do image "$(f $v)" CHECKSUM.SHA256 bsd; done
	# One whose list lacks the file.
	image "$(f 15.11)" other bsd
	printf '%s\n' images: "- location: http://$(f 15.1)" "  digest: sha256:$(zeros 64)" >t.yaml
	update t.yaml
	printf '%s\n' images: "- location: http://$(f 15.10)" "  digest: $(digest "$(f 15.10)" sha256)" >want.yaml
	diff want.yaml t.yaml
}

@test "Fedora for RISC-V: versions with a commit in them, and the later form" {
	at=download.fedoraproject.org/pub/alt/risc-v/release/44/Cloud/riscv64/images
	f() { echo "$at/Fedora-Cloud-Base-Generic-$1.riscv64.qcow2"; }
	bsd() { sha256sum --tag "$@"; }
	for v in 44.20260224-1026a2d0e311 44-20260604.0 44-20260604.2 43-20270101.0; do image "$(f "$v")" "Fedora-Cloud-$v-riscv64-CHECKSUM" bsd; done
	printf '%s\n' images: "- location: https://$(f 44-20260604.0)" "  digest: sha256:$(zeros 64)" >t.yaml
	update t.yaml
	printf '%s\n' images: "- location: https://$(f 44-20260604.2)" "  digest: $(digest "$(f 44-20260604.2)" sha256)" >want.yaml
	diff want.yaml t.yaml
	# From a date and a commit to a later one.
	rm -r "www/$at"
	for v in 44.20260224-ffffffffffff 44.20260414-8635a3a5bfcd; do image "$(f "$v")" CHECKSUM bsd; done
	printf '%s\n' images: "- location: https://$(f 44.20260224-ffffffffffff)" "  digest: sha256:$(zeros 64)" >t.yaml
	update t.yaml
	grep -q "$(f 44.20260414-8635a3a5bfcd)" t.yaml
	grep -q "$(digest "$(f 44.20260414-8635a3a5bfcd)" sha256)" t.yaml
}

@test "Oracle Linux: the documents name update, build and digest" {
	mkdir -p www/yum.oracle.com/templates/OracleLinux
	cd www/yum.oracle.com/templates/OracleLinux
	json() { # FILE ENTRY... : NAME DIGIT
		python3 -c 'import json, sys
print(json.dumps({"images": [{"kind": {"image": a.split(":")[0], "sha256": a.split(":")[1] * 64}} for a in sys.argv[2:]]}))' "$@" >"$1"
	}
	json ol9-template.json OL9U8_x86_64-kvm-b293.qcow2:1 OL9U10_x86_64-kvm-b300.qcow2:A OL9U9_x86_64-kvm-b310.qcow2:3 \
		OL9U11_x86_64-olvm-b400.ova:4 OL9U12_x86_64-kvm-b1.qcow2:x
	json ol9_aarch64-cloud-template.json OL9U8_aarch64-kvm-cloud-b190.qcow2:5
	cd "$BATS_TEST_TMPDIR"
	cat >t.yaml <<-EOF
		images:
		- location: https://yum.oracle.com/templates/OracleLinux/OL9/u8/x86_64/OL9U8_x86_64-kvm-b293.qcow2
		  digest: sha256:$(zeros 64)
		- location: https://yum.oracle.com/templates/OracleLinux/OL9/u8/aarch64/OL9U8_aarch64-kvm-cloud-b182.qcow2
		  digest: sha256:$(zeros 64)
	EOF
	update t.yaml
	cat >want.yaml <<-EOF
		images:
		- location: https://yum.oracle.com/templates/OracleLinux/OL9/u10/x86_64/OL9U10_x86_64-kvm-b300.qcow2
		  digest: sha256:$(zeros 64 | tr 0 a)
		- location: https://yum.oracle.com/templates/OracleLinux/OL9/u8/aarch64/OL9U8_aarch64-kvm-cloud-b190.qcow2
		  digest: sha256:$(zeros 64 | tr 0 5)
	EOF
	diff want.yaml t.yaml
	# A page that is no JSON is a vendor that cannot be asked.
	echo '<html>' >www/yum.oracle.com/templates/OracleLinux/ol9-template.json
	fails 69 "no JSON" update t.yaml
}

@test "releases at GitHub: the checksum beside the image, or what GitHub says" {
	mkdir -p www/api.github.com/repos/lima-vm/alpine-lima
	r=github.com/lima-vm/alpine-lima/releases/download
	old=$r/v0.2.49/alpine-lima-std-3.23.0-x86_64.iso new=$r/v0.2.50/alpine-lima-std-3.24.1-x86_64.iso
	image "$new" alpine-lima-std-3.24.1-x86_64.iso.sha512sum sha512sum
	cat >www/api.github.com/repos/lima-vm/alpine-lima/releases <<-EOF
		[{"tag_name": "v0.2.60", "prerelease": true, "assets": [{"name": "alpine-lima-std-3.25.0-x86_64.iso", "digest": "sha512:$(zeros 128)"}]},
		 {"tag_name": "v0.2.50", "draft": false, "assets": [{"name": "alpine-lima-std-3.24.1-x86_64.iso"}, {"name": "alpine-lima-ci-3.24.1-x86_64.iso"},
		  {"name": "alpine-lima-std-3.24.1-x86_64.iso.sha512sum"}, {"name": "alpine-lima-std-3.24.1-aarch64.iso", "digest": "sha512:$(zeros 128 | tr 0 b)"}]},
		 {"tag_name": "v0.2.9", "assets": [{"name": "alpine-lima-std-3.30.0-x86_64.iso", "digest": "sha512:$(zeros 128)"}]}]
	EOF
	printf '%s\n' images: "- location: https://$old" "  digest: sha512:$(zeros 128)" \
		"- location: https://${old/x86_64/aarch64}" "  digest: sha512:$(zeros 128)" >t.yaml
	update t.yaml
	printf '%s\n' images: "- location: https://$new" "  digest: $(digest "$new" sha512)" \
		"- location: https://${new/x86_64/aarch64}" "  digest: sha512:$(zeros 128 | tr 0 b)" >want.yaml
	diff want.yaml t.yaml
}

@test "every pinned image of the catalogue has a vendor, but for those that publish no list" {
	# No vendor answers here: who is asked shows in the messages, who has no vendor is named.
	base=http://127.0.0.1:1
	run update --check
	[ "$status" = 69 ]
	mapfile -t alone < <(printf '%s\n' "${lines[@]}" | sed -n 's|.*with checksums for \(.*\); left alone|\1|p')
	[ "${#alone[@]}" -gt 0 ]
	for url in "${alone[@]}"; do
		[[ $url == https://updates.cdn-apple.com/* || $url == https://deps.runfinch.com/* ]] || { echo "$url"; false; }
	done
}

@test "a digest that changed under the same URL is reported and left alone" {
	template
	image "$(debian 20260712-2537 amd64)" SHA512SUMS sha512sum
	cp t.yaml before.yaml
	fails 65 "t.yaml:7: the vendor's digest" update t.yaml
	cmp t.yaml before.yaml
}

@test "a vendor that cannot be asked: the others are done, and the status tells" {
	template
	printf '%s\n' images: "- location: https://example.org/unknown-1.qcow2" "  digest: sha256:$(zeros 64)" >other.yaml
	cp other.yaml before.yaml
	fails 0 "other.yaml:2: no list of versions with checksums for https://example.org/unknown-1.qcow2; left alone" update other.yaml
	cmp other.yaml before.yaml
	base=http://127.0.0.1:1
	fails 69 "t.yaml" update t.yaml
}

@test "misuse" {
	fails 2 "unknown option" update --frobnicate
	fails 0 "usage:" update --help
	"$TOP/hack/update-template" --help | grep -q -- --check
}
