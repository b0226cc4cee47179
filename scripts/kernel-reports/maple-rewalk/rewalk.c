// SPDX-License-Identifier: GPL-2.0
/*
 * A reader of a maple tree goes on under RCU after a writer has emptied the tree.
 *
 * Argument 1: what the writer leaves, "empty" or "single" (one entry at index
 * 0, which needs no node). Argument 2: the reader's next step, "next", "find"
 * or "prev". Each must find nothing, and exits with 0 if it does.
 */

#include "maple-shared.h"

#include <linux/maple_tree.h>
#include <linux/xarray.h>

#define ENTRIES 64

/* Where the reader stands when the tree is emptied. */
#define PLACE 5

static void *step(struct ma_state *mas, const char *how)
{
	if (!strcmp(how, "next"))
		return mas_next(mas, ULONG_MAX);
	if (!strcmp(how, "find"))
		return mas_find(mas, ULONG_MAX);
	return mas_prev(mas, 1);
}

int main(int argc, char **argv)
{
	struct maple_tree tree;
	void *entry;

	if (argc != 3)
		return 2;

	maple_tree_init();
	rcu_register_thread();

	/* As mm_init() makes the tree of an address space. */
	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
	for (unsigned long i = 0; i < ENTRIES; i++)
		mtree_store_range(&tree, i * 10, i * 10 + 4,
				  xa_mk_value(i), GFP_KERNEL);

	rcu_read_lock();

	/* The reader finds an entry, and remembers its place. */
	MA_STATE(mas, &tree, PLACE * 10, PLACE * 10);
	entry = mas_find(&mas, ULONG_MAX);
	printf("before: entry %lu\n", xa_to_value(entry));

	/* The writer, which in the kernel is another task, empties the tree. */
	mtree_store_range(&tree, 0, ULONG_MAX, NULL, GFP_KERNEL);
	if (!strcmp(argv[1], "single"))
		mtree_store(&tree, 0, xa_mk_value(0), GFP_KERNEL);

	/* The node that the reader stands on is dead, but not freed yet. */
	entry = step(&mas, argv[2]);
	printf("after: %s\n", entry ? "an entry" : "no entry");

	rcu_read_unlock();
	return entry ? 1 : 0;
}
