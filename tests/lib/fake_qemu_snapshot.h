/* fake_qemu_snapshot - the snapshots of fake-qemu.c; included by it, behind note and qmp_send. */
#ifndef LIMA_FAKE_QEMU_SNAPSHOT_H
#define LIMA_FAKE_QEMU_SNAPSHOT_H

/* Snapshots. The tags "slow" (no answer) and "bad" are special. */
static void monitor(const char *line, long id)
{
	const char *p = strstr(line, "\"command-line\":\"");
	char text[200] = "?";

	if (p)
		sscanf(p + 16, "%199[^\"]", text);
	note("hmp %s", text);
	if (!strcmp(text, "savevm slow"))
		return;
	if (strstr(text, " bad"))
		qmp_send("{\"return\":\"Error: Device 'x' is writable but does not support snapshots\\r\\n\",\"id\":%ld}", id);
	else if (!strcmp(text, "info snapshots"))
		qmp_send("{\"return\":\"List of snapshots present on all disks:\\r\\n"
			 "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\\r\\n"
			 "--        first             240 MiB 2026-11-21 10:00:00 00:01:02.003           \\r\\n"
			 "--        second            241 MiB 2026-11-21 10:00:05 00:01:07.003           \\r\\n\",\"id\":%ld}", id);
	else
		qmp_send("{\"return\":\"\",\"id\":%ld}", id);
}

#endif
