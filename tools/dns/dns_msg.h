/* dns_msg - DNS messages (RFC 1035, 3596, 6891): a strict reader with bounds, and a writer of small answers.
 *
 * Not evdns: its server port hides the message, and we pass most of them on as they are. Nothing here allocates or
 * trusts a length; what does not parse is an error of the sender.
 */
#ifndef DNS_MSG_H
#define DNS_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define DNS_HEADER 12u
#define DNS_NAME_MAX 255u
#define DNS_TEXT_MAX 1025u     /* a name as text, every byte of it escaped, with the NUL */
#define DNS_QUERY_MAX 4096u    /* longer queries are none */
#define DNS_MESSAGE_MAX 65535u
#define DNS_UDP_MIN 512u       /* what everybody takes by UDP */
#define DNS_UDP_MAX 4096u      /* what we send at most by UDP, whatever the client says that it takes */
#define DNS_STATIC_TTL 5u      /* seconds, of all answers that we make ourselves */

enum dns_type {
	DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41,
};
enum dns_rcode { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };
enum { DNS_CLASS_IN = 1 };

/* A name as on the wire, without compression and in lower case: equal names are equal bytes. */
struct dns_name {
	size_t len;
	uint8_t wire[DNS_NAME_MAX];
};

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* "host.example" or "host.example." without escapes; false when it is no name. */
bool dns_name_from_text(const char *text, struct dns_name *name);
/* a + b, where b replaces the root at the end of a; false when it gets too long. */
bool dns_name_join(const struct dns_name *a, const struct dns_name *b, struct dns_name *out);
/* How many dots it has as text, without the last one. */
unsigned dns_name_dots(const struct dns_name *name);
/* Puts the address of a name below in-addr.arpa or ip6.arpa into ip; returns 4 or 16, or 0 for other names. */
size_t dns_name_reverse(const struct dns_name *name, uint8_t ip[16]);

/* What a query asks. */
struct dns_question {
	uint16_t id;
	uint8_t opcode;
	bool edns, dnssec_ok; /* it has an OPT record; that says DO */
	uint16_t udp_size;    /* the longest answer by UDP */
	struct dns_name name; /* name, type and class: only for opcode 0 */
	uint16_t type, class;
	size_t end;           /* of the question, from the start of the message */
};

/* Reads a query. 0; an enum dns_rcode with which it is to be refused (id and opcode are set then); -1: not a query,
 * to be passed over. */
int dns_question_parse(const uint8_t *p, size_t n, struct dns_question *q);

struct dns_record {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl;
	size_t start, data, end; /* offsets into the message */
};
/* The record at *at, which moves behind it. False when there is none that parses. */
bool dns_record_next(const uint8_t *p, size_t n, size_t *at, struct dns_record *r);
/* A name at an offset; *at moves behind it. */
bool dns_name_read(const uint8_t *p, size_t n, size_t *at, struct dns_name *name);

/* Whether p is an answer to the query: the id, the opcode, and the question when it repeats one. */
bool dns_is_answer_to(const uint8_t *p, size_t n, const uint8_t *query, size_t query_len);
unsigned dns_rcode_of(const uint8_t *p);
bool dns_truncated(const uint8_t *p);

/* Writes a query for that name, with recursion wanted and an OPT record. */
void dns_query_make(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type);

/* Begins an answer to `query`, of which q was read: header and question. */
void dns_reply_begin(struct buf *out, const uint8_t *query, const struct dns_question *q, unsigned rcode);
/* Adds a record for the name of the question. */
void dns_reply_add(struct buf *out, uint16_t type, const void *data, size_t n);
/* Ends it: an OPT record when the query had one. */
void dns_reply_end(struct buf *out, const struct dns_question *q);

/* The answers for `type` to the question about `name` in a message, CNAMEs followed: appends each one's bytes (4 or 16)
 * to `data`. *canonical is the name at the end of the CNAMEs. False when the message does not parse. */
bool dns_addresses(const uint8_t *p, size_t n, const struct dns_name *name, uint16_t type, struct buf *data,
		   struct dns_name *canonical);

/* Shortens a message to `limit` bytes (at least DNS_UDP_MIN): as many answers as fit, and the TC bit. */
void dns_fit(struct buf *msg, const struct dns_question *q, size_t limit);

#endif
