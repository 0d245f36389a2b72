/* kv - the flat text form in which one tool hands settings to the next.
 *
 * A file of "key=value" lines, sorted by nothing, written by lima-render below DIR/.make and read by lima-fetch,
 * lima-qemu-argv, lima-disk and lima-hostagent, so that these need no YAML. Keys are [A-Za-z0-9._-]+. In a value
 * backslash, newline and carriage return are written \\, \n, \r; every other byte stands for itself. Lists use
 * an index and a count: "mounts=2", "mounts.0.location=/home/u", ... A line without '=' is an error.
 */
#ifndef LIMA_KV_H
#define LIMA_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

struct kv_pair {
	char *key, *value;
};
struct kv {
	struct kv_pair *pair;
	size_t n;
	char *path; /* for messages */
};

/* Appends one line to a text under construction. */
void kv_put(struct buf *out, const char *key, const char *value);
void kv_putf(struct buf *out, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Reads a file (at most 4 MiB). kv_free afterwards. A duplicate key is an error. */
int kv_load(const char *path, struct kv *kv, struct err *e);
int kv_parse(const char *text, size_t n, const char *name, struct kv *kv, struct err *e);
void kv_free(struct kv *kv);
/* Drops every pair whose key `which` says yes to, and takes those of `from` instead. All other texts stay where they are. */
void kv_replace(struct kv *kv, const struct kv *from, bool (*which)(const char *key));

/* The value, or `fallback` when the key is missing. `key` is a printf format, for the indices. The text belongs to kv. */
const char *kv_get(const struct kv *kv, const char *fallback, const char *key, ...)
	__attribute__((format(printf, 3, 4)));
/* A whole number; `fallback` when the key is missing or its value is not one. */
uint64_t kv_num(const struct kv *kv, uint64_t fallback, const char *key, ...) __attribute__((format(printf, 3, 4)));
/* "true" or "1" is true, a missing key false. */
bool kv_bool(const struct kv *kv, const char *key, ...) __attribute__((format(printf, 2, 3)));

#endif
