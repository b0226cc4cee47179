// SPDX-License-Identifier: GPL-2.0
// A fault handler, which holds a read lock, remaps page frames.

#include <linux/mm.h>

vm_fault_t remap_in_fault(struct vm_fault *vmf);
long remap_in_ioctl(struct mm_struct *mm, unsigned long addr, unsigned long pfn);

vm_fault_t remap_in_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (io_remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, size, vma->vm_page_prot))
		return VM_FAULT_SIGBUS;
	return VM_FAULT_NOPAGE;
}

long remap_in_ioctl(struct mm_struct *mm, unsigned long addr, unsigned long pfn)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);

	if (!vma)
		return -EFAULT;
	return io_remap_pfn_range(vma, addr, pfn, PAGE_SIZE, vma->vm_page_prot);
}
