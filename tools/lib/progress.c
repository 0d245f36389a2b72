/* progress - see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "num.h"

#define WIDTH_MAX 255
#define WIDTH_DEFAULT 80
#define REDRAW_NS 100000000L
#define BAR_MIN 10

struct progress {
	char *what, *note;
	bool quiet, tty, drawn;
	struct timespec begun, last;
	uint64_t first, done, total;
	bool counting; /* progress_bytes was called */
};

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static char *clean(const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

static unsigned columns(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return WIDTH_DEFAULT - 1;
	return w.ws_col > WIDTH_MAX ? WIDTH_MAX : (unsigned)w.ws_col - 1;
}

static void duration(char *out, size_t n, double seconds)
{
	unsigned long s = (unsigned long)(seconds + 0.5);

	if (s < 60)
		snprintf(out, n, "%lus", s);
	else if (s < 3600)
		snprintf(out, n, "%lum%02lus", s / 60, s % 60);
	else
		snprintf(out, n, "%luh%02lum", s / 3600 % 1000, s / 60 % 60);
}

/* The numbers behind the bar. */
static void figures(char *out, size_t n, uint64_t done, uint64_t total, double rate)
{
	char have[32], all[32], speed[32], left[32];

	size_format(done, have, sizeof(have));
	size_format(total, all, sizeof(all));
	size_format(rate > 0 ? (uint64_t)rate : 0, speed, sizeof(speed));
	duration(left, sizeof(left), rate > 0 && total > done ? (double)(total - done) / rate : 0);
	if (total == 0)
		snprintf(out, n, "%s %s/s", have, speed);
	else if (rate > 0)
		snprintf(out, n, "%s of %s %s/s %s", have, all, speed, left);
	else
		snprintf(out, n, "%s of %s", have, all);
}

/* Shortens in the middle, where the least telling part of a URL is. */
static void shorten(char *out, size_t room, const char *text)
{
	size_t n = strlen(text), head, tail;

	if (n <= room) {
		memcpy(out, text, n + 1);
		return;
	}
	if (room < 5) {
		memcpy(out, text, room);
		out[room] = '\0';
		return;
	}
	head = (room - 3) / 2;
	tail = room - 3 - head;
	memcpy(out, text, head);
	memcpy(out + head, "...", 3);
	memcpy(out + head + 3, text + n - tail, tail + 1);
}

static void draw_bar(char *out, size_t cells, double part)
{
	size_t full = (size_t)((double)(cells - 2) * part);

	out[0] = '[';
	for (size_t i = 1; i < cells - 1; i++)
		out[i] = i <= full ? '=' : i == full + 1 ? '>' : ' ';
	out[cells - 1] = ']';
	out[cells] = '\0';
}

void progress_line(char *line, unsigned width, const char *what, uint64_t done, uint64_t total, double rate)
{
	char text[WIDTH_MAX + 1], numbers[160], bar[WIDTH_MAX + 1] = "";
	size_t fixed, room = width > WIDTH_MAX ? WIDTH_MAX : width;
	char out[4 * WIDTH_MAX];

	if (total && done > total)
		done = total;
	figures(numbers, sizeof(numbers), done, total, rate);
	fixed = strlen(numbers) + 1 + (total ? 5 + BAR_MIN + 1 : 0);
	shorten(text, room > fixed + 8 ? room - fixed : 8, what);
	if (total && strlen(text) + fixed <= room)
		draw_bar(bar, BAR_MIN + (room - fixed - strlen(text)) / 2, (double)done / (double)total);
	if (total)
		snprintf(out, sizeof(out), "%s %3u%% %s %s", text, (unsigned)((double)done * 100 / (double)total),
			 bar, numbers);
	else
		snprintf(out, sizeof(out), "%s %s", text, numbers);
	memcpy(line, out, room);
	line[room < strlen(out) ? room : strlen(out)] = '\0';
}

static void draw(struct progress *p, bool always)
{
	char line[WIDTH_MAX + 1];
	double seconds;

	if (!p->tty || (!always && p->drawn && since(&p->last) * 1e9 < REDRAW_NS))
		return;
	clock_gettime(CLOCK_MONOTONIC, &p->last);
	seconds = since(&p->begun);
	if (p->counting) {
		progress_line(line, columns(), p->what, p->done, p->total,
			      seconds > 0.2 ? (double)(p->done - p->first) / seconds : 0);
	} else {
		char *text = p->note ? xasprintf("%s: %s", p->what, p->note) : xstrdup(p->what);

		shorten(line, columns(), text);
		free(text);
	}
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	p->drawn = true;
}

struct progress *progress_start(const char *what, bool quiet)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	p->what = clean(what);
	p->quiet = quiet;
	p->tty = !quiet && isatty(STDERR_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &p->begun);
	if (!quiet && !p->tty)
		fprintf(stderr, "%s: %s\n", err_program_name(), p->what);
	draw(p, true);
	return p;
}

void progress_bytes(struct progress *p, uint64_t done, uint64_t total)
{
	if (!p)
		return;
	if (!p->counting) {
		p->counting = true;
		p->first = done;
		clock_gettime(CLOCK_MONOTONIC, &p->begun);
	}
	if (done < p->first)
		p->first = done; /* it had to begin again */
	p->done = done;
	p->total = total;
	draw(p, false);
}

void progress_note(struct progress *p, const char *note)
{
	if (!p || p->quiet)
		return;
	free(p->note);
	p->note = clean(note);
	if (p->tty)
		draw(p, true);
	else
		fprintf(stderr, "%s: %s: %s\n", err_program_name(), p->what, p->note);
}

void progress_clear(struct progress *p)
{
	if (!p || !p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
}

static void summary(const struct progress *p)
{
	char size[32], rate[32], time[32];
	double seconds = since(&p->begun);

	duration(time, sizeof(time), seconds);
	if (!p->counting) {
		fprintf(stderr, "%s: %s: done in %s\n", err_program_name(), p->what, time);
		return;
	}
	size_format(p->done, size, sizeof(size));
	size_format((uint64_t)((double)(p->done - p->first) / (seconds > 0.001 ? seconds : 0.001)), rate, sizeof(rate));
	fprintf(stderr, "%s: %s: %s in %s (%s/s)\n", err_program_name(), p->what, size, time, rate);
}

void progress_end(struct progress *p, bool good)
{
	if (!p)
		return;
	progress_clear(p);
	if (good && !p->quiet)
		summary(p);
	free(p->what);
	free(p->note);
	free(p);
}
