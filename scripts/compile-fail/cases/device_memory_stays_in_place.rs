// SPDX-License-Identifier: GPL-2.0
//! The memory of a device has an SRCU structure in it, which is not moved.

use core::pin::Pin;
use kernel::mm::vma::driver::DeviceMemory;

fn count(memory: Pin<&mut DeviceMemory<()>>) -> usize {
    #[cfg(misuse)]
    let memory = memory.get_mut(); //~ E0277 "cannot be unpinned"
    memory.count()
}
