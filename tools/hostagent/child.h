/* child - the end of processes as events of the loop: by pidfd, or by SIGCHLD where there is none. */
#ifndef HOSTAGENT_CHILD_H
#define HOSTAGENT_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#define CHILD_STATUS_UNKNOWN (-1)

struct child;

/* Watches a process until it ends; then calls `ended` once, with its exit status (128 + signal when a signal ended it;
 * CHILD_STATUS_UNKNOWN for a process that is not a child of ours), and forgets it. NULL with errno when it cannot
 * be watched: ESRCH (it is gone), or, for a process that is not ours, ENOSYS. */
struct child *child_watch(struct event_base *base, pid_t pid, bool ours,
			  void (*ended)(void *arg, int status), void *arg);
/* Signals the process, or with `group` its process group too (only for one that was started with a group of its
 * own). */
void child_signal(struct child *c, int sig, bool group);
pid_t child_pid(const struct child *c);
/* Stops watching; the process goes on. A child of ours that is forgotten is reaped when it ends. */
void child_forget(struct child *c);
/* Frees what is still watched, before the event base is freed. */
void child_free_all(void);

/* For tests: behave as on a kernel without pidfds. */
extern bool child_no_pidfd;

#endif
