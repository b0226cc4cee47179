// SPDX-License-Identifier: GPL-2.0

#if defined(CONFIG_RUST_VMA) && defined(CONFIG_MMU_NOTIFIER)
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched.h>

__rust_helper void
rust_helper_mmu_interval_set_seq(struct mmu_interval_notifier *notifier,
				 unsigned long seq)
{
	mmu_interval_set_seq(notifier, seq);
}

__rust_helper bool
rust_helper_mmu_interval_read_retry(struct mmu_interval_notifier *notifier,
				    unsigned long seq)
{
	return mmu_interval_read_retry(notifier, seq);
}

__rust_helper bool
rust_helper_mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return mmu_notifier_range_blockable(range);
}

__rust_helper void rust_helper_non_block_start(void)
{
	non_block_start();
}

__rust_helper void rust_helper_non_block_end(void)
{
	non_block_end();
}

__rust_helper bool rust_helper_vma_pfn_valid(unsigned long pfn)
{
	return pfn_valid(pfn);
}

__rust_helper void rust_helper_vma_module_put(struct module *module)
{
	module_put(module);
}

/* Teaches lockdep that what is locked until the end is locked by callbacks. */
__rust_helper void rust_helper_vma_notifier_learn_start(void)
{
#if defined(CONFIG_LOCKDEP) && !defined(MODULE)
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
#endif
}

__rust_helper void rust_helper_vma_notifier_learn_end(void)
{
#if defined(CONFIG_LOCKDEP) && !defined(MODULE)
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
#endif
}
#endif /* CONFIG_RUST_VMA && CONFIG_MMU_NOTIFIER */
