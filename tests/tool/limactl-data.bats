#!/usr/bin/env bats
# limactl network, info, show-ssh, watch, screenshot, tunnel: what they print, and what they refuse.
# shellcheck disable=SC2154 # run sets status, output, stderr

load ../lib/limactl

setup() {
	fresh_home
	cd "$BATS_TEST_TMPDIR"
	networks=$LIMA_HOME/_config/networks.yaml
	SERVER=
}
teardown() { [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || :; }

# A host agent as far as its lock and ha.sock tell: it answers /v1/info, and anything else with the status and body given.
running() {
	instance "$1"
	python3 - "$LIMA_HOME/$1" "${2:-404}" "${3:-/dev/null}" >up 3>&- <<'END' &
import fcntl, os, socket, sys
d, status, body = sys.argv[1:]
f = open(d + "/ha.pid", "w"); f.write("%d\n" % os.getpid()); f.flush()
fcntl.flock(f, fcntl.LOCK_EX)
s = socket.socket(socket.AF_UNIX); s.bind(d + "/ha.sock"); s.listen(); print("up", flush=True)
while True:
	c, _ = s.accept()
	request = c.recv(4096)
	with open("requests", "ab") as log: log.write(request.split(b"\r\n")[0] + b"\n")
	if request.startswith(b"GET /v1/info"):
		c.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"state":"running","sshLocalPort":4022,"qemuPID":%d}' % os.getpid())
	else:
		c.sendall(b"HTTP/1.0 %s x\r\n\r\n" % status.encode() + open(body, "rb").read())
	c.close()
END
	SERVER=$!
	until_ok test -s up
}

# --- network ---

@test "network list makes the file with four networks" {
	ok limactl network list
	is 'NAME       MODE       GATEWAY             INTERFACE
bridged    bridged    -                   en0
host       host       192.168.106.1/24    -
shared     shared     192.168.105.1/24    -
user-v2    user-v2    192.168.104.1/24    -'
	quiet
	[ -f "$networks" ]
	ok limactl network ls --json user-v2 bridged
	is '{"name":"user-v2","mode":"user-v2","gateway":"192.168.104.1","netmask":"255.255.255.0"}
{"name":"bridged","mode":"bridged","interface":"en0"}'
	ok limactl network ls nope host
	is 'NAME    MODE    GATEWAY             INTERFACE
host    host    192.168.106.1/24    -'
	says warning "No network matching nope found."
}

@test "network create and delete keep the rest of the file, comments too" {
	mkdir -p "$LIMA_HOME/_config"
	printf '%s\n' '# mine' 'paths:' '  varRun: /x # here' '' 'networks:' '  # the first' '  one:' '    mode: user-v2 # plain' \
		'    gateway: 10.1.0.1' '    netmask: 255.255.0.0' >"$networks"
	cp "$networks" before
	ok limactl network create lab --gateway 192.168.42.1
	is ""
	quiet
	ok limactl network create lab2 --mode shared --gateway 10.9.8.1/20
	ok limactl network create br --mode bridged --interface eth7
	ok limactl network ls
	is 'NAME    MODE       GATEWAY            INTERFACE
br      bridged    -                  eth7
lab     user-v2    192.168.42.1/24    -
lab2    shared     10.9.8.1/20        -
one     user-v2    10.1.0.1/16        -'
	head -n 10 "$networks" | cmp - before
	fatal 'network `lab` already exists' limactl network create lab --gateway 192.168.43.1
	fatal "always requires" limactl network delete lab
	ok limactl network delete --force lab lab2 nope
	ok limactl network rm -f br
	cmp "$networks" before
}

@test "network create: what is refused" {
	for args in "" "--mode bridged" "--mode bridged --gateway 10.0.0.1 --interface e" "--mode host" "--gateway x" "--gateway 10.0.0.1/33" \
		"--gateway 10.0.0.1/x" "--gateway 10.0.0.1/29" "--gateway 10.0.0.1 --interface e" "--mode other --gateway 10.0.0.1"; do
		# shellcheck disable=SC2086
		fatal "" limactl network create lab $args
	done
	fatal "" limactl network create a/b --gateway 10.0.0.1
	ok limactl network ls --json
	[[ $output != *lab* ]]
	echo 'networks: [a]' >"$networks"
	fatal "must be a map" limactl network ls
}

