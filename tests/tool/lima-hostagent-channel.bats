#!/usr/bin/env bats
# The guest agent's other way: when its virtio port stays silent, its socket is forwarded by ssh. An ssh and a QEMU that play.

load ../lib/common
load ../lib/hostagent

setup() {
	fresh_home
	make_instance
	cat >ssh.does <<END
case \$* in
*lima-boot-status*) printf 'begin\tb9\tnative\nssh-ready\ndone\t0\n' ;;
*"-O forward -L "*ga.ssh.sock:/run/lima-guestagent.sock*) python3 "$TOP/tests/lib/agent_by_ssh.py" "\$PWD/ga.ssh.sock" "\$PWD/notes" || exit 1 ;;
esac
END
	touch notes
}

channel() { info | python3 -c 'import json, sys; print(json.load(sys.stdin)["guest"].get("channel", "none"))'; }
is_channel() { [ "$(channel)" = "$1" ]; }

# One test, because the waiting that it is about takes its time: 10 s until ssh is tried, 5 s more until the agent is sought by ssh.
@test "a silent port: the agent is heard by ssh, again after it hangs up, and by the port when that comes late" {
	echo left >ga.ssh.sock
	agent
	until_ok is_channel ssh
	info_has '"agentVersion":"9.9"'
	until_event '"running":true'
	not event degraded
	# A forward that may be left over is taken away first.
	[ "$(grep -o -e '-O cancel -L' -e '-O forward -L' ssh.log | head -n 2 | tr '\n' ' ')" = "-O cancel -L -O forward -L " ]
	until_ok grep -q 'got LGA1 1' notes
	before=$(grep -c connected notes)
	touch notes.close
	until_ok again
	rm notes.close
	until_ok is_channel ssh
	cue 'boot b9'
	until_ok is_channel virtio-port
	kill "$AGENT"
	ends 0
	[ ! -e ga.ssh.sock ]
}
again() { [ "$(grep -c connected notes)" -gt "$before" ]; }

@test "a machine that speaks on its port is never asked by ssh" {
	ready
	is_channel virtio-port
	not grep -F ga.ssh.sock ssh.log
}

@test "a plain machine has no agent to look for" {
	conf plain=true
	agent
	until_event '"running":true'
	not grep -F ga.ssh.sock ssh.log
}
