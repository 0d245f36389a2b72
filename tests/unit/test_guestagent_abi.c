/* The kernel's structures that the guest agent defines for itself, because musl has no headers for them, against the
 * kernel's own headers. */
#include "guestagent/abi.h"

#include <linux/if_addr.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <stdint.h>

#include "tap.h"

#define SAME_SIZE(a, b) is_num(sizeof(struct a), sizeof(struct b), "size of " #b)
#define SAME_PLACE(a, m, b, n) is_num(offsetof(struct a, m), offsetof(struct b, n), "place of " #n " in " #b)

int main(void)
{
	SAME_SIZE(abi_vsock_addr, sockaddr_vm);
	SAME_PLACE(abi_vsock_addr, port, sockaddr_vm, svm_port);
	SAME_PLACE(abi_vsock_addr, cid, sockaddr_vm, svm_cid);
	is_num(ABI_CID_ANY, VMADDR_CID_ANY, "any CID");
	is_num(ABI_CID_HOST, VMADDR_CID_HOST, "the host's CID");

	SAME_SIZE(abi_netlink_addr, sockaddr_nl);
	SAME_PLACE(abi_netlink_addr, groups, sockaddr_nl, nl_groups);
	SAME_SIZE(abi_nlmsg, nlmsghdr);
	SAME_PLACE(abi_nlmsg, type, nlmsghdr, nlmsg_type);
	is_num(ABI_NETLINK_SOCK_DIAG, NETLINK_SOCK_DIAG, "sock_diag");
	is_num(ABI_NETLINK_UEVENT, NETLINK_KOBJECT_UEVENT, "uevents");
	is_num(ABI_NLM_REQUEST_DUMP, NLM_F_REQUEST | NLM_F_DUMP, "dump");
	is_num(ABI_NLMSG_ERROR, NLMSG_ERROR, "error");
	is_num(ABI_NLMSG_DONE, NLMSG_DONE, "done");

	SAME_SIZE(abi_rtattr, rtattr);
	SAME_PLACE(abi_rtattr, type, rtattr, rta_type);
	SAME_SIZE(abi_ifaddr, ifaddrmsg);
	SAME_PLACE(abi_ifaddr, scope, ifaddrmsg, ifa_scope);
	SAME_PLACE(abi_ifaddr, index, ifaddrmsg, ifa_index);
	SAME_SIZE(abi_route, rtmsg);
	SAME_PLACE(abi_route, table, rtmsg, rtm_table);
	SAME_PLACE(abi_route, type, rtmsg, rtm_type);
	is_num(ABI_NETLINK_ROUTE, NETLINK_ROUTE, "rtnetlink");
	is_num(ABI_NLM_REQUEST, NLM_F_REQUEST, "request");
	is_num(ABI_NLM_ACK, NLM_F_ACK, "acknowledged");
	is_num(ABI_NLM_REPLACE, NLM_F_REPLACE, "replace");
	is_num(ABI_NLM_CREATE, NLM_F_CREATE, "create");
	is_num(ABI_RTM_NEWADDR, RTM_NEWADDR, "new address");
	is_num(ABI_RTM_DELADDR, RTM_DELADDR, "address gone");
	is_num(ABI_RTM_NEWROUTE, RTM_NEWROUTE, "new route");
	is_num(ABI_RTM_DELROUTE, RTM_DELROUTE, "route gone");
	is_num(ABI_RTM_GETROUTE, RTM_GETROUTE, "which route");
	is_num(ABI_IFA_ADDRESS, IFA_ADDRESS, "address");
	is_num(ABI_IFA_LOCAL, IFA_LOCAL, "local address");
	is_num(ABI_IFA_LABEL, IFA_LABEL, "label");
	is_num(ABI_RTA_DST, RTA_DST, "destination");
	is_num(ABI_RTA_OIF, RTA_OIF, "interface");
	is_num(ABI_TABLE_LOCAL, RT_TABLE_LOCAL, "table of what is local");
	is_num(ABI_PROTO_KERNEL, RTPROT_KERNEL, "by the kernel");
	is_num(ABI_SCOPE_HOST, RT_SCOPE_HOST, "scope of this machine");
	is_num(ABI_GROUP_IPV4_ROUTE, RTMGRP_IPV4_ROUTE, "group of routes");
	is_num(ABI_ROUTE_LOCAL, RTN_LOCAL, "local route");

	SAME_SIZE(abi_sockid, inet_diag_sockid);
	is_num(sizeof(struct abi_diag_request), sizeof(struct nlmsghdr) + sizeof(struct inet_diag_req_v2),
	       "size of a request");
	is_num(offsetof(struct abi_diag_request, states), sizeof(struct nlmsghdr) + offsetof(struct inet_diag_req_v2,
											     idiag_states),
	       "place of the states");
	SAME_SIZE(abi_diag_answer, inet_diag_msg);
	SAME_PLACE(abi_diag_answer, id.src, inet_diag_msg, id.idiag_src);
	is_num(ABI_SOCK_DIAG_BY_FAMILY, SOCK_DIAG_BY_FAMILY, "by family");
	is_num(ABI_GROUP_UDP_DESTROY, 1 << (SKNLGRP_INET_UDP_DESTROY - 1), "group of destroyed udp sockets");
	is_num(ABI_GROUP_UDP6_DESTROY, 1 << (SKNLGRP_INET6_UDP_DESTROY - 1), "and v6");

	is_num(sizeof(struct abi_perf_attr), PERF_ATTR_SIZE_VER1, "size of perf_event_attr");
	SAME_PLACE(abi_perf_attr, sample_period, perf_event_attr, sample_period);
	SAME_PLACE(abi_perf_attr, wakeup_events, perf_event_attr, wakeup_events);
	SAME_PLACE(abi_perf_attr, config1, perf_event_attr, config1);
	SAME_PLACE(abi_perf_attr, config2, perf_event_attr, config2);
	is_num(ABI_PERF_FLAG_FD_CLOEXEC, PERF_FLAG_FD_CLOEXEC, "close on exec");
	is_num(ABI_PERF_SET_OUTPUT, PERF_EVENT_IOC_SET_OUTPUT, "set output");
	is_num(ABI_PERF_SET_FILTER, PERF_EVENT_IOC_SET_FILTER, "set filter");
	is_num(ABI_PERF_TYPE_TRACEPOINT, PERF_TYPE_TRACEPOINT, "tracepoint");
	is_num(ABI_PERF_HEAD, offsetof(struct perf_event_mmap_page, data_head), "data_head");
	is_num(ABI_PERF_TAIL, offsetof(struct perf_event_mmap_page, data_tail), "data_tail");
	return done();
}
