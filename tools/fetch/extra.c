/* extra - see extra.h. */
#include "fetch/extra.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fetch/get.h"
#include "fetch/place.h"
#include "file.h"
#include "instance_files.h"
#include "kv.h"

#define EXTRA_MAX 64

static int fetch_to(struct session *se, const char *location, const char *digest, const char *output, bool decompress,
		    struct err *e)
{
	struct place how = { .decompress = decompress, .quiet = se->quiet, .max_size = se->max_size };
	struct digest want;
	struct got g;
	int r;

	if (*digest && digest_parse(digest, &want, e) < 0)
		return -1;
	if (get_location(se, location, *digest ? &want : NULL, &g, e) < 0)
		return -1;
	r = place(&g.data, output, &how, e);
	got_free(&g);
	return r;
}

int extra_fetch(struct session *se, const char *dir, const char *list, const char *output, bool decompress, struct err *e)
{
	char *path = path_join(dir, F_IMAGE_CONF);
	struct buf all = { 0 };
	struct kv kv = { 0 };
	uint64_t n;
	int r = kv_load(path, &kv, e);

	free(path);
	if (r < 0)
		return -1;
	n = kv_num(&kv, 0, "%s", list);
	r = -1;
	err_set(e, EXIT_BADDATA, "there is no '%s' for %s in lima.yaml", list, kv_get(&kv, "this architecture", "arch"));
	for (unsigned i = 0; r < 0 && i < n && i < EXTRA_MAX; i++) {
		r = fetch_to(se, kv_get(&kv, "", "%s.%u.location", list, i), kv_get(&kv, "", "%s.%u.digest", list, i), output,
			     decompress, e);
		if (r < 0)
			buf_addf(&all, "%s%s", all.len ? " | " : "", e->msg);
	}
	if (r < 0 && all.len)
		err_set(e, e->code, "%s", buf_str(&all));
	buf_free(&all);
	kv_free(&kv);
	return r;
}
