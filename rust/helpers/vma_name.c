// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/fs.h>
#include <linux/mm.h>

__rust_helper const struct path *
rust_helper_file_user_path(const struct file *f)
{
	return file_user_path(f);
}

__rust_helper bool
rust_helper_vma_is_initial_heap(const struct vm_area_struct *vma)
{
	return vma_is_initial_heap(vma);
}

__rust_helper bool
rust_helper_vma_is_initial_stack(const struct vm_area_struct *vma)
{
	return vma_is_initial_stack(vma);
}
#endif /* CONFIG_RUST_VMA */
