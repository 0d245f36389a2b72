/* limactl - the commands that people know, over the same tools and rules that make uses. */
int main(void)
{
	return 0;
}
