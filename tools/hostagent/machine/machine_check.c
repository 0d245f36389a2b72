/* machine_check - see machine_check.h. */
#include "machine_check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostagent/agent.h"
#include "hostagent/forward/forward_owner.h"
#include "hostagent/forward/forward_rules.h"
#include "instance_files.h"
#include "oswatch.h"
#include "wire.h"

#define USERNET "lima-usernet "

/* Binding, as QEMU does it a moment later. 0, or the errno; an address that is a name is left to QEMU. */
static int try_port(const char *address, uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd, r, failed;
	struct ip ip;
	bool is_v4;

	if (ip_parse(address, &ip) < 0)
		return 0;
	is_v4 = ip_is_v4(&ip);
	memcpy(&v4.sin_addr, ip.b + 12, 4);
	memcpy(&v6.sin6_addr, ip.b, 16);
	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (r == 0)
		r = listen(fd, 1);
	failed = r < 0 ? errno : 0;
	close(fd);
	return failed;
}

/* The port of ssh, and who has it; "" when that cannot be seen. */
static void taken_by(const struct agent *a, char *out, size_t n)
{
	uint16_t port = (uint16_t)kv_num(&a->conf, 0, "ssh.localPort");
	char owner[96] = "";

	if (port)
		forward_owner(WIRE_TCP, port, owner, sizeof(owner));
	snprintf(out, n, "%s", *owner ? owner : "another program");
}

static int check_port(const struct agent *a, struct err *e)
{
	const char *address = kv_get(&a->conf, "127.0.0.1", "ssh.address");
	uint64_t port = kv_num(&a->conf, 0, "ssh.localPort");
	int failed = port && port <= UINT16_MAX ? try_port(address, (uint16_t)port) : 0;
	char owner[96];

	if (!failed)
		return 0;
	taken_by(a, owner, sizeof(owner));
	if (usernet_wanted(a) && !strncmp(owner, USERNET, strlen(USERNET)))
		return 0; /* from the last run; it is taken back when the guest's address is known */
	errno = failed;
	if (failed != EADDRINUSE)
		return err_sys(e, EXIT_UNAVAIL, "TCP port %u of %s cannot be used for SSH (ssh.localPort); set it to another port or "
			       "to 0", (unsigned)port, address);
	return err_set(e, EXIT_UNAVAIL, "TCP port %u of %s, where SSH was to be reached, is taken by %s; free it, or set "
		       "ssh.localPort to another port or to 0", (unsigned)port, address, owner);
}

int machine_check(struct agent *a, struct err *e)
{
	pid_t holder = file_lock_holder(F_QEMU_PID);

	if (holder != 0)
		return err_set(e, EXIT_TRYAGAIN,
			       "QEMU (process %ld) of this instance still runs, but %s/%s does not lead to it; end that "
			       "process, then start again",
			       (long)holder, a->dir, F_QMP_SOCK);
	if (disk_in_use(F_DIFFDISK))
		return err_set(e, EXIT_TRYAGAIN,
			       "%s/%s is in use by another process (a QEMU or qemu-img); end it, then start again", a->dir, F_DIFFDISK);
	return check_port(a, e);
}

/* QEMU only sees that nobody answers. */
static char *with_tpm(const struct agent *a, const char *said)
{
	char *tpm = tpm_said(a), *text = xasprintf("the TPM of the machine did not start: %s (%s)", *tpm ? tpm : "no reason given", said);

	free(tpm);
	return text;
}

char *machine_explain(const struct agent *a, const char *said)
{
	char owner[96];

	if (strstr(said, "Could not set up host forwarding rule")) {
		taken_by(a, owner, sizeof(owner));
		return xasprintf("TCP port %s of %s, where SSH was to be reached, is taken by %s; free it, or set ssh.localPort to "
				 "another port or to 0 (%s)", kv_get(&a->conf, "0", "ssh.localPort"),
				 kv_get(&a->conf, "127.0.0.1", "ssh.address"), owner, said);
	}
	if (strstr(said, "Failed to get \"write\" lock"))
		return xasprintf("a disk of the machine is in use by another process, perhaps another QEMU (%s)", said);
	if (strstr(said, "Failed to find an available port"))
		return xasprintf("every port of the VNC display %s is taken; name others in video.vnc.display, as HOST:N,to=LAST (%s)",
				 kv_get(&a->conf, "", "video.vnc.display"), said);
	return strstr(said, "swtpm.sock") ? with_tpm(a, said) : xstrdup(said);
}
