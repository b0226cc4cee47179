// SPDX-License-Identifier: GPL-2.0

/*
 * Mappings of the driver's own, in C: faults, pages and page frames that are
 * put in and taken out. pages.rs does the same in Rust.
 */

#include <linux/gfp.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "vma_bench_primitives.h"

#define PIECES 3
#define PIECE_PAGES 4

/* A block of pages, and how many pages it and those before it have. */
struct vma_bench_piece {
	struct page *page;
	unsigned long after;
};

/* The data of an open file, which all its mappings share. */
struct vma_bench_data {
	struct kref kref;
	struct page *page;
	/* How many page frames there are. */
	unsigned long count;
	/* A page that could be replaced, as seen by faults within srcu. */
	struct page *slot;
	struct srcu_struct srcu;
	/* Blocks of one page, two pages and one page. */
	struct vma_bench_piece pieces[PIECES];
};

static unsigned int piece_order(unsigned int piece)
{
	return piece % 2;
}

static void free_data(struct vma_bench_data *data)
{
	for (unsigned int i = 0; i < PIECES; i++)
		if (data->pieces[i].page)
			__free_pages(data->pieces[i].page, piece_order(i));
	if (data->slot)
		__free_page(data->slot);
	if (data->page)
		__free_page(data->page);
	kfree(data);
}

static void release_data(struct kref *kref)
{
	struct vma_bench_data *data = container_of(kref, struct vma_bench_data, kref);

	cleanup_srcu_struct(&data->srcu);
	free_data(data);
}

static bool alloc_pieces(struct vma_bench_data *data)
{
	unsigned long after = 0;

	for (unsigned int i = 0; i < PIECES; i++) {
		after += 1 << piece_order(i);
		data->pieces[i].after = after;
		data->pieces[i].page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, piece_order(i));
		if (!data->pieces[i].page)
			return false;
	}
	return true;
}

static struct vma_bench_data *new_data(void)
{
	struct vma_bench_data *data = kzalloc_obj(*data, GFP_KERNEL_ACCOUNT);

	if (!data)
		return NULL;
	kref_init(&data->kref);
	data->count = 1;
	data->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	data->slot = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!data->page || !data->slot || !alloc_pieces(data) || init_srcu_struct(&data->srcu)) {
		free_data(data);
		return NULL;
	}
	return data;
}

int vma_bench_open(struct inode *inode, struct file *file)
{
	struct vma_bench_data *data = new_data();

	if (!data)
		return -ENOMEM;
	file->private_data = data;
	return 0;
}

int vma_bench_release(struct inode *inode, struct file *file)
{
	struct vma_bench_data *data = file->private_data;

	kref_put(&data->kref, release_data);
	return 0;
}

static void open_vma(struct vm_area_struct *vma)
{
	struct vma_bench_data *data = vma->vm_private_data;

	kref_get(&data->kref);
}

static void close_vma(struct vm_area_struct *vma)
{
	struct vma_bench_data *data = vma->vm_private_data;

	kref_put(&data->kref, release_data);
}

static vm_fault_t prim_fault_page(struct vm_fault *vmf)
{
	struct vma_bench_data *data = vmf->vma->vm_private_data;

	get_page(data->page);
	vmf->page = data->page;
	return 0;
}

static vm_fault_t prim_fault_insert_page(struct vm_fault *vmf)
{
	struct vma_bench_data *data = vmf->vma->vm_private_data;

	return vmf_insert_page(vmf->vma, vmf->address, data->page);
}

static vm_fault_t prim_fault_insert_pfn(struct vm_fault *vmf)
{
	struct vma_bench_data *data = vmf->vma->vm_private_data;

	unsigned long frame = 0;

	if (frame >= data->count)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(data->page) + frame);
}

static vm_fault_t prim_fault_insert_slot(struct vm_fault *vmf)
{
	struct vma_bench_data *data = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page;
	int section;

	section = srcu_read_lock(&data->srcu);
	/* Pairs with the store of whoever replaces the page. */
	page = smp_load_acquire(&data->slot);
	if (page)
		ret = vmf_insert_pfn_prot(vmf->vma, vmf->address, page_to_pfn(page),
					  vmf->vma->vm_page_prot);
	srcu_read_unlock(&data->srcu, section);
	return ret;
}

static vm_fault_t prim_fault_insert_piece(struct vm_fault *vmf)
{
	struct vma_bench_data *data = vmf->vma->vm_private_data;
	unsigned long frame = vmf->pgoff % PIECE_PAGES, before = 0;

	for (unsigned int i = 0; i < PIECES; i++) {
		const struct vma_bench_piece *piece = &data->pieces[i];

		if (frame < piece->after)
			return vmf_insert_pfn(vmf->vma, vmf->address,
					      page_to_pfn(piece->page) + frame - before);
		before = piece->after;
	}
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct plain_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = prim_fault_page,
};

