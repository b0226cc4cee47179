// SPDX-License-Identifier: GPL-2.0
//! After the lock of a fault is released the VMA may be gone, and with it what it owns.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};
use kernel::sync::Arc;

fn wait(_: usize) {}

fn by_the_vma<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    let vma = fault.vma();
    #[cfg(not(misuse))]
    let start = vma.start();
    let released = match fault.release() {
        //~^ E0505 "cannot move out of `fault` because it is borrowed"
        Ok(released) => released,
        Err(fault) => return fault.sigbus(),
    };
    #[cfg(misuse)]
    let start = vma.start();
    wait(start);
    released.retry()
}

fn by_the_data<T: VmaOperations<Data = Arc<usize>>>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    let data = fault.data();
    #[cfg(not(misuse))]
    let data: Arc<usize> = data.into();
    let released = match fault.release() {
        //~^ E0505 "cannot move out of `fault` because it is borrowed"
        Ok(released) => released,
        Err(fault) => return fault.sigbus(),
    };
    wait(*data);
    released.retry()
}
