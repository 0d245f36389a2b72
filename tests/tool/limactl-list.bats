#!/usr/bin/env bats
# limactl list: its forms, its selections, its texts, and that no instance can spoil it.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/limactl

setup() { fresh_home; }

# --- the table ---

@test "no instance at all: a warning and success" {
	for args in "" --json --quiet "--format yaml" "--format {{.Name}}" "--yq ." "--filter true"; do
		# shellcheck disable=SC2086
		ok limactl list $args
		is ""
		says warning 'No instance found. Run `limactl create` to create an instance.'
	done
	[ ! -e "$LIMA_HOME" ]
}

@test "the table, by name, sizes in 1024s, columns four blanks apart" {
	instance b
	instance a 'images: [{location: /image}]
arch: x86_64
cpus: 12
memory: 1536MiB
disk: 100GiB
mounts: []'
	ok limactl list
	is "NAME    STATUS     SSH            VMTYPE    ARCH      CPUS    MEMORY    DISK      DIR
a       Stopped    127.0.0.1:0    qemu      x86_64    12      1.5GiB    100GiB    $LIMA_HOME/a
b       Stopped    127.0.0.1:0    qemu      x86_64    2       1GiB      3GiB      $LIMA_HOME/b"
	quiet
	table=$output
	for args in "--all-fields" "--format table" "-f table" "a b"; do
		# shellcheck disable=SC2086
		ok limactl ls $args
		is "$table"
	done
	export LIMA_HOME=$HOME/lima
	instance c
	ok limactl list
	[[ $output == *" ~/lima/c" ]]
}

@test "arguments choose, in their order, and repeat" {
	instance a && instance b && instance c
	ok limactl list -q
	is $'a\nb\nc'
	ok limactl list -q c a c
	is $'c\na\nc'
	ok limactl list --format '{{.Name}}' b a
	is $'b\na'
}

@test "unknown names are told, the others are printed, the end is fatal" {
	instance a
	fatal "unmatched instances" limactl list -q nope a other
	is a
	says warning "No instance matching nope found."
	says warning "No instance matching other found."
	fatal "unmatched instances" limactl list --json nope
	is ""
	fatal "unmatched instances" limactl list ../a
}

@test "other folders and files in LIMA_HOME are no instances" {
	instance a
	mkdir -p "$LIMA_HOME/_config" "$LIMA_HOME/_disk" "$LIMA_HOME/.hidden" "$LIMA_HOME/not valid"
	touch "$LIMA_HOME/file"
	ok limactl list -q
	is a
	quiet
}

@test "on a terminal columns go when they do not fit" {
	instance a
	header() { COLUMNS=$1 script -qec "stty cols $1; limactl list $2" /dev/null | head -n 1 | tr -d '\r'; }
	command -v script >/dev/null || skip "needs script(1)"
	# (5+7)*8 = 96 for VMTYPE, one type; then (5+6)*8 = 88 for ARCH, that of the host; then (8+2)*8 = 80 for DIR.
	# 200: 5+1+1+3 = 10 columns and DIR.
	[ "$(header 200 "")" = "NAME    STATUS     SSH            VMTYPE    ARCH      CPUS    MEMORY    DISK    DIR" ]
	[ "$(header 90 "")" = "NAME    STATUS     SSH            ARCH      CPUS    MEMORY    DISK    DIR" ] || [ "$(uname -m)" != x86_64 ]
	[ "$(header 85 "")" = "NAME    STATUS     SSH            CPUS    MEMORY    DISK    DIR" ] || [ "$(uname -m)" != x86_64 ]
	[ "$(header 60 "")" = "NAME    STATUS     SSH            CPUS    MEMORY    DISK" ] || [ "$(uname -m)" != x86_64 ]
	[[ "$(header 60 --all-fields)" == *VMTYPE*ARCH*DIR ]]
}

# --- conflicts and fixed texts ---

@test "conflicting options are refused" {
	instance a
	fatal "option --json conflicts with option --format" limactl list --json --format json
	fatal "option --list-fields conflicts with option --format" limactl list --list-fields --format json
	fatal "option --list-fields conflicts with option --yq" limactl list --list-fields --yq .
	fatal "option --list-fields conflicts with option --filter" limactl list --list-fields --filter .
	fatal "option --yq only works with --format json or yaml" limactl list --yq . --format table
	fatal "option --yq only works with --format json or yaml" limactl list --yq . -f '{{.Name}}'
	for args in --json "--format json" "--format yaml" "--format {{.Name}}"; do
		# shellcheck disable=SC2086
		fatal "option --quiet can only be used with '--format table'" limactl list --quiet $args
	done
}

