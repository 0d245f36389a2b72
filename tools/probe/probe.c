/* probe - puts the parts together: find QEMU, look into the cache, else ask QEMU and KVM, and write the answer down. */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "kv.h"
#include "kvm.h"

/* Decides on the accelerator and says why. */
static int choose(const struct probe_arch *arch, const char *wish, const struct probe_qemu *q,
		  const struct probe_facts *f, struct buf *out, struct err *e)
{
	const char *host = probe_host_arch();
	bool native = host && !strcmp(host, arch->name), works = false;
	char reason[KVM_REASON_MAX] = "asked for";

	if (wish && !strcmp(wish, "kvm")) {
		if (!native)
			return err_set(e, EXIT_UNAVAIL, "accelerator kvm: the guest is %s, the host is not; use tcg",
				       arch->name);
		if (!f->kvm_built_in)
			return err_set(e, EXIT_UNAVAIL, "accelerator kvm: this QEMU was built without it; use tcg");
		works = true;
	} else if (!wish && !native) {
		snprintf(reason, sizeof(reason), "the guest is %s, the host is %s", arch->name,
			 host ? host : "something else");
	} else if (!wish && !f->kvm_built_in) {
		snprintf(reason, sizeof(reason), "this QEMU was built without kvm");
	} else if (!wish) {
		works = kvm_works(KVM_DEVICE, KVM_BUDGET_MS, reason) &&
			probe_starts_kvm(arch, q, reason, sizeof(reason));
	}
	kv_put(out, "accel", works ? "kvm" : "tcg");
	kv_put(out, "accel.reason", reason);
	return 0;
}

/* The part of the answer that is worth keeping. */
static int examine(const struct probe_arch *arch, const char *wish, const struct probe_qemu *q, struct buf *out,
		   struct err *e)
{
	struct probe_facts f;
	int r = probe_ask(arch, q, &f, e);

	if (r == 0) {
		kv_putf(out, "version", "%u.%u.%u", f.version[0], f.version[1], f.version[2]);
		r = choose(arch, wish, q, &f, out, e);
	}
	if (r == 0) {
		kv_put(out, "netdev.stream", f.netdev_stream ? "true" : "false");
		kv_put(out, "sandbox", f.sandbox ? "true" : "false");
		kv_put(out, "cpus", buf_str(&f.cpus));
	}
	probe_facts_free(&f);
	return r;
}

static void put_program(const struct probe_arch *arch, const struct probe_qemu *q, struct buf *out)
{
	kv_put(out, "arch", arch->name);
	kv_put(out, "qemu", q->program);
	kv_putf(out, "qemu.args", "%zu", q->args.n);
	for (size_t i = 0; i < q->args.n; i++) {
		char key[32];

		snprintf(key, sizeof(key), "qemu.args.%zu", i);
		kv_put(out, key, q->args.v[i]);
	}
}

int probe_run(const struct probe_arch *arch, const char *accel, struct buf *out, struct err *e)
{
	struct probe_qemu q;
	struct cache_slot slot;
	struct buf answer = { 0 };
	char *firmware;
	int r = probe_find(arch, &q, e);

	if (r < 0) {
		probe_qemu_free(&q);
		return -1;
	}
	cache_slot(arch, accel, &q, &slot);
	if (!cache_get(&slot, &answer)) {
		r = examine(arch, accel, &q, &answer, e);
		if (r == 0)
			cache_put(&slot, &answer);
	}
	if (r == 0) {
		put_program(arch, &q, out);
		buf_add(out, buf_str(&answer), answer.len);
		/* Looked up each time: firmware may be installed at any moment, and it is a few calls of lstat. */
		firmware = probe_firmware(arch, q.program);
		kv_put(out, "firmware", firmware);
		free(firmware);
	}
	cache_free(&slot);
	buf_free(&answer);
	probe_qemu_free(&q);
	return r;
}
