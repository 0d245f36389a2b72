/* diag - see diag.h. */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define REASON_MAX 1024

__attribute__((format(printf, 5, 0))) static void add(struct diag *d, bool warning, struct pos at, const char *key,
						      const char *fmt, va_list ap)
{
	char text[REASON_MAX];

	d->errors += !warning;
	if (d->n >= DIAG_MAX) {
		d->dropped++;
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	if ((d->n & (d->n - 1)) == 0)
		d->item = xrealloc(d->item, (d->n ? 2 * d->n : 4) * sizeof(*d->item));
	d->item[d->n++] = (struct diag_item){ warning, at, key ? xstrdup(key) : NULL, xstrdup(text) };
}

void diag_error(struct diag *d, struct pos at, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, false, at, key, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag *d, struct pos at, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, true, at, key, fmt, ap);
	va_end(ap);
}

static int compare(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int by_place(const void *a, const void *b)
{
	const struct diag_item *x = a, *y = b;
	int r = compare(x->pos.file, y->pos.file);

	if (r == 0 && x->pos.line != y->pos.line)
		r = x->pos.line < y->pos.line ? -1 : 1;
	if (r == 0 && x->pos.col != y->pos.col)
		r = x->pos.col < y->pos.col ? -1 : 1;
	if (r == 0)
		r = compare(x->key, y->key);
	return r ? r : strcmp(x->text, y->text);
}

void diag_line(const struct diag_item *i, struct buf *out)
{
	if (i->pos.file && i->pos.line)
		buf_addf(out, "%s:%u:%u: ", i->pos.file, i->pos.line, i->pos.col);
	else if (i->pos.file)
		buf_addf(out, "%s: ", i->pos.file);
	if (i->key)
		buf_addf(out, "%s: ", i->key);
	buf_addf(out, "%s%s", i->warning ? "warning: " : "", i->text);
}

void diag_sort(struct diag *d)
{
	size_t to = 0;

	if (d->n)
		qsort(d->item, d->n, sizeof(*d->item), by_place);
	for (size_t i = 0; i < d->n; i++) {
		if (to && d->item[to - 1].warning == d->item[i].warning && by_place(&d->item[to - 1], &d->item[i]) == 0) {
			d->errors -= !d->item[i].warning;
			free(d->item[i].key);
			free(d->item[i].text);
		} else {
			d->item[to++] = d->item[i];
		}
	}
	d->n = to;
}

int diag_report(struct diag *d)
{
	diag_sort(d);
	for (size_t i = 0; i < d->n; i++) {
		struct buf line = { 0 };

		diag_line(&d->item[i], &line);
		for (size_t c = 0; c < line.len; c++)
			if (line.data[c] == '\n')
				line.data[c] = ' ';
		warn_msg("%s", buf_str(&line));
		buf_free(&line);
	}
	if (d->dropped)
		warn_msg("and %zu more", d->dropped);
	return d->errors ? EXIT_BADDATA : 0;
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->item[i].key);
		free(d->item[i].text);
	}
	free(d->item);
	*d = (struct diag){ 0 };
}
