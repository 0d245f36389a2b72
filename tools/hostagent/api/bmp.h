/* bmp - turns QEMU's portable pixmap into a Windows bitmap, file to file, a row at a time. */
#ifndef HOSTAGENT_BMP_H
#define HOSTAGENT_BMP_H

#include "err.h"

#define BMP_SIDE_MAX 16384 /* pixels in a row or column */

/* Reads a binary pixmap of 8 bits a colour (P6, ppm(5)) from the start of `ppm` and appends a bitmap of 24 bits a pixel to
 * `out`. Both stay the caller's. EXIT_BADDATA: it is none, or cut short. */
int bmp_from_ppm(int ppm, int out, struct err *e);

#endif
