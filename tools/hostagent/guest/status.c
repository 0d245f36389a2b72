/* status - see status.h. */
#include "status.h"

#include <stdlib.h>
#include <string.h>

#include "hostagent/text.h"
#include "num.h"

#define NAME_LEN_MAX 256

void status_reset(struct boot_status *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->step[i].name);
		strv_free(&s->step[i].tail);
	}
	free(s->step);
	memset(s, 0, sizeof(*s));
}

/* Splits a line at its first `max - 1` tabulators, in place. */
static size_t split(char *line, char **field, size_t max)
{
	size_t n = 0;

	while (n < max) {
		field[n++] = line;
		line = n < max ? strchr(line, '\t') : NULL;
		if (!line)
			break;
		*line++ = '\0';
	}
	return n;
}

static struct boot_step *find_step(struct boot_status *s, const char *name)
{
	for (size_t i = s->n; i > 0; i--)
		if (!strcmp(s->step[i - 1].name, name))
			return &s->step[i - 1];
	return NULL;
}

static bool room(struct boot_status *s, size_t n)
{
	if (s->kept + n > STATUS_KEEP_MAX)
		return false;
	s->kept += n;
	return true;
}

static struct boot_step *add_step(struct boot_status *s, const char *name)
{
	if (s->n >= STATUS_STEPS_MAX || strlen(name) > NAME_LEN_MAX || !room(s, strlen(name)))
		return NULL;
	if (s->n % 16 == 0)
		s->step = xrealloc(s->step, (s->n + 16) * sizeof(*s->step));
	s->step[s->n] = (struct boot_step){ .name = text_clean(name, strlen(name), NAME_LEN_MAX) };
	return &s->step[s->n++];
}

static int exit_code(const char *text)
{
	struct err e = { 0 };
	uint64_t v;

	return num_parse(text, 0, 255, "exit status", &v, &e) < 0 ? 255 : (int)v;
}

static void on_begin(struct boot_status *s, char **f, size_t n)
{
	char *id = text_clean(f[1], strlen(f[1]), sizeof(s->boot_id) - 1);

	memcpy(s->boot_id, id, strlen(id) + 1);
	free(id);
	if (n > 2 && strlen(f[2]) < sizeof(s->mode) && (!strcmp(f[2], "native") || !strcmp(f[2], "cloud-init")))
		memcpy(s->mode, f[2], strlen(f[2]) + 1);
}

static void on_step(struct boot_status *s, char **f, size_t n)
{
	char *name = text_clean(f[1], strlen(f[1]), NAME_LEN_MAX);
	struct boot_step *step = find_step(s, name);

	if (n > 2 && (!step || (step->ended && !strcmp(f[2], "start"))))
		step = add_step(s, name);
	free(name);
	if (!step || n < 3 || !strcmp(f[2], "start"))
		return;
	step->ended = true;
	step->status = exit_code(f[2]);
}

static void on_tail(struct boot_status *s, char **f, size_t n)
{
	char *name = text_clean(f[1], strlen(f[1]), NAME_LEN_MAX), *line;
	struct boot_step *step = find_step(s, name);

	free(name);
	if (!step || n < 3 || step->tail.n >= STATUS_TAIL_MAX || !room(s, strlen(f[2])))
		return;
	line = text_clean(f[2], strlen(f[2]), STATUS_LINE_MAX);
	strv_add(&step->tail, line);
	free(line);
}

static void on_mount(struct boot_status *s, char **f, size_t n)
{
	struct err e = { 0 };
	uint64_t i;

	(void)n;
	if (num_parse(f[1], 0, STATUS_MOUNTS_MAX - 1, "number of a mount", &i, &e) == 0)
		s->no_mount[i] = true;
}

static void on_ready(struct boot_status *s, char **f, size_t n)
{
	(void)f;
	(void)n;
	s->ssh_ready = true;
}

static void on_done(struct boot_status *s, char **f, size_t n)
{
	(void)n;
	s->done = true;
	s->code = exit_code(f[1]);
}

static void take_line(struct boot_status *s)
{
	static const struct {
		const char *word;
		size_t fields;
		void (*fn)(struct boot_status *s, char **f, size_t n);
	} kinds[] = {
		{ "begin", 2, on_begin }, { "step", 3, on_step },      { "tail", 3, on_tail },
		{ "done", 2, on_done },	  { "ssh-ready", 1, on_ready },	 { "mount", 3, on_mount },
	};
	char *field[3];
	size_t n;

	s->line[s->line_len] = '\0';
	n = split(s->line, field, 3);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(field[0], kinds[i].word) && n >= kinds[i].fields)
			kinds[i].fn(s, field, n);
	s->line_len = 0;
}

int status_feed(struct boot_status *s, uint64_t offset, const char *data, size_t n)
{
	if (offset == 0)
		status_reset(s);
	if (offset > s->offset)
		return -1;
	if (s->offset - offset >= n)
		return 0;
	data += s->offset - offset;
	n -= (size_t)(s->offset - offset);
	s->offset += n;
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\n')
			take_line(s);
		else if (s->line_len < STATUS_LINE_MAX - 1)
			s->line[s->line_len++] = data[i] ? data[i] : '?';
	}
	return 0;
}

const char *status_current(const struct boot_status *s)
{
	for (size_t i = s->n; i > 0; i--)
		if (!s->step[i - 1].ended)
			return s->step[i - 1].name;
	return NULL;
}

void status_errors(const struct boot_status *s, struct strv *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < s->n; i++) {
		const struct boot_step *step = &s->step[i];
		struct buf b = { 0 };

		if (!step->ended || step->status == 0)
			continue;
		buf_addf(&b, "%s failed with exit status %d", step->name, step->status);
		for (size_t k = 0; k < step->tail.n; k++)
			buf_addf(&b, "%s%s", k ? "\n" : "; its last lines:\n", step->tail.v[k]);
		strv_add(out, buf_str(&b));
		buf_free(&b);
	}
	if (out->n == before && s->done && s->code != 0)
		strv_addf(out, "the boot scripts of the guest ended with status %d", s->code);
}
