/* ga - the channel to the guest agent: frames of wire.h over ga.sock, which is a virtio port of the guest; or over
 * ssh when nobody answers there (ga_ssh.c).
 *
 * Everything that comes in is untrusted: bounded, cleaned, and never answered with more than one small frame.
 */
#ifndef HOSTAGENT_GA_H
#define HOSTAGENT_GA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ga_ssh.h"
#include "hostagent/log.h"
#include "wire.h"

struct agent;

struct ga {
	struct bufferevent *bev;
	struct wire_reader *reader;
	struct event *timer; /* next TIME, or the next attempt to connect */
	struct event *hello_timer;
	bool hello_owed;     /* one was put off */
	bool hello_sent, padded; /* on this connection */
	bool heard;          /* a HELLO came on this connection */
	char session[20];    /* ours */
	char peer[20];       /* of the guest agent */
	char peer_boot[40], peer_version[40];
	int64_t time_ms;     /* when the TIME was sent that is not yet answered; 0 = none */
	int64_t hello_since; /* the window in which HELLOs that the guest caused are counted */
	unsigned hello_count;
	uint64_t skipped;    /* garbage reported so far */
	struct ga_ssh ssh;
	struct log_limit limit;
};

/* Connects to ga.sock and greets; connects again when the connection breaks while the machine lives. */
void ga_connect(struct agent *a);
/* Goes on over a connected descriptor, which becomes its own. */
void ga_use(struct agent *a, int fd);
/* The guest's end is not where it was (a snapshot): a connection and a session anew, in which it tells everything again. */
void ga_anew(struct agent *a);
/* QEMU says that the guest has opened its end. */
void ga_port_open(struct agent *a);
/* Boot is listening only now: tells it what the guest agent said before, and asks for the rest again. */
void ga_repeat(struct agent *a);
/* Tells the guest the time, when a guest agent has been heard. */
void ga_send_time(struct agent *a);
/* Sends one frame. Returns -1 when nobody is there or too much waits already. */
int ga_send(struct agent *a, uint8_t type, uint32_t stream, const void *data, uint32_t n);
/* The same for a frame of the type DNS; `arg` is the agent. */
int ga_send_dns(void *arg, uint32_t stream, const void *data, uint32_t n);
void ga_close(struct agent *a);

#endif
