// SPDX-License-Identifier: GPL-2.0
// The flags of a VMA are written under the mmap read lock, or under the VMA read lock.

#include <linux/mm.h>

void write_under_mmap_lock(struct mm_struct *mm, struct vm_area_struct *vma);
void write_under_vma_lock(struct mm_struct *mm, unsigned long addr);

void write_under_mmap_lock(struct mm_struct *mm, struct vm_area_struct *vma)
{
	mmap_read_lock(mm);
	vm_flags_set(vma, VM_DONTDUMP);
	mmap_read_unlock(mm);
}

void write_under_vma_lock(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, addr);

	if (vma) {
		vm_flags_set(vma, VM_DONTDUMP);
		vma_end_read(vma);
	}
}
