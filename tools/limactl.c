/* limactl - the commands that people know, over the same tools and rules that make uses; see limactl/command.h. */
#include "limactl/command.h"

int main(int argc, char **argv)
{
	return limactl_main(argc, argv);
}
