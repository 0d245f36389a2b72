# shellcheck shell=sh
# What systemd does before anything else on other systems, and recipe images leave for the time when a login is possible
# already: udev's look at all devices, kernel settings, device nodes of drivers that load on first use (fuse, tun), huge pages,
# message queues, debugging file systems, the journal on disk. Provisioning finds it done; without any, nobody waits for it.
[ "$LIMA_BOOT_MODE" = native ] && have systemctl || return 0
block=--no-block
for path in "$LIMA_CIDATA_MNT"/provision.*/[0-9]*; do
	[ ! -f "$path" ] || block=
done
# shellcheck disable=SC2086 # an option or none
systemctl $block start systemd-sysctl.service systemd-modules-load.service kmod-static-nodes.service \
	systemd-tmpfiles-setup-dev.service systemd-udev-trigger.service dev-hugepages.mount dev-mqueue.mount \
	sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount systemd-journal-flush.service
