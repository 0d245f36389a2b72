/* forwards - see forwards.h. */
#include "forwards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "num.h"

void endpoint_format(uint32_t ip, uint16_t port, char out[ENDPOINT_TEXT])
{
	ip_format(ip, out);
	snprintf(out + strlen(out), ENDPOINT_TEXT - strlen(out), ":%u", port);
}

static bool parse_endpoint(const char *text, uint64_t min_port, uint32_t *ip, uint16_t *port)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	struct err e = { 0 };
	char *address;
	uint64_t v;
	bool good;

	if (!colon || num_parse(colon + 1, min_port, 65535, "port", &v, &e) < 0)
		return false;
	address = xstrndup(text, (size_t)(colon - text));
	*ip = 0;
	good = *address == '\0' || ip_parse(address, ip);
	free(address);
	*port = (uint16_t)v;
	return good;
}

int forward_parse(const struct forwards *f, const char *local, const char *remote, const char *protocol,
		  struct forward *out, struct err *e)
{
	*out = (struct forward){ 0 };
	if (protocol && strcmp(protocol, "tcp") && strcmp(protocol, "udp"))
		return err_set(e, EXIT_BADDATA, "protocol: '%s' is neither tcp nor udp", protocol);
	out->udp = protocol && !strcmp(protocol, "udp");
	if (!parse_endpoint(local, remote ? 0 : 1, &out->host, &out->host_port))
		return err_set(e, EXIT_BADDATA, "local: '%s' is not ADDRESS:PORT", local ? local : "");
	if (!remote)
		return 0;
	if (!parse_endpoint(remote, 1, &out->guest, &out->guest_port) || !subnet_has(f->subnet, out->guest) ||
	    out->guest <= f->subnet->dns || out->guest == f->subnet->broadcast)
		return err_set(e, EXIT_BADDATA, "remote: '%s' is not ADDRESS:PORT of a guest of this network", remote);
	return 0;
}

static struct forward *find(const struct forwards *f, const struct forward *like)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].udp == like->udp && f->v[i].host == like->host && f->v[i].host_port == like->host_port)
			return &f->v[i];
	return NULL;
}

int forwards_add(struct forwards *f, struct forward *new, struct err *e)
{
	char text[ENDPOINT_TEXT];

	endpoint_format(new->host, new->host_port, text);
	if (find(f, new))
		return err_set(e, EXIT_UNAVAIL, "%s is forwarded already; unexpose it first", text);
	if (f->n == FORWARDS_MAX)
		return err_set(e, EXIT_UNAVAIL, "there are %u forwards already", FORWARDS_MAX);
	if (outside_expose(f->outside, new->udp, new->host, &new->host_port, new->guest, new->guest_port, e) < 0)
		return -1;
	f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
	f->v[f->n++] = *new;
	return 0;
}

bool forwards_remove(struct forwards *f, const struct forward *like)
{
	struct forward *at = find(f, like);

	if (!at)
		return false;
	outside_unexpose(f->outside, at->udp, at->host, at->host_port);
	*at = f->v[--f->n];
	return true;
}

void forwards_free(struct forwards *f)
{
	free(f->v);
	f->v = NULL;
	f->n = 0;
}
