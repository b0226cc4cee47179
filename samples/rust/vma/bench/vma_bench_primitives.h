/* SPDX-License-Identifier: GPL-2.0 */

/*
 * The primitives of /dev/vma-bench-c. Each is a function of its own, prim_NAME,
 * so that it can be looked at, and compared with that of the same name in
 * Rust. What it returns is summed up.
 */

#ifndef _SAMPLES_VMA_BENCH_PRIMITIVES_H
#define _SAMPLES_VMA_BENCH_PRIMITIVES_H

#include <linux/fs.h>
#include <linux/mm.h>

#include "vma_bench.h"

/* The locks held when a primitive is called. */
enum vma_bench_held {
	HELD_NOTHING,
	HELD_MMAP_READ,
	HELD_MMAP_WRITE,
	HELD_VMA_READ,
	HELD_VMA_WRITE,
};

/* The arguments of a primitive, if they are not a locked VMA. */
struct vma_bench_at {
	struct mm_struct *mm;
	unsigned long addr;
	unsigned long other;
	unsigned long len;
	pid_t pid;
};

/* A VMA of this driver's, and the next page of it. */
struct vma_bench_next {
	struct vm_area_struct *vma;
	unsigned long addr;
	struct page *page;
};

struct vma_bench_primitive {
	const char *name;
	enum vma_bench_held held;
	/* VMA_BENCH_PLACE_*: where it is done. */
	unsigned int place;
	/* With all pages mapped before. */
	bool populate;
	/* One of the three. */
	u64 (*at)(struct vma_bench_at *at);
	u64 (*vma)(struct vm_area_struct *vma);
	u64 (*next)(struct vma_bench_next *next);
};

/* Each ends in one without a name. */
extern const struct vma_bench_primitive vma_bench_locks[];
extern const struct vma_bench_primitive vma_bench_fields[];
extern const struct vma_bench_primitive vma_bench_pages[];

/* The primitive of a number, or NULL beyond the last. */
const struct vma_bench_primitive *vma_bench_primitive(u64 number);

/* Has it done as often as it is to be. */
int vma_bench_run_primitive(const struct vma_bench_primitive *primitive,
			    struct mm_struct *mm, struct vma_bench_run *run);

/* Begins at the first page of a VMA of this driver's. */
int vma_bench_next_init(struct vma_bench_next *next, struct vm_area_struct *vma,
			bool populate);

int vma_bench_open(struct inode *inode, struct file *file);
int vma_bench_release(struct inode *inode, struct file *file);
int vma_bench_mmap(struct file *file, struct vm_area_struct *vma);

/*
 * Do nothing: what is executed between the two is what is timed, for those who
 * watch from outside.
 */
void vma_bench_mark_begin(void);
void vma_bench_mark_end(void);

#endif
