#include <unistd.h>

#include "tap.h"

#include "diag.h"

static void lines(struct diag *d, const char *want, const char *name)
{
	struct buf out = { 0 };

	diag_sort(d);
	for (size_t i = 0; i < d->n; i++) {
		diag_line(&d->item[i], &out);
		buf_addc(&out, '\n');
	}
	is_str(buf_str(&out), want, name);
	buf_free(&out);
}

int main(void)
{
	struct pos a = { "a.yaml", 3, 1 }, b = { "b.yaml", 1, 5 }, late = { "a.yaml", 12, 2 }, nowhere = { 0 };
	struct diag d = { 0 };

	is_num(diag_report(&d), 0, "nothing found");
	diag_warn(&d, b, "cpus", "many: %d", 64);
	is_num(d.errors, 0, "a warning is no error");
	diag_error(&d, late, "images[0]", "wrong");
	diag_error(&d, a, NULL, "first");
	diag_error(&d, late, "images[0]", "wrong");
	diag_warn(&d, nowhere, "user", "you are root");
	is_num(d.errors, 3, "errors are counted");
	lines(&d,
	      "user: warning: you are root\n"
	      "a.yaml:3:1: first\n"
	      "a.yaml:12:2: images[0]: wrong\n"
	      "b.yaml:1:5: cpus: warning: many: 64\n",
	      "sorted by place, each once");
	is_num(d.errors, 2, "a repeated error counts once");
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	is_num(diag_report(&d), EXIT_BADDATA, "errors give the exit status");
	for (int i = 0; i < 2 * DIAG_MAX; i++)
		diag_error(&d, (struct pos){ "c", (unsigned)i, 1 }, NULL, "x");
	ok(d.n == DIAG_MAX && d.errors == 2 * DIAG_MAX + 2, "a flood of findings is bounded, and counted");
	diag_free(&d);
	ok(!d.n && !d.item, "freed");
	return done();
}
