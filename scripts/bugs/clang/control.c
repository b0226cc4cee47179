// SPDX-License-Identifier: GPL-2.0
// The same mistakes with a lock and a field that are annotated: the analysis must report each.

#include <linux/mm.h>

struct region {
	struct rw_semaphore lock;
	unsigned long flags __guarded_by(&lock);
};

void write_without_lock(struct region *region);
void lock_not_released(struct region *region);
void unlock_twice(struct region *region);

void write_without_lock(struct region *region)
{
	region->flags = 1;
}

void lock_not_released(struct region *region)
{
	down_read(&region->lock);
}

void unlock_twice(struct region *region)
{
	down_read(&region->lock);
	up_read(&region->lock);
	up_read(&region->lock);
}
