/* yq - see yq.h. */
#include "yq.h"

int yq_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 1;
}
