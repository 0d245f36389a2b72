/* api_state - see api_state.h. */
#include "api_state.h"

#include <inttypes.h>

#include "buf.h"

char *forwards_json(const struct forwards *f)
{
	char local[ENDPOINT_TEXT], remote[ENDPOINT_TEXT];
	struct buf out = { 0 };

	buf_addc(&out, '[');
	for (size_t i = 0; i < f->n; i++) {
		endpoint_format(f->v[i].host, f->v[i].host_port, local);
		endpoint_format(f->v[i].guest, f->v[i].guest_port, remote);
		buf_addf(&out, "%s{\"local\":\"%s\",\"remote\":\"%s\",\"protocol\":\"%s\"}", i ? "," : "", local, remote,
			 f->v[i].udp ? "udp" : "tcp");
	}
	buf_addc(&out, ']');
	return buf_detach(&out);
}

char *cam_json(const struct net_switch *sw)
{
	struct buf out = { 0 };
	char mac[MAC_TEXT];

	buf_addc(&out, '{');
	for (const struct port *p = switch_first(sw); p; p = p->next) {
		for (unsigned i = 0; !p->closing && i < p->mac_count; i++) {
			mac_format(&p->macs[i], mac);
			buf_addf(&out, "%s\"%s\":%u", out.len > 1 ? "," : "", mac, p->id);
		}
	}
	buf_addc(&out, '}');
	return buf_detach(&out);
}

static void add_port(struct buf *out, const struct port *p)
{
	const struct port_counts *c = &p->counts;

	buf_addf(out, "{\"id\":%u,\"type\":\"%s\",\"rxFrames\":%" PRIu64 ",\"rxBytes\":%" PRIu64, p->id, p->type->name,
		 c->rx_frames, c->rx_bytes);
	buf_addf(out, ",\"txFrames\":%" PRIu64 ",\"txBytes\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"refused\":%" PRIu64,
		 c->tx_frames, c->tx_bytes, c->dropped, c->refused);
	buf_addf(out, ",\"queued\":%zu}", p->len - p->at);
}

char *stats_json(const struct usernet *u)
{
	struct buf out = { 0 };

	buf_adds(&out, "{\"ports\":[");
	for (const struct port *p = switch_first(u->sw); p; p = p->next) {
		if (p->closing)
			continue;
		if (out.data[out.len - 1] == '}')
			buf_addc(&out, ',');
		add_port(&out, p);
	}
	buf_addf(&out, "],\"dns\":{\"queries\":%" PRIu64 ",\"refused\":%" PRIu64 "},\"outside\":{\"sockets\":%u}}",
		 u->gate.queries, u->gate.refused_queries, outside_sockets(u->outside));
	return buf_detach(&out);
}
