// SPDX-License-Identifier: GPL-2.0
//! While the CPU has the memory, it is not handed to the CPU again, nor unmapped.

use kernel::mm::vma::pin::{DmaPages, Writable};
use kernel::prelude::*;

fn write(mut mapped: DmaPages<Writable>) -> Result {
    let mut pages = mapped.for_cpu();
    #[cfg(misuse)]
    mapped.for_cpu(); //~ E0499 "cannot borrow `mapped` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(mapped.unmap()); //~ E0505 "cannot move out of `mapped` because it is borrowed"
    pages.write(0, &[0])
}
