# shellcheck shell=sh
# What systemd sets up before anything else on other systems, and recipe images leave for later: device nodes of drivers that
# load on first use (fuse, tun), huge pages, message queues, debugging file systems, the journal on disk.
[ "$LIMA_BOOT_MODE" = native ] && have systemctl || return 0
systemctl --no-block start kmod-static-nodes.service systemd-tmpfiles-setup-dev.service dev-hugepages.mount dev-mqueue.mount \
	sys-kernel-debug.mount sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount systemd-journal-flush.service
