/* intr - see intr.h. The handler writes to a pipe, so that a poll that is about to begin cannot miss the signal. */
#include "intr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t got;
static int fds[2] = { -1, -1 };

static void remember(int sig)
{
	int saved = errno;

	got = sig;
	if (write(fds[1], "", 1) < 0)
		errno = saved; /* full: it is readable already */
	errno = saved;
}

void intr_install(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = remember }, old;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		fds[0] = fds[1] = -1;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		/* What the caller had ignored (nohup, a shell's background job) stays ignored. */
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ends[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

int intr_fd(void)
{
	return fds[0];
}

int intr_check(struct err *e)
{
	return got ? err_set(e, EXIT_TRYAGAIN, "interrupted (%s)", strsignal(got)) : 0;
}

void intr_exit(void)
{
	if (!got)
		return;
	signal(got, SIG_DFL);
	raise(got);
}
