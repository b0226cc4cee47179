// SPDX-License-Identifier: GPL-2.0
// A driver's mutex is taken under the mmap lock, and the other way round.

#include <linux/mm.h>
#include <linux/mutex.h>

void inside(struct mm_struct *mm, struct mutex *state);
void outside(struct mm_struct *mm, struct mutex *state);

void inside(struct mm_struct *mm, struct mutex *state)
{
	mmap_read_lock(mm);
	mutex_lock(state);
	mutex_unlock(state);
	mmap_read_unlock(mm);
}

void outside(struct mm_struct *mm, struct mutex *state)
{
	mutex_lock(state);
	mmap_read_lock(mm);
	mmap_read_unlock(mm);
	mutex_unlock(state);
}
