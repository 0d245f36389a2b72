/* yq - `limactl yq` and links named yq: expressions on YAML and JSON documents from the command line.
 *
 * What people use of yq (version 4), by libjq with yq's habits (render/expr_yq.c). Source: spec/cli.md section 12.
 */
#ifndef LIMACTL_YQ_H
#define LIMACTL_YQ_H

/* `argv` without the name; the exit status. */
int yq_main(int argc, char **argv);

#endif