@test "networks made at once are all there" {
	pids=
	for k in 1 2 3 4 5 6; do
		limactl network create "n$k" --gateway "10.0.$k.1" &
		pids="$pids $!"
	done
	for pid in $pids; do wait "$pid"; done
	ok limactl network ls --json
	[ "$(grep -c '"name":"n[1-6]"' <<<"$output")" = 6 ]
}

# --- info ---

@test "info: keys in order, what is in them" {
	ok limactl info
	quiet
	[[ $output == $'{\n    "version": "'* ]]
	py '
d = json.loads(data)
assert list(d) == ["version","templates","defaultTemplate","limaHome","vmTypes","vmTypesEx","guestAgents","shellEnvBlock","hostOS","hostArch","identityFile","plugins","libexecPaths","sharePaths"], list(d)
assert d["vmTypes"] == ["qemu"] and d["vmTypesEx"]["qemu"]["location"] == "internal"
import os, platform
assert d["hostOS"] == "linux" and d["hostArch"] == platform.machine() and d["limaHome"] == os.environ["LIMA_HOME"]
assert d["identityFile"] == d["limaHome"] + "/_config/user"
names = [t["name"] for t in d["templates"]]
assert names == sorted(names) and "default" in names and any(n.startswith("_") for n in names), names
assert all(os.path.isfile(t["location"]) for t in d["templates"])
assert d["guestAgents"][platform.machine()]["location"].startswith("/")
assert d["shellEnvBlock"][0] == "BASH*" and d["shellEnvBlock"][-1] == "_*" and "SSH_*" in d["shellEnvBlock"]
t = d["defaultTemplate"]
assert t["arch"] == platform.machine() and t["memory"].endswith("GiB") and t["containerd"]["archives"][0]["location"], t
assert isinstance(d["sharePaths"], list)
'
	ok limactl info --yq .hostOS
	is linux
	ok limactl info --yq '.shellEnvBlock | length'
	is 27
	ok limactl info --yq '.vmTypes'
	is $'[\n    "qemu"\n]'
	ok limactl info --yq '.templates[] | select(.name == "default") | .name'
	is default
	_LIMA_OUTPUT_IS_TTY=1 ok limactl info --yq .vmTypesEx
	[[ $output == *$'\e['* ]]
	fatal "env operations have been disabled" limactl info --yq 'env(HOME)'
	fatal "" limactl info extra
	LIMA_SHELLENV_BLOCK=X ok limactl info --yq '.shellEnvBlock[0]'
	is 'BASH*'
}

@test "info lists plugins" {
	mkdir bin
	printf '#!/bin/sh\n# <limactl-desc>does things</limactl-desc>\n' >bin/limactl-thing
	chmod +x bin/limactl-thing
	PATH=$PWD/bin:$PATH ok limactl info --yq '.plugins[] | select(.name == "thing") | tojson'
	is "{\"name\":\"thing\",\"path\":\"$PWD/bin/limactl-thing\",\"description\":\"does things\"}"
}

# --- show-ssh ---

@test "show-ssh: four forms of ssh.config" {
	instance vm
	printf '%s\n' '# comment' 'Host lima-vm' '  Hostname 127.0.0.1' '  Port 4022' '  IdentityFile "/a b/user"' '  Ciphers ^x,y' \
		>"$LIMA_HOME/vm/ssh.config"
	ok limactl show-ssh vm
	is "ssh -o Hostname=127.0.0.1 -o Port=4022 -o 'IdentityFile=\"/a b/user\"' -o Ciphers=^x,y lima-vm"
	says warning "ssh -F $LIMA_HOME/vm/ssh.config lima-vm"
	ok limactl show-ssh --format args vm
	is "-o Hostname=127.0.0.1 -o Port=4022 -o 'IdentityFile=\"/a b/user\"' -o Ciphers=^x,y"
	ok limactl show-ssh -f options vm
	is $'Hostname=127.0.0.1\nPort=4022\nIdentityFile="/a b/user"\nCiphers=^x,y'
	ok limactl show-ssh -fconfig vm
	is $'Host lima-vm\n  Hostname 127.0.0.1\n  Port 4022\n  IdentityFile "/a b/user"\n  Ciphers ^x,y'
	fatal 'unknown format: `x`' limactl show-ssh -f x vm
	fatal "open $LIMA_HOME/nope/lima.yaml: no such file or directory" limactl show-ssh nope
	fatal "accepts 1 arg(s), received 0" limactl show-ssh
}

