/* info - the answer to GET /v1/info. */
#ifndef HOSTAGENT_INFO_H
#define HOSTAGENT_INFO_H

struct agent;

/* One JSON object on one line; the caller frees it. Its fields are documented in lima-hostagent(8). */
char *info_json(const struct agent *a);

#endif
