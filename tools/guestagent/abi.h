/* abi - pieces of the kernel's interface that musl has no headers for. They are fixed for ever;
 * tests/unit/test_guestagent_abi.c compares them with the kernel's own headers. */
#ifndef GUESTAGENT_ABI_H
#define GUESTAGENT_ABI_H

#include <stdint.h>
#include <sys/socket.h>

/* linux/vm_sockets.h */
#define ABI_CID_ANY 0xffffffffu
#define ABI_CID_HOST 2u
struct abi_vsock_addr {
	sa_family_t family; /* AF_VSOCK */
	uint16_t reserved;
	uint32_t port, cid;
	uint8_t zero[4];
};

/* linux/netlink.h */
#define ABI_NETLINK_ROUTE 0
#define ABI_NETLINK_SOCK_DIAG 4
#define ABI_NETLINK_UEVENT 15
#define ABI_NLM_REQUEST 1
#define ABI_NLM_ACK 4
#define ABI_NLM_REPLACE 0x100
#define ABI_NLM_CREATE 0x400
#define ABI_NLM_REQUEST_DUMP 0x301 /* NLM_F_REQUEST | NLM_F_DUMP */
#define ABI_NLM_DUMP_INTR 0x10
#define ABI_NLMSG_ERROR 2
#define ABI_NLMSG_DONE 3
struct abi_netlink_addr {
	sa_family_t family; /* AF_NETLINK */
	uint16_t pad;
	uint32_t pid, groups;
};
struct abi_nlmsg {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};

/* linux/rtnetlink.h, linux/if_addr.h */
#define ABI_RTM_NEWADDR 20
#define ABI_RTM_DELADDR 21
#define ABI_RTM_NEWROUTE 24
#define ABI_RTM_DELROUTE 25
#define ABI_RTM_GETROUTE 26
#define ABI_IFA_ADDRESS 1
#define ABI_IFA_LOCAL 2
#define ABI_IFA_LABEL 3
#define ABI_RTA_DST 1
#define ABI_RTA_OIF 4
#define ABI_TABLE_LOCAL 255
#define ABI_PROTO_KERNEL 2
#define ABI_SCOPE_HOST 254
#define ABI_GROUP_IPV4_ROUTE 0x40
#define ABI_ROUTE_LOCAL 2
struct abi_rtattr {
	uint16_t len, type;
};
struct abi_ifaddr {
	uint8_t family, prefix, flags, scope;
	uint32_t index;
};
struct abi_route {
	uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
	uint32_t flags;
};

/* linux/sock_diag.h, linux/inet_diag.h; addresses and ports in network byte order */
#define ABI_SOCK_DIAG_BY_FAMILY 20
#define ABI_GROUP_UDP_DESTROY (1u << 1)
#define ABI_GROUP_UDP6_DESTROY (1u << 3)
#define ABI_STATE_CLOSE 7
#define ABI_STATE_LISTEN 10
struct abi_sockid {
	uint16_t sport, dport;
	uint32_t src[4], dst[4];
	uint32_t ifindex, cookie[2];
};
struct abi_diag_request {
	struct abi_nlmsg header;
	uint8_t family, protocol, ext, pad;
	uint32_t states;
	struct abi_sockid id;
};
struct abi_diag_answer {
	uint8_t family, state, timer, retrans;
	struct abi_sockid id;
	uint32_t expires, rqueue, wqueue, uid, inode;
};

/* linux/perf_event.h: the first 72 bytes of perf_event_attr (PERF_ATTR_SIZE_VER1) */
#define ABI_PERF_FLAG_FD_CLOEXEC 8ul
#define ABI_PERF_SET_OUTPUT 0x2405u
#define ABI_PERF_SET_FILTER 0x40082406u
#define ABI_PERF_TYPE_TRACEPOINT 2u
struct abi_perf_attr {
	uint32_t type, size;
	uint64_t config, sample_period, sample_type, read_format, flags;
	uint32_t wakeup_events, bp_type;
	uint64_t config1, config2;
};
#define ABI_PERF_HEAD 1024 /* offsets of data_head and data_tail in the mapped control page */
#define ABI_PERF_TAIL 1032

#endif