@test "show-ssh: an instance that never ran has port 0" {
	instance vm
	fatal "was never built" limactl show-ssh vm
	ok lima-render --instance "$LIMA_HOME/vm"
	ok limactl show-ssh -f options vm
	[[ $output == *$'Hostname=127.0.0.1\nPort=0\n'* && $output == *StrictHostKeyChecking=yes* ]]
	grep -qF "IdentityFile=\"$LIMA_HOME/_config/user\"" <<<"$output"
}

# --- watch ---

# Starts `limactl watch` and waits until it watches.
watching() {
	limactl watch "$@" >watch.out 2>watch.err 3>&- &
	SERVER=$!
	until_has watch.err "Watching for events..."
}
until_has() { until_ok grep -F -- "$2" "$1" || { cat "$1" watch.err; false; }; }
event() { printf '{"time":"2026-11-21T10:00:0%s.25Z","status":%s}\n' "$2" "$3" >>"$LIMA_HOME/$1/ha.stdout.log"; }

@test "watch: events in words, of instances that are there and that come" {
	export TZ=UTC
	instance a
	event a 0 '{"running":true}'
	watching
	! grep -q . watch.out
	instance b
	until_has watch.err "New instance detected: b"
	grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} New instance detected: b$' watch.err
	event b 1 '{"sshLocalPort":4022}'
	event b 2 '{"sshLocalPort":4022,"running":true}'
	event b 3 '{"sshLocalPort":4022,"running":true,"portForward":{"type":"forwarding","protocol":"tcp","guestAddr":"127.0.0.1:80","hostAddr":"127.0.0.1:8080"}}'
	event b 4 '{"running":true,"portForward":{"type":"not-forwarding","protocol":"udp","guestAddr":"127.0.0.1:53"}}'
	event b 5 '{"running":true,"portForward":{"type":"not-forwarding","protocol":"udp","guestAddr":"127.0.0.1:53"},"cloudInitProgress":{"logLine":"x y"}}'
	event b 6 '{"running":true,"degraded":true,"errors":["no","way"]}'
	event b 7 '{"portForward":{"type":"stopping","protocol":"tcp","guestAddr":"127.0.0.1:80"}}'
	event b 8 '{"exiting":true}'
	event a 9 '{"exiting":true}'
	until_has watch.out "a | exiting"
	output=$(grep -v ' a |' watch.out)
	is '2026-11-21 10:00:01 b | ssh available on port 4022
2026-11-21 10:00:02 b | running
2026-11-21 10:00:03 b | forwarding tcp 127.0.0.1:80 to 127.0.0.1:8080
2026-11-21 10:00:04 b | not forwarding udp 127.0.0.1:53
2026-11-21 10:00:05 b | cloud-init: x y
2026-11-21 10:00:06 b | running (degraded)
2026-11-21 10:00:06 b | error: no
2026-11-21 10:00:06 b | error: way
2026-11-21 10:00:07 b | stopping forwarding tcp 127.0.0.1:80
2026-11-21 10:00:08 b | exiting'
	kill -INT "$SERVER"
	wait "$SERVER"
}

@test "watch --json and --history, one instance; a log that begins anew is read again" {
	instance a
	instance b
	event a 0 '{"running":true}'
	watching --json --history a
	until_has watch.out '{"instance":"a","event":{"time":"2026-11-21T10:00:00.25Z","status":{"running":true}}}'
	event b 1 '{"running":true}'
	: >"$LIMA_HOME/a/ha.stdout.log"
	printf 'not an event\n{"time":"2026-11-21T10:00:02Z"' >>"$LIMA_HOME/a/ha.stdout.log"
	printf ',"status":{"exiting":true}}\n' >>"$LIMA_HOME/a/ha.stdout.log"
	until_has watch.out '{"exiting":true}'
	[ "$(wc -l <watch.out)" = 2 ]
	! grep -q '"b"' watch.out
	kill -TERM "$SERVER"
	wait "$SERVER"
}

