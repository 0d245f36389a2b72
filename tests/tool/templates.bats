#!/usr/bin/env bats
# The catalogue: every template is valid and resolves for each architecture that it lists, and all names are there.

load ../lib/common

setup() {
	fresh_home
	cd "$TOP/templates"
}

names() { for f in *.yaml experimental/*.yaml; do echo "${f%.yaml}"; done; }

@test "every template is valid" {
	mapfile -t all < <(names)
	[ "${#all[@]}" -gt 80 ]
	for n in "${all[@]}"; do
		run lima-render --check "$n"
		[ "$status" = 0 ] || { echo "$n: $output"; false; }
		# Keys that nobody knows are only warnings.
		[[ $output != *"unknown"* ]] || { echo "$n: $output"; false; }
	done
}

@test "every template resolves for each architecture of its images, and then has one to start from" {
	# One program for all of them: starting one for each of hundreds of documents would take most of the time.
	names | python3 -c '
import json, os, subprocess, sys
def render(*options):
    done = subprocess.run(["lima-render", "--json", *options], capture_output=True, text=True)
    assert done.returncode == 0, (options, done.stderr)
    return json.loads(done.stdout)
resolved = 0
for name in sys.stdin.read().split():
    if os.path.islink(name + ".yaml"):
        continue
    arches = sorted({image["arch"] for image in render(name)["images"]})
    assert arches, name
    for arch in arches:
        doc = render("--arch", arch, name)
        assert doc["arch"] == arch, (name, arch)
        assert any(image["arch"] == arch for image in doc["images"]), (name, arch)
        resolved += 1
assert resolved > 150, resolved'
}

@test "the catalogue has every name" {
	# What users of Lima 2.2 know.
	for n in default ubuntu-20.04 ubuntu-22.04 ubuntu-24.04 ubuntu-24.10 ubuntu-25.04 ubuntu-25.10 ubuntu-26.04 \
		debian-11 debian-12 debian-13 fedora-41 fedora-42 fedora-43 fedora-44 almalinux-8 almalinux-9 almalinux-10 \
		rocky-8 rocky-9 rocky-10 oraclelinux-8 oraclelinux-9 oraclelinux-10 centos-stream-9 centos-stream-10 \
		opensuse-leap-15 opensuse-leap-16 archlinux alpine-3.21 alpine-3.22 alpine-3.23 alpine-iso freebsd-15 \
		macos-15 macos-26 windows-11 windows-2025 docker docker-rootful podman podman-rootful apptainer \
		apptainer-rootful buildkit k3s k8s k0s faasd linuxbrew homebrew-macos \
		experimental/{rke2,u7s,vnc,alsa,wsl2,debian-sid,ubuntu-26.10,opensuse-tumbleweed,gentoo} \
		experimental/almalinux-kitten-10 experimental/freebsd-16; do
		[ -f "$n.yaml" ] && [ ! -L "$n.yaml" ] || { echo "no $n"; false; }
	done
	while read -r from to; do
		[ -L "$from.yaml" ] && [ "$(readlink "$from.yaml")" = "$to.yaml" ] || { echo "no link $from -> $to"; false; }
	done <<-EOF
		almalinux almalinux-10
		alpine alpine-3.23
		centos-stream centos-stream-9
		debian debian-13
		fedora fedora-44
		freebsd freebsd-15
		homebrew-linux linuxbrew
		macos macos-26
		opensuse opensuse-leap
		opensuse-leap opensuse-leap-16
		oraclelinux oraclelinux-10
		rocky rocky-10
		ubuntu ubuntu-26.04
		ubuntu-lts ubuntu-26.04
		windows windows-11
		experimental/almalinux-kitten almalinux-kitten-10
		experimental/freebsd-current freebsd-16
		experimental/ubuntu-next ubuntu-26.10
		_images/fedora fedora-44
		_images/freebsd freebsd-15
		_images/macos macos-26
		_images/opensuse-leap opensuse-leap-16
		_images/ubuntu ubuntu-26.04
		_images/ubuntu-lts ubuntu-26.04
	EOF
	for n in $(names); do lima-render --list-templates | grep -qxF "$n" || { echo "$n is not listed"; false; }; done
}

@test "pinned images have digests of the right length, moving ones have none" {
	for f in _images/*.yaml experimental/*.yaml; do
		python3 - "$f" <<-'EOF'
			import re, sys, yaml
			doc = yaml.safe_load(open(sys.argv[1])) or {}
			for i in doc.get("images", []):
			    at, digest = i["location"], i.get("digest")
			    assert i.get("arch"), at
			    assert re.match(r"https://|recipe:|~/", at) or (digest and at.startswith("http://")), at
			    if digest:
			        kind, hexa = digest.split(":")
			        assert len(hexa) == {"sha256": 64, "sha384": 96, "sha512": 128}[kind], at
			        assert re.fullmatch("[0-9a-f]*", hexa), at
			    assert not (digest and re.search(r"/latest/|ubuntu.com/.*/release/|current/|\.latest\.", at)), at
		EOF
	done
}

@test "the default template documents every key of the schema, as the schema has it" {
	"$TOP/hack/document-template" --check
	# The list is YAML when the marks are taken off, with each key at its place.
	sed -n '/^# All keys/,$p' default.yaml | sed '1,/^#$/d; s/^# \{0,1\}//' >"$BATS_TEST_TMPDIR/keys.yaml"
	lima-render --schema >"$BATS_TEST_TMPDIR/schema"
	python3 - "$BATS_TEST_TMPDIR" <<-'EOF'
		import json, sys, yaml
		doc = yaml.safe_load(open(sys.argv[1] + "/keys.yaml"))
		count = 0
		def walk(schema, value, path):
		    global count
		    for one in schema.get("anyOf", [schema]):
		        for key, sub in one.get("properties", {}).items():
		            if isinstance(value, list):
		                value = value[0]
		            assert key in value, path + key
		            count += 1
		            walk(sub, value[key], path + key + ".")
		        if isinstance(one.get("items"), dict) and isinstance(value, list):
		            walk(one["items"], value[0], path)
		walk(json.load(open(sys.argv[1] + "/schema")), doc, "")
		assert count > 150, count
	EOF
}

@test "document-template notices what is missing, and keeps what stands above" {
	sed '/^# cpus:/d; 1s/^/# mine\n/' default.yaml >"$BATS_TEST_TMPDIR/d.yaml"
	fails 1 "not what the schema says" "$TOP/hack/document-template" --check "$BATS_TEST_TMPDIR/d.yaml"
	"$TOP/hack/document-template" "$BATS_TEST_TMPDIR/d.yaml"
	[ "$(head -1 "$BATS_TEST_TMPDIR/d.yaml")" = "# mine" ]
	diff <(tail -n +2 "$BATS_TEST_TMPDIR/d.yaml") default.yaml
}

@test "at its heart the default template is small: Debian 12, home read-only, no container engine" {
	[ "$(sed '/^# All keys/,$d' default.yaml | grep -cv '^\(#.*\)\?$')" -le 8 ]
	lima-render --json default 2>/dev/null >"$BATS_TEST_TMPDIR/json"
	python3 - "$BATS_TEST_TMPDIR/json" <<-'EOF'
		import json, sys
		doc = json.load(open(sys.argv[1]))
		assert "/debian-12-" in doc["images"][0]["location"]
		assert not doc["containerd"]["user"] and not doc["containerd"]["system"]
		assert [m["writable"] for m in doc["mounts"]] == [False]
	EOF
}
