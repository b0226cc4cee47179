// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/cma.h>
#ifdef CONFIG_HAS_DMA
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#endif
#include <linux/dma-mapping.h>
#include <linux/efi.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iommu-dma.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>
#include "../../mm/internal.h"

__rust_helper void rust_helper_release_fault_lock(struct vm_fault *vmf)
{
	release_fault_lock(vmf);
}

__rust_helper unsigned long rust_helper_page_to_pfn(const struct page *page)
{
	return page_to_pfn(page);
}

__rust_helper struct page *rust_helper_pfn_to_page(unsigned long pfn)
{
	return pfn_to_page(pfn);
}

__rust_helper void rust_helper_inode_lock_shared(struct inode *inode)
{
	inode_lock_shared(inode);
}

__rust_helper void rust_helper_inode_unlock_shared(struct inode *inode)
{
	inode_unlock_shared(inode);
}

__rust_helper bool rust_helper_vma_file_is_read_write(struct file *file)
{
	const fmode_t both = FMODE_READ | FMODE_WRITE;

	return (file->f_mode & both) == both;
}

__rust_helper int rust_helper_memfd_get_seals(struct file *file)
{
	return memfd_get_seals(file);
}

__rust_helper unsigned long
rust_helper_folio_nr_pages(const struct folio *folio)
{
	return folio_nr_pages(folio);
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

__rust_helper int rust_helper_vma_set_memory_decrypted(unsigned long addr,
						       int numpages)
{
	return set_memory_decrypted(addr, numpages);
}

__rust_helper int rust_helper_vma_set_memory_encrypted(unsigned long addr,
						       int numpages)
{
	return set_memory_encrypted(addr, numpages);
}

#ifdef CONFIG_DMA_CMA
/* Zeroed pages from the area of @dev, if the kernel maps them. */
__rust_helper void *rust_helper_vma_cma_alloc(struct device *dev,
					      unsigned long count,
					      struct cma **cma)
{
	unsigned int order = get_order(count << PAGE_SHIFT);
	struct page *page;

	*cma = dev_get_cma_area(dev);
	page = cma_alloc(*cma, count, min(order, CONFIG_CMA_ALIGNMENT), true);
	if (!page)
		return NULL;
	if (PageHighMem(page)) {
		cma_release(*cma, page, count);
		return NULL;
	}
	return memset(page_address(page), 0, count << PAGE_SHIFT);
}

__rust_helper bool rust_helper_vma_cma_release(struct cma *cma,
					       const void *memory,
					       unsigned long count)
{
	return cma_release(cma, virt_to_page(memory), count);
}
#endif

__rust_helper int
rust_helper_vma_dma_mmap_attrs(struct device *dev, struct vm_area_struct *vma,
			       void *cpu_addr, dma_addr_t dma_addr,
			       size_t size, unsigned long attrs)
{
	return dma_mmap_attrs(dev, vma, cpu_addr, dma_addr, size, attrs);
}

/* The protection that dma_mmap_attrs() gives a VMA. */
__rust_helper pgprot_t rust_helper_vma_dma_page_prot(struct device *dev,
						     pgprot_t prot,
						     unsigned long attrs)
{
#ifdef CONFIG_HAS_DMA
	if (!use_dma_iommu(dev) && force_dma_unencrypted(dev))
		attrs |= DMA_ATTR_CC_SHARED;
	prot = dma_pgprot(dev, prot, attrs);
#endif
	return prot;
}

/*
 * As dma_mmap_attrs(), but maps some of the pages, at any address of the VMA,
 * which has its protection. A device or a machine can have a pool of memory
 * without pages.
 */
__rust_helper int
rust_helper_vma_dma_mmap_pages(struct device *dev, struct vm_area_struct *vma,
			       unsigned long addr, unsigned long first,
			       unsigned long count, void *cpu_addr,
			       dma_addr_t dma_addr, size_t size,
			       unsigned long attrs)
{
	int ret = -ENXIO;
#ifdef CONFIG_HAS_DMA
	struct sg_page_iter iter;
	struct sg_table table;

	if (IS_ENABLED(CONFIG_DMA_GLOBAL_POOL) || !dma_can_mmap(dev))
		return ret;
#ifdef CONFIG_DMA_DECLARE_COHERENT
	if (dev->dma_mem)
		return ret;
#endif
	ret = dma_get_sgtable_attrs(dev, &table, cpu_addr, dma_addr, size,
				    attrs);
	if (ret)
		return ret;

	for_each_sgtable_page(&table, &iter, first) {
		if (!count || ret)
			break;
		ret = remap_pfn_range(vma, addr,
				      page_to_pfn(sg_page_iter_page(&iter)),
				      PAGE_SIZE, vma->vm_page_prot);
		addr += PAGE_SIZE;
		count--;
	}
	if (!ret && count)
		ret = -ENXIO;
	sg_free_table(&table);
#endif
	return ret;
}

__rust_helper struct sg_table *
rust_helper_vma_dma_alloc_noncontiguous(struct device *dev, size_t size,
					enum dma_data_direction dir, gfp_t gfp)
{
	return dma_alloc_noncontiguous(dev, size, dir, gfp, 0);
}

__rust_helper void
rust_helper_vma_dma_free_noncontiguous(struct device *dev, size_t size,
				       struct sg_table *table,
				       enum dma_data_direction dir)
{
	dma_free_noncontiguous(dev, size, table, dir);
}

__rust_helper void *
rust_helper_vma_dma_vmap_noncontiguous(struct device *dev, size_t size,
				       struct sg_table *table)
{
	return dma_vmap_noncontiguous(dev, size, table);
}

__rust_helper void rust_helper_vma_dma_vunmap_noncontiguous(struct device *dev,
							    void *memory)
{
	dma_vunmap_noncontiguous(dev, memory);
}

__rust_helper int
rust_helper_vma_dma_mmap_noncontiguous(struct device *dev,
				       struct vm_area_struct *vma, size_t size,
				       struct sg_table *table)
{
	return dma_mmap_noncontiguous(dev, vma, size, table);
}

__rust_helper void *rust_helper_vma_vmalloc_user(unsigned long size)
{
	return vmalloc_user(size);
}

__rust_helper void *rust_helper_vma_vmalloc_32_user(unsigned long size)
{
	return vmalloc_32_user(size);
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

__rust_helper int rust_helper_vma_vfs_mmap(struct file *file,
					   struct vm_area_struct *vma)
{
	return vfs_mmap(file, vma);
}

__rust_helper void rust_helper_vma_module_get(struct module *module)
{
	__module_get(module);
}

/* True if the architecture has physical addresses up to this frame. */
__rust_helper bool rust_helper_vma_can_map_pfn(unsigned long pfn)
{
#ifdef ARCH_HAS_VALID_PHYS_ADDR_RANGE
	return valid_mmap_phys_addr_range(pfn, PAGE_SIZE);
#else
	return pte_pfn(pfn_pte(pfn, PAGE_KERNEL)) == pfn;
#endif
}

__rust_helper bool rust_helper_vma_has_struct_pages(unsigned long first_pfn,
						    unsigned long last_pfn)
{
	unsigned long pfn;

	for_each_valid_pfn(pfn, first_pfn, last_pfn + 1)
		return true;
	return false;
}

/* True if EFI runtime services have memory, not registers, in these frames. */
__rust_helper bool rust_helper_vma_is_efi_runtime(unsigned long first_pfn,
						  unsigned long last_pfn)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_MEMMAP))
		return false;

	for_each_efi_memory_desc(md) {
		u64 first = md->phys_addr >> PAGE_SHIFT;
		u64 end = md->phys_addr + (md->num_pages << EFI_PAGE_SHIFT);

		if (!(md->attribute & EFI_MEMORY_RUNTIME) ||
		    md->type == EFI_MEMORY_MAPPED_IO ||
		    md->type == EFI_MEMORY_MAPPED_IO_PORT_SPACE)
			continue;
		if (first <= last_pfn && first_pfn <= (end - 1) >> PAGE_SHIFT)
			return true;
	}
	return false;
}

/*
 * Finds memory that the device tree reserves: the node of @dev, or, from zero
 * on, the target of its memory-region with this index. Nobody else has it: the
 * kernel has no operations for it, and such a target has no driver of its own.
 */
__rust_helper int rust_helper_vma_reserved_mem(struct device *dev, int index,
					       phys_addr_t *base,
					       phys_addr_t *size)
{
	struct device_node *all __free(device_node) =
		of_find_node_by_path("/reserved-memory");
	struct device_node *node __free(device_node) =
		index < 0 ? of_node_get(dev->of_node) :
			    of_parse_phandle(dev->of_node, "memory-region",
					     index);
	struct device_node *parent __free(device_node) = of_get_parent(node);
	struct reserved_mem *rmem;

	if (!node || !all || parent != all || !of_device_is_available(node))
		return -ENODEV;
	if (index >= 0 && of_property_present(node, "compatible"))
		return -EBUSY;

	rmem = of_reserved_mem_lookup(node);
	if (!rmem)
		return -EINVAL;
	if (rmem->ops)
		return -EBUSY;

	*base = rmem->base;
	*size = rmem->size;
	return 0;
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
