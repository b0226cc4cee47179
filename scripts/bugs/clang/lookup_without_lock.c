// SPDX-License-Identifier: GPL-2.0
// A VMA is looked up, and user pages are pinned, without the mmap lock.

#include <linux/mm.h>

unsigned long end_without_lock(struct mm_struct *mm, unsigned long addr);
long pin_without_lock(unsigned long addr, struct page **page);

unsigned long end_without_lock(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma ? vma->vm_end : 0;
}

long pin_without_lock(unsigned long addr, struct page **page)
{
	return get_user_pages(addr, 1, FOLL_WRITE, page);
}
