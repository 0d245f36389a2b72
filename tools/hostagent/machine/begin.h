/* begin - a guest that never begins: one that has read nothing from any disk a minute after its machine was started.
 *
 * Rarely a kernel hangs in its first moments under QEMU's emulation, with all processors busy and not a word on the console. What
 * has not read from a disk has nothing to lose, so it is reset, once. All others are left alone, however slow they are.
 */
#ifndef HOSTAGENT_BEGIN_H
#define HOSTAGENT_BEGIN_H

struct agent;
struct event;

#define BEGIN_S 60 /* without LIMA_BOOT_RESET, which is the same in seconds; 0: never */

struct begin {
	struct event *timer;
};

/* The machine is up; one that was taken over is not watched. */
void begin_watch(struct agent *a);
void begin_free(struct agent *a);

#endif
