// SPDX-License-Identifier: GPL-2.0
// The mmap lock is taken of an address space whose last user may have gone.

#include <linux/mm.h>
#include <linux/sched/mm.h>

unsigned long total_after_mmput(struct mm_struct *mm);

unsigned long total_after_mmput(struct mm_struct *mm)
{
	unsigned long pages;

	mmput(mm);
	mmap_read_lock(mm);
	pages = mm->total_vm;
	mmap_read_unlock(mm);
	return pages;
}
