// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA_KUNIT_TEST
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <linux/delay.h>
#include <linux/dma-map-ops.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/hugetlb.h>
#include <linux/lockdep.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/mount.h>
#include <linux/of.h>
#include <linux/of_reserved_mem.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/string.h>
#ifndef CONFIG_UML
#include <asm/syscall.h>
#endif
#include "../../mm/slab.h"

__rust_helper void rust_helper_allow_signal(int sig)
{
	allow_signal(sig);
}

__rust_helper int rust_helper_mmap_lock_is_contended(struct mm_struct *mm)
{
	return mmap_lock_is_contended(mm);
}

__rust_helper int rust_helper_rwsem_is_locked(struct rw_semaphore *sem)
{
	return rwsem_is_locked(sem);
}

__rust_helper bool rust_helper_page_maybe_dma_pinned(struct page *page)
{
	return folio_maybe_dma_pinned(page_folio(page));
}

/* Marks a page as clean, as writing it back does; returns what it was. */
__rust_helper bool rust_helper_vma_kunit_clean_page(struct page *page)
{
	return folio_test_clear_dirty(page_folio(page));
}

__rust_helper unsigned long rust_helper_vma_kunit_file_count(struct file *file)
{
	return file_count(file);
}

/* Makes a file of shmem or hugetlb a memfd with these seals. */
__rust_helper void rust_helper_vma_kunit_set_seals(struct file *file,
						   unsigned int seals)
{
#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file)) {
		HUGETLBFS_I(file_inode(file))->seals = seals;
		return;
	}
#endif
	SHMEM_I(file_inode(file))->seals = seals;
}

#ifdef CONFIG_HUGETLBFS
/* A file of hugetlb, for which no pages are reserved. */
__rust_helper struct file *rust_helper_vma_kunit_hugetlb_file(size_t size)
{
	return hugetlb_file_setup("test", size,
				  mk_vma_flags(VMA_NORESERVE_BIT),
				  HUGETLB_ANONHUGE_INODE, 0);
}
#endif

__rust_helper int rust_helper_vma_kunit_add_seals(struct file *file,
						  unsigned int seals)
{
	return memfd_add_seals(file, seals);
}

/* A file of a tmpfs with this option, which is there for as long as the file. */
__rust_helper struct file *
rust_helper_vma_kunit_tmpfs_file(const char *option, const char *value,
				 loff_t size)
{
	struct file_system_type *type = get_fs_type("tmpfs");
	struct fs_context *fc;
	struct vfsmount *mnt;
	struct file *file;
	int ret;

	if (!type)
		return ERR_PTR(-ENODEV);
	fc = fs_context_for_mount(type, SB_KERNMOUNT);
	put_filesystem(type);
	if (IS_ERR(fc))
		return ERR_CAST(fc);
	ret = vfs_parse_fs_string(fc, option, value);
	mnt = ret ? ERR_PTR(ret) : fc_mount_longterm(fc);
	put_fs_context(fc);
	if (IS_ERR(mnt))
		return ERR_CAST(mnt);
	file = shmem_file_setup_with_mnt(mnt, "test", size, EMPTY_VMA_FLAGS);
	kern_unmount(mnt);
	return file;
}

__rust_helper u64 rust_helper_vma_kunit_page_to_phys(struct page *page)
{
	return page_to_phys(page);
}

/* The byte at a physical address of normal memory. */
__rust_helper u8 rust_helper_vma_kunit_byte_at(u64 phys)
{
	return *(u8 *)phys_to_virt(phys);
}

/* Gives a device a node of the device tree, which it keeps. */
__rust_helper bool rust_helper_vma_kunit_set_node(struct device *dev,
						  const char *path)
{
	dev->of_node = of_find_node_by_path(path);
	return dev->of_node;
}

/* Gives the first region of a device operations, all of them NULL, or none. */
__rust_helper bool rust_helper_vma_kunit_set_rmem_ops(struct device *dev,
						      bool has_ops)
{
	static const struct reserved_mem_ops ops;
	struct device_node *node __free(device_node) =
		of_parse_phandle(dev->of_node, "memory-region", 0);
	struct reserved_mem *rmem = node ? of_reserved_mem_lookup(node) : NULL;

	if (rmem)
		rmem->ops = has_ops ? &ops : NULL;
	return rmem;
}

#ifdef CONFIG_FAILSLAB
/* With cache-filter, failslab then fails all but nodes of radix trees. */
__rust_helper void rust_helper_vma_kunit_spare_radix_trees(void)
{
	struct kmem_cache *cache;

	mutex_lock(&slab_mutex);
	list_for_each_entry(cache, &slab_caches, list) {
		if (strcmp(cache->name, "radix_tree_node"))
			WRITE_ONCE(cache->flags, cache->flags | SLAB_FAILSLAB);
	}
	mutex_unlock(&slab_mutex);
}
#endif

/* Reports what is still mapped for a device of this bus when it is unbound. */
__rust_helper void rust_helper_vma_kunit_watch_dma(struct device *dev)
{
	dma_debug_add_bus(dev->bus);
}