@test "watch: a log that has become long and is begun anew is read to its end and on, each line once (case 38)" {
	number() { printf '{"time":"2026-11-21T10:00:00Z","status":{"sshLocalPort":%d}}\n' "$@" >>ha.stdout.log; }
	# As the host agent does it, see tools/hostagent/logfile.h.
	anew() { : >next; rm -f ha.stdout.old.log; ln ha.stdout.log ha.stdout.old.log; mv next ha.stdout.log; }
	instance a
	cd "$LIMA_HOME/a"
	number 1 2
	anew
	number 3
	mkdir out
	cd out
	watching --json --history a
	until_has watch.out ':3}'
	cd ..
	kill -STOP "$SERVER"
	number 4 5
	anew
	number 6
	kill -CONT "$SERVER"
	(cd out; until_has watch.out ':6}')
	number 7
	(cd out; until_has watch.out ':7}')
	kill -STOP "$SERVER"
	# Too fast for a reader that stands still: what is left is told, in order.
	number 8; anew; number 9; anew; number 10
	kill -CONT "$SERVER"
	(cd out; until_has watch.out ':10}')
	output=$(sed 's/.*sshLocalPort":\([0-9]*\).*/\1/' out/watch.out | xargs)
	is "1 2 3 4 5 6 7 9 10" # only one old log is kept
	kill -INT "$SERVER"
	wait "$SERVER"
}

@test "watch --verbose tells the host agents' logs; no instance is no error, an unknown one is" {
	watching --verbose
	grep -q "No instances found" watch.err
	instance a
	until_has watch.err "New instance detected: a"
	printf '{"level":"warning","msg":"the disk is full","time":"x"}\n' >>"$LIMA_HOME/a/ha.stderr.log"
	until_has watch.err 'level=warning msg="[hostagent] the disk is full" instance=a'
	kill -INT "$SERVER"
	wait "$SERVER"
	fatal "open $LIMA_HOME/nope/lima.yaml: no such file or directory" limactl watch nope
}

# --- screenshot and tunnel ---

@test "screenshot writes what the host agent sends, byte for byte" {
	head -c 3000000 /dev/urandom >picture
	running vm 200 picture
	ok limactl screenshot vm
	says info 'Screenshot saved to \"vm-screenshot.png\" (3000000 bytes)'
	cmp picture vm-screenshot.png
	ok limactl screenshot vm -o other.bmp
	cmp picture other.bmp
	grep -q '^GET /v1/screenshot?format=png ' requests
	grep -q '^GET /v1/screenshot?format=bmp ' requests
	fatal ".png or .bmp" limactl screenshot vm --output x.gif
	fatal ".png or .bmp" limactl screenshot vm --output png
}

@test "screenshot tells why there is none, and leaves no file" {
	echo '{"message":"the machine has no display"}' >body
	running vm 422 body
	fatal "the machine has no display" limactl screenshot vm
	[ ! -e vm-screenshot.png ]
	instance st
	fatal 'instance \"st\" is not running (status: Stopped)' limactl screenshot st
	fatal "no such file or directory" limactl screenshot nope
}

@test "tunnel: one ssh with the port, and what is refused" {
	running vm
	mkdir bin
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s/ssh.log\n[ ! -e %s/refuse ]\n' "$PWD" "$PWD" >bin/ssh
	chmod +x bin/ssh
	PATH=$PWD/bin:$PATH
	ok limactl tunnel vm
	[[ $output =~ ^Set\ \`ALL_PROXY=socks5h://127.0.0.1:([0-9]+)\`,\ etc\. ]]
	port=${BASH_REMATCH[1]}
	[[ $output == *"The instance can be connected from the host as <http://lima-vm.internal> via a web browser." ]]
	says warning experimental
	grep -qE -- "^-F $LIMA_HOME/vm/ssh.config .*-f -N .*-D 127.0.0.1:$port lima-vm$" ssh.log
	ok limactl tunnel --socks-port 12345 vm
	[[ $output == *"socks5h://127.0.0.1:12345"* ]]
	for bad in 1 1023 65536 -1; do
		fatal "invalid socks port $bad" limactl tunnel --socks-port=$bad vm
	done
	fatal 'unknown tunnel type: `http`' limactl tunnel --type http vm
	touch refuse
	fatal "ssh could not open the tunnel (exit status 1)" limactl tunnel vm
	instance st
	fatal 'instance `st` is stopped, run `limactl start st` to start the instance' limactl tunnel st
	fatal 'instance `nope` does not exist, run `limactl create nope` to create a new instance' limactl tunnel nope
}
