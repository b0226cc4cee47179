// SPDX-License-Identifier: GPL-2.0
//! A VMA gets its operations and its data once.

use kernel::mm::vma::driver::{Mapped, OperationsTable, Plain, ViaMmap, VmaSetup};

fn mmap<T, U>(vma: VmaSetup<'_>, data: T::Data, other: U::Data) -> Mapped<'_>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
    U: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    let mapped = vma.with_ops::<T>(data);
    #[cfg(misuse)]
    let mapped = vma.with_ops::<U>(other); //~ E0382 "use of moved value: `vma`"
    #[cfg(not(misuse))]
    drop(other);
    mapped
}
