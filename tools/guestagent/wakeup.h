/* wakeup - has the kernel tell when a socket begins or ceases to listen, as far as it can.
 *
 * In the order of preference: probes on the return of the kernel's own functions (by perf_event_open, no tracefs
 * needed), a tracepoint, and the broadcast of destroyed UDP sockets on the netlink. What none of them covers must be
 * polled for.
 */
#ifndef GUESTAGENT_WAKEUP_H
#define GUESTAGENT_WAKEUP_H

enum wakeup {
	WAKEUP_TCP_ADDED = 1,
	WAKEUP_TCP_REMOVED = 2,
	WAKEUP_UDP_ADDED = 4,
	WAKEUP_UDP_REMOVED = 8,
	WAKEUP_ALL = 15,
};

/* Sets up what works here; `changed` is called after each change, and sometimes without one. Returns what is covered.
 * */
unsigned wakeup_init(void (*changed)(void));

#endif
