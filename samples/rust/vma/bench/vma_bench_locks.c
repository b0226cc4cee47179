// SPDX-License-Identifier: GPL-2.0

/*
 * Taking locks, giving them back, and finding VMAs, in C. locks.rs does the
 * same in Rust.
 */

#include <linux/bitops.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "../../../../mm/internal.h"
#include "vma_bench_lock_two.h"
#include "vma_bench_primitives.h"

/* Measures a call and its loop, without a body. */
static noinline u64 prim_nothing(struct vma_bench_at *at)
{
	return 0;
}

static noinline u64 prim_mmap_read(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	mmap_read_lock(mm);
	mmap_read_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_read_killable(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	if (mmap_read_lock_killable(mm))
		return 1;
	mmap_read_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_read_trylock(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	if (!mmap_read_trylock(mm))
		return 1;
	mmap_read_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_write(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	mmap_write_lock(mm);
	mmap_write_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_write_killable(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	if (mmap_write_lock_killable(mm))
		return 1;
	mmap_write_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_write_nested(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	mmap_write_lock_nested(mm, SINGLE_DEPTH_NESTING);
	mmap_write_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_downgrade(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	mmap_write_lock(mm);
	mmap_write_downgrade(mm);
	mmap_read_unlock(mm);
	return 0;
}

static noinline u64 prim_mmap_read_lookup(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start = 0;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma)
		start = vma->vm_start;
	mmap_read_unlock(mm);
	return start;
}

static noinline u64 prim_lock_vma_under_rcu(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = lock_vma_under_rcu(mm, at->addr);
	u64 start;

	if (!vma)
		return 0;
	start = vma->vm_start;
	vma_end_read(vma);
	return start;
}

/* A VMA that is held by one of two locks, as vm_fault is. */
struct held_vma {
	struct vm_area_struct *vma;
	bool mmap_locked;
};

/* As uffd_lock_vma(), with a fall-back if the VMA has too many readers. */
static __always_inline struct held_vma
lock_found(struct mm_struct *mm, struct vm_area_struct *vma)
{
	if (!vma) {
		mmap_read_unlock(mm);
		return (struct held_vma) {};
	}
	if (!vma_start_read_locked(vma))
		return (struct held_vma) { vma, true };
	mmap_read_unlock(mm);
	return (struct held_vma) { vma, false };
}

static __always_inline u64 read_and_release(struct held_vma held)
{
	u64 start = held.vma->vm_start;

	if (held.mmap_locked)
		mmap_read_unlock(held.vma->vm_mm);
	else
		vma_end_read(held.vma);
	return start;
}

static noinline u64 prim_lock_vma(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct held_vma held = { lock_vma_under_rcu(mm, at->addr), false };

	if (!held.vma) {
		mmap_read_lock(mm);
		held = lock_found(mm, vma_lookup(mm, at->addr));
		if (!held.vma)
			return 0;
	}
	return read_and_release(held);
}

static noinline u64 prim_lock_vma_killable(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct held_vma held = { lock_vma_under_rcu(mm, at->addr), false };

	if (!held.vma) {
		if (mmap_read_lock_killable(mm))
			return 0;
		held = lock_found(mm, vma_lookup(mm, at->addr));
		if (!held.vma)
			return 0;
	}
	return read_and_release(held);
}

/* The lock of the mm is exchanged for that of the VMA. */
static noinline u64 prim_hand_over(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (!vma || !vma_start_read_locked(vma)) {
		mmap_read_unlock(mm);
		return 0;
	}
	mmap_read_unlock(mm);
	start = vma->vm_start;
	vma_end_read(vma);
	return start;
}

static noinline u64 prim_hand_over_nested(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (!vma || !vma_start_read_locked_nested(vma, SINGLE_DEPTH_NESTING)) {
		mmap_read_unlock(mm);
		return 0;
	}
	mmap_read_unlock(mm);
	start = vma->vm_start;
	vma_end_read(vma);
	return start;
}

static noinline u64 prim_start_write(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start = 0;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma) {
		vma_start_write(vma);
		start = vma->vm_start;
	}
	mmap_write_unlock(mm);
	return start;
}

static noinline u64 prim_start_write_killable(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start = 0;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma && !vma_start_write_killable(vma))
		start = vma->vm_start;
	mmap_write_unlock(mm);
	return start;
}

/* The whole transaction. vm_flags_set() takes the VMA write lock itself. */
static noinline u64 prim_write_flags(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start = 0;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma) {
		vm_flags_set(vma, VM_DONTDUMP);
		start = vma->vm_start;
	}
	mmap_write_unlock(mm);
	return start;
}

static noinline u64 prim_write_flags_downgrade(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 start = 0;

	mmap_write_lock(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma)
		vm_flags_set(vma, VM_DONTDUMP);
	mmap_write_downgrade(mm);
	vma = vma_lookup(mm, at->addr);
	if (vma)
		start = vma->vm_start;
	mmap_read_unlock(mm);
	return start;
}

/* As find_active_uprobe_speculative() begins. */
static noinline u64 prim_speculate(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	unsigned int seq;
	u64 start = 0;

	rcu_read_lock();
	if (!mmap_lock_speculate_try_begin(mm, &seq))
		goto out;
	vma = vma_lookup(mm, at->addr);
	if (vma)
		start = READ_ONCE(vma->vm_start);
	if (mmap_lock_speculate_retry(mm, seq))
		start = 0;
out:
	rcu_read_unlock();
	return start;
}

static noinline u64 prim_peek(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma;
	u64 seq = 0;

	rcu_read_lock();
	vma = mtree_load(&mm->mm_mt, at->addr);
	if (vma)
		seq = READ_ONCE(vma->vm_lock_seq) != 0;
	rcu_read_unlock();
	return seq;
}

/* As proc_pid_cmdline_read() and others begin. */
static noinline u64 prim_mm_of_pid(struct vma_bench_at *at)
{
	struct task_struct *task = find_get_task_by_vpid(at->pid);
	struct mm_struct *mm;
	u64 found = 0;

	if (!task)
		return 0;
	mm = mm_access(task, PTRACE_MODE_READ_FSCREDS);
	put_task_struct(task);
	if (!IS_ERR_OR_NULL(mm)) {
		found = 1;
		mmput(mm);
	}
	return found;
}

static noinline u64 prim_lock_two(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	const __u64 addr[] = { at->addr, at->other };
	struct vm_area_struct *vmas[2];
	u64 sum;

	if (lock_two_vmas(mm, addr, vmas))
		return 0;
	sum = vmas[0]->vm_start + vmas[1]->vm_start;
	if (vmas[1] != vmas[0])
		vma_end_read(vmas[1]);
	vma_end_read(vmas[0]);
	return sum;
}

/* One VMA that is named twice. */
static noinline u64 prim_lock_same(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	const __u64 addr[] = { at->addr, at->addr };
	struct vm_area_struct *vmas[2];
	u64 sum;

	if (lock_two_vmas(mm, addr, vmas))
		return 0;
	sum = vmas[0]->vm_start + vmas[1]->vm_start;
	if (vmas[1] != vmas[0])
		vma_end_read(vmas[1]);
	vma_end_read(vmas[0]);
	return sum;
}

/* How many pages a range has a part in. */
static __always_inline unsigned long pages_of(unsigned long addr, unsigned long len)
{
	return ((addr + len - 1) >> PAGE_SHIFT) - (addr >> PAGE_SHIFT) + 1;
}

static noinline u64 prim_pin_fast(struct vma_bench_at *at)
{
	unsigned long nr = pages_of(at->addr, at->len);
	struct page **pages;
	int pinned;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return 0;
	pinned = pin_user_pages_fast(at->addr, nr, 0, pages);
	if (pinned > 0)
		unpin_user_pages(pages, pinned);
	kvfree(pages);
	return pinned;
}

/* As vhost does for its log. */
static noinline u64 prim_pin_set_bit(struct vma_bench_at *at)
{
	unsigned long nr = pages_of(at->addr, sizeof(long));
	struct page **pages;
	void *base;
	int pinned;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return 0;
	pinned = pin_user_pages_fast(at->addr, nr, FOLL_WRITE, pages);
	if (pinned > 0) {
		base = kmap_local_page(pages[0]);
		set_bit(1, base + offset_in_page(at->addr));
		kunmap_local(base);
		unpin_user_pages_dirty_lock(pages, pinned, true);
	}
	kvfree(pages);
	return pinned;
}

/* Whoever charges keeps the mm, to give the charge up. */
static noinline u64 prim_locked_vm(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;

	if (account_locked_vm(mm, 1, true))
		return 0;
	mmgrab(mm);
	account_locked_vm(mm, 1, false);
	mmdrop(mm);
	return 1;
}

/* With the mmap lock held for reading. */

static noinline u64 prim_pin(struct vma_bench_at *at)
{
	unsigned long nr = pages_of(at->addr, at->len);
	struct page **pages;
	long pinned;

	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pages)
		return 0;
	pinned = pin_user_pages(at->addr, nr, 0, pages);
	if (pinned > 0)
		unpin_user_pages(pages, pinned);
	kvfree(pages);
	return pinned;
}

static noinline u64 prim_lookup(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);

	return vma ? vma->vm_start : 0;
}

