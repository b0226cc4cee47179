// SPDX-License-Identifier: GPL-2.0
// Fields of a VMA are written without any lock.

#include <linux/mm.h>

void write_fields(struct vm_area_struct *vma);

void write_fields(struct vm_area_struct *vma)
{
	vma->vm_end += PAGE_SIZE;
	vma->anon_vma = NULL;
	vma->vm_page_prot = PAGE_NONE;
}
