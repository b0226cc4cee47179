// SPDX-License-Identifier: GPL-2.0

/*
 * Has a primitive done so and so often, with what it wants locked.
 * primitives.rs does the same in Rust.
 */

#include <linux/array_size.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "vma_bench_primitives.h"

const struct vma_bench_primitive *vma_bench_primitive(u64 number)
{
	const struct vma_bench_primitive *tables[] = {
		vma_bench_locks, vma_bench_fields, vma_bench_pages,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct vma_bench_primitive *it = tables[i]; it->name; it++)
			if (!number--)
				return it;
	return NULL;
}

/* All that is timed. */
#define REPEAT(run, fn, argument)					\
	do {								\
		struct vma_bench_run *timed = (run);			\
		u64 left = timed->rounds, sum = 0, start;		\
									\
		start = ktime_get_ns();					\
		vma_bench_mark_begin();					\
		while (left--)						\
			sum += (fn)(argument);				\
		vma_bench_mark_end();					\
		timed->ticks = ktime_get_ns() - start;			\
		timed->sum = sum;					\
		timed->operations = timed->rounds;			\
	} while (0)

/* Under the lock of the mm or of the VMA. */
static int run_locked(const struct vma_bench_primitive *primitive, struct vma_bench_at *at,
		      struct vma_bench_run *run)
{
	struct vm_area_struct *vma;

	if (primitive->at) {
		REPEAT(run, primitive->at, at);
		return 0;
	}

	vma = vma_lookup(at->mm, at->addr);
	if (!vma)
		return -ENOENT;
	if (primitive->held == HELD_VMA_WRITE)
		vma_start_write(vma);
	if (primitive->next) {
		struct vma_bench_next next;
		int err = vma_bench_next_init(&next, vma, primitive->populate);

		if (err)
			return err;
		if (run->rounds > vma_pages(vma))
			return -EINVAL;
		REPEAT(run, primitive->next, &next);
	} else {
		REPEAT(run, primitive->vma, vma);
	}
	return 0;
}

int vma_bench_run_primitive(const struct vma_bench_primitive *primitive,
			    struct mm_struct *mm, struct vma_bench_run *run)
{
	struct vma_bench_at at = {
		.mm = mm,
		.addr = run->addr[0],
		.other = run->addr[1],
		.len = PAGE_SIZE,
		.pid = task_pid_vnr(current),
	};
	struct vm_area_struct *vma;
	int err;

	switch (primitive->held) {
	case HELD_NOTHING:
		REPEAT(run, primitive->at, &at);
		return 0;
	case HELD_MMAP_READ:
		mmap_read_lock(mm);
		err = run_locked(primitive, &at, run);
		mmap_read_unlock(mm);
		return err;
	case HELD_MMAP_WRITE:
	case HELD_VMA_WRITE:
		mmap_write_lock(mm);
		err = run_locked(primitive, &at, run);
		mmap_write_unlock(mm);
		return err;
	case HELD_VMA_READ:
		vma = lock_vma_under_rcu(mm, at.addr);
		if (!vma)
			return -EAGAIN;
		REPEAT(run, primitive->vma, vma);
		vma_end_read(vma);
		return 0;
	}
	return -EINVAL;
}
