// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/mm.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>

/* The entry above the PTEs of @addr; NULL and @huge if a huge page is above. */
__rust_helper pmd_t *rust_helper_vma_find_pmd(struct vm_area_struct *vma,
					      unsigned long addr, bool *huge)
{
	pgd_t *pgd = pgd_offset(vma->vm_mm, addr);
	p4d_t *p4d;
	pud_t *pud, pudval;

	*huge = false;

	/* As follow_pfnmap_start() does: 32-bit arm cannot read it by a macro. */
	if (pgd_none(*pgd) || unlikely(pgd_bad(*pgd)))
		return NULL;

	p4d = p4d_offset(pgd, addr);
	if (!p4d_present(p4dp_get(p4d)))
		return NULL;

	pud = pud_offset(p4d, addr);
	/* One load: a huge page can come and go under a read lock. */
	pudval = pudp_get(pud);
	if (!pud_present(pudval))
		return NULL;

	if (pud_leaf(pudval)) {
		*huge = true;
		return NULL;
	}

	if (unlikely(pud_bad(pudval)))
		return NULL;

	/*
	 * @pudval is a table, which nothing replaces or frees while the VMA is
	 * stable, so pmd_offset() finds the same one in its load of the entry.
	 * pmd_offset_lockless() would not do: where this level is folded, it
	 * returns the address of its argument, and this returns the entry.
	 */
	return pmd_offset(pud, addr);
}

/* Makes the tables down to the PTEs of @addr unless a huge page is there. */
__rust_helper int rust_helper_vma_alloc_pte_table(struct vm_area_struct *vma,
						  unsigned long addr)
{
	struct mm_struct *mm = vma->vm_mm;
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	if (!p4d)
		return -ENOMEM;

	pud = pud_alloc(mm, p4d, addr);
	if (!pud)
		return -ENOMEM;

	do {
		if (pud_leaf(pudp_get(pud)))
			return 0;

		pmd = pmd_alloc(mm, pud, addr);
		if (!pmd)
			return -ENOMEM;

		/*
		 * As in __handle_mm_fault(): another fault may have installed a
		 * huge page since, which pmd_alloc() takes for a table, and a
		 * zap may have taken it away again. @pmd points nowhere in both
		 * cases.
		 */
	} while (pud_trans_unstable(pud));

	return pte_alloc(mm, pmd) ? -ENOMEM : 0;
}

__rust_helper pmd_t rust_helper_pmdp_get(pmd_t *pmdp)
{
	return pmdp_get(pmdp);
}

__rust_helper pmd_t rust_helper_pmdp_get_lockless(pmd_t *pmdp)
{
	return pmdp_get_lockless(pmdp);
}

__rust_helper bool rust_helper_pmd_none(pmd_t pmd)
{
	return pmd_none(pmd);
}

__rust_helper bool rust_helper_pmd_present(pmd_t pmd)
{
	return pmd_present(pmd);
}

__rust_helper bool rust_helper_pmd_leaf(pmd_t pmd)
{
	return pmd_leaf(pmd);
}

__rust_helper spinlock_t *rust_helper_pmd_lock(struct mm_struct *mm, pmd_t *pmd)
{
	return pmd_lock(mm, pmd);
}

__rust_helper void rust_helper_pte_unmap_unlock(pte_t *pte, spinlock_t *ptl)
{
	pte_unmap_unlock(pte, ptl);
}

__rust_helper pte_t rust_helper_ptep_get(pte_t *ptep)
{
	return ptep_get(ptep);
}

__rust_helper bool rust_helper_pte_none(pte_t pte)
{
	return pte_none(pte);
}

__rust_helper bool rust_helper_pte_present(pte_t pte)
{
	return pte_present(pte);
}

__rust_helper bool rust_helper_pte_write(pte_t pte)
{
	return pte_write(pte);
}

__rust_helper bool rust_helper_pte_dirty(pte_t pte)
{
	return pte_dirty(pte);
}

__rust_helper unsigned long rust_helper_pte_pfn(pte_t pte)
{
	return pte_pfn(pte);
}

__rust_helper bool rust_helper_pte_same(pte_t a, pte_t b)
{
	return pte_same(a, b);
}
#endif /* CONFIG_RUST_VMA */