#ifdef CONFIG_ARCH_HAS_DMA_OPS
/* Gives a device DMA operations that do not map memory, or takes them away. */
__rust_helper void rust_helper_vma_kunit_set_dma_ops(struct device *dev,
						     bool has_ops)
{
	static const struct dma_map_ops ops = {
		.get_sgtable = dma_common_get_sgtable,
	};

	dev->dma_ops = has_ops ? &ops : NULL;
}
#endif

#ifdef CONFIG_DMA_DECLARE_COHERENT
/* Says that a device has a pool of memory, which must not be used. */
__rust_helper void rust_helper_vma_kunit_set_dma_pool(struct device *dev,
						      bool has_pool)
{
	dev->dma_mem = has_pool ? ZERO_SIZE_PTR : NULL;
}
#endif

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
/*
 * The first frame that an entry which is not present must not have, except for
 * privileged tasks; or 0 if the processor has no L1TF.
 */
__rust_helper unsigned long rust_helper_vma_kunit_l1tf_limit(void)
{
	return boot_cpu_has_bug(X86_BUG_L1TF) ? l1tf_pfn_limit() : 0;
}

#ifndef CONFIG_RUST_INLINE_HELPERS
/* A bit that no entry has. */
#define VMA_KUNIT_DECRYPTED _PAGE_SOFTW4

__rust_helper pgprot_t rust_helper_vma_kunit_decrypted(pgprot_t prot)
{
	return __pgprot(pgprot_val(prot) | VMA_KUNIT_DECRYPTED);
}

/*
 * Until the end of the case, entries of memory that is not encrypted have a
 * bit, as on a machine that encrypts memory. Returns the bit.
 */
__rust_helper unsigned long rust_helper_vma_kunit_encrypt_memory(void)
{
	kunit_activate_static_stub(kunit_get_current_test(),
				   rust_helper_pgprot_decrypted,
				   rust_helper_vma_kunit_decrypted);
	return VMA_KUNIT_DECRYPTED;
}
#endif
#endif

#ifdef CONFIG_FS_DAX
/* Makes the mappings of a file look like those of persistent memory. */
__rust_helper void rust_helper_vma_kunit_set_dax(struct file *file, bool is_dax)
{
	inode_set_flags(file_inode(file), is_dax ? S_DAX : 0, S_DAX);
}
#endif

#ifdef CONFIG_MMU_NOTIFIER
/*
 * Invalidates a range, which takes this long; without @may_block, as the OOM
 * reaper does.
 */
__rust_helper int rust_helper_vma_kunit_invalidate(struct mm_struct *mm,
						   unsigned long start,
						   unsigned long end,
						   bool may_block,
						   unsigned int msecs)
{
	struct mmu_notifier_range range;
	int ret = 0;

	mmu_notifier_range_init(&range, MMU_NOTIFY_UNMAP, 0, mm, start, end);
	if (may_block)
		mmu_notifier_invalidate_range_start(&range);
	else
		ret = mmu_notifier_invalidate_range_start_nonblock(&range);
	if (msecs)
		msleep(msecs);
	if (!ret)
		mmu_notifier_invalidate_range_end(&range);
	return ret;
}
#endif

__rust_helper u64 rust_helper_vma_kunit_pte_val(pte_t pte)
{
	return pte_val(pte);
}

#ifndef CONFIG_UML
__rust_helper long rust_helper_vma_kunit_syscall(unsigned int nr,
						 unsigned long a,
						 unsigned long b,
						 unsigned long c,
						 unsigned long d,
						 unsigned long e)
{
#ifdef CONFIG_ARM
	unsigned long (*call)(unsigned long a, unsigned long b,
			      unsigned long c, unsigned long d,
			      unsigned long e);

	call = (void *)sys_call_table[nr];
	return call(a, b, c, d, e);
#else
	struct pt_regs regs = {
#if defined(CONFIG_ARM64)
		.orig_x0 = a, .regs = { a, b, c, d, e },
#elif defined(CONFIG_RISCV)
		.orig_a0 = a, .a0 = a, .a1 = b, .a2 = c, .a3 = d, .a4 = e,
#else
		.di = a, .si = b, .dx = c, .r10 = d, .r8 = e,
#endif
	};
	long (*call)(const struct pt_regs *regs) = (void *)sys_call_table[nr];

	return call(&regs);
#endif
}
#endif

#ifdef CONFIG_KCSAN
__rust_helper void
rust_helper_vma_set_maybe_guard(struct vm_area_struct *vma)
{
	vma_set_atomic_flag(vma, VMA_MAYBE_GUARD_BIT);
}
#endif

#ifdef CONFIG_LOCKDEP
/* As lockdep_is_held_type(): @read is 0 for writing and 1 for reading. */
__rust_helper bool rust_helper_mmap_lock_is_held_type(struct mm_struct *mm,
						      int read)
{
	return lockdep_is_held_type(&mm->mmap_lock, read);
}

__rust_helper bool
rust_helper_i_mmap_is_held_type(struct address_space *mapping, int read)
{
	return lockdep_is_held_type(&mapping->i_mmap_rwsem, read);
}

#ifdef CONFIG_PER_VMA_LOCK
__rust_helper bool
rust_helper_vma_lock_is_held_type(struct vm_area_struct *vma, int read)
{
	return lock_is_held_type(&vma->vmlock_dep_map, read);
}
#endif
#endif
#endif
