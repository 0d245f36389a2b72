/* progress - tells a person on stderr how a long step goes on.
 *
 * On a terminal: one line that is redrawn, a bar with percentage, rate and remaining time when the total is known, the
 * amount and rate when not, or the latest note. Elsewhere: a line at the start, each note as a line, a line at the
 * end. No timer: the line is redrawn from the calls below, at most ten times a second. /
 */
#ifndef LIMA_PROGRESS_H
#define LIMA_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress;

/* Begins a step; `what` is its text, for example "fetching https://...". With `quiet` nothing is ever shown. Ends with
 * progress_end. */
struct progress *progress_start(const char *what, bool quiet);
/* done of total bytes (total 0: unknown). The rate counts from the first call. NULL is a valid p here and below. */
void progress_bytes(struct progress *p, uint64_t done, uint64_t total);
/* What is being done just now; control characters become '?'. */
void progress_note(struct progress *p, const char *note);
/* Takes the redrawn line away, so that a message can be printed; the next call draws it again. */
void progress_clear(struct progress *p);
/* Ends the step and frees p. With `good` one line stays: "WHAT: 350MiB in 12s (29MiB/s)", or the time alone when there
 * were no bytes; without, nothing (the error message follows). */
void progress_end(struct progress *p, bool good);

/* The text of the bar, `width` columns at most, for the tests: "what  42% [====>    ] 150MiB of 350MiB 29MiB/s 6s".
 * `width` is at most 255, `line` has at least 256 bytes. `rate` is bytes a second. */
void progress_line(char *line, unsigned width, const char *what, uint64_t done, uint64_t total, double rate);

#endif
