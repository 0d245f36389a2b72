/* oswatch - what only the kernel knows, and each kernel tells in its own way: the end of a process, a step of the
 * wall clock, who holds a file. Everything in the host agent that is Linux-only is behind this header.
 *
 * Functions that make a descriptor return it (close-on-exec), or -1 with errno; ENOSYS where the kernel cannot.
 */
#ifndef LIMA_OSWATCH_H
#define LIMA_OSWATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor that becomes readable when the process has ended, and that no other process with the same number
 * is ever mistaken for. */
int proc_watch(pid_t pid);

/* Signals a process: through `watch` when that is a descriptor of proc_watch, else by number. */
int proc_signal(int watch, pid_t pid, int sig);

/* Waits until the process behind a descriptor of proc_watch has ended; false when wait_ms went by first. */
bool proc_await(int watch, int wait_ms);

/* A descriptor that becomes readable when somebody writes to the file, which must be there, or puts another one in its place;
 * file_watch_rearm waits for the next time. */
int file_watch(const char *path);
void file_watch_rearm(int fd);
/* The same for any number of things that are added later (-1 with errno: it is not there); file_watch_rearm takes the news off. */
int files_watch(void);
/* A directory: entries that come and go, and files in it that are written to. */
int files_watch_dir(int fd, const char *dir);
/* A file, until it was written to once. */
int files_watch_once(int fd, const char *path);

/* A descriptor that becomes readable when somebody sets the wall clock or the host wakes from sleep. */
int clock_watch(void);
/* Arms it again. To be called after it became readable. */
void clock_watch_rearm(int fd);

/* The process that holds a POSIX record lock on any byte of `path` (QEMU locks its pid file), 0 when nobody does.
 * Unlike the number in the file, this cannot point to a stranger. -1: somebody whose pid the kernel does not tell. */
pid_t file_lock_holder(const char *path);

/* Whether an open-file-description lock lies on the bytes that QEMU locks in a disk image that it may write. */
bool disk_in_use(const char *path);

/* Whether a process is gone, or was killed and will never run its own code again: the kernel takes a while to clear away a
 * large one. */
bool proc_is_ending(pid_t pid);

/* Lets the new, empty file `to` share the blocks of `from` until one of them is written to; false where the file system cannot. */
bool file_share_blocks(int from, int to);

/* The process that called listen(2) on the other end of a connected unix socket, 0 when unknown. */
pid_t socket_peer_pid(int fd);

/* Closes every descriptor from 3 up, except `keep` (-1: none). */
void fds_close_all(int keep);

/* Milliseconds of a clock that never jumps and goes on in sleep. */
int64_t mono_ms(void);

#endif
