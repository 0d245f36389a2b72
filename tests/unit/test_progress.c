/* progress: the text of the bar. */
#include "progress.h"

#include "tap.h"

static void fits(unsigned width, const char *what, uint64_t done, uint64_t total, double rate)
{
	char line[256];

	memset(line, 'x', sizeof(line));
	progress_line(line, width, what, done, total, rate);
	ok(memchr(line, '\0', sizeof(line)) && strlen(line) <= width, "%u columns: '%s'", width, line);
}

int main(void)
{
	char line[256];
	const char *url = "fetching https://cloud.example.org/images/bookworm/latest/debian-12-generic-amd64.qcow2";

	progress_line(line, 79, "step", 50 << 20, 100 << 20, 10 << 20);
	ok(strstr(line, "step  50% [") == line, "text and percentage come first: '%s'", line);
	ok(strstr(line, "] 50MiB of 100MiB 10MiB/s 5s") != NULL, "then amount, rate and time");
	progress_line(line, 79, "step", 5 << 20, 0, 1 << 20);
	is_str(line, "step 5MiB 1MiB/s", "total unknown");
	progress_line(line, 79, "step", 3, 0, 0);
	is_str(line, "step 3B 0B/s", "no rate yet");
	progress_line(line, 79, "step", 200, 100, 1);
	ok(strstr(line, "100%") != NULL, "more than all is all: '%s'", line);
	progress_line(line, 79, "step", 0, 1ull << 40, 1);
	ok(strstr(line, "  0%") != NULL, "a long way: '%s'", line);
	progress_line(line, 79, url, 50, 100, 1);
	ok(strstr(line, "...") != NULL && strstr(line, "qcow2") != NULL, "a long text is cut in the middle: '%s'", line);
	for (unsigned width = 0; width <= 255; width += 15) {
		fits(width, url, 50 << 20, 100 << 20, 1e7);
		fits(width, url, 50, 0, 1e300);
		fits(width, "", UINT64_MAX, UINT64_MAX, 1e-300);
	}
	/* These only must not crash: NULL is no display. */
	progress_bytes(NULL, 1, 2);
	progress_note(NULL, "x");
	progress_clear(NULL);
	progress_end(NULL, true);
	return done();
}
