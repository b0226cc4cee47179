// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/rmap.h>
#include "../../mm/internal.h"

__rust_helper void rust_helper_i_mmap_lock_read(struct address_space *mapping)
{
	i_mmap_lock_read(mapping);
}

__rust_helper int rust_helper_i_mmap_trylock_read(struct address_space *mapping)
{
	return i_mmap_trylock_read(mapping);
}

__rust_helper void rust_helper_i_mmap_unlock_read(struct address_space *mapping)
{
	i_mmap_unlock_read(mapping);
}

__rust_helper void rust_helper_i_mmap_lock_write(struct address_space *mapping)
{
	i_mmap_lock_write(mapping);
}

__rust_helper int
rust_helper_i_mmap_trylock_write(struct address_space *mapping)
{
	return i_mmap_trylock_write(mapping);
}

__rust_helper void rust_helper_i_mmap_unlock_write(struct address_space *mapping)
{
	i_mmap_unlock_write(mapping);
}

/* The tree's functions have been called so since 7.3. */
#ifdef mapping_rmap_tree_foreach
__rust_helper struct vm_area_struct *
rust_helper_i_mmap_iter_first(struct address_space *mapping,
			      unsigned long first, unsigned long last)
{
	return mapping_rmap_tree_iter_first(mapping, first, last);
}

__rust_helper struct vm_area_struct *
rust_helper_i_mmap_iter_next(struct vm_area_struct *vma, unsigned long first,
			     unsigned long last)
{
	return mapping_rmap_tree_iter_next(vma, first, last);
}

__rust_helper struct anon_vma_chain *
rust_helper_anon_vma_iter_first(struct anon_vma *anon_vma, unsigned long first,
				unsigned long last)
{
	return anon_rmap_tree_iter_first(anon_vma, first, last);
}

__rust_helper struct anon_vma_chain *
rust_helper_anon_vma_iter_next(struct anon_vma_chain *avc, unsigned long first,
			       unsigned long last)
{
	return anon_rmap_tree_iter_next(avc, first, last);
}
#else
__rust_helper struct vm_area_struct *
rust_helper_i_mmap_iter_first(struct address_space *mapping,
			      unsigned long first, unsigned long last)
{
	return vma_interval_tree_iter_first(&mapping->i_mmap, first, last);
}

__rust_helper struct vm_area_struct *
rust_helper_i_mmap_iter_next(struct vm_area_struct *vma, unsigned long first,
			     unsigned long last)
{
	return vma_interval_tree_iter_next(vma, first, last);
}

__rust_helper struct anon_vma_chain *
rust_helper_anon_vma_iter_first(struct anon_vma *anon_vma, unsigned long first,
				unsigned long last)
{
	return anon_vma_interval_tree_iter_first(&anon_vma->rb_root, first,
						 last);
}

__rust_helper struct anon_vma_chain *
rust_helper_anon_vma_iter_next(struct anon_vma_chain *avc, unsigned long first,
			       unsigned long last)
{
	return anon_vma_interval_tree_iter_next(avc, first, last);
}
#endif

__rust_helper void rust_helper_anon_vma_lock_read(struct anon_vma *anon_vma)
{
	anon_vma_lock_read(anon_vma);
}

__rust_helper int rust_helper_anon_vma_trylock_read(struct anon_vma *anon_vma)
{
	return anon_vma_trylock_read(anon_vma);
}

__rust_helper void rust_helper_anon_vma_unlock_read(struct anon_vma *anon_vma)
{
	anon_vma_unlock_read(anon_vma);
}

__rust_helper void rust_helper_anon_vma_lock_write(struct anon_vma *anon_vma)
{
	anon_vma_lock_write(anon_vma);
}

__rust_helper int rust_helper_anon_vma_trylock_write(struct anon_vma *anon_vma)
{
	return anon_vma_trylock_write(anon_vma);
}

__rust_helper void rust_helper_anon_vma_unlock_write(struct anon_vma *anon_vma)
{
	anon_vma_unlock_write(anon_vma);
}

__rust_helper int rust_helper_anon_vma_prepare(struct vm_area_struct *vma)
{
	return anon_vma_prepare(vma);
}

__rust_helper void
rust_helper_vma_assert_rmap_locked(struct vm_area_struct *vma)
{
#ifdef CONFIG_LOCKDEP
	struct file *file = vma->vm_file;
	struct anon_vma_chain *oldest;

	if (file && lockdep_is_held(&file->f_mapping->i_mmap_rwsem))
		return;

	/*
	 * vma->anon_vma does not tell. dup_mmap() has the VMA of a child found
	 * through the trees of the parent as soon as anon_vma_clone() is done,
	 * and anon_vma_fork() sets that field after it. The links of a VMA do
	 * tell: all of them have one root. Of these the oldest is there before
	 * the VMA can be found, and goes after it was last found. Newer ones are
	 * put in front of it, by anon_vma_fork() without the lock.
	 */
	lockdep_assert(!list_empty(&vma->anon_vma_chain));
	oldest = list_last_entry(&vma->anon_vma_chain, struct anon_vma_chain,
				 same_vma);
	lockdep_assert(lockdep_is_held(&oldest->anon_vma->root->rwsem));
#endif
}

__rust_helper void
rust_helper_vma_assert_rmap_write_locked(struct vm_area_struct *vma)
{
	if (vma->vm_file)
		i_mmap_assert_write_locked(vma->vm_file->f_mapping);
	if (vma->anon_vma)
		lockdep_assert_held_write(&vma->anon_vma->root->rwsem);
}

__rust_helper bool rust_helper_is_file_hugepages(const struct file *file)
{
	return is_file_hugepages(file);
}
#endif /* CONFIG_RUST_VMA */