static const struct vm_operations_struct mixed_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = prim_fault_insert_page,
};

static const struct vm_operations_struct pfn_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = prim_fault_insert_pfn,
};

static const struct vm_operations_struct slot_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = prim_fault_insert_slot,
};

static const struct vm_operations_struct pieces_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = prim_fault_insert_piece,
};

/* The kind of the mapping goes by its offset. */
int vma_bench_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vma_bench_data *data = file->private_data;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	switch (vma->vm_pgoff / VMA_BENCH_KIND_PAGES) {
	case VMA_BENCH_KIND_PLAIN:
		vma->vm_ops = &plain_ops;
		break;
	case VMA_BENCH_KIND_MIXED:
		vm_flags_set(vma, VM_MIXEDMAP);
		vma->vm_ops = &mixed_ops;
		break;
	case VMA_BENCH_KIND_PFN:
		vm_flags_set(vma, VM_PFNMAP);
		vma->vm_ops = &pfn_ops;
		break;
	case VMA_BENCH_KIND_SLOT:
		vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
		vma->vm_ops = &slot_ops;
		break;
	case VMA_BENCH_KIND_PIECES:
		vm_flags_set(vma, VM_PFNMAP);
		vma->vm_ops = &pieces_ops;
		break;
	default:
		return -EINVAL;
	}

	kref_get(&data->kref);
	vma->vm_private_data = data;
	return 0;
}

/* True if a VMA is one of this driver's. */
static noinline u64 prim_downcast(struct vm_area_struct *vma)
{
	return vma->vm_ops == &mixed_ops;
}

/* Its data, if it is. */
static noinline u64 prim_downcast_data(struct vm_area_struct *vma)
{
	struct vma_bench_data *data;

	if (vma->vm_ops != &mixed_ops)
		return 0;
	data = vma->vm_private_data;
	/* The highest bit, as all of the kernel's addresses have it. */
	return (unsigned long)data->page >> (BITS_PER_LONG - 1);
}

static noinline u64 prim_insert_page(struct vma_bench_next *next)
{
	unsigned long addr = next->addr;

	next->addr = addr + PAGE_SIZE;
	return vm_insert_page(next->vma, addr, next->page) == 0;
}

static noinline u64 prim_insert_pfn(struct vma_bench_next *next)
{
	struct vma_bench_data *data = next->vma->vm_private_data;
	unsigned long addr = next->addr, frame = 0;

	next->addr = addr + PAGE_SIZE;
	if (frame >= data->count)
		return 0;
	return vmf_insert_pfn(next->vma, addr, page_to_pfn(data->page) + frame) ==
	       VM_FAULT_NOPAGE;
}

static noinline u64 prim_zap_page(struct vma_bench_next *next)
{
	unsigned long addr = next->addr;

	next->addr = addr + PAGE_SIZE;
	zap_vma_range(next->vma, addr, PAGE_SIZE);
	return 1;
}

int vma_bench_next_init(struct vma_bench_next *next, struct vm_area_struct *vma,
			bool populate)
{
	struct vma_bench_data *data;

	if (vma->vm_ops != &mixed_ops && vma->vm_ops != &pfn_ops)
		return -EINVAL;

	data = vma->vm_private_data;
	next->vma = vma;
	next->addr = vma->vm_start;
	next->page = data->page;

	zap_vma_range(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	if (!populate)
		return 0;
	for (unsigned long addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		int err = vm_insert_page(vma, addr, data->page);

		if (err)
			return err;
	}
	return 0;
}

const struct vma_bench_primitive vma_bench_pages[] = {
	{ .name = "downcast", .held = HELD_VMA_READ, .place = VMA_BENCH_PLACE_MIXED,
	  .vma = prim_downcast },
	{ .name = "downcast-data", .held = HELD_VMA_READ, .place = VMA_BENCH_PLACE_MIXED,
	  .vma = prim_downcast_data },
	{ .name = "insert-page", .held = HELD_MMAP_READ, .place = VMA_BENCH_PLACE_MIXED,
	  .next = prim_insert_page },
	{ .name = "insert-pfn", .held = HELD_MMAP_READ, .place = VMA_BENCH_PLACE_PFN,
	  .next = prim_insert_pfn },
	{ .name = "zap-page", .held = HELD_MMAP_READ, .place = VMA_BENCH_PLACE_MIXED,
	  .next = prim_zap_page, .populate = true },
	{}
};
