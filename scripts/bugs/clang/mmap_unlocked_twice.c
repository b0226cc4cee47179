// SPDX-License-Identifier: GPL-2.0
// The mmap lock is released twice.

#include <linux/mm.h>

void unlock_twice(struct mm_struct *mm);
void unlock_in_the_old_mode(struct mm_struct *mm);

void unlock_twice(struct mm_struct *mm)
{
	mmap_read_lock(mm);
	mmap_read_unlock(mm);
	mmap_read_unlock(mm);
}

void unlock_in_the_old_mode(struct mm_struct *mm)
{
	mmap_write_lock(mm);
	mmap_write_downgrade(mm);
	mmap_write_unlock(mm);
}
