/* schema_table - the rows of the schema; use schema.h. */
#ifndef LIMA_SCHEMA_TABLE_H
#define LIMA_SCHEMA_TABLE_H

#include "schema.h"

/* Ended by a row without path. */
extern struct schema_key schema_table[];

#endif
