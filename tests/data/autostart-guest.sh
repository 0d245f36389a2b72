#!/bin/sh
# Run in a guest by tests/vm/limactl.bats, as its user: autostart with the systemd of that user. limactl is installed; ~/fake has a QEMU
# that plays on cue, an ssh and a make. The instance "real" has what a machine without QEMU has, "fake" runs with what is in ~/fake.
# shellcheck disable=SC2016 # backquotes of messages
set -eu
die() { echo "FAILED: $*"; exit 1; }
same() { [ "$1" = "$2" ] || die "expected '$2', got '$1'"; }
has() { case $1 in *"$2"*) ;; *) die "no '$2' in: $1" ;; esac; }
until_ok() { for _ in $(seq 400); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; die "in vain: $*"; }
shown() { systemctl --user show --value -p "$2" "lima-vm@$1.service"; }
is() { [ "$(shown "$1" "$2")" = "$3" ]; }
state() { limactl list --format '{{.Status}}' "$1"; }
runs() { [ "$(state "$1")" = Running ]; }
ended() { case $(shown "$1" ActiveState) in inactive | failed) ;; *) return 1 ;; esac; }
journal() { sudo journalctl --no-pager -o cat "_UID=$(id -u)" + "USER_UNIT=lima-vm@$1.service"; }

echo "== the unit"
mkdir -p ~/.lima/real
printf 'images: [{location: /none.img}]\n' >~/.lima/real/lima.yaml
has "$(limactl autostart enable real 2>&1)" 'Instance `real` registered to start at login'
same "$(systemctl --user is-enabled lima-vm@real.service)" enabled
has "$(systemctl --user cat lima-vm@real.service)" 'ExecStart="/usr/local/bin/limactl" start %i --foreground'
same "$(systemd-analyze --user verify ~/.config/systemd/user/lima-vm@real.service 2>&1)" ""
test -L ~/.config/systemd/user/default.target.wants/lima-vm@real.service
# It is what systemd runs; there is no make and no QEMU here, which the journal tells. It is tried again, and then given up.
systemctl --user start lima-vm@real.service
until_ok is real ActiveState failed
has "$(journal real)" 'level=fatal msg="cannot run make: No such file or directory"'
has "$(limactl start real 2>&1 || echo "status $?")" 'status 1'
has "$(limactl autostart disable real 2>&1)" 'Instance `real` unregistered from start at login'
same "$(systemctl --user is-enabled lima-vm@real.service 2>/dev/null || echo none)" none
test ! -e ~/.config/systemd/user/default.target.wants/lima-vm@real.service

echo "== start and stop"
export FAKE_QEMU="$HOME/fake/fake-qemu" LIMA_MAKE="$HOME/fake/make" PATH="$HOME/fake:$PATH" BATS_TEST_TMPDIR="$HOME/fake"
systemctl --user import-environment FAKE_QEMU LIMA_MAKE PATH BATS_TEST_TMPDIR
mkdir -p ~/.lima/_templates
truncate -s 1M ~/fake/image.raw
printf 'images:\n- location: %s\n' ~/fake/image.raw >~/.lima/_templates/default.yaml
limactl create --name=fake --containerd=none --mount-none template:default
printf '%s\n' 'boot b1' 'status begin\tb1\tnative\nssh-ready\n' sshd 'status done\t0\n' >~/.lima/fake/cues
limactl autostart enable fake
text=$(limactl start fake 2>&1) || die "$text"
has "$text" 'Starting the instance `fake` by systemd'
has "$text" 'READY. Run'
same "$(state fake)" Running
same "$(limactl list --format '{{.AutoStartedIdentifier}}' fake)" lima-vm@fake.service
same "$(shown fake ActiveState)" active
same "$(shown fake MainPID)" "$(cat ~/.lima/fake/ha.pid)"
text=$(limactl stop fake 2>&1) || die "$text"
has "$text" 'The instance fake has shut down'
same "$(shown fake ActiveState)" inactive
same "$(state fake)" Stopped

echo "== a host agent that dies: systemd starts the next one, which takes the machine over"
limactl start fake
qemu=$(cat ~/.lima/fake/qemu.pid) agent=$(cat ~/.lima/fake/ha.pid)
kill -KILL "$agent"
until_ok is fake NRestarts 1
until_ok is fake ActiveState active
until_ok runs fake
limactl start fake
same "$(cat ~/.lima/fake/qemu.pid)" "$qemu"
kill -0 "$qemu"
[ "$(cat ~/.lima/fake/ha.pid)" != "$agent" ] || die "the host agent is the dead one"
# A forced stop is not undone by systemd.
limactl stop -f fake
until_ok ended fake
same "$(state fake)" Stopped
limactl delete fake
test ! -e ~/.config/systemd/user/lima-vm@fake.service
echo "all done"
