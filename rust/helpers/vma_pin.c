// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_RUST_VMA
#include <linux/dma-mapping.h>
#include <linux/mm.h>

__rust_helper unsigned int
rust_helper_dma_get_max_seg_size(struct device *dev)
{
	return dma_get_max_seg_size(dev);
}

__rust_helper void
rust_helper_dma_sync_sgtable_for_cpu(struct device *dev, struct sg_table *table,
				     enum dma_data_direction dir)
{
	dma_sync_sgtable_for_cpu(dev, table, dir);
}

__rust_helper void
rust_helper_dma_sync_sgtable_for_device(struct device *dev,
					struct sg_table *table,
					enum dma_data_direction dir)
{
	dma_sync_sgtable_for_device(dev, table, dir);
}
#endif /* CONFIG_RUST_VMA */
