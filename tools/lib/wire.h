/* wire - the frames between host agent and guest agent, over a virtio port, vsock or a unix socket.
 *
 * A byte stream in each direction, carrying frames:
 *
 *   offset size  field
 *   0      4     magic "LGA1"
 *   4      1     type (enum wire_type)
 *   5      1     flags (0)
 *   6      2     check: the 16-bit ones'-complement sum of the other 14 header bytes (as big-endian 16-bit words, the
 *                field itself taken as 0), so that garbage and half frames are told from headers
 *   8      4     stream number, 0 = the connection itself
 *   12     4     length of the payload, at most WIRE_PAYLOAD_MAX
 *   16     -     payload
 *
 * All numbers are big-endian. A reader that meets anything else than a valid header skips byte by byte to the next one:
 * either side may restart in the middle of a frame of the other, or find garbage on the line.
 *
 * Each side sends WIRE_HELLO first, and again whenever it receives one with a boot or session id that is new to it; all
 * streams of the session before are then gone. A side that had to skip garbage in the middle of a session cannot know
 * what was lost: it takes a new session id and sends HELLO. A host whose HELLO is not answered within a second sends
 * WIRE_PAYLOAD_MAX zero bytes and HELLO again: its predecessor may have left half a frame on a port that stayed open.
 * The guest needs no such thing, as each of its writes to a port is a number of whole frames.
 * Payload of HELLO: kv lines (kv.h): "protocol=1", "version=<tools version>", "session=<16 hex digits, new for each
 * start of the sender>"; from the guest also "boot_id=<of /proc/sys/kernel/random/boot_id>". Unknown types, keys and
 * streams are ignored: newer and older peers understand each other.
 *
 *   type     direction    payload
 *   HELLO    both         kv lines, see above
 *   STATUS   guest->host  bytes of /run/lima-boot-status from an offset: u64 offset, then text. Sent in order from 0
 *                         after each HELLO of the host; lines are described in boot/boot.sh and in lima-guestagent(8)
 *   SSHD     guest->host  empty: something listens on TCP port 22 of the guest
 *   TIME     host->guest  i64 nanoseconds since the epoch. The guest sets its clock when it is off by more than 100 ms
 *   TIMED    guest->host  i64 drift in nanoseconds before, u8 1 when the clock was set
 *   PORTS    guest->host  listeners: records of WIRE_PORT_SIZE bytes: u8 op ('+' '-'), u8 proto (6 tcp, 17 udp), u8
 *                         family (4, 6), u8 0, u16 port, u16 0, 16 bytes address (v4 in the first four). After each
 *                         HELLO of the host the full set follows a record of op '=' (all else zero), which empties the
 *                         list
 *   OPEN     host->guest  u8 proto, u8 family, u16 port, 16 bytes address; or proto 1: unix socket path as text behind
 *                         the u8. The host chooses the stream number; it is free again when both sides have sent EOF or
 *                         RESET, or after an OPENED that says no
 *   OPENED   guest->host  u32 errno (0 = connected)
 *   DATA     both         bytes of a stream (datagram protocols: one frame = one datagram). The host may send DATA
 *                         before OPENED
 *   EOF      both         no more DATA from the sender (half-close). For datagrams: the host wants no more, the guest
 *                         answers EOF
 *   RESET    both         the stream is gone, nothing more follows from the sender
 *   CREDIT   both         u32: the peer may send that many more bytes of DATA on the stream. It starts with
 *                         WIRE_CREDIT; a receiver that keeps up may grant more than was consumed, up to WIRE_CREDIT_MAX
 *                         on the way
 *   INOTIFY  host->guest  i64 mtime in nanoseconds, then a guest path: touch it
 *   DNS      guest->host  u8 transport of the client (6 tcp, 17 udp), then a DNS message of at most WIRE_DNS_QUERY_MAX
 *                         bytes. The stream number is the guest's choice and means nothing but this query
 *            host->guest  the answer, for the same stream number. Queries may stay without one
 *
 * Keys of HELLO about DNS: a host that answers queries says "dns=<IPv4 address>", at which programs of the guest look for
 * a name server; a guest that can take that address over says "dns=1". Without both, nobody sends DNS.
 */
