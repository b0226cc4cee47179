// SPDX-License-Identifier: GPL-2.0

/*
 * /dev/vma-bench-c: work on the VMAs of the caller, as it is written in C.
 * rust_vma_bench.rs does the same in Rust.
 *
 * Built in only: lock_next_vma() is not exported.
 */

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "vma_bench_lock_two.h"
#include "vma_bench_primitives.h"

typedef int (*operation_fn)(struct mm_struct *mm, struct vma_bench_run *run);

/* VM_MAYBE_GUARD is set under a read lock, see vma_set_atomic_flag(). */
static u64 read_fields(const struct vm_area_struct *vma)
{
	vm_flags_t flags = READ_ONCE(vma->vm_flags);

	return vma->vm_end - vma->vm_start + !!(flags & VM_WRITE);
}

static int loop(struct mm_struct *mm, struct vma_bench_run *run)
{
#ifdef CONFIG_X86_64
	u64 left = run->rounds;

	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (left) : : "cc");
	run->operations = run->rounds;
	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* Returns just after an interrupt of the timer. */
static int tick(struct mm_struct *mm, struct vma_bench_run *run)
{
	schedule_timeout_uninterruptible(1);
	return 0;
}

noinline void vma_bench_mark_begin(void)
{
	barrier();
}

noinline void vma_bench_mark_end(void)
{
	barrier();
}

/* A place in the address space, as VmaCursor is. */
struct walk {
	struct mm_struct *mm;
	struct vm_area_struct *locked_vma;
	unsigned long pos;
	/* There was a gap before the last VMA, so there may be one behind it. */
	bool gap;
	bool mmap_locked;
};

/* True if nothing is mapped at an address; up to which one, is returned. */
static bool find_gap(struct mm_struct *mm, unsigned long addr, unsigned long *last)
{
	MA_STATE(mas, &mm->mm_mt, addr, addr);
	struct vm_area_struct *vma;

	rcu_read_lock();
	vma = mas_walk(&mas);
	rcu_read_unlock();
	*last = mas.last;
	return !vma;
}

static noinline struct vm_area_struct *search(struct mm_struct *mm, unsigned long pos)
{
	struct vm_area_struct *vma = NULL;
	unsigned long at = pos, last;
	unsigned int seq;
	bool quiet;

	quiet = mmap_lock_speculate_try_begin(mm, &seq);
	while (!vma && find_gap(mm, at, &last)) {
		if (last == ULONG_MAX)
			return quiet && !mmap_lock_speculate_retry(mm, seq) ? NULL :
			       ERR_PTR(-EAGAIN);
		if (last < at)
			return ERR_PTR(-EAGAIN);
		at = last + 1;
		vma = lock_vma_under_rcu(mm, at);
	}

	if (!vma)
		vma = lock_vma_under_rcu(mm, at);
	if (!vma)
		return ERR_PTR(-EAGAIN);
	if (vma->vm_start <= pos || (quiet && !mmap_lock_speculate_retry(mm, seq)) ||
	    (find_gap(mm, pos, &last) && last == vma->vm_start - 1))
		return vma;
	vma_end_read(vma);
	return ERR_PTR(-EAGAIN);
}

/* Keeps the mmap lock for the rest of the walk. */
static int next_vma_fallback(struct walk *walk)
{
	int err = mmap_read_lock_killable(walk->mm);

	if (!err)
		walk->mmap_locked = true;
	return err;
}

/* As VmaCursor does: locks the next VMA without lock_next_vma(). */
static struct vm_area_struct *next_vma(struct walk *walk)
{
	struct vm_area_struct *vma = NULL;

	if (likely(!walk->mmap_locked)) {
		if (walk->locked_vma) {
			vma_end_read(walk->locked_vma);
			walk->locked_vma = NULL;
		}
		if (!walk->gap)
			vma = lock_vma_under_rcu(walk->mm, walk->pos);
		if (!vma)
			vma = search(walk->mm, walk->pos);
		if (IS_ERR(vma)) {
			int err = next_vma_fallback(walk);

			if (err)
				return ERR_PTR(err);
		} else {
			walk->locked_vma = vma;
		}
	}
	if (unlikely(walk->mmap_locked))
		vma = find_vma(walk->mm, walk->pos);

	if (vma) {
		walk->gap = vma->vm_start > walk->pos;
		walk->pos = vma->vm_end;
	}
	return vma;
}

