/* fake_qemu_screen - the screendump of fake-qemu.c; included by it, behind qmp_send, dump and busy. */
#ifndef LIMA_FAKE_QEMU_SCREEN_H
#define LIMA_FAKE_QEMU_SCREEN_H

/* The value of a text in a command. */
static void text_of(const char *line, const char *key, char *out, size_t n)
{
	char want[32];
	const char *p;

	snprintf(want, sizeof(want), "\"%s\":\"", key);
	p = strstr(line, want);
	snprintf(out, n, "%.*s", p ? (int)strcspn(p + strlen(want), "\"") : 0, p ? p + strlen(want) : "");
}

/* A picture of two by three pixels: red, green; blue, white; black, (1, 2, 3). */
static void screendump(const char *line, long id)
{
	static const unsigned char pixels[] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 1, 2, 3 };
	bool png = strstr(line, "\"format\":\"png\"") != NULL;
	char path[512];
	FILE *f;

	text_of(line, "filename", path, sizeof(path));
	if (!strcmp(dump, "never")) {
		busy = true;
		return;
	}
	if (!strcmp(dump, "no-console") || (png && !strcmp(dump, "no-png"))) {
		qmp_send("{\"error\":{\"class\":\"GenericError\",\"desc\":\"%s\"},\"id\":%ld}",
			 *dump == 'n' && dump[3] == 'p' ? "Parameter 'format' is unexpected" :
							  "There is no console to take a screendump from", id);
		return;
	}
	f = fopen(path, "we");
	if (!f)
		exit(95);
	fprintf(f, png ? "\x89PNG fake" : "P6\n2 3\n255\n");
	if (!png)
		fwrite(pixels, !strcmp(dump, "torn") ? 7 : sizeof(pixels), 1, f);
	fclose(f);
	qmp_send("{\"return\":{},\"id\":%ld}", id);
}

#endif
