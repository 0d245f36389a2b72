/* argv - see argv.h. */
#include "argv.h"

#include <string.h>

#include "file.h"
#include "hostagent/agent.h"
#include "instance_files.h"

#define ARGV_MAX_BYTES (1u << 20)

int argv_load(const struct agent *a, struct strv *argv, struct err *e)
{
	struct buf b = { 0 };
	char *line, *save, *option = NULL;

	if (file_read(F_QEMU_ARGV, ARGV_MAX_BYTES, &b, e) < 0)
		return err_wrap(e, "cannot start the machine");
	/* A line is held back until it is known that the next one stays. */
	for (line = strtok_r(b.data ? b.data : (char[1]){ 0 }, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool out = mounts_unserved(a, line);

		if (option && !out)
			strv_add(argv, option);
		option = out ? NULL : line;
	}
	if (option)
		strv_add(argv, option);
	buf_free(&b);
	return argv->n ? 0 : err_set(e, EXIT_BADDATA, "%s is empty; make it again with lima-qemu-argv", F_QEMU_ARGV);
}
