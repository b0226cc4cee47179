// SPDX-License-Identifier: GPL-2.0

/*
 * Reading and writing a field of a locked VMA, in C. fields.rs does the same in
 * Rust.
 */

#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/userfaultfd_k.h>

#include "vma_bench_primitives.h"

/* Under its read lock. */

static noinline u64 prim_read_start(struct vm_area_struct *vma)
{
	return vma->vm_start;
}

static noinline u64 prim_read_end(struct vm_area_struct *vma)
{
	return vma->vm_end;
}

static noinline u64 prim_read_pgoff(struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static noinline u64 prim_read_mm(struct vm_area_struct *vma)
{
	return (unsigned long)vma->vm_mm % 64;
}

static noinline u64 prim_read_page_prot(struct vm_area_struct *vma)
{
	return pgprot_val(vma->vm_page_prot);
}

static noinline u64 prim_read_flags(struct vm_area_struct *vma)
{
	return !!(READ_ONCE(vma->vm_flags) & VM_WRITE);
}

static noinline u64 prim_read_file(struct vm_area_struct *vma)
{
	return vma->vm_file ? vma->vm_file->f_flags : 0;
}

static noinline u64 prim_read_ops(struct vm_area_struct *vma)
{
	return !!vma->vm_ops;
}

static noinline u64 prim_read_private_data(struct vm_area_struct *vma)
{
	return !!READ_ONCE(vma->vm_private_data);
}

/* With a reference of one's own, as who wants to keep the name needs. */
static noinline u64 prim_read_anon_name(struct vm_area_struct *vma)
{
	struct anon_vma_name *name = anon_vma_name(vma);

	if (!name)
		return 0;
	anon_vma_name_get(name);
	anon_vma_name_put(name);
	return 1;
}

static noinline u64 prim_read_userfaultfd_ctx(struct vm_area_struct *vma)
{
	return !!vma->vm_userfaultfd_ctx.ctx;
}

static noinline u64 prim_read_anon_vma(struct vm_area_struct *vma)
{
	return !!READ_ONCE(vma->anon_vma);
}

static noinline u64 prim_write_swap_readahead_info(struct vm_area_struct *vma)
{
	atomic_long_set(&vma->swap_readahead_info, 0);
	return atomic_long_read(&vma->swap_readahead_info);
}

/* Of a page that is there. */
static noinline u64 prim_read_pte(struct vm_area_struct *vma)
{
	unsigned long addr = vma->vm_start;
	spinlock_t *ptl; /* of the table that the entry is in */
	pte_t *pte;
	u64 present;
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	pgd = pgd_offset(vma->vm_mm, addr);
	if (pgd_none_or_clear_bad(pgd))
		return 0;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none_or_clear_bad(p4d))
		return 0;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_leaf(*pud))
		return 0;
	pmd = pmd_offset(pud, addr);
	if (pmd_leaf(pmdp_get_lockless(pmd)))
		return 0;
	pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	present = pte_present(ptep_get(pte));
	pte_unmap_unlock(pte, ptl);
	return present;
}

/* Under its write lock. */

static noinline u64 prim_set_flags(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTDUMP);
	return 0;
}

/* As madvise_vma_behavior() does it for MADV_DODUMP. */
static noinline u64 prim_clear_flags(struct vm_area_struct *vma)
{
	if ((!is_vm_hugetlb_page(vma) && (vma->vm_flags & VM_SPECIAL)) ||
	    (vma->vm_flags & VM_DROPPABLE))
		return 1;
	vm_flags_clear(vma, VM_DONTDUMP);
	return 0;
}

static noinline u64 prim_update_page_prot(struct vm_area_struct *vma)
{
	vma_set_page_prot(vma);
	return 0;
}

static noinline u64 prim_is_write_locked(struct vm_area_struct *vma)
{
	return vma->vm_lock_seq == vma->vm_mm->mm_lock_seq.sequence;
}

#define PRIMITIVE(id, fn, holds, where) \
	{ .name = id, .held = HELD_##holds, .place = VMA_BENCH_PLACE_##where, .vma = fn }

const struct vma_bench_primitive vma_bench_fields[] = {
	PRIMITIVE("read-start", prim_read_start, VMA_READ, ANON),
	PRIMITIVE("read-end", prim_read_end, VMA_READ, ANON),
	PRIMITIVE("read-pgoff", prim_read_pgoff, VMA_READ, ANON),
	PRIMITIVE("read-mm", prim_read_mm, VMA_READ, ANON),
	PRIMITIVE("read-page-prot", prim_read_page_prot, VMA_READ, ANON),
	PRIMITIVE("read-flags", prim_read_flags, VMA_READ, ANON),
	PRIMITIVE("read-file", prim_read_file, VMA_READ, FILE),
	PRIMITIVE("read-ops", prim_read_ops, VMA_READ, FILE),
	PRIMITIVE("read-private-data", prim_read_private_data, VMA_READ, ANON),
	PRIMITIVE("read-anon-name", prim_read_anon_name, VMA_READ, ANON),
	PRIMITIVE("read-userfaultfd-ctx", prim_read_userfaultfd_ctx, VMA_READ, ANON),
	PRIMITIVE("read-anon-vma", prim_read_anon_vma, VMA_READ, ANON),
	PRIMITIVE("write-swap-readahead-info", prim_write_swap_readahead_info, VMA_READ, ANON),
	PRIMITIVE("read-pte", prim_read_pte, VMA_READ, ANON),
	PRIMITIVE("set-flags", prim_set_flags, VMA_WRITE, ANON),
	PRIMITIVE("clear-flags", prim_clear_flags, VMA_WRITE, ANON),
	PRIMITIVE("update-page-prot", prim_update_page_prot, VMA_WRITE, ANON),
	PRIMITIVE("is-write-locked", prim_is_write_locked, VMA_WRITE, ANON),
	{}
};
