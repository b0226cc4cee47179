// SPDX-License-Identifier: GPL-2.0
// A VMA read lock is released twice.

#include <linux/mm.h>

void unlock_twice(struct mm_struct *mm, unsigned long addr);

void unlock_twice(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

	if (vma) {
		vma_end_read(vma);
		vma_end_read(vma);
	}
}
