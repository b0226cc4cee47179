// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/signal.h>
#include "../../mm/internal.h"

/* A prologue by which a test replaces a helper that is a function. */
#if defined(CONFIG_RUST_VMA_KUNIT_TEST) && !defined(CONFIG_RUST_INLINE_HELPERS)
#include <kunit/static_stub.h>
#define VMA_REPLACED_BY_TEST KUNIT_STATIC_STUB_REDIRECT
#else
#define VMA_REPLACED_BY_TEST(...)
#endif

__rust_helper int rust_helper_mmap_read_lock_killable(struct mm_struct *mm)
{
	return mmap_read_lock_killable(mm);
}

__rust_helper void rust_helper_mmap_write_lock(struct mm_struct *mm)
{
	mmap_write_lock(mm);
}

__rust_helper int rust_helper_mmap_write_lock_killable(struct mm_struct *mm)
{
	return mmap_write_lock_killable(mm);
}

__rust_helper void rust_helper_mmap_write_lock_nested(struct mm_struct *mm,
						      int subclass)
{
	mmap_write_lock_nested(mm, subclass);
}

__rust_helper void rust_helper_mmap_write_unlock(struct mm_struct *mm)
{
	mmap_write_unlock(mm);
}

__rust_helper void rust_helper_mmap_write_downgrade(struct mm_struct *mm)
{
	mmap_write_downgrade(mm);
}

__rust_helper bool
rust_helper_mmap_lock_speculate_try_begin(struct mm_struct *mm,
					  unsigned int *seq)
{
	return mmap_lock_speculate_try_begin(mm, seq);
}

__rust_helper bool
rust_helper_mmap_lock_speculate_retry(struct mm_struct *mm, unsigned int seq)
{
	return mmap_lock_speculate_retry(mm, seq);
}

__rust_helper void rust_helper_vma_iter_init(struct vma_iterator *vmi,
					     struct mm_struct *mm,
					     unsigned long addr)
{
	vma_iter_init(vmi, mm, addr);
}

#ifdef CONFIG_PER_VMA_LOCK
__rust_helper bool
rust_helper_vma_start_read_locked(struct vm_area_struct *vma)
{
	return vma_start_read_locked(vma);
}

__rust_helper bool
rust_helper_vma_start_read_locked_nested(struct vm_area_struct *vma,
					 int subclass)
{
	return vma_start_read_locked_nested(vma, subclass);
}
#endif

__rust_helper void rust_helper_vma_start_write(struct vm_area_struct *vma)
{
	vma_start_write(vma);
}

__rust_helper int
rust_helper_vma_start_write_killable(struct vm_area_struct *vma)
{
	return vma_start_write_killable(vma);
}

__rust_helper void rust_helper_mmap_assert_locked(const struct mm_struct *mm)
{
	mmap_assert_locked(mm);
}

__rust_helper void
rust_helper_mmap_assert_write_locked(const struct mm_struct *mm)
{
	mmap_assert_write_locked(mm);
}

__rust_helper void rust_helper_vma_assert_locked(struct vm_area_struct *vma)
{
	vma_assert_locked(vma);
}

__rust_helper void
rust_helper_vma_assert_write_locked(struct vm_area_struct *vma)
{
	vma_assert_write_locked(vma);
}

__rust_helper void
rust_helper_vma_assert_stabilised(struct vm_area_struct *vma)
{
	vma_assert_stabilised(vma);
}

__rust_helper int rust_helper_split_vma(struct vma_iterator *vmi,
					struct vm_area_struct *vma,
					unsigned long addr, int new_below)
{
	return split_vma(vmi, vma, addr, new_below);
}

__rust_helper unsigned long
rust_helper_task_rlimit(const struct task_struct *task, unsigned int limit)
{
	return task_rlimit(task, limit);
}
#endif /* CONFIG_RUST_VMA */
