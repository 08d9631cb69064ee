/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Copies whose faults are known: guard.h. Each instruction that touches the memory stands in the
 * table guard_faults with what its fault means; guard.c goes on at guard_failed with that in w0.
 * Nothing lies on the stack and the link register is kept, so that this is a plain return.
 */

#include "guard_table.inc"

	.text

.macro DONE
	mov	w0, #0
	ret
.endm

/* First and last piece of a size, which overlap or meet; x3 and x4 are the ends. */
.macro ENDS size, a, b, ld, ldu, st, stu
	LOAD	\ld \a, [x1]
	LOAD	\ldu \b, [x3, #-\size]
	STORE	\st \a, [x0]
	STORE	\stu \b, [x4, #-\size]
	DONE
.endm

	.globl	guard_copy_neon
	.hidden	guard_copy_neon
	.type	guard_copy_neon, %function
	.p2align 6
guard_copy_neon:
	.cfi_startproc
	hint	#34			/* bti c */
	add	x3, x1, x2
	add	x4, x0, x2
	cmp	x2, #16
	b.lo	10f
	cmp	x2, #128
	b.hi	6f
	cmp	x2, #32
	b.hi	3f
	ENDS	16, q0, q1, ldr, ldur, str, stur

	/* Up to 8 pieces of 16 bytes at once, those of the front and those of the back. */
3:	LOAD	ldp q0, q1, [x1]
	LOAD	ldp q2, q3, [x3, #-32]
	cmp	x2, #64
	b.ls	5f
	LOAD	ldp q4, q5, [x1, #32]
	LOAD	ldp q6, q7, [x3, #-64]
	STORE	stp q4, q5, [x0, #32]
	STORE	stp q6, q7, [x4, #-64]
5:	STORE	stp q0, q1, [x0]
	STORE	stp q2, q3, [x4, #-32]
	DONE

	/* More in rounds of 64 bytes, stores aligned, and the last 64, some of it a second time. */
6:	LOAD	ldr q0, [x1]
	STORE	str q0, [x0]
	and	x5, x0, #15
	sub	x5, x5, #16		/* minus what the first piece covers of the aligned rest */
	sub	x0, x0, x5
	sub	x1, x1, x5
	add	x2, x2, x5
	.p2align 4
7:	LOAD	ldp q0, q1, [x1]
	LOAD	ldp q2, q3, [x1, #32]
	STORE	stp q0, q1, [x0]
	STORE	stp q2, q3, [x0, #32]
	add	x1, x1, #64
	add	x0, x0, #64
	sub	x2, x2, #64
	cmp	x2, #64
	b.hi	7b
	LOAD	ldp q0, q1, [x3, #-64]
	LOAD	ldp q2, q3, [x3, #-32]
	STORE	stp q0, q1, [x4, #-64]
	STORE	stp q2, q3, [x4, #-32]
	DONE

	/* Below 16 bytes. */
10:	tbnz	x2, #3, 8f
	tbnz	x2, #2, 4f
	tbnz	x2, #1, 2f
	cbz	x2, 1f
	LOAD	ldrb w5, [x1]
	STORE	strb w5, [x0]
1:	DONE
2:	ENDS	2, w5, w6, ldrh, ldurh, strh, sturh
4:	ENDS	4, w5, w6, ldr, ldur, str, stur
8:	ENDS	8, x5, x6, ldr, ldur, str, stur
	.cfi_endproc
	.size	guard_copy_neon, . - guard_copy_neon

/* With what went wrong in w0. */
	.globl	guard_failed
	.hidden	guard_failed
	.type	guard_failed, %function
guard_failed:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	guard_failed, . - guard_failed

	.section .note.GNU-stack, "", %progbits
