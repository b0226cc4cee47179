// SPDX-License-Identifier: GPL-2.0
// The mmap lock taken as the semaphore that it is, which no driver does: the semaphore is annotated.

#include <linux/mm.h>

void lock_not_released(struct mm_struct *mm);

void lock_not_released(struct mm_struct *mm)
{
	down_read(&mm->mmap_lock);
}
