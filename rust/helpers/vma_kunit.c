// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA_KUNIT_TEST
#include <linux/mmap_lock.h>
#include <linux/sched/signal.h>

__rust_helper void rust_helper_allow_signal(int sig)
{
	allow_signal(sig);
}

__rust_helper int rust_helper_mmap_lock_is_contended(struct mm_struct *mm)
{
	return mmap_lock_is_contended(mm);
}
#endif
