// SPDX-License-Identifier: GPL-2.0
// A page is inserted at an address that the driver remembers.

#include <linux/mm.h>

int insert_page_at(struct mm_struct *mm, unsigned long remembered, struct page *page);

int insert_page_at(struct mm_struct *mm, unsigned long remembered, struct page *page)
{
	struct vm_area_struct *vma;
	int ret = -ENXIO;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, remembered);
	if (vma)
		ret = vm_insert_page(vma, remembered, page);
	mmap_read_unlock(mm);
	return ret;
}
