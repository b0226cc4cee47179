// SPDX-License-Identifier: GPL-2.0
//! The access of a debugger is answered without the page offset of the mapping.

use kernel::mm::vma::{
    driver::{AccessBuffer, DriverVma, Frames, VmaOperations},
    MmapRead,
};
use kernel::prelude::*;

fn access<T: VmaOperations>(
    vma: &DriverVma<T, MmapRead>,
    frames: &Frames,
    addr: usize,
    buffer: &mut AccessBuffer<'_>,
) -> Result {
    let offset = addr - vma.start();
    frames.access(offset, buffer)
}
