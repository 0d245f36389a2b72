/* validate_ports - portForwards and copyToHost. */
#include <inttypes.h>
#include <string.h>

#include "name.h"
#include "validate.h"

#define PORT_LAST 65535

struct rule {
	const struct node *n;
	size_t i;
	const char *side;       /* "guest", "host" */
	const char *port, *range, *socket; /* the keys of that side */
	bool has_socket;
	int64_t lo, hi, single;
};

static struct rule rule_side(const struct node *n, size_t i, bool host)
{
	struct rule r = {
		.n = n, .i = i, .side = host ? "host" : "guest", .port = host ? "hostPort" : "guestPort",
		.range = host ? "hostPortRange" : "guestPortRange", .socket = host ? "hostSocket" : "guestSocket",
	};

	r.has_socket = *tree_str(n, "", "%s", r.socket);
	r.lo = tree_int(n, 0, "%s[0]", r.range);
	r.hi = tree_int(n, 0, "%s[1]", r.range);
	r.single = tree_int(n, 0, "%s", r.port);
	return r;
}

static const char *port_problem(int64_t port)
{
	return port < 0 ? "is negative" : port == 0 ? "is missing or 0" : port == 22 ? "is kept for ssh" :
	       port > PORT_LAST ? "is above 65535" : NULL;
}

static void single_port(struct check *c, const struct rule *r)
{
	const struct node *n = map_get(r->n, r->port);
	const char *key = check_key("portForwards[%zu].%s", r->i, r->port), *problem = port_problem(r->single);

	if (!n || r->single == 0)
		return;
	if (problem)
		check_error(c, n, r->n, key, "%" PRId64 " %s", r->single, problem);
	else if (r->has_socket)
		check_error(c, n, r->n, key, "a rule has either %s or %s", r->port, r->socket);
	else if (r->single != r->lo)
		check_error(c, n, r->n, key, "must be the first of %s, %" PRId64, r->range, r->lo);
}

static void port_range(struct check *c, const struct rule *r)
{
	const char *key = check_key("portForwards[%zu].%s", r->i, r->range);
	const struct node *n = map_get(r->n, r->range);

	if (!strcmp(r->side, "host") && r->has_socket)
		return;
	if (port_problem(r->lo))
		check_error(c, n, r->n, key, "the first port, %" PRId64 ", %s", r->lo, port_problem(r->lo));
	else if (port_problem(r->hi))
		check_error(c, n, r->n, key, "the last port, %" PRId64 ", %s", r->hi, port_problem(r->hi));
	else if (r->lo > r->hi)
		check_error(c, n, r->n, key, "the first port, %" PRId64 ", is above the last, %" PRId64, r->lo, r->hi);
}

static void sockets(struct check *c, const struct rule *guest, const struct rule *host)
{
	const char *path = tree_str(guest->n, "", "guestSocket"), *local = tree_str(host->n, "", "hostSocket");
	const struct node *gn = map_get(guest->n, "guestSocket"), *hn = map_get(host->n, "hostSocket");
	size_t i = guest->i;

	if (*path && !check_absolute(path))
		check_error(c, gn, guest->n, check_key("portForwards[%zu].guestSocket", i), "must be an absolute path, not \"%s\"", path);
	if (*path && !*local && host->lo != host->hi)
		check_error(c, gn, guest->n, check_key("portForwards[%zu].guestSocket", i), "needs a hostSocket, or one hostPort");
	if (*local && !*path && guest->lo != guest->hi)
		check_error(c, hn, host->n, check_key("portForwards[%zu].hostSocket", i), "needs a guestSocket, or one guestPort");
	if (strlen(local) >= SOCKET_PATH_MAX)
		check_error(c, hn, host->n, check_key("portForwards[%zu].hostSocket", i), "%zu bytes are too long for a socket, at most %d",
			    strlen(local), SOCKET_PATH_MAX - 1);
	if (!*local && guest->hi - guest->lo != host->hi - host->lo)
		check_error(c, map_get(host->n, "hostPortRange"), host->n, check_key("portForwards[%zu].hostPortRange", i),
			    "has %" PRId64 " ports, but guestPortRange %" PRId64, host->hi - host->lo + 1, guest->hi - guest->lo + 1);
}

static void one_rule(struct check *c, const struct node *n, size_t i)
{
	struct rule guest = rule_side(n, i, false), host = rule_side(n, i, true);
	size_t before = c->diag->errors;

	if (tree_bool(n, false, "guestIPMustBeZero") && strcmp(tree_str(n, "", "guestIP"), "0.0.0.0") != 0)
		check_error(c, map_get(n, "guestIP"), n, check_key("portForwards[%zu].guestIP", i),
			    "must be 0.0.0.0 with guestIPMustBeZero, not %s", tree_str(n, "", "guestIP"));
	single_port(c, &guest);
	single_port(c, &host);
	/* The host's ports may be made from the guest's, and lengths of wrong ranges say nothing. */
	if (c->diag->errors == before)
		port_range(c, &guest);
	if (c->diag->errors == before)
		port_range(c, &host);
	if (c->diag->errors == before)
		sockets(c, &guest, &host);
	if (tree_bool(n, false, "reverse") && (!guest.has_socket || !host.has_socket))
		check_error(c, map_get(n, "reverse"), n, check_key("portForwards[%zu].reverse", i), "needs a guestSocket and a hostSocket");
}

static void copy(struct check *c, const struct node *n, size_t i, const char *side)
{
	const char *path = tree_str(n, "", "%s", side);

	if (*path && !check_absolute(path))
		check_error(c, map_get(n, side), n, check_key("copyToHost[%zu].%s", i, side), "must be an absolute path, not \"%s\"", path);
}

void validate_ports(struct check *c)
{
	const struct node *rules = tree_seq(c->doc, "portForwards"), *copies = tree_seq(c->doc, "copyToHost");

	for (size_t i = 0; rules && i < rules->n; i++)
		one_rule(c, rules->item[i], i);
	for (size_t i = 0; copies && i < copies->n; i++) {
		copy(c, copies->item[i], i, "guest");
		copy(c, copies->item[i], i, "host");
	}
}
