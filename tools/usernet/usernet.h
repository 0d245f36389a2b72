/* usernet - a network of guests: an Ethernet switch, addresses, names, the way out and forwarded ports, in one process.
 *
 *   switch port_*   frames between guests        gate      what may pass, and what is for us
 *   dhcp leases     addresses                    outside   the way to the host and the world (libslirp)
 *   names zones     names                        knock     whether a guest listens
 *   forwards        ports of the host            api       questions and orders over HTTP
 *
 * One event loop does all of it. A round: libslirp says what it waits for, events are handled, libslirp handles its own, and
 * what has gathered for each guest is written.
 */
#ifndef USERNET_H
#define USERNET_H

#include "forwards.h"
#include "gate.h"
#include "knock.h"
#include "leases.h"
#include "names.h"
#include "outside.h"
#include "subnet.h"
#include "switch.h"

#define USERNET_SIGNALS 3 /* that end it */
#define MTU_MIN 576u
#define MTU_MAX 65520u
#define MTU_DEFAULT 1500u

struct usernet_options {
	const char *pid_file, *endpoint, *listen_qemu, *listen_fd, *subnet, *leases, *leases_file;
	unsigned mtu;
	int ready_fd; /* -1: none */
};

struct dns_tcp;
struct evconnlistener;
struct httpd;
struct pause;

/* A unix socket that is listened on. */
struct door {
	const char *path; /* NULL: closed */
	struct evconnlistener *listener;
	struct pause *pause;
};

struct usernet {
	const struct usernet_options *opt;
	struct event_base *base;
	struct subnet subnet;
	struct leases leases;
	struct names names;
	struct outside *outside;
	struct net_switch *sw;
	struct gate gate;
	struct forwards forwards;
	struct knocks knocks;
	struct door streams, dgrams, questions; /* for machines, and for names over TCP */
	struct dns_tcp *dns_tcp;
	char *dns_path;
	struct httpd *httpd;
	struct event *signals[USERNET_SIGNALS];
	unsigned sockets; /* that there may be to the outside */
	bool stop;
};

/* Runs the network until SIGTERM, SIGINT or SIGHUP. Returns the exit status, after saying why when it is not 0. */
int usernet_run(const struct usernet_options *o);

#endif
