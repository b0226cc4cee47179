// SPDX-License-Identifier: GPL-2.0
//! A VMA lives for as long as user space likes, so what it owns borrows from nothing.

use kernel::mm::vma::driver::PrivateData;
use kernel::sync::Arc;

fn of_a_vma<D: PrivateData>(_: D) {}

fn own<'a>(data: Arc<&'static u32>, _borrowed: Arc<&'a u32>) {
    #[cfg(misuse)]
    let data: Arc<&'a u32> = _borrowed;
    of_a_vma(data); //~ E0521 "argument requires that `'a` must outlive `'static`"
}
