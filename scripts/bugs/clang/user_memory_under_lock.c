// SPDX-License-Identifier: GPL-2.0
// User memory is read while the mmap lock is held.

#include <linux/mm.h>
#include <linux/uaccess.h>

long read_under_lock(struct mm_struct *mm, const u64 __user *from, u64 *to);

long read_under_lock(struct mm_struct *mm, const u64 __user *from, u64 *to)
{
	long left;

	mmap_read_lock(mm);
	left = copy_from_user(to, from, sizeof(*to));
	mmap_read_unlock(mm);
	return left;
}
