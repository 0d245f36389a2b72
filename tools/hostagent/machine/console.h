/* console - keeps what the guest writes on its serial consoles from filling the disk of the host.
 *
 * QEMU appends to serial.log and its like without end. One that has grown beyond CONSOLE_MAX is cut to its last
 * CONSOLE_KEEP bytes, behind a line that says so. Nothing wakes up while the guest writes nothing.
 */
#ifndef HOSTAGENT_CONSOLE_H
#define HOSTAGENT_CONSOLE_H

#define CONSOLE_MAX (16u << 20)
#define CONSOLE_KEEP (1u << 20)

struct agent;

struct console {
	int watch; /* of file_watch; valid while ev is set */
	struct event *ev, *pace;
};

/* Begins to watch the logs of a machine that is up. */
void console_start(struct agent *a);
void console_free(struct agent *a);

#endif
