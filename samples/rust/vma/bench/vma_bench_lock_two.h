/* SPDX-License-Identifier: GPL-2.0 */

/* Two VMAs at once. */

#ifndef _SAMPLES_VMA_BENCH_LOCK_TWO_H
#define _SAMPLES_VMA_BENCH_LOCK_TWO_H

#include <linux/mm.h>
#include <linux/mmap_lock.h>

/* As find_vmas_mm_locked() and the second half of uffd_move_lock(). */
static inline int lock_two_under_mmap(struct mm_struct *mm, const __u64 *addr,
				      struct vm_area_struct *vmas[2])
{
	int err = -ENOENT;

	mmap_read_lock(mm);
	vmas[0] = vma_lookup(mm, addr[0]);
	vmas[1] = vma_lookup(mm, addr[1]);
	if (!vmas[0] || !vmas[1])
		goto out;

	err = -EAGAIN;
	if (!vma_start_read_locked(vmas[0]))
		goto out;
	if (vmas[1] != vmas[0] &&
	    !vma_start_read_locked_nested(vmas[1], SINGLE_DEPTH_NESTING)) {
		vma_end_read(vmas[0]);
		goto out;
	}
	err = 0;
out:
	mmap_read_unlock(mm);
	return err;
}

/* As uffd_move_lock(). */
static inline int lock_two_vmas(struct mm_struct *mm, const __u64 *addr,
				struct vm_area_struct *vmas[2])
{
	vmas[0] = lock_vma_under_rcu(mm, addr[0]);
	if (unlikely(!vmas[0]))
		return lock_two_under_mmap(mm, addr, vmas);

	/* One VMA is not locked twice. */
	if (addr[1] >= vmas[0]->vm_start && addr[1] < vmas[0]->vm_end) {
		vmas[1] = vmas[0];
		return 0;
	}

	vmas[1] = lock_vma_under_rcu(mm, addr[1]);
	if (likely(vmas[1]))
		return 0;

	/* With the first one locked, the mmap lock must not be waited for. */
	vma_end_read(vmas[0]);
	return lock_two_under_mmap(mm, addr, vmas);
}

#endif
