// SPDX-License-Identifier: GPL-2.0
// A pointer in a VMA is followed although only RCU is held.

#include <linux/fs.h>
#include <linux/mm.h>

fmode_t mode_of_file(struct mm_struct *mm, unsigned long addr);

fmode_t mode_of_file(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;
	fmode_t mode = 0;

	rcu_read_lock();
	vma = vma_lookup(mm, addr);
	if (vma && vma->vm_file)
		mode = vma->vm_file->f_mode;
	rcu_read_unlock();
	return mode;
}