@test "--list-fields" {
	ok limactl list --list-fields
	is "AdditionalDisks
Arch
AutoStartedIdentifier
CPUs
Config
Dir
Disk
DriverPID
Errors
HostAgentPID
Hostname
LimaVersion
Memory
Message
Name
Networks
Param
Protected
SSHAddress
SSHConfigFile
SSHLocalPort
Status
VMType"
	is "$(LC_ALL=C sort <<<"$output")"
}

# --- JSON and YAML ---

@test "JSON: one line each, keys in order, no blanks, nothing empty" {
	instance a.b "$MINIMAL
message: 'Dir {{.Dir}}, {{.Param.x}}, {{.Name}}'
param: {x: yes it is}
provision: [{script: 'echo \$PARAM_x'}]
networks: [{lima: user-v2}]
additionalDisks: [data]
portForwards: [{guestPort: 80, hostPort: 8080}]"
	instance b
	touch "$LIMA_HOME/a.b/protected"
	printf '2.2.0\n' >"$LIMA_HOME/a.b/lima-version"
	printf 'Host x\n  Port 4022\n' >"$LIMA_HOME/a.b/ssh.config"
	ok limactl list --json
	quiet
	[ "$(wc -l <<<"$output")" = 2 ]
	[[ $(head -n 1 <<<"$output") == '{"name":"a.b","hostname":"lima-a-b","status":"Stopped","dir":'* ]]
	[[ $output == *'"sshLocalPort":4022'* ]]
	py '
a, b = rows()
assert list(a) == ["name","hostname","status","dir","vmType","arch","cpus","memory","disk","message","additionalDisks","network",
	"sshLocalPort","sshConfigFile","config","sshAddress","protected","limaVersion","param","HostOS","HostArch","LimaHome",
	"IdentityFile"], list(a)
assert list(b) == ["name","hostname","status","dir","vmType","arch","cpus","memory","disk","sshConfigFile","config","sshAddress",
	"protected","limaVersion","HostOS","HostArch","LimaHome","IdentityFile"], list(b)
assert a["message"] == "Dir %s, yes it is, a.b" % a["dir"], a["message"]
assert a["memory"] == 1 << 30 and a["disk"] == 3 << 30 and a["cpus"] == 2
assert a["config"]["memory"] == "1GiB" and a["config"]["disk"] == "3GiB"
assert a["protected"] is True and b["protected"] is False
assert a["limaVersion"] == "2.2.0" and b["limaVersion"] == ""
assert a["param"] == {"x": "yes it is"} and a["network"][0]["lima"] == "user-v2" and a["additionalDisks"][0]["name"] == "data"
assert a["sshConfigFile"] == a["dir"] + "/ssh.config" and a["IdentityFile"] == a["LimaHome"] + "/_config/user"
f = a["config"]["portForwards"][0]
assert f["guestPort"] == 80 and f["hostPort"] == 8080 and f["guestPortRange"] == [80, 80] and "static" not in f and "ignore" not in f, f
def empty(x, path=""):
	if isinstance(x, dict):
		assert x or path == "", path
		for k, v in x.items(): empty(v, path + "." + k)
	if isinstance(x, list):
		for v in x: empty(v, path + "[]")
empty(a); empty(b)
order = "base minimumLimaVersion vmType vmOpts os arch images cpuType cpus memory disk additionalDisks mounts mountTypesUnsupported mountType mountInotify ssh firmware audio video provision upgradePackages containerd guestInstallPrefix probes portForwards copyToHost message networks env param dns hostResolver propagateProxyEnv caCerts rosetta plain timezone nestedVirtualization user tpm osOpts".split()
keys = list(a["config"])
assert keys == [k for k in order if k in keys], keys
'
	ok limactl list --format json b
	[[ $output == '{"name":"b",'* ]]
}

