/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Copies whose faults are known: guard.h. Each instruction that touches the memory stands in the
 * table guard_faults with what its fault means; guard.c goes on at guard_failed with that in %eax.
 * Nothing lies on the stack, so that this is a plain return.
 */

#include "guard_table.inc"

	.text

.macro MOVE insn:vararg
	TOUCH	3, \insn	/* either: guard.c finds out */
.endm

/* First and last piece of a size, which overlap or meet. */
.macro ENDS mov, size, a, b
	LOAD	\mov (%rsi), \a
	LOAD	\mov -\size(%rsi, %rdx), \b
	STORE	\mov \a, (%rdi)
	STORE	\mov \b, -\size(%rdi, %rdx)
	xorl	%eax, %eax
	ret
.endm

/* Below 16 bytes. */
.macro SMALL
	cmpl	$8, %edx
	jae	8f
	cmpl	$4, %edx
	jae	4f
	cmpl	$2, %edx
	jae	2f
	testl	%edx, %edx
	jz	1f
	LOAD	movzbl (%rsi), %ecx
	STORE	movb %cl, (%rdi)
1:	xorl	%eax, %eax
	ret
2:	ENDS	movw, 2, %cx, %r8w
4:	ENDS	movl, 4, %ecx, %r8d
8:	ENDS	movq, 8, %rcx, %r8
.endm

/* Pieces n and n + 1 from the front (or, with a base of the end, from there). */
.macro LOAD2 mov, at, v, base, r0, r1
	LOAD	\mov \at * \v(\base), \r0
	LOAD	\mov (\at + 1) * \v(\base), \r1
.endm
.macro STORE2 mov, at, v, base, r0, r1
	STORE	\mov \r0, \at * \v(\base)
	STORE	\mov \r1, (\at + 1) * \v(\base)
.endm

/*
 * From `v` bytes on: up to 8 pieces at once, those of the front and those of the back; more in
 * rounds of 4, stores aligned.
 */
.macro LARGE v, mov, end, r
	cmpq	$(8 * \v), %rdx
	ja	6f
	leaq	(%rsi, %rdx), %r8
	leaq	(%rdi, %rdx), %r9
	cmpl	$(2 * \v), %edx
	ja	3f
	LOAD	\mov (%rsi), %\r\()0
	LOAD	\mov -\v(%r8), %\r\()1
	STORE	\mov %\r\()0, (%rdi)
	STORE	\mov %\r\()1, -\v(%r9)
	jmp	9f
3:	LOAD2	\mov, 0, \v, %rsi, %\r\()0, %\r\()1
	LOAD2	\mov, -2, \v, %r8, %\r\()2, %\r\()3
	cmpl	$(4 * \v), %edx
	jbe	5f
	LOAD2	\mov, 2, \v, %rsi, %\r\()4, %\r\()5
	LOAD2	\mov, -4, \v, %r8, %\r\()6, %\r\()7
	STORE2	\mov, 2, \v, %rdi, %\r\()4, %\r\()5
	STORE2	\mov, -4, \v, %r9, %\r\()6, %\r\()7
5:	STORE2	\mov, 0, \v, %rdi, %\r\()0, %\r\()1
	STORE2	\mov, -2, \v, %r9, %\r\()2, %\r\()3
	jmp	9f

6:	LOAD	\mov (%rsi), %\r\()0
	STORE	\mov %\r\()0, (%rdi)
	movl	%edi, %ecx
	andl	$(\v - 1), %ecx
	subq	$\v, %rcx		/* minus what the first piece covers of the aligned rest */
	subq	%rcx, %rdi
	subq	%rcx, %rsi
	addq	%rcx, %rdx
	.p2align 5
7:	LOAD2	\mov, 0, \v, %rsi, %\r\()0, %\r\()1
	LOAD2	\mov, 2, \v, %rsi, %\r\()2, %\r\()3
	STORE2	\mov, 0, \v, %rdi, %\r\()0, %\r\()1
	STORE2	\mov, 2, \v, %rdi, %\r\()2, %\r\()3
	addq	$(4 * \v), %rsi
	addq	$(4 * \v), %rdi
	subq	$(4 * \v), %rdx
	cmpq	$(4 * \v), %rdx
	ja	7b
	/* The last 4 pieces, some of it a second time. */
	leaq	(%rsi, %rdx), %r8
	leaq	(%rdi, %rdx), %r9
	LOAD2	\mov, -4, \v, %r8, %\r\()0, %\r\()1
	LOAD2	\mov, -2, \v, %r8, %\r\()2, %\r\()3
	STORE2	\mov, -4, \v, %r9, %\r\()0, %\r\()1
	STORE2	\mov, -2, \v, %r9, %\r\()2, %\r\()3
9:	\end
	xorl	%eax, %eax
	ret
.endm

	.globl	guard_copy_sse2
	.hidden	guard_copy_sse2
	.type	guard_copy_sse2, @function
	.p2align 6
guard_copy_sse2:
	.cfi_startproc
	endbr64
	cmpq	$16, %rdx
	jb	10f
	LARGE	16, movups, , xmm
10:	SMALL
	.cfi_endproc
	.size	guard_copy_sse2, . - guard_copy_sse2

	.globl	guard_copy_avx
	.hidden	guard_copy_avx
	.type	guard_copy_avx, @function
	.p2align 6
guard_copy_avx:
	.cfi_startproc
	endbr64
	cmpq	$32, %rdx
	jb	10f
	LARGE	32, vmovups, vzeroupper, ymm
10:	cmpl	$16, %edx
	jb	11f
	ENDS	movups, 16, %xmm0, %xmm1
11:	SMALL
	.cfi_endproc
	.size	guard_copy_avx, . - guard_copy_avx

/* The processor's own way, where that is fast: from 2 KiB on faster than any loop. */
	.globl	guard_copy_erms
	.hidden	guard_copy_erms
	.type	guard_copy_erms, @function
	.p2align 6
guard_copy_erms:
	.cfi_startproc
	endbr64
	cmpq	$2048, %rdx
	jb	guard_copy_avx
	movq	%rdx, %rcx
	MOVE	rep movsb
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	guard_copy_erms, . - guard_copy_erms

/* With what went wrong in %eax. Upper halves stay dirty, which is slow for a while and no more. */
	.globl	guard_failed
	.hidden	guard_failed
	.type	guard_failed, @function
guard_failed:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	guard_failed, . - guard_failed

	.section .note.GNU-stack, "", @progbits
