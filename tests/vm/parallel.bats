#!/usr/bin/env bats
# Several machines at once, and the stock path with cloud-init.

load ../lib/vm

setup_file() {
	vm_setup one
	cd "$TOP"
}

teardown_file() {
	vm_teardown
}

@test "two instances start in parallel from one Makefile" {
	printf 'all: one two\none two:\n\tlima-instance start --template recipe-debian-12 --memory 768MiB --cpus 1 $@\n' >"$VM_TMP/Makefile"
	make -s -j2 -f "$VM_TMP/Makefile" </dev/null 2>&1 | tee "$VM_TMP/log"
	[ "$(lima-instance list | grep -c Running)" = 2 ]
	[ "$(lima-instance shell one -- hostname)" = lima-one ]
	[ "$(lima-instance shell two -- hostname)" = lima-two ]
	lima-instance delete --force one
	lima-instance delete --force two
}

@test "an image with cloud-init takes the stock path to READY" {
	VM=cloud DIR=$LIMA_HOME/cloud
	lima-instance start --template recipe-debian-12-cloud --memory 1GiB --cpus 2 cloud
	guest 'cloud-init status' | grep -q done
	[ "$(guest 'hostname')" = lima-cloud ]
	guest 'cat /run/lima-boot-status' | head -n 1 | grep -q 'cloud-init$'
	ssh-keygen -lf "$DIR/ssh_host_ed25519_key.pub" | cut -d' ' -f2 >"$VM_TMP/fp"
	[ "$(guest 'sudo ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' | cut -d' ' -f2)" = "$(cat "$VM_TMP/fp")" ]
	lima-instance delete --force cloud
}