static noinline u64 prim_find_vma(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = find_vma(mm, at->addr);

	return vma ? vma->vm_start : 0;
}

static noinline u64 prim_start_read_locked(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	u64 start;

	if (!vma || !vma_start_read_locked(vma))
		return 0;
	start = vma->vm_start;
	vma_end_read(vma);
	return start;
}

static noinline u64 prim_start_read_locked_nested(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	u64 start;

	if (!vma || !vma_start_read_locked_nested(vma, SINGLE_DEPTH_NESTING))
		return 0;
	start = vma->vm_start;
	vma_end_read(vma);
	return start;
}

static noinline u64 prim_iterate_range(struct vma_bench_at *at)
{
	VMA_ITERATOR(vmi, at->mm, at->addr);
	struct vm_area_struct *vma;
	u64 sum = 0;

	for_each_vma_range(vmi, vma, at->other)
		sum += vma->vm_start;
	return sum;
}

/* A lock of the reverse mapping inside. */

static noinline u64 prim_i_mmap_read(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct address_space *mapping;

	if (!vma || !vma->vm_file)
		return 0;
	mapping = vma->vm_file->f_mapping;
	i_mmap_lock_read(mapping);
	i_mmap_unlock_read(mapping);
	return 1;
}

static noinline u64 prim_i_mmap_write(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct address_space *mapping;

	if (!vma || !vma->vm_file)
		return 0;
	mapping = vma->vm_file->f_mapping;
	i_mmap_lock_write(mapping);
	i_mmap_unlock_write(mapping);
	return 1;
}

