// SPDX-License-Identifier: GPL-2.0
// The mmap lock is waited for while a VMA is read-locked, and while the mmap lock is held.

#include <linux/mm.h>

void under_vma_lock(struct mm_struct *mm, unsigned long addr);
void under_mmap_lock(struct mm_struct *mm);

void under_vma_lock(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

	if (vma) {
		mmap_read_lock(mm);
		mmap_read_unlock(mm);
		vma_end_read(vma);
	}
}

void under_mmap_lock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	mmap_read_lock(mm);
	mmap_read_unlock(mm);
	mmap_read_unlock(mm);
}
