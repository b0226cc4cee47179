// SPDX-License-Identifier: GPL-2.0
// The locks of two files' mappings are nested, and memory is allocated under one.

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>

void lock_two(struct address_space *outer, struct address_space *inner);
void *allocate_under(struct address_space *mapping);

void lock_two(struct address_space *outer, struct address_space *inner)
{
	i_mmap_lock_write(outer);
	i_mmap_lock_write(inner);
	i_mmap_unlock_write(inner);
	i_mmap_unlock_write(outer);
}

void *allocate_under(struct address_space *mapping)
{
	void *memory;

	i_mmap_lock_write(mapping);
	memory = kmalloc(64, GFP_KERNEL);
	i_mmap_unlock_write(mapping);
	return memory;
}
