// SPDX-License-Identifier: GPL-2.0
// The mmap lock is taken for reading and for writing, and not released.

#include <linux/mm.h>

void read_without_unlock(struct mm_struct *mm);
void write_without_unlock(struct mm_struct *mm);

void read_without_unlock(struct mm_struct *mm)
{
	mmap_read_lock(mm);
}

void write_without_unlock(struct mm_struct *mm)
{
	mmap_write_lock(mm);
}
