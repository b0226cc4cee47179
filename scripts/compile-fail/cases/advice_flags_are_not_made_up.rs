// SPDX-License-Identifier: GPL-2.0
//! The allow-list cannot be extended from outside.

use kernel::mm::vma::AdviceFlags;
#[cfg(misuse)]
use kernel::mm::vma::VmaFlag;

fn flags() -> AdviceFlags {
    #[cfg(misuse)]
    return VmaFlag::EXEC.into(); //~ E0277 "the trait bound `AdviceFlags: From<VmaFlag>` is not satisfied"
    #[cfg(not(misuse))]
    return AdviceFlags::SEQ_READ | AdviceFlags::RAND_READ;
}
