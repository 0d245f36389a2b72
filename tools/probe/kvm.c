/* kvm - see kvm.h. The only place with Linux ioctls of the probe.
 *
 * /dev/kvm can exist, open, make a vcpu, and even run a boot sector, and yet be unusable: seen with kvm-pvm, which
 * emulates, one instruction at a time, every guest that was not made for it, and is far slower than QEMU's own
 * translation. So a tiny guest has to count down in 64-bit mode, write a byte to a port and halt, at the speed of a
 * processor. KVM_RUN of a broken host may never return, hence the child process and the deadline.
 */
#include "kvm.h"

#include <stdio.h>

#ifndef __linux__

bool kvm_works(const char *device, int budget_ms, char *reason)
{
	(void)device;
	(void)budget_ms;
	snprintf(reason, KVM_REASON_MAX, "kvm needs a Linux host");
	return false;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KVM_VERSION 12
/* How long a killed child may take to go. */
#define KILL_MS 200
/* First byte of the child's message: the answer. The reason follows. */
#define ANSWER_YES 'y'
#define ANSWER_NO 'n'

/* Fills the reason; its value is the answer. */
#define answer(reason, works, ...) (snprintf(reason, KVM_REASON_MAX, __VA_ARGS__), (works))

#ifdef __x86_64__

/* Guest memory, from GUEST_ADDR on: a page of code, then the three levels of page tables. */
#define GUEST_ADDR 0x1000
#define GUEST_PAGE 0x1000
#define GUEST_PAGES 4
#define GUEST_PML4 (GUEST_ADDR + GUEST_PAGE)
#define GUEST_PORT 0x3f8
#define GUEST_BYTE 'L'

#define PTE_PRESENT_WRITABLE 3u
#define PDE_LARGE 0x80u
#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define CODE_EXEC_READ 11
#define DATA_READ_WRITE 3
#define CPUID_MAX 256

/* 64-bit code: mov ecx, 0x1000000; 1: dec rcx; jnz 1b; mov edx, 0x3f8; mov al, 'L'; out dx, al; hlt
 * The loop takes a processor a few ms, and many seconds where every instruction is emulated. */
static const uint8_t guest_code[] = {
	0xb9, 0x00, 0x00, 0x00, 0x01, 0x48, 0xff,	0xc9, 0x75, 0xfb,
	0xba, 0xf8, 0x03, 0x00, 0x00, 0xb0, GUEST_BYTE, 0xee, 0xf4,
};

/* The code, and page tables that map the first 2 MiB to themselves. */
static int load_guest(int vm)
{
	const size_t size = GUEST_PAGES * GUEST_PAGE;
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_ADDR,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};
	uint64_t *pml4 = (uint64_t *)(void *)(memory + GUEST_PAGE);

	if (memory == MAP_FAILED)
		return -1;
	memcpy(memory, guest_code, sizeof(guest_code));
	pml4[0] = (GUEST_PML4 + GUEST_PAGE) | PTE_PRESENT_WRITABLE;
	pml4[GUEST_PAGE / 8] = (GUEST_PML4 + 2 * GUEST_PAGE) | PTE_PRESENT_WRITABLE;
	pml4[2 * GUEST_PAGE / 8] = PDE_LARGE | PTE_PRESENT_WRITABLE;
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Long mode needs a vcpu that has it. */
static int give_cpuid(int kvm, int vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	int r = -1;

	if (cpuid) {
		cpuid->nent = CPUID_MAX;
		r = ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
		if (r == 0)
			r = ioctl(vcpu, KVM_SET_CPUID2, cpuid);
	}
	free(cpuid);
	return r;
}

static int point_vcpu(int vcpu)
{
	const struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = DATA_READ_WRITE, .present = 1, .db = 1, .s = 1, .g = 1
	};
	const struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = CODE_EXEC_READ, .present = 1, .s = 1, .l = 1, .g = 1
	};
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = GUEST_ADDR, .rflags = 2 };

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.ss = data;
	sregs.cr3 = GUEST_PML4;
	sregs.cr4 = CR4_PAE;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.efer = EFER_LME | EFER_LMA;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	return ioctl(vcpu, KVM_SET_REGS, &regs);
}

