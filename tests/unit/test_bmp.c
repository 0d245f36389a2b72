/* uses: hostagent dns loop */
/* bmp: pixmaps that QEMU would not write must be refused, whatever their headers say. */
#include "hostagent/api/bmp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "tap.h"

static int file_of(const void *data, size_t n)
{
	char name[] = "/tmp/test-bmp.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) < 0 || fd_write_all(fd, data, n) < 0)
		exit(1);
	return fd;
}

static long long size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -1 : (long long)st.st_size;
}

static void test_refused(void)
{
	static const struct { const char *what, *text; } bad[] = {
		{ "nothing", "" },
		{ "one byte", "P" },
		{ "another kind", "P5\n1 1\n255\nxyz" },
		{ "no numbers", "P6\n\n\n" },
		{ "no width", "P6\n-1 1\n255\nxyz" },
		{ "width 0", "P6\n0 1\n255\nxyz" },
		{ "height 0", "P6\n1 0\n255\nxyz" },
		{ "too wide", "P6\n16385 1\n255\nxyz" },
		{ "a number beyond all types", "P6\n99999999999999999999999 1\n255\nxyz" },
		{ "16 bits a colour", "P6\n1 1\n65535\nxyzxyz" },
		{ "no byte behind the header", "P6\n1 1\n255" },
		{ "a byte too few", "P6\n1 1\n255\nxy" },
		{ "only a comment", "P6 # and no end" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int in = file_of(bad[i].text, strlen(bad[i].text)), out = file_of("", 0);
		struct err e = { 0 };

		ok(bmp_from_ppm(in, out, &e) == -1 && e.code == EXIT_BADDATA, "%s: %s", bad[i].what, e.msg);
		close(in);
		close(out);
	}
}

static void test_taken(void)
{
	static const char one[] = "P6\n# a comment\n 1\t1 # another\n255\nRGB";
	int in = file_of(one, sizeof(one) - 1), out = file_of("", 0);
	struct err e = { 0 };
	char got[4];

	ok(bmp_from_ppm(in, out, &e) == 0, "comments and white space: %s", e.msg);
	is_num(size_of(out), 54 + 4, "one pixel takes four bytes");
	ok(pread(out, got, 4, 54) == 4 && !memcmp(got, "BGR\0", 4), "in the other order");
	close(in);
	close(out);
}

int main(void)
{
	test_refused();
	test_taken();
	return done();
}
