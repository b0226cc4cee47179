// SPDX-License-Identifier: GPL-2.0
//! A mode says whose credentials are asked; a number might not, which `mm_access()` warns of.

use kernel::mm::vma::{PtraceMode, ReadAccess};

fn read() -> PtraceMode<ReadAccess> {
    #[cfg(misuse)]
    let mode = PtraceMode(1); //~ E0423 "cannot initialize a tuple struct which contains private fields"
    #[cfg(not(misuse))]
    let mode = PtraceMode::READ_FSCREDS;
    mode
}