@test "members of the configuration have their order whatever the file's is" {
	instance a "$MINIMAL
ssh: {forwardAgent: true, localPort: 60022}
user: {uid: 1234, name: joe}
probes: [{hint: h, script: '#!/bin/sh', description: d}]"
	ok limactl list --json
	py '
c = rows()[0]["config"]
assert list(c["ssh"])[:2] == ["localPort", "loadDotSSHPubKeys"], c["ssh"]
assert list(c["user"]) == ["name", "comment", "home", "shell", "uid", "passwordlessSudo"] or list(c["user"])[0] == "name", c["user"]
assert list(c["probes"][0]) == ["mode", "description", "script", "hint"], c["probes"]
assert c["user"]["uid"] == 1234 and c["ssh"]["localPort"] == 60022
'
}

@test "YAML is the same data in the same order" {
	instance a "$MINIMAL
message: |
  two lines

   and: \"quotes\" # no comment
env: {N: '1', B: 'yes', E: 'a: b', T: '~', D: '2026-01-01', X: '0x1f', S: ' x ', NL: \"\\t\"}
param: {p: 'true'}
provision: [{script: 'echo \$PARAM_p'}]"
	instance b
	ok limactl list --json
	json=$output
	ok limactl list --format yaml
	[ "$(grep -c '^---$' <<<"$output")" = 2 ]
	[ "$(head -n 1 <<<"$output")" = "---" ]
	JSON=$json py '
import os
a = [json.dumps(json.loads(l)) for l in os.environ["JSON"].splitlines()]
b = [json.dumps(d) for d in yaml.safe_load_all(data)]
assert a == b, (a, b)
'
}

@test "for people: indented and coloured, and the same without the colours" {
	instance a
	ok limactl list --json
	json=$output
	export _LIMA_OUTPUT_IS_TTY=1
	ok limactl list --json
	[[ $output == *$'\e['* && $output == *$'\n    '* ]]
	output=$(sed 's/\x1b\[[0-9;]*m//g' <<<"$output")
	[ "$(python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)))' <<<"$output")" = \
		"$(python3 -c 'import json,sys; print(json.dumps(json.load(sys.stdin)))' <<<"$json")" ]
	ok limactl list --format yaml
	[[ $output == *$'\e['* ]]
	coloured=$(sed 's/\x1b\[[0-9;]*m//g' <<<"$output")
	NO_COLOR=1 ok limactl list --format yaml
	is "$coloured"
	unset _LIMA_OUTPUT_IS_TTY
	ok limactl list --format yaml
	is "$coloured"
}

# --- templates ---

@test "templates see Go's names" {
	mounts='mounts: [{location: /srv, writable: true}]'
	instance a "${MINIMAL/mounts: \[\]/$mounts}
ssh: {localPort: 60022}
message: |
  hello
param: {My_Key: v}
provision: [{script: 'echo \$PARAM_My_Key'}]"
	instance b
	ok limactl list --format '{{.Name}} {{.Status}} {{.CPUs}} {{.Memory}} {{.Config.SSH.LocalPort}} {{.Config.Memory}}' a
	is "a Stopped 2 1073741824 60022 1GiB"
	ok limactl list --format '{{.Hostname}} {{.VMType}} {{.Arch}} {{.Disk}} {{.Protected}} {{.SSHAddress}} {{.SSHLocalPort}} {{.HostAgentPID}}|' b
	is "lima-b qemu x86_64 3221225472 false 127.0.0.1 0 0|"
	ok limactl list --format '{{.HostOS}} {{.HostArch}} {{.LimaHome}} {{.IdentityFile}}' b
	is "linux $(uname -m) $LIMA_HOME $LIMA_HOME/_config/user"
	ok limactl list --format '[{{.Message}}]'
	is $'[hello]\n[]'
	ok limactl list --format '{{range .Config.Mounts}}{{.Location}}={{.Writable}} {{.NineP.Msize}}{{end}} {{.Param.My_Key}} {{index .Param "My_Key"}}' a
	is "/srv=true 128KiB v v"
	ok limactl list --format '{{with .Config}}{{.User.UID}}{{.VMType}}{{end}} {{len .Errors}}{{len .Networks}} {{.AutoStartedIdentifier}}|' b
	[[ $output =~ ^[0-9]+qemu\ 00\ \|$ ]]
	ok limactl list --format '{{.Dir}}
{{.SSHConfigFile}}' b
	is "$LIMA_HOME/b
$LIMA_HOME/b/ssh.config"
	ok limactl list --format plain
	is $'plain\nplain'
}

@test "functions of templates: json, yaml, indent, missing" {
	instance a "$MINIMAL
ssh: {localPort: 60022}"
	ok limactl list --format '{{json .Config.SSH}}'
	[[ $output == '{"localPort":60022,"loadDotSSHPubKeys":true,'* ]]
	ok limactl list --format '{{json .Name}} {{json .CPUs}} {{json .Protected}} {{json .Errors}}'
	is '"a" 2 false []'
	ok limactl list --format '{{yaml .Config.Containerd | indent 3}}'
	[[ $output == $'   ---\n   system: false\n   user: false'* ]]
	ok limactl list --format '{{indent "x"}} {{.Message | missing}} {{missing "none" .Message}} {{missing .Name}}'
	is "  x <missing> none a"
	ok limactl list --format '{{json .}}'
	template=$output
	ok limactl list --json
	is "$template"
}

@test "wrong templates" {
	instance a && instance b
	fatal "can't evaluate field Nope in type store.FormatData" limactl list --format '{{.Nope}}'
	says fatal "template: format:1:2: executing" || says fatal "template: format:1:3: executing"
	fatal "can't evaluate field name in type store.FormatData" limactl list --format '{{.name}}'
	fatal "can't evaluate field Nope in type .Config.SSH" limactl list --format '{{.Config.SSH.Nope}}'
	fatal "invalid go template: template: format:1:" limactl list --format '{{.Name'
	fatal "invalid go template: template: format:1:" limactl list --format '{{nofunc .Name}}'
	fatal "invalid go template: template: format:2:" limactl list --format 'x
{{if}}'
}

# --- expressions ---

@test "--yq: scalars raw, the rest as JSON or YAML; several are one behind the other" {
	instance a && instance b
	ok limactl list --yq .name
	is $'a\nb'
	ok limactl list --yq .cpus --yq '. + 1'
	is $'3\n3'
	ok limactl list --yq '.config.containerd | {system, user}' a
	is '{"system":false,"user":false}'
	ok limactl list --yq '.protected' --json a
	is false
	ok limactl list --yq '{n: .name}' --format yaml
	is $'---\nn: a\n---\nn: b'
	ok limactl list --yq 'select(.name == "b") | .status'
	is Stopped
	ok limactl list --yq 'select(.memory == "1073741824") | .name'
	is $'a\nb'
	ok limactl list --yq 'empty'
	is ""
	ok limactl list --quiet --yq 'select(.name == "a")'
	is a
	ok limactl list --yq '.config.images[].location, .hostname' a
	is $'/image\nlima-a'
	fatal "fails:" limactl list --yq '.name | nofunc'
	fatal "env operations have been disabled" limactl list --yq 'env(HOME)'
	fatal "env operations have been disabled" limactl list --yq 'strenv(HOME)'
	fatal "file operations have been disabled" limactl list --yq 'load("/etc/passwd")'
	fatal "file operations have been disabled" limactl list --filter 'load("/etc/passwd")'
	fatal "takes longer than" limactl list --yq 'last(range(1e12))'
}

@test "--filter works with every form, and several all count" {
	instance a
	instance b 'images: [{location: /image}]
cpus: 4'
	instance c 'images: [{location: /image}]
cpus: 4'
	touch "$LIMA_HOME/c/protected"
	for args in -q "--format {{.Name}}" "--yq .name"; do
		# shellcheck disable=SC2086
		ok limactl list --filter '.cpus == 4' $args
		is $'b\nc'
		# shellcheck disable=SC2086
		ok limactl list -l '.cpus == 4' -l .protected $args
		is c
	done
	ok limactl list --json --filter '.name == "b"'
	[[ $output == '{"name":"b",'* && $(wc -l <<<"$output") = 1 ]]
	ok limactl list --format yaml --filter '.name == "b"'
	[[ $output == $'---\nname: b\n'* ]]
	ok limactl list --filter 'false'
	is "NAME    STATUS    SSH    VMTYPE    ARCH    CPUS    MEMORY    DISK    DIR"
	ok limactl list --filter false --json
	is ""
}

# --- damage ---

@test "a damaged instance spoils nothing" {
	instance a
	instance b 'cpus: [what'
	instance c 'cpus: -3
images: []'
	mkdir "$LIMA_HOME/d"
	ok limactl list
	says warning 'instance `b` has errors'
	says warning 'instance `c` has errors'
	says warning 'instance `d` has errors'
	says warning "The directory \`$LIMA_HOME\` does not look like a valid Lima directory"
	grep -q 'errors="\[.*b/lima.yaml:' <<<"$stderr"
	[ "$(wc -l <<<"$output")" = 5 ]
	grep -qE "^d +Broken +:0 +0 +0B +0B +$LIMA_HOME/d$" <<<"$output"
	ok limactl list -q
	is $'a\nb\nc\nd'
	ok limactl list --json
	py '
a, b, c, d = rows()
assert a["status"] == "Stopped"
assert list(d) == ["name","hostname","status","dir","vmType","arch","errors","protected","limaVersion","HostOS","HostArch","LimaHome","IdentityFile"], list(d)
assert d["status"] == "Broken" and d["vmType"] == "" and d["arch"] == ""
assert d["errors"] == ["open %s/lima.yaml: no such file or directory" % d["dir"]], d["errors"]
for x in (b, c): assert x["status"] == "" and x["errors"] and "config" not in x, x
'
	ok limactl list --format '{{.Name}} {{.Status}} {{len .Errors}}' a d
	is $'a Stopped 0\nd Broken 1'
	ok limactl list --format '{{.Name}} {{.Config.CPUs}} {{.Config.SSH.LocalPort}}' a d
	[[ $output == "a 2 "*$'\n'"d "* ]]
	ok limactl list --quiet d
	is d
}

@test "a name that is too long for sockets is left out, and told" {
	instance a
	long=$(printf 'x%.0s' {1..76})
	export LIMA_HOME=$BATS_TEST_TMPDIR/lima
	while [ "${#LIMA_HOME}" -lt 40 ]; do LIMA_HOME=$LIMA_HOME/x; done
	instance a
	instance "$long"
	ok limactl list --format '{{.Name}}'
	is a
	says warning "the instance \`$long\` is left out"
}

@test "a stale pid file, a foreign one, and garbage are not a running machine" {
	instance a
	echo $$ >"$LIMA_HOME/a/ha.pid"
	echo $$ >"$LIMA_HOME/a/qemu.pid"
	python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$LIMA_HOME/a/qmp.sock"
	echo 'garbage' >"$LIMA_HOME/a/ssh.config"
	printf '\xff\xfe' >"$LIMA_HOME/a/lima-version"
	ok limactl list --json
	says warning "treating lima version"
	[ "$(wc -l <<<"$stderr")" = 1 ]
	py 'a, = rows(); assert a["status"] == "Stopped" and a["limaVersion"] == "" and "sshLocalPort" not in a, a'
}

@test "a QEMU without host agent is broken, and the reason is told" {
	instance a
	python3 -c '
import socket,sys,time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print("up", flush=True); time.sleep(60)' \
		"$LIMA_HOME/a/qmp.sock" >"$BATS_TEST_TMPDIR/up" 3>&- &
	pid=$!
	until_ok test -s "$BATS_TEST_TMPDIR/up"
	run --separate-stderr limactl list --format '{{.Status}} {{index .Errors 0}}'
	kill $pid
	[ "$status" = 0 ]
	[[ $output == "Broken qemu driver is running but host agent is not"* ]]
}

@test "while instances come and go, 20 lists at once fail nowhere and print no garbage" {
	instance stays
	(
		while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
			for i in 1 2 3; do
				mkdir -p "$LIMA_HOME/t$i" && printf '%s\n' "$MINIMAL" >"$LIMA_HOME/t$i/lima.yaml.new" &&
					mv "$LIMA_HOME/t$i/lima.yaml.new" "$LIMA_HOME/t$i/lima.yaml"
			done
			rm -rf "$LIMA_HOME"/t?
		done
	) 3>&- &
	churn=$!
	pids=
	for i in $(seq 20); do
		(for _ in 1 2 3; do limactl list --json || exit; done) >"$BATS_TEST_TMPDIR/out$i" 2>"$BATS_TEST_TMPDIR/err$i" &
		pids="$pids $!"
	done
	failed=0
	for pid in $pids; do wait "$pid" || failed=1; done
	touch "$BATS_TEST_TMPDIR/stop"
	wait $churn
	[ $failed = 0 ] || { cat "$BATS_TEST_TMPDIR"/err*; false; }
	! grep -h 'level=\(error\|fatal\)' "$BATS_TEST_TMPDIR"/err*
	output=$(cat "$BATS_TEST_TMPDIR"/out*)
	py '
names = [r["name"] for r in rows()]
assert names.count("stays") == 60, names.count("stays")
assert set(names) <= {"stays", "t1", "t2", "t3"}, set(names)
'
}
