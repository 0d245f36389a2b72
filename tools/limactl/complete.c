/* complete - see complete.h. */
#include "complete.h"

int complete_main(const char *program, bool descriptions, int argc, char **argv)
{
	(void)program;
	(void)descriptions;
	(void)argc;
	(void)argv;
	return 1;
}
