// SPDX-License-Identifier: GPL-2.0
//! A mapping is not taken from the children of its process by a driver: `madvise(MADV_DONTFORK)` is
//! refused on sealed mappings. A driver says so when it sets its own mappings up.

#[cfg(misuse)]
use kernel::mm::vma::AdviceFlags as Flags;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::SetupFlags as Flags;

fn flags() -> Flags {
    Flags::DONTCOPY //~ E0599 "named `DONTCOPY` found for struct `AdviceFlags`"
}
