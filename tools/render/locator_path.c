/* locator_path - the text side of locators: schemes, paths, names, references. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file.h"
#include "locator_priv.h"
#include "name.h"

size_t locator_scheme(const char *s)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*s))
		return 0;
	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("+-.", s[n])))
		n++;
	return s[n] == ':' && n > 1 ? n : 0;
}

bool locator_has_scheme(const char *s, const char *scheme)
{
	return locator_scheme(s) == strlen(scheme) && !strncmp(s, scheme, strlen(scheme));
}

char *locator_clean(const char *path)
{
	bool absolute = *path == '/';
	struct buf out = {0};

	while (*path) {
		size_t n = strcspn(path, "/");
		const char *last = strrchr(buf_str(&out), '/');
		const char *tail = last ? last + 1 : buf_str(&out);

		if (n == 2 && !strncmp(path, "..", 2) && (absolute || (*tail && strcmp(tail, "..")))) {
			out.len = last ? (size_t)(last - out.data) : 0; /* takes the part before back */
			if (out.data)
				out.data[out.len] = '\0';
		} else if (n > 0 && !(n == 1 && *path == '.')) {
			if (absolute || out.len)
				buf_addc(&out, '/');
			buf_add(&out, path, n);
		}
		path += n + (path[n] == '/');
	}
	if (out.len == 0)
		buf_adds(&out, absolute ? "/" : ".");
	return buf_detach(&out);
}

char *locator_abs_path(const char *path, const struct locator_ctx *ctx, struct err *e)
{
	bool tilde = path[0] == '~' && (!path[1] || path[1] == '/');
	char *joined, *clean;

	if (tilde && !ctx->user_home) {
		err_set(e, EXIT_BADDATA, "cannot expand \"~\" in %s: HOME is not set", path);
		return NULL;
	}
	if (tilde)
		joined = xasprintf("%s%s", ctx->user_home, path + 1);
	else
		joined = path[0] == '/' ? xstrdup(path) : path_join(ctx->cwd, path);
	clean = locator_clean(joined);
	free(joined);
	return clean;
}

static bool control_characters(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

char *locator_template_path(const char *name, struct err *e)
{
	const char *why = !*name		     ? "the name is empty"
			  : *name == '/'	     ? "the name must not be an absolute path"
			  : strstr(name, "..")	     ? "the name must not contain \"..\""
			  : strchr(name, '\\')	     ? "the name must not contain a backslash"
			  : control_characters(name) ? "the name must not contain control characters"
						     : NULL;
	const char *base, *dot;
	char *clean, *path;

	if (why) {
		err_set(e, EXIT_USAGE, "template:%s: %s", name, why);
		return NULL;
	}
	clean = locator_clean(name);
	base = strrchr(clean, '/');
	dot = strrchr(base ? base : clean, '.');
	path = !dot || isdigit((unsigned char)dot[1]) ? xasprintf("%s.yaml", clean) : xstrdup(clean);
	free(clean);
	return path;
}

char *locator_base_name(const char *locator)
{
	bool url = locator_has_scheme(locator, "http") || locator_has_scheme(locator, "https");
	size_t len = url ? strcspn(locator, "?#") : strlen(locator);
	char *s, *slash, *base;

	while (len > 1 && locator[len - 1] == '/')
		len--;
	s = xstrndup(locator, len);
	slash = strrchr(s, '/');
	base = xstrdup(slash ? slash + 1 : s + (locator_scheme(s) ? locator_scheme(s) + 1 : 0));
	free(s);
	for (char *p = base; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return base;
}

static void drop_suffix(char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	if (n > k && !strcmp(s + n - k, suffix))
		s[n - k] = '\0';
}

char *locator_name(const char *locator, struct err *e)
{
	struct err why = {0};
	enum locator_kind kind = locator_kind(locator);
	char *name;

	if (kind == LOCATOR_DEFAULT)
		return xstrdup("default");
	if (kind == LOCATOR_NAME)
		return xstrdup(locator);
	if (kind == LOCATOR_STDIN) {
		err_set(e, EXIT_USAGE, "a template from standard input has no name; give one with --name");
		return NULL;
	}
	name = kind == LOCATOR_IMAGE ? locator_image_name(locator) : locator_base_name(locator);
	drop_suffix(name, ".yaml");
	drop_suffix(name, ".yml");
	if (name_check_instance(name, &why) == 0)
		return name;
	err_set(e, EXIT_USAGE, "cannot derive an instance name from %s (%s); give one with --name", locator, why.msg);
	free(name);
	return NULL;
}

/* --- references --- */

/* The folder of an absolute locator with its '/' (or ':') at the end. */
static char *folder_of(const char *from, const struct locator_ctx *ctx)
{
	const char *slash, *start;

	if (!from || !*from || !strcmp(from, "-"))
		return xasprintf("%s/", ctx->cwd);
	start = from + locator_scheme(from);
	if (!strncmp(start, "://", 3)) {
		const char *path = strchr(start + 3, '/');
		size_t len = strcspn(start, "?#");

		if (!path || path > start + len)
			return xasprintf("%.*s/", (int)(start - from + (ptrdiff_t)len), from);
		for (slash = start + len; *slash != '/'; slash--)
			;
		return xstrndup(from, (size_t)(slash - from) + 1);
	}
	slash = strrchr(start, '/');
	if (slash)
		return xstrndup(from, (size_t)(slash - from) + 1);
	return *start == ':' ? xstrndup(from, (size_t)(start - from) + 1) : xasprintf("%s/", ctx->cwd);
}

static char *join_reference(const char *ref, const char *from, const struct locator_ctx *ctx)
{
	char *clean = locator_clean(ref), *folder = folder_of(from, ctx);
	char *all = xasprintf("%s%s", folder, clean);

	free(clean);
	free(folder);
	return all;
}

char *locator_absolute(const char *ref, const char *from, const struct locator_ctx *ctx, struct err *e)
{
	if (!*ref) {
		err_set(e, EXIT_BADDATA, "the reference is empty");
		return NULL;
	}
	if (control_characters(ref)) {
		err_set(e, EXIT_BADDATA, "the reference has control characters in it");
		return NULL;
	}
	if (locator_scheme(ref))
		return xstrdup(ref);
	if (ref[0] == '/' || (ref[0] == '~' && (!ref[1] || ref[1] == '/')))
		return locator_abs_path(ref, ctx, e);
	if (!strcmp(ref, "..") || strstr(ref, "../") || strstr(ref, "..\\")) {
		err_set(e, EXIT_BADDATA,
			"\"%s\" leaves the folder of its template; write an absolute path, or a name without \"../\"",
			ref);
		return NULL;
	}
	return join_reference(ref, from, ctx);
}
