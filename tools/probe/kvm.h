/* kvm - whether /dev/kvm really runs guest code. */
#ifndef LIMA_PROBE_KVM_H
#define LIMA_PROBE_KVM_H

#include <stdbool.h>
#include <stddef.h>

/* The device; tests may name another path. */
#define KVM_DEVICE "/dev/kvm"
/* What the guest code gets to answer. A working KVM needs about 1 ms. */
#define KVM_BUDGET_MS 1000
#define KVM_REASON_MAX 256

/* Makes a virtual machine on `device`, lets it run a few instructions in a child process, and kills that when it has
 * not answered within `budget_ms`. True when the guest code ran. `reason` (KVM_REASON_MAX bytes) says what was found,
 * for people: one line, lower case. Where the host is no Linux the answer is false. On hosts other than x86_64 a vcpu
 * is made, but no code is run. */
bool kvm_works(const char *device, int budget_ms, char *reason);

#endif