static noinline u64 prim_i_mmap_trylock_read(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct address_space *mapping;

	if (!vma || !vma->vm_file)
		return 0;
	mapping = vma->vm_file->f_mapping;
	if (!i_mmap_trylock_read(mapping))
		return 0;
	i_mmap_unlock_read(mapping);
	return 1;
}

static noinline u64 prim_anon_vma_read(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct anon_vma *anon_vma = vma ? READ_ONCE(vma->anon_vma) : NULL;

	if (!anon_vma)
		return 0;
	anon_vma_lock_read(anon_vma);
	anon_vma_unlock_read(anon_vma);
	return 1;
}

static noinline u64 prim_anon_vma_write(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct anon_vma *anon_vma = vma ? READ_ONCE(vma->anon_vma) : NULL;

	if (!anon_vma)
		return 0;
	anon_vma_lock_write(anon_vma);
	anon_vma_unlock_write(anon_vma);
	return 1;
}

/* With the mmap lock held for writing, and the VMA's, after the first round. */

static noinline u64 prim_start_write_again(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);

	if (!vma)
		return 0;
	vma_start_write(vma);
	return vma->vm_start;
}

/* As vma_prepare() and vma_complete(). */
static noinline u64 prim_lock_rmap(struct vma_bench_at *at)
{
	struct mm_struct *mm = at->mm;
	struct vm_area_struct *vma = vma_lookup(mm, at->addr);
	struct address_space *mapping = NULL;
	struct anon_vma *anon_vma;
	u64 start;

	if (!vma)
		return 0;
	vma_start_write(vma);
	if (vma->vm_file)
		mapping = vma->vm_file->f_mapping;
	anon_vma = vma->anon_vma;
	if (mapping)
		i_mmap_lock_write(mapping);
	if (anon_vma)
		anon_vma_lock_write(anon_vma);
	start = vma->vm_start;
	if (anon_vma)
		anon_vma_unlock_write(anon_vma);
	if (mapping)
		i_mmap_unlock_write(mapping);
	return start;
}

