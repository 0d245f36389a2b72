/* uses: render */
/* The guest's environment: `env:`, the host's proxy variables, loopback replaced, both cases agree. */
#include "render/out.h"
#include "tap.h"

static const char *const names[] = { "ftp_proxy", "http_proxy", "https_proxy", "no_proxy",
				     "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY" };

struct given {
	const char *name, *value;
};

/* "K=V" joined by '|', sorted as it comes; errors and warnings as "eN wN" in front when there are some. */
static char *derive(const char *yaml, const struct given *env)
{
	struct err e = { 0 };
	struct node *doc = tree_parse(yaml, strlen(yaml), "t", &e);
	struct diag d = { 0 };
	struct buf out = { 0 };
	struct kv kv;

	for (size_t i = 0; i < 8; i++)
		unsetenv(names[i]);
	for (; env && env->name; env++)
		setenv(env->name, env->value, 1);
	out_guest_env(doc, "192.168.5.2", &kv, &d);
	if (d.n)
		buf_addf(&out, "e%zu w%zu|", d.errors, d.n - d.errors);
	for (size_t i = 0; i < kv.n; i++)
		buf_addf(&out, "%s=%s|", kv.pair[i].key, kv.pair[i].value);
	kv_free(&kv);
	diag_free(&d);
	node_free(doc);
	return buf_detach(&out);
}

static void check(const char *what, const char *yaml, const struct given *env, const char *want)
{
	char *got = derive(yaml, env);

	is_str(got, want, what);
	free(got);
}

#define ENV(...) ((const struct given[]){ __VA_ARGS__, { NULL, NULL } })

int main(void)
{
	check("nothing", "{}", NULL, "");
	check("sorted by bytes", "env: {b: 1, A: x, a: true}", NULL, "A=x|a=true|b=1|");
	check("both cases from the lower one", "{}", ENV({ "http_proxy", "http://p:1" }),
			"HTTP_PROXY=http://p:1|http_proxy=http://p:1|");
	check("both cases from the upper one", "{}", ENV({ "HTTPS_PROXY", "http://p:1" }),
			"HTTPS_PROXY=http://p:1|https_proxy=http://p:1|");
	check("the lower case wins", "{}", ENV({ "ftp_proxy", "http://a" }, { "FTP_PROXY", "http://b" }),
			"FTP_PROXY=http://a|ftp_proxy=http://a|");
	check("the process over the document", "env: {http_proxy: http://doc}", ENV({ "http_proxy", "http://proc" }),
	      "HTTP_PROXY=http://proc|http_proxy=http://proc|");
	check("not wanted", "{propagateProxyEnv: false, env: {http_proxy: http://doc}}", ENV({ "http_proxy",
			"http://proc" }),
	      "HTTP_PROXY=http://doc|http_proxy=http://doc|");
	check("an empty one is dropped", "env: {http_proxy: http://doc}", ENV({ "http_proxy", "" }), "");
	check("an empty lower one, a full upper one", "{}", ENV({ "http_proxy", "" }, { "HTTP_PROXY", "http://u" }),
	      "HTTP_PROXY=http://u|http_proxy=http://u|");
	check("no_proxy stays as it is", "{}", ENV({ "no_proxy", "localhost,127.0.0.1" }),
	      "NO_PROXY=localhost,127.0.0.1|no_proxy=localhost,127.0.0.1|");
#define TWICE(v) "HTTP_PROXY=" v "|http_proxy=" v "|"
	check("localhost", "{}", ENV({ "http_proxy", "http://localhost:3128" }), TWICE("http://192.168.5.2:3128"));
	check("LocalHost, path", "{}", ENV({ "http_proxy", "http://LocalHost:3128/a?b" }),
			TWICE("http://192.168.5.2:3128/a?b"));
	check("127.x", "{}", ENV({ "http_proxy", "http://127.1.2.3/" }), TWICE("http://192.168.5.2/"));
	check("::1 with a user", "{}", ENV({ "http_proxy", "socks5://u:p@w@[::1]:9" }),
			TWICE("socks5://u:p@w@192.168.5.2:9"));
	check("mapped", "{}", ENV({ "http_proxy", "http://[::ffff:127.0.0.1]:9" }), TWICE("http://192.168.5.2:9"));
	check("below localhost", "{}", ENV({ "http_proxy", "http://x.localhost" }), TWICE("http://192.168.5.2"));
	check("the name in the path only", "{}", ENV({ "http_proxy", "http://p/localhost" }),
			TWICE("http://p/localhost"));
	check("another host", "{}", ENV({ "http_proxy", "http://128.0.0.1:9" }), TWICE("http://128.0.0.1:9"));
	check("bare host and port", "{}", ENV({ "http_proxy", "localhost:3128" }), TWICE("localhost:3128"));
	check("an open bracket", "{}", ENV({ "http_proxy", "http://[::1:9" }), TWICE("http://[::1:9"));
	check("a line end from the process is not taken", "{}", ENV({ "http_proxy", "http://a\nB=1" }), "e0 w1|");
	check("nor a comment", "{}", ENV({ "http_proxy", "http://a#b" }), "e0 w1|");
	check("a line end in the document is an error", "env: {A: \"x\\nB=1\", C: \"x\\r\"}", NULL, "e2 w0|");
	check("a comment in the document is an error", "env: {A: \"x # y\"}", NULL, "e1 w0|");
	check("names", "env: {\"a b\": 1, \"1a\": 1, \"A=B\": 1, \"\": 1, \"x\\ny\": 1, _ok1: 1}", NULL,
			"e5 w0|_ok1=1|");
	return done();
}
