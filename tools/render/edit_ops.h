/* edit_ops - what the options of edit.h do to a document. */
#ifndef LIMA_EDIT_OPS_H
#define LIMA_EDIT_OPS_H

#include "edit.h"

/* Each changes the root map; `f->keys` is where, for those that set one value. *e gets the reason only: the caller adds
 * the flag. */
typedef int edit_op(struct node *doc, const struct edit_flag *f, const char *value, struct err *e);

edit_op edit_set_int, edit_set_gib, edit_set_bool, edit_set_string, edit_set_port;
edit_op edit_dns, edit_mount, edit_mount_only, edit_mount_none, edit_mount_writable, edit_network, edit_rosetta,
    edit_expression;
edit_op edit_param, edit_video, edit_image_variant, edit_containerd, edit_port_forward;

#endif
