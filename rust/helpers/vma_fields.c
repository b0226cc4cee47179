// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/fs.h>
#include <linux/mempolicy.h>
#include <linux/mm_inline.h>
#include <linux/pgtable.h>

__rust_helper const struct inode *
rust_helper_file_user_inode(const struct file *f)
{
	return file_user_inode(f);
}

__rust_helper u64 rust_helper_vma_pgprot_val(pgprot_t prot)
{
	return pgprot_val(prot);
}

__rust_helper pgprot_t rust_helper_pgprot_noncached(pgprot_t prot)
{
	return pgprot_noncached(prot);
}

__rust_helper pgprot_t rust_helper_pgprot_writecombine(pgprot_t prot)
{
	return pgprot_writecombine(prot);
}

/* As pgprot_cached_wthru(), which powerpc alone has under this name. */
__rust_helper pgprot_t rust_helper_vma_pgprot_writethrough(pgprot_t prot)
{
#if defined(pgprot_cached_wthru)
	return pgprot_cached_wthru(prot);
#elif defined(CONFIG_X86) && !defined(CONFIG_UML)
	const pgprotval_t mode = cachemode2protval(_PAGE_CACHE_MODE_WT);

	return __pgprot((pgprot_val(prot) & ~_PAGE_CACHE_MASK) | mode);
#else
	return pgprot_noncached(prot);
#endif
}

__rust_helper pgprot_t rust_helper_pgprot_device(pgprot_t prot)
{
	return pgprot_device(prot);
}

__rust_helper pgprot_t rust_helper_pgprot_decrypted(pgprot_t prot)
{
	VMA_REPLACED_BY_TEST(rust_helper_pgprot_decrypted, prot);
	return pgprot_decrypted(prot);
}

/* As vma_pgprot_modify(), which is the mm's own. */
__rust_helper pgprot_t rust_helper_vma_prot_of_flags(pgprot_t prot,
						     vm_flags_t flags)
{
	return pgprot_modify(prot, vm_get_page_prot(flags));
}

__rust_helper void
rust_helper_anon_vma_name_get(struct anon_vma_name *anon_name)
{
	anon_vma_name_get(anon_name);
}

__rust_helper void
rust_helper_anon_vma_name_put(struct anon_vma_name *anon_name)
{
	anon_vma_name_put(anon_name);
}

#ifdef CONFIG_ANON_VMA_NAME
__rust_helper struct anon_vma_name *
rust_helper_anon_vma_name_reuse(struct anon_vma_name *anon_name)
{
	return anon_vma_name_reuse(anon_name);
}
#else
__rust_helper struct anon_vma_name *
rust_helper_anon_vma_name_alloc(const char *name)
{
	return anon_vma_name_alloc(name);
}
#endif

#ifdef CONFIG_NUMA
__rust_helper void rust_helper_mpol_get(struct mempolicy *pol)
{
	mpol_get(pol);
}

__rust_helper void rust_helper_mpol_put(struct mempolicy *pol)
{
	mpol_put(pol);
}

__rust_helper struct mempolicy *rust_helper_mpol_dup(struct mempolicy *pol)
{
	return mpol_dup(pol);
}
#endif
#endif /* CONFIG_RUST_VMA */
