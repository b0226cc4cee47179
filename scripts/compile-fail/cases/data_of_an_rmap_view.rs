// SPDX-License-Identifier: GPL-2.0
//! `close` drops the data while the VMA can still be found by rmap.

use kernel::mm::vma::driver::{DriverVma, VmaOperations};
#[cfg(misuse)]
use kernel::mm::vma::Rmap as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaRead as Held;
use kernel::sync::Arc;

fn data<T: VmaOperations<Data = Arc<usize>>>(vma: &DriverVma<T, Held>) -> usize {
    *vma.data() //~ E0277 "an rmap lock alone permits to read the layout"
}