/* Runs to the next exit that is not an interruption. The exit reason, or -1. */
static int run_vcpu(int vcpu, const struct kvm_run *run)
{
	int r;

	do
		r = ioctl(vcpu, KVM_RUN, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -1 : (int)run->exit_reason;
}

static bool run_guest(int kvm, int vm, int vcpu, char *reason)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), why;
	struct kvm_run *run;

	if (size < (int)sizeof(*run))
		return answer(reason, false, "kvm gives no memory for a vcpu");
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED || load_guest(vm) < 0 || give_cpuid(kvm, vcpu) < 0 || point_vcpu(vcpu) < 0)
		return answer(reason, false, "kvm cannot set up a guest: %s", strerror(errno));
	why = run_vcpu(vcpu, run);
	if (why < 0)
		return answer(reason, false, "kvm cannot run a guest: %s", strerror(errno));
	if (why != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT || run->io.port != GUEST_PORT ||
	    ((const char *)run)[run->io.data_offset] != GUEST_BYTE)
		return answer(reason, false, "kvm does not run guest code as it should (exit reason %d)", why);
	why = run_vcpu(vcpu, run);
	if (why != KVM_EXIT_HLT)
		return answer(reason, false, "kvm does not halt a guest (exit reason %d)", why);
	return answer(reason, true, "guest code ran");
}

#else

static bool run_guest(int kvm, int vm, int vcpu, char *reason)
{
	(void)kvm;
	(void)vm;
	(void)vcpu;
	return answer(reason, true, "a vcpu could be made");
}

#endif

static bool make_machine(int kvm, char *reason)
{
	int version = ioctl(kvm, KVM_GET_API_VERSION, 0), vm, vcpu;

	if (version < 0)
		return answer(reason, false, "the device does not answer as kvm does: %s", strerror(errno));
	if (version != KVM_VERSION)
		return answer(reason, false, "the device has kvm's API version %d instead of %d", version, KVM_VERSION);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return answer(reason, false, "kvm cannot make a virtual machine: %s", strerror(errno));
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return answer(reason, false, "kvm cannot make a vcpu: %s", strerror(errno));
	return run_guest(kvm, vm, vcpu, reason);
}

static void child(int kvm, int to_parent)
{
	char text[1 + KVM_REASON_MAX];
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	text[0] = make_machine(kvm, text + 1) ? ANSWER_YES : ANSWER_NO;
	n = write(to_parent, text, 1 + strlen(text + 1));
	_exit(n < 0);
}

static int left_ms(const struct timespec *deadline)
{
	struct timespec now;
	long long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (deadline->tv_sec - now.tv_sec) * 1000LL + (deadline->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* The child's message, without terminator; 0 bytes when it died, -1 when the time is up. */
static ssize_t wait_answer(int fd, int budget_ms, char *text, size_t size)
{
	struct timespec end;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += budget_ms / 1000;
	end.tv_nsec += budget_ms % 1000 * 1000000L;
	for (;;) {
		int r = poll(&p, 1, left_ms(&end));

		if (r == 0)
			return -1;
		if (r > 0)
			return read(fd, text, size);
		if (errno != EINTR)
			return 0;
	}
}

static bool judge(ssize_t n, const char *text, int budget_ms, char *reason)
{
	if (n < 0)
		return answer(reason, false,
			      "kvm did not finish a small guest within %d ms: it hangs, or emulates each instruction",
			      budget_ms);
	if (n < 1)
		return answer(reason, false, "the process that tried kvm died");
	return answer(reason, text[0] == ANSWER_YES, "%.*s", (int)n - 1, text + 1);
}

/* Ends the child and collects it. A vcpu that cannot be killed must not hold us as well: then init gets the child. */
static void end_child(pid_t pid)
{
	const struct timespec limit = { .tv_nsec = KILL_MS * 1000000L };
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0)
		if (sigtimedwait(&chld, NULL, &limit) < 0 && errno == EAGAIN)
			return;
}

static bool try_in_child(int kvm, int budget_ms, char *reason)
{
	char text[1 + KVM_REASON_MAX];
	sigset_t chld, before;
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return answer(reason, false, "cannot make a pipe: %s", strerror(errno));
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, &before);
	pid = fork();
	if (pid == 0)
		child(kvm, fds[1]);
	close(fds[1]);
	n = pid < 0 ? 0 : wait_answer(fds[0], budget_ms, text, sizeof(text));
	close(fds[0]);
	if (pid > 0)
		end_child(pid);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return judge(n, text, budget_ms, reason);
}

bool kvm_works(const char *device, int budget_ms, char *reason)
{
	int kvm = open(device, O_RDWR | O_CLOEXEC);
	bool works;

	if (kvm < 0 && errno == ENOENT)
		return answer(reason, false,
			      "%s does not exist; load the kvm module, or enable virtualisation in the firmware",
			      device);
	if (kvm < 0 && (errno == EACCES || errno == EPERM))
		return answer(reason, false, "%s is not permitted; add yourself to the group that owns it (often kvm)",
			      device);
	if (kvm < 0)
		return answer(reason, false, "cannot open %s: %s", device, strerror(errno));
	works = try_in_child(kvm, budget_ms, reason);
	close(kvm);
	return works;
}

#endif
