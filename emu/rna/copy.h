/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Copying a packet. Most are short, and for those a call of memcpy() costs more than the copy.
 */

#ifndef RNA_COPY_H
#define RNA_COPY_H

#include <stdint.h>
#include <string.h>

/** 16 bytes at any address, of any type. */
typedef uint8_t rna_v16 __attribute__((vector_size(16), aligned(1), may_alias));

/** 16 bytes at offset `at`, counted from the end where it is negative. */
#define RNA_V16(p, at) (*(rna_v16 *)((p) + (at)))
#define RNA_CV16(p, at) (*(const rna_v16 *)((p) + (at)))

/** Both ends are copied with pieces that overlap in the middle, so a length costs one branch. */
static inline void
rna_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	const uint8_t *from_end = from + len;
	uint8_t *to_end = to + len;

	if (__builtin_expect(len > 128 || len < 16, 0)) {
		memcpy(to, from, len);
		return;
	}
	if (len > 32) {
		if (len > 64) {
			rna_v16 c = RNA_CV16(from, 32), d = RNA_CV16(from, 48);
			rna_v16 e = RNA_CV16(from_end, -64), f = RNA_CV16(from_end, -48);

			RNA_V16(to, 32) = c;
			RNA_V16(to, 48) = d;
			RNA_V16(to_end, -64) = e;
			RNA_V16(to_end, -48) = f;
		}
		rna_v16 b = RNA_CV16(from, 16), g = RNA_CV16(from_end, -32);

		RNA_V16(to, 16) = b;
		RNA_V16(to_end, -32) = g;
	}
	rna_v16 a = RNA_CV16(from, 0), h = RNA_CV16(from_end, -16);

	RNA_V16(to, 0) = a;
	RNA_V16(to_end, -16) = h;
}

#endif /* RNA_COPY_H */
