/* fake_qemu_begin - a part of fake-qemu.c: a guest that has not read from its disk, and what resets it (--unread). */
#ifndef FAKE_QEMU_BEGIN_H
#define FAKE_QEMU_BEGIN_H

static int unread;

/* The firmware has looked at the volume. */
static void query_blockstats(long id)
{
	qmp_send("{\"return\":[{\"device\":\"cdrom0\",\"stats\":{\"rd_operations\":1}},{\"device\":\"boot-disk\",\"stats\":"
		 "{\"rd_operations\":%d}}],\"id\":%ld}", unread > 0 ? 0 : 7, id);
}

static void system_reset(long id)
{
	unread--;
	qmp_send("{\"return\":{},\"id\":%ld}", id);
	qmp_send("{\"event\":\"RESET\",\"data\":{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}}");
}

#endif
