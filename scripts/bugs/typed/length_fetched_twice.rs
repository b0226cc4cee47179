// SPDX-License-Identifier: GPL-2.0
//! A length in shared memory is checked, and loaded again to be used.

use kernel::mm::vma::driver::SharedPage;
use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;

fn copy(page: &SharedPage, to: &mut [u8]) -> Result {
    if page.load::<u32>(0, Relaxed)? as usize > to.len() {
        return Err(EINVAL);
    }
    let len = page.load::<u32>(0, Relaxed)? as usize;
    page.read(8, &mut to[..len])
}
