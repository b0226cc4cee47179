// SPDX-License-Identifier: GPL-2.0
// A page table entry is cleared without the lock of its table.

#include <linux/mm.h>
#include <linux/pgtable.h>

void clear_entry(pmd_t *pmd);

void clear_entry(pmd_t *pmd)
{
	pmd_clear(pmd);
}
