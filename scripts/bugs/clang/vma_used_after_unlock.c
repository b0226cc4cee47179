// SPDX-License-Identifier: GPL-2.0
// A VMA is used after its lock was released.

#include <linux/mm.h>

unsigned long end_after_mmap_lock(struct mm_struct *mm, unsigned long addr);
unsigned long end_after_vma_lock(struct mm_struct *mm, unsigned long addr);

unsigned long end_after_mmap_lock(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	mmap_read_unlock(mm);
	return vma ? vma->vm_end : 0;
}

unsigned long end_after_vma_lock(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

	if (!vma)
		return 0;
	vma_end_read(vma);
	return vma->vm_end;
}
