/* kv - see kv.h. Lookup is by bisection over pairs sorted by key. */
#include "kv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define KV_FILE_MAX (4u << 20)
#define KV_KEY_MAX 256

void kv_put(struct buf *out, const char *key, const char *value)
{
	buf_adds(out, key);
	buf_addc(out, '=');
	for (const char *p = value; *p; p++) {
		if (*p == '\\')
			buf_adds(out, "\\\\");
		else if (*p == '\n')
			buf_adds(out, "\\n");
		else if (*p == '\r')
			buf_adds(out, "\\r");
		else
			buf_addc(out, *p);
	}
	buf_addc(out, '\n');
}

void kv_putf(struct buf *out, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kv_put(out, key, text);
}

static char *unescape(const char *s, size_t n)
{
	char *out = xmalloc(n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 1 < n) {
			i++;
			*o++ = s[i] == 'n' ? '\n' : s[i] == 'r' ? '\r' : s[i];
		} else {
			*o++ = s[i];
		}
	}
	*o = '\0';
	return out;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct kv_pair *)a)->key, ((const struct kv_pair *)b)->key);
}

int kv_parse(const char *text, size_t n, const char *name, struct kv *kv, struct err *e)
{
	const char *end = text + n;
	size_t cap = 0, line = 0;

	*kv = (struct kv){ .path = xstrdup(name) };
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl ? nl : end;
		const char *eq = memchr(text, '=', (size_t)(stop - text));

		line++;
		if (!eq || eq == text) {
			kv_free(kv);
			return err_set(e, EXIT_BADDATA, "%s:%zu: not a key=value line", name, line);
		}
		if (kv->n == cap) {
			cap = cap ? 2 * cap : 32;
			kv->pair = xrealloc(kv->pair, cap * sizeof(*kv->pair));
		}
		kv->pair[kv->n].key = xstrndup(text, (size_t)(eq - text));
		kv->pair[kv->n].value = unescape(eq + 1, (size_t)(stop - eq - 1));
		kv->n++;
		text = nl ? nl + 1 : end;
	}
	if (kv->n)
		qsort(kv->pair, kv->n, sizeof(*kv->pair), by_key);
	for (size_t i = 1; i < kv->n; i++)
		if (!strcmp(kv->pair[i - 1].key, kv->pair[i].key)) {
			err_set(e, EXIT_BADDATA, "%s: the key %s is given twice", name, kv->pair[i].key);
			kv_free(kv);
			return -1;
		}
	return 0;
}

int kv_load(const char *path, struct kv *kv, struct err *e)
{
	struct buf text = { 0 };
	int r = file_read(path, KV_FILE_MAX, &text, e);

	if (r == 0)
		r = kv_parse(buf_str(&text), text.len, path, kv, e);
	buf_free(&text);
	return r;
}

void kv_free(struct kv *kv)
{
	for (size_t i = 0; i < kv->n; i++) {
		free(kv->pair[i].key);
		free(kv->pair[i].value);
	}
	free(kv->pair);
	free(kv->path);
	*kv = (struct kv){ 0 };
}

void kv_replace(struct kv *kv, const struct kv *from, bool (*which)(const char *key))
{
	size_t left = 0;

	for (size_t i = 0; i < kv->n; i++) {
		if (!which(kv->pair[i].key)) {
			kv->pair[left++] = kv->pair[i];
			continue;
		}
		free(kv->pair[i].key);
		free(kv->pair[i].value);
	}
	kv->n = left;
	kv->pair = xrealloc(kv->pair, (left + from->n + 1) * sizeof(*kv->pair));
	for (size_t i = 0; i < from->n; i++)
		if (which(from->pair[i].key))
			kv->pair[kv->n++] = (struct kv_pair){ xstrdup(from->pair[i].key), xstrdup(from->pair[i].value) };
	qsort(kv->pair, kv->n, sizeof(*kv->pair), by_key);
}

static const char *lookup(const struct kv *kv, const char *fmt, va_list ap)
{
	char key[KV_KEY_MAX];
	struct kv_pair want = { .key = key }, *found;

	vsnprintf(key, sizeof(key), fmt, ap);
	found = kv->n ? bsearch(&want, kv->pair, kv->n, sizeof(want), by_key) : NULL;
	return found ? found->value : NULL;
}

const char *kv_get(const struct kv *kv, const char *fallback, const char *key, ...)
{
	const char *value;
	va_list ap;

	va_start(ap, key);
	value = lookup(kv, key, ap);
	va_end(ap);
	return value ? value : fallback;
}

uint64_t kv_num(const struct kv *kv, uint64_t fallback, const char *key, ...)
{
	const char *value;
	char *end;
	uint64_t n;
	va_list ap;

	va_start(ap, key);
	value = lookup(kv, key, ap);
	va_end(ap);
	if (!value || *value < '0' || *value > '9')
		return fallback;
	n = strtoull(value, &end, 10);
	return *end ? fallback : n;
}

bool kv_bool(const struct kv *kv, const char *key, ...)
{
	const char *value;
	va_list ap;

	va_start(ap, key);
	value = lookup(kv, key, ap);
	va_end(ap);
	return value && (!strcmp(value, "true") || !strcmp(value, "1"));
}