#ifndef LIMA_WIRE_H
#define LIMA_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_PROTOCOL "1" /* of HELLO */
#define WIRE_HEADER 16
#define WIRE_PAYLOAD_MAX 65536u
#define WIRE_CHUNK 32752u /* senders cut byte streams to this: with its header it is one write to a virtio port */
#define WIRE_CREDIT 65536u
#define WIRE_CREDIT_MAX 524288u
#define WIRE_STREAMS_MAX 1024u
#define WIRE_DNS_QUERY_MAX 4096u
#define WIRE_PORT_NAME "io.lima-vm.guest_agent.0"

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_STATUS,
	WIRE_SSHD,
	WIRE_TIME,
	WIRE_TIMED,
	WIRE_PORTS,
	WIRE_OPEN = 16,
	WIRE_OPENED,
	WIRE_DATA,
	WIRE_EOF,
	WIRE_RESET,
	WIRE_CREDIT_MORE,
	WIRE_INOTIFY = 32,
	WIRE_DNS,
};

struct wire_frame {
	uint8_t type;
	uint32_t stream;
	uint32_t len;
	const uint8_t *payload; /* into the reader's memory; valid until the next call */
};

/* Writes the 16 header bytes. len <= WIRE_PAYLOAD_MAX. */
void wire_header(uint8_t out[WIRE_HEADER], uint8_t type, uint32_t stream, uint32_t len);

/* A reader with a fixed buffer; never allocates. A zeroed struct is ready for use, and zeroing the numbers
 * (wire_reset) forgets half a frame, as is right when the connection is a new one. */
struct wire_reader {
	size_t start;     /* the first byte not handed out yet */
	size_t used;      /* the end of the bytes in buf */
	uint64_t skipped; /* bytes of garbage passed over so far */
	uint8_t buf[WIRE_HEADER + WIRE_PAYLOAD_MAX];
};

void wire_reset(struct wire_reader *r);
/* Where the next bytes may be read to, and how many (at least 1 after wire_next has returned 0). */
uint8_t *wire_space(struct wire_reader *r, size_t *room);
/* Tells that n bytes were put there. */
void wire_fed(struct wire_reader *r, size_t n);
/* The next whole frame: 1 and *f, or 0 when more bytes are needed. */
int wire_next(struct wire_reader *r, struct wire_frame *f);

enum wire_proto { WIRE_UNIX = 1, WIRE_TCP = 6, WIRE_UDP = 17 };
#define WIRE_PATH_MAX 107u /* of a unix socket, without the NUL */
#define WIRE_OPEN_SIZE 20u /* payload of OPEN for tcp and udp */
#define WIRE_PORT_SIZE 24u /* one record of PORTS */

/* An address in the guest: what OPEN asks for, and what a record of PORTS tells. */
struct wire_addr {
	uint8_t proto;  /* enum wire_proto */
	uint8_t family; /* 4 or 6; 0 for WIRE_UNIX */
	uint16_t port;
	uint8_t ip[16];               /* v4 in the first four, the rest zero */
	char path[WIRE_PATH_MAX + 1]; /* WIRE_UNIX only */
};

/* Writes the payload of an OPEN, returns its length. */
size_t wire_open_put(uint8_t out[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE], const struct wire_addr *a);
/* Reads one, strictly: -1 when it is not well-formed (port 0, unknown protocol or family, relative or long path). */
int wire_open_get(const uint8_t *p, size_t n, struct wire_addr *a);
/* One record of PORTS; `a` may be NULL for '='. */
void wire_port_put(uint8_t out[WIRE_PORT_SIZE], char op, const struct wire_addr *a);
/* Reads one: its op, or -1 when it makes no sense. *a is zero for '='. */
int wire_port_get(const uint8_t p[WIRE_PORT_SIZE], struct wire_addr *a);

uint16_t wire_get16(const uint8_t *p);
uint32_t wire_get32(const uint8_t *p);
uint64_t wire_get64(const uint8_t *p);
void wire_put16(uint8_t *p, uint16_t v);
void wire_put32(uint8_t *p, uint32_t v);
void wire_put64(uint8_t *p, uint64_t v);

#endif
