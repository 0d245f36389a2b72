/* frame - Ethernet frames with IPv4 and UDP in them: read with bounds, and built.
 *
 * Addresses and ports are numbers in host order. What a guest sends is not trusted: nothing is read behind the end of a
 * frame, whatever its lengths say. (RFC 826, 768, 791, 792, 793, 1071)
 */
#ifndef USERNET_FRAME_H
#define USERNET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define MAC_LEN 6u
#define MAC_TEXT 18u /* "52:55:55:01:02:03" with its NUL */
#define ETH_HEADER 14u
#define IP_HEADER 20u
#define UDP_HEADER 8u
#define FRAME_MAX (65535u + ETH_HEADER)

enum eth_type { ETH_IPV4 = 0x0800, ETH_ARP = 0x0806, ETH_IPV6 = 0x86dd };
enum ip_proto { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17 };
enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct mac {
	uint8_t b[MAC_LEN];
};
extern const struct mac mac_broadcast;

bool mac_equal(const struct mac *a, const struct mac *b);
/* Broadcast or multicast. */
bool mac_is_group(const struct mac *m);
/* Six pairs of hexadecimal digits with ':' between them. */
bool mac_parse(const char *text, struct mac *m);
void mac_format(const struct mac *m, char out[MAC_TEXT]);

/* "192.168.104.5", strictly. */
bool ip_parse(const char *text, uint32_t *ip);
#define IP_TEXT 16u
void ip_format(uint32_t ip, char out[IP_TEXT]);

/* What the checks of the switch want to know of a frame. Fields behind `type` are valid for what they belong to only. */
struct frame {
	struct mac dst, src;
	uint16_t type;
	uint32_t ip_src, ip_dst;  /* IPv4; of ARP: the sender's and the target's */
	struct mac arp_mac;       /* ARP: the sender's */
	uint16_t arp_op;
	uint8_t proto;            /* IPv4 */
	bool fragment;            /* one of several, or the first of them */
	bool later;               /* a fragment that does not begin at 0, so without ports */
	uint16_t sport, dport;    /* UDP and TCP, not in later fragments */
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	const uint8_t *data;      /* UDP and ICMP that is whole: what is in it (of ICMP: from its type on) */
	size_t data_len;
};

/* Reads n bytes of a frame. False when the headers that its types promise are not there, or do not fit together. */
bool frame_parse(const uint8_t *p, size_t n, struct frame *f);

/* Where a frame is from and to. */
struct frame_ends {
	struct mac src, dst;
	uint32_t ip_src, ip_dst;
	uint16_t sport, dport;
};
/* The ends of an answer to f. */
struct frame_ends frame_back(const struct frame *f);
/* Appends a frame with a UDP datagram. */
void frame_udp(struct buf *out, const struct frame_ends *e, const void *data, size_t n);
/* Appends a frame with a TCP segment without data or options. */
void frame_tcp(struct buf *out, const struct frame_ends *e, uint32_t seq, uint32_t ack, uint8_t flags);
/* Appends a frame with an ICMP message (its checksum is set here). */
void frame_icmp(struct buf *out, const struct frame_ends *e, const void *data, size_t n);

/* The Internet checksum of two pieces (the first of an even length), as a number. */
uint16_t frame_sum(const void *a, size_t na, const void *b, size_t nb);

#endif
