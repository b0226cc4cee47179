/* SPDX-License-Identifier: GPL-2.0 */

/*
 * The interface of /dev/vma-bench-c and /dev/vma-bench-rust; abi.rs is the
 * same for Rust.
 */

#ifndef _SAMPLES_VMA_BENCH_H
#define _SAMPLES_VMA_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Does one operation rounds times. */
struct vma_bench_run {
	/* In. */
	__u64 operation;	/* VMA_BENCH_* */
	__u64 rounds;		/* not more than VMA_BENCH_MAX_ROUNDS */
	__u64 addr[2];		/* of VMAs, for those that look VMAs up */
	__u64 hold_us;		/* for those that hold a lock for a time */
	/* Out. */
	__u64 ticks;		/* nanoseconds of the monotonic clock */
	__u64 operations;	/* that were done: VMAs that were seen, or rounds */
	__u64 sum;		/* of what was read, the same in C and in Rust */
};

/* Says what a primitive is. */
struct vma_bench_name {
	/* In. */
	__u64 number;		/* from 0 on, until there is none: -ENOENT */
	/* Out. */
	__u64 place;		/* VMA_BENCH_PLACE_*: what has to be at addr[0] */
	__u64 once_per_page;	/* the place needs as many pages as there are rounds */
	char name[40];		/* the same in C and in Rust; ends in zeros */
};

#define VMA_BENCH_RUN _IOWR('|', 0xa0, struct vma_bench_run)
#define VMA_BENCH_NAME _IOWR('|', 0xa1, struct vma_bench_name)

#define VMA_BENCH_MAX_ROUNDS 10000000

/* A round is two instructions; in C only. */
#define VMA_BENCH_LOOP 0

/* All VMAs one after the other, each locked by itself. */
#define VMA_BENCH_WALK_VMA 1

/* All VMAs one after the other, under the mmap read lock. */
#define VMA_BENCH_WALK_MMAP 2

/* The VMA at addr[0], under its own read lock. */
#define VMA_BENCH_READ_VMA 3

/* The VMA at addr[0], under the mmap read lock. */
#define VMA_BENCH_READ_MMAP 4

/* The VMAs at addr[0] and addr[1], both locked at the same time. */
#define VMA_BENCH_LOCK_TWO 5

/* As the two that read one VMA, with the lock held for hold_us more. */
#define VMA_BENCH_HOLD_VMA 6
#define VMA_BENCH_HOLD_MMAP 7

/* As VMA_BENCH_WALK_VMA, the least that it takes. */
#define VMA_BENCH_WALK_LOOP 8

/* Until just after the next interrupt of the timer; in C only. */
#define VMA_BENCH_TICK 9

/* The first primitive; the others have the numbers after it. */
#define VMA_BENCH_PRIMITIVES 256

/* Anonymous memory that was written to, and has a name. */
#define VMA_BENCH_PLACE_ANON 0

/* A file. */
#define VMA_BENCH_PLACE_FILE 1

/* The driver itself, of that kind. */
#define VMA_BENCH_PLACE_MIXED 2
#define VMA_BENCH_PLACE_PFN 3

/* A mapping of the driver has one of these kinds, from the page KIND * KIND_PAGES on. */
#define VMA_BENCH_KIND_PAGES 4096
#define VMA_BENCH_KIND_PLAIN 0
#define VMA_BENCH_KIND_MIXED 1
#define VMA_BENCH_KIND_PFN 2
#define VMA_BENCH_KIND_SLOT 3
#define VMA_BENCH_KIND_PIECES 4

#endif