static int walk_vma(struct mm_struct *mm, struct vma_bench_run *run)
{
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		struct walk walk = { .mm = mm };
		struct vm_area_struct *vma;

		while (!IS_ERR_OR_NULL(vma = next_vma(&walk))) {
			sum += read_fields(vma);
			operations++;
		}
		if (walk.mmap_locked)
			mmap_read_unlock(mm);
		if (IS_ERR(vma))
			return PTR_ERR(vma);
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

/*
 * The same with lock_next_vma() and an iterator that is kept: without a
 * fallback, with false gaps, and not safe when everything is unmapped.
 */
static int walk_loop(struct mm_struct *mm, struct vma_bench_run *run)
{
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		VMA_ITERATOR(vmi, mm, 0);
		struct vm_area_struct *vma;
		unsigned long addr = 0;

		rcu_read_lock();
		while ((vma = lock_next_vma(mm, &vmi, addr))) {
			if (IS_ERR(vma)) {
				rcu_read_unlock();
				return PTR_ERR(vma);
			}
			sum += read_fields(vma);
			addr = vma->vm_end;
			vma_end_read(vma);
			operations++;
		}
		rcu_read_unlock();
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

static int walk_mmap(struct mm_struct *mm, struct vma_bench_run *run)
{
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		VMA_ITERATOR(vmi, mm, 0);
		struct vm_area_struct *vma;

		mmap_read_lock(mm);
		for_each_vma(vmi, vma) {
			sum += read_fields(vma);
			operations++;
		}
		mmap_read_unlock(mm);
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

static int read_vma(struct mm_struct *mm, struct vma_bench_run *run)
{
	unsigned long addr = run->addr[0];
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

		if (!vma)
			continue;
		sum += read_fields(vma);
		vma_end_read(vma);
		operations++;
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

static int read_mmap(struct mm_struct *mm, struct vma_bench_run *run)
{
	unsigned long addr = run->addr[0];
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		struct vm_area_struct *vma;

		mmap_read_lock(mm);
		vma = vma_lookup(mm, addr);
		if (vma) {
			sum += read_fields(vma);
			operations++;
		}
		mmap_read_unlock(mm);
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

static int lock_two(struct mm_struct *mm, struct vma_bench_run *run)
{
	u64 operations = 0, sum = 0;

	for (u64 round = 0; round < run->rounds; round++) {
		struct vm_area_struct *vmas[2];
		int err = lock_two_vmas(mm, run->addr, vmas);

		if (err)
			return err;
		sum += read_fields(vmas[0]) + read_fields(vmas[1]);
		if (vmas[1] != vmas[0])
			vma_end_read(vmas[1]);
		vma_end_read(vmas[0]);
		operations++;
	}

	run->operations = operations;
	run->sum = sum;
	return 0;
}

static int hold_vma(struct mm_struct *mm, struct vma_bench_run *run)
{
	for (u64 round = 0; round < run->rounds; round++) {
		struct vm_area_struct *vma = lock_vma_under_rcu(mm, run->addr[0]);

		if (!vma)
			continue;
		run->sum += read_fields(vma);
		udelay(run->hold_us);
		vma_end_read(vma);
		run->operations++;
	}
	return 0;
}

static int hold_mmap(struct mm_struct *mm, struct vma_bench_run *run)
{
	for (u64 round = 0; round < run->rounds; round++) {
		struct vm_area_struct *vma;

		mmap_read_lock(mm);
		vma = vma_lookup(mm, run->addr[0]);
		if (vma) {
			run->sum += read_fields(vma);
			run->operations++;
		}
		udelay(run->hold_us);
		mmap_read_unlock(mm);
	}
	return 0;
}

static const operation_fn operations[] = {
	[VMA_BENCH_LOOP] = loop,
	[VMA_BENCH_WALK_VMA] = walk_vma,
	[VMA_BENCH_WALK_MMAP] = walk_mmap,
	[VMA_BENCH_READ_VMA] = read_vma,
	[VMA_BENCH_READ_MMAP] = read_mmap,
	[VMA_BENCH_LOCK_TWO] = lock_two,
	[VMA_BENCH_HOLD_VMA] = hold_vma,
	[VMA_BENCH_HOLD_MMAP] = hold_mmap,
	[VMA_BENCH_WALK_LOOP] = walk_loop,
	[VMA_BENCH_TICK] = tick,
};

static long vma_bench_name(struct vma_bench_name __user *user)
{
	const struct vma_bench_primitive *primitive;
	struct vma_bench_name name = {};

	if (copy_from_user(&name.number, &user->number, sizeof(name.number)))
		return -EFAULT;
	primitive = vma_bench_primitive(name.number);
	if (!primitive)
		return -ENOENT;
	name.place = primitive->place;
	name.once_per_page = !!primitive->next;
	strscpy(name.name, primitive->name);
	return copy_to_user(user, &name, sizeof(name)) ? -EFAULT : 0;
}

static int run_operation(struct mm_struct *mm, struct vma_bench_run *run)
{
	u64 start;
	int err;

	if (run->operation >= ARRAY_SIZE(operations))
		return -EINVAL;
	start = ktime_get_ns();
	vma_bench_mark_begin();
	err = operations[run->operation](mm, run);
	vma_bench_mark_end();
	run->ticks = ktime_get_ns() - start;
	return err;
}

static int run_primitive(struct mm_struct *mm, struct vma_bench_run *run)
{
	const struct vma_bench_primitive *primitive;

	primitive = vma_bench_primitive(run->operation - VMA_BENCH_PRIMITIVES);
	return primitive ? vma_bench_run_primitive(primitive, mm, run) : -EINVAL;
}

static long vma_bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vma_bench_run __user *user = (void __user *)arg;
	struct vma_bench_run run;
	int err;

	if (cmd == VMA_BENCH_NAME)
		return vma_bench_name((void __user *)arg);
	if (cmd != VMA_BENCH_RUN)
		return -ENOTTY;
	/* Kernel threads have no address space. */
	if (!current->mm)
		return -ESRCH;
	if (copy_from_user(&run, user, sizeof(run)))
		return -EFAULT;
	if (!run.rounds || run.rounds > VMA_BENCH_MAX_ROUNDS || run.hold_us > USEC_PER_MSEC)
		return -EINVAL;

	run.operations = 0;
	run.sum = 0;
	if (run.operation >= VMA_BENCH_PRIMITIVES)
		err = run_primitive(current->mm, &run);
	else
		err = run_operation(current->mm, &run);
	if (err)
		return err;

	return copy_to_user(user, &run, sizeof(run)) ? -EFAULT : 0;
}

static const struct file_operations vma_bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vma_bench_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.open = vma_bench_open,
	.release = vma_bench_release,
	.mmap = vma_bench_mmap,
};

static struct miscdevice vma_bench_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vma-bench-c",
	.fops = &vma_bench_fops,
};

builtin_misc_device(vma_bench_device);