#define PRIMITIVE(id, fn, holds, where) \
	{ .name = id, .held = HELD_##holds, .place = VMA_BENCH_PLACE_##where, .at = fn }

const struct vma_bench_primitive vma_bench_locks[] = {
	PRIMITIVE("nothing", prim_nothing, NOTHING, ANON),
	PRIMITIVE("mmap-read", prim_mmap_read, NOTHING, ANON),
	PRIMITIVE("mmap-read-killable", prim_mmap_read_killable, NOTHING, ANON),
	PRIMITIVE("mmap-read-trylock", prim_mmap_read_trylock, NOTHING, ANON),
	PRIMITIVE("mmap-write", prim_mmap_write, NOTHING, ANON),
	PRIMITIVE("mmap-write-killable", prim_mmap_write_killable, NOTHING, ANON),
	PRIMITIVE("mmap-write-nested", prim_mmap_write_nested, NOTHING, ANON),
	PRIMITIVE("mmap-downgrade", prim_mmap_downgrade, NOTHING, ANON),
	PRIMITIVE("mmap-read-lookup", prim_mmap_read_lookup, NOTHING, ANON),
	PRIMITIVE("lock-vma-under-rcu", prim_lock_vma_under_rcu, NOTHING, ANON),
	PRIMITIVE("lock-vma", prim_lock_vma, NOTHING, ANON),
	PRIMITIVE("lock-vma-killable", prim_lock_vma_killable, NOTHING, ANON),
	PRIMITIVE("hand-over", prim_hand_over, NOTHING, ANON),
	PRIMITIVE("hand-over-nested", prim_hand_over_nested, NOTHING, ANON),
	PRIMITIVE("start-write", prim_start_write, NOTHING, ANON),
	PRIMITIVE("start-write-killable", prim_start_write_killable, NOTHING, ANON),
	PRIMITIVE("write-flags", prim_write_flags, NOTHING, ANON),
	PRIMITIVE("write-flags-downgrade", prim_write_flags_downgrade, NOTHING, ANON),
	PRIMITIVE("speculate", prim_speculate, NOTHING, ANON),
	PRIMITIVE("peek", prim_peek, NOTHING, ANON),
	PRIMITIVE("mm-of-pid", prim_mm_of_pid, NOTHING, ANON),
	PRIMITIVE("lock-two", prim_lock_two, NOTHING, ANON),
	PRIMITIVE("lock-same", prim_lock_same, NOTHING, ANON),
	PRIMITIVE("pin-fast", prim_pin_fast, NOTHING, ANON),
	PRIMITIVE("pin-set-bit", prim_pin_set_bit, NOTHING, ANON),
	PRIMITIVE("locked-vm", prim_locked_vm, NOTHING, ANON),
	PRIMITIVE("pin", prim_pin, MMAP_READ, ANON),
	PRIMITIVE("lookup", prim_lookup, MMAP_READ, ANON),
	PRIMITIVE("find-vma", prim_find_vma, MMAP_READ, ANON),
	PRIMITIVE("start-read-locked", prim_start_read_locked, MMAP_READ, ANON),
	PRIMITIVE("start-read-locked-nested", prim_start_read_locked_nested, MMAP_READ, ANON),
	PRIMITIVE("iterate-range", prim_iterate_range, MMAP_READ, ANON),
	PRIMITIVE("i-mmap-read", prim_i_mmap_read, MMAP_READ, FILE),
	PRIMITIVE("i-mmap-write", prim_i_mmap_write, MMAP_READ, FILE),
	PRIMITIVE("i-mmap-trylock-read", prim_i_mmap_trylock_read, MMAP_READ, FILE),
	PRIMITIVE("anon-vma-read", prim_anon_vma_read, MMAP_READ, ANON),
	PRIMITIVE("anon-vma-write", prim_anon_vma_write, MMAP_READ, ANON),
	PRIMITIVE("lock-rmap", prim_lock_rmap, MMAP_WRITE, ANON),
	PRIMITIVE("start-write-again", prim_start_write_again, MMAP_WRITE, ANON),
	{}
};
