/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef AIOTRACE_LIB_BITS_BPF_H
#define AIOTRACE_LIB_BITS_BPF_H

/*
 * Bits by number, without branches: durations vary, and six unpredictable branches cost more than
 * the rest of a poll's probe; the verifier would follow each of their 64 paths. __builtin_ctzll is
 * not used because clang 14 crashes on it for BPF.
 */
#include <linux/types.h>

/* A de Bruijn sequence: the upper 6 bits of its product with 2^n - 1 differ for each n. */
#define LEADING_BIT_SEQUENCE 0x03f79d71b4cb0a89ull

static const __u8 leading_bit[64] = {
	0,  47, 1,  56, 48, 27, 2,  60, 57, 49, 41, 37, 28, 16, 3,  61, 54, 58, 35, 52, 50, 42,
	21, 44, 38, 32, 29, 23, 17, 11, 4,  62, 46, 55, 26, 59, 40, 36, 15, 53, 34, 51, 20, 43,
	31, 22, 10, 45, 25, 39, 14, 33, 19, 30, 9,  24, 13, 18, 8,  12, 7,  6,	5,  63,
};

/* Of a word that is not 0. */
static __always_inline __u32 highest_bit(__u64 word)
{
	word |= word >> 1;
	word |= word >> 2;
	word |= word >> 4;
	word |= word >> 8;
	word |= word >> 16;
	word |= word >> 32;
	return leading_bit[(word * LEADING_BIT_SEQUENCE) >> 58];
}

/* Of a word that is not 0. */
static __always_inline __u32 lowest_bit(__u64 word)
{
	return leading_bit[((word ^ (word - 1)) * LEADING_BIT_SEQUENCE) >> 58];
}

#endif
