// SPDX-License-Identifier: GPL-2.0
//! There is no way to set a `VM_MAY*` flag, nor one of the kernel's own.

use kernel::mm::vma::driver::{SetupFlags, VmaSetup};
use kernel::prelude::*;

fn mmap(vma: &mut VmaSetup<'_>) -> Result {
    #[cfg(misuse)]
    vma.set_flags(SetupFlags::MAYWRITE); //~ E0599 "no associated function or constant named `MAYWRITE` found for struct `SetupFlags`"
    #[cfg(misuse)]
    vma.set_flags(SetupFlags::HUGETLB); //~ E0599 "no associated function or constant named `HUGETLB` found for struct `SetupFlags`"
    #[cfg(not(misuse))]
    vma.set_flags(SetupFlags::DONTDUMP);
    vma.try_clear_maywrite()
}
