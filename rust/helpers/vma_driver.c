// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/vmalloc.h>
#include "../../mm/internal.h"

__rust_helper void rust_helper_release_fault_lock(struct vm_fault *vmf)
{
	release_fault_lock(vmf);
}

__rust_helper void rust_helper_vma_get_page(struct page *page)
{
	get_page(page);
}

__rust_helper void rust_helper_vma_lock_page(struct page *page)
{
	lock_page(page);
}

__rust_helper int
rust_helper_io_remap_pfn_range(struct vm_area_struct *vma, unsigned long addr,
			       unsigned long pfn, unsigned long size,
			       pgprot_t prot)
{
	return io_remap_pfn_range(vma, addr, pfn, size, prot);
}

__rust_helper void *rust_helper_alloc_pages_exact(size_t size, gfp_t flags)
{
	return alloc_pages_exact(size, flags);
}

__rust_helper unsigned long rust_helper_vma_virt_to_pfn(const void *memory)
{
	return page_to_pfn(virt_to_page(memory));
}

__rust_helper int
rust_helper_vma_dma_mmap_attrs(struct device *dev, struct vm_area_struct *vma,
			       void *cpu_addr, dma_addr_t dma_addr,
			       size_t size, unsigned long attrs)
{
	return dma_mmap_attrs(dev, vma, cpu_addr, dma_addr, size, attrs);
}

__rust_helper void *rust_helper_vma_vmalloc_user(unsigned long size)
{
	return vmalloc_user(size);
}

/* The pages of @memory, which vmalloc() has returned. */
__rust_helper struct page **rust_helper_vma_vmalloc_pages(const void *memory)
{
	return find_vm_area(memory)->pages;
}

__rust_helper void rust_helper_vma_vfree(const void *memory)
{
	vfree(memory);
}

__rust_helper void rust_helper_vma_module_get(struct module *module)
{
	__module_get(module);
}

#ifdef CONFIG_PCI
__rust_helper struct resource *rust_helper_vma_pci_resource(struct pci_dev *dev,
							    int bar)
{
	return pci_resource_n(dev, bar);
}
#endif

/* Maps @page at @addr, in the table that do_fault_around() has in mind. */
__rust_helper bool rust_helper_vma_map_page_around(struct vm_fault *vmf,
						   struct page *page,
						   unsigned long addr)
{
#ifndef MODULE
	struct mm_struct *mm = vmf->vma->vm_mm;
	struct folio *folio = page_folio(page);
	bool mapped = false;

	if (pmd_none(*vmf->pmd) && vmf->prealloc_pte)
		pmd_install(mm, vmf->pmd, &vmf->prealloc_pte);

	vmf->pte = pte_offset_map_lock(mm, vmf->pmd, addr, &vmf->ptl);
	if (!vmf->pte)
		return false;

	if (pte_none(ptep_get(vmf->pte))) {
		folio_get(folio);
		set_pte_range(vmf, folio, page, 1, addr);
		add_mm_counter(mm, mm_counter_file(folio), 1);
		mapped = true;
	}
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	vmf->pte = NULL;

	return mapped;
#else
	WARN_ON_ONCE(1);
	return false;
#endif
}
#endif /* CONFIG_RUST_VMA */
