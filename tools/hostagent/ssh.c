/* ssh - see ssh.h. */
#include "ssh.h"

#include "agent.h"
#include "file.h"
#include "instance_files.h"
#include "sshconf.h"

int ssh_write_config(struct agent *a, struct err *e)
{
	/* An emulated CPU has no AES instructions worth the name; with KVM the guest has those of the host. */
	enum ssh_aes aes = a->m.kvm && cpu_has_aes("/proc/cpuinfo") ? SSH_AES_FAST : SSH_AES_SLOW;
	struct buf b = { 0 };
	size_t left_out = 0;
	int r = sshconf_text(&a->conf, a->dir, a->ssh_port, aes, &b, &left_out, e);

	if (left_out)
		log_warn("%zu private keys are not offered to the guest: ssh_config cannot express their paths",
			 left_out);
	if (r == 0)
		r = file_write_if_changed(F_SSH_CONFIG, b.data, b.len, 0600, NULL, e);
	buf_free(&b);
	return r;
}

static void base_argv(struct strv *argv)
{
	strv_add(argv, "ssh");
	strv_add(argv, "-F");
	strv_add(argv, F_SSH_CONFIG);
}

void ssh_argv(const struct agent *a, bool mux, struct strv *argv)
{
	base_argv(argv);
	strv_add(argv, "-o");
	strv_addf(argv, "ConnectTimeout=%d", SSH_CONNECT_TIMEOUT_S);
	if (!mux) {
		strv_add(argv, "-S");
		strv_add(argv, "none");
	}
	strv_add(argv, kv_get(&a->conf, "", "hostname"));
	strv_add(argv, "--");
}

void ssh_control_argv(const struct agent *a, const char *request, const char *flag, const char *what,
		      struct strv *argv)
{
	base_argv(argv);
	strv_add(argv, "-O");
	strv_add(argv, request);
	if (flag) {
		strv_add(argv, flag);
		strv_add(argv, what);
	}
	strv_add(argv, kv_get(&a->conf, "", "hostname"));
}
