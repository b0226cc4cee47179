// SPDX-License-Identifier: GPL-2.0
//! The data of a VMA is borrowed from the fault. It is gone with the answer unless it is reference-
//! counted.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};
use kernel::sync::Arc;

fn fault<T: VmaOperations<Data = Arc<usize>>>(fault: Fault<'_, T>) -> (FaultOutcome<'_>, usize) {
    let data = fault.data();
    #[cfg(not(misuse))]
    let data = Arc::from(data);
    let answer = fault.no_page(); //~ E0505 "cannot move out of `fault` because it is borrowed"
    (answer, *data)
}
