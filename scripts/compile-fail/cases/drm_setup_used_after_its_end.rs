// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! A setup that a DRM driver leaves to its objects is theirs: the driver changes nothing after that,
//! does not map its own memory with it, and keeps no view.

use kernel::drm::mmap::FileMapping;
use kernel::mm::vma::driver::{OperationsTable, Plain, SetupFlags, ViaMmap, VmaSetup};

#[cfg_attr(misuse, allow(unused_mut))]
fn change(mut vma: VmaSetup<'_>) -> FileMapping<'_> {
    #[cfg(not(misuse))]
    vma.set_flags(SetupFlags::IO);
    let mapping = FileMapping::Object(vma);
    #[cfg(misuse)]
    vma.set_flags(SetupFlags::IO); //~ E0382 "borrow of moved value: `vma`"
    mapping
}

fn map_too<T>(vma: VmaSetup<'_>, data: T::Data, is_own: bool) -> FileMapping<'_>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    #[cfg(not(misuse))]
    if !is_own {
        return FileMapping::Object(vma);
    }
    #[cfg(misuse)]
    let object = FileMapping::Object(vma);
    let own = FileMapping::Own(vma.with_ops::<T>(data)); //~ E0382 "use of moved value: `vma`"
    #[cfg(misuse)]
    if !is_own {
        return object;
    }
    own
}

fn view(vma: VmaSetup<'_>) -> (FileMapping<'_>, usize) {
    let view = &*vma;
    #[cfg(misuse)]
    let mapping = FileMapping::Object(vma); //~ E0505 "cannot move out of `vma` because it is borrowed"
    let first = view.pgoff();
    #[cfg(not(misuse))]
    let mapping = FileMapping::Object(vma);
    (mapping, first)
}
