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
	update other.yaml
	cmp other.yaml before.yaml
	base=http://127.0.0.1:1
	fails 69 "t.yaml" update t.yaml
}

@test "misuse" {
	fails 2 "unknown option" update --frobnicate
	fails 0 "usage:" update --help
	"$TOP/hack/update-template" --help | grep -q -- --check
}
