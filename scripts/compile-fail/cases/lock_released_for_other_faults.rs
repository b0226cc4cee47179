// SPDX-License-Identifier: GPL-2.0
//! Only a plain fault is tried again: nobody else who calls a driver expects the lock to be gone.

use kernel::mm::vma::driver::{Fault, HugeFault, MapPages, MkWrite, VmaOperations};

fn release<T: VmaOperations>(
    fault: Fault<'_, T>,
    huge: HugeFault<'_, T>,
    write: MkWrite<'_, T>,
    around: MapPages<'_, T>,
) {
    drop(fault.release());
    #[cfg(misuse)]
    drop(huge.release()); //~ E0599 "no method named `release` found for struct `HugeFault<'a, T>`"
    #[cfg(misuse)]
    drop(write.release()); //~ E0599 "no method named `release` found for struct `MkWrite<'a, T>`"
    #[cfg(misuse)]
    drop(around.release()); //~ E0599 "no method named `release` found for struct `MapPages<'a, T>`"
    #[cfg(not(misuse))]
    drop((huge.fallback(), write.allow(), around));
}
