// SPDX-License-Identifier: GPL-2.0

//! Anonymous files with a driver's mmap hooks.

use super::{
    super::{
        address_space::{
            peek,
            unmap,
            AddressSpace, //
        },
        second_task::wait_until, //
    },
    device::{
        give_page,
        Counted,
        PlainOps,
        Shared, //
    },
};
use crate::{
    fs::File,
    mm::vma::driver::{
        anon_inode_create_getfile,
        AnonFile,
        Fault,
        FaultOutcome,
        Mapped,
        Plain,
        Prepared,
        ViaMmapPrepare,
        VmaDesc,
        VmaOperations,
        VmaSetup, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        ArcBorrow, //
    }, //
};

struct Mapping;

#[vtable]
impl AnonFile for Mapping {
    type Data = Counted;

    fn mmap_setup<'a>(
        data: ArcBorrow<'a, Shared>,
        _file: &'a File,
        vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        Ok(vma.with_ops::<PlainOps>(Counted::new(&data.into())))
    }
}

struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

struct PreparedMapping;

#[vtable]
impl AnonFile for PreparedMapping {
    type Data = KBox<Counted>;

    fn mmap_prepare<'a>(
        data: &'a Counted,
        _file: &'a File,
        desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        Ok(desc.with_ops::<PreparedOps>(data))
    }

    fn ioctl(data: &Counted, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        data.shared().has_happened();
        if cmd == 1 {
            Ok(arg as isize + 1)
        } else {
            Err(ENOTTY)
        }
    }
}

#[kunit_tests(rust_vma_anon_file)]
mod tests {
    use super::*;

    #[test]
    fn mapping_outlives_the_file() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(2)?;
        let file = anon_inode_create_getfile::<Mapping>(c"[test]", Counted::new(&shared))?;
        let mapping = mm.map_file(&file, 0, 2)?;
        assert_eq!(shared.counts(), (2, 0));

        // The VMA keeps the file, and the file its data.
        drop(file);
        assert_eq!(peek(mapping.start)?, 100);
        assert_eq!(shared.counts(), (2, 0));
        unmap(mapping.start, mapping.len)?;
        assert!(wait_until(|| shared.counts() == (2, 2)));
        Ok(())
    }

    #[test]
    fn file_has_the_hooks_that_are_implemented() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(2)?;
        let data = KBox::new(Counted::new(&shared), GFP_KERNEL)?;
        let prepared = anon_inode_create_getfile::<PreparedMapping>(c"[test]", data)?;
        let mapping = mm.map_file(&prepared, 1, 1)?;
        assert_eq!(peek(mapping.start)?, 101);

        let ioctl = |file: &File, cmd| {
            let file = file.as_ptr();
            // SAFETY: The file is open, so its operations are there.
            unsafe {
                (*(*file).f_op)
                    .unlocked_ioctl
                    .map(|ioctl| ioctl(file, cmd, 5))
            }
        };
        assert_eq!(ioctl(&prepared, 1), Some(6));
        assert_eq!(ioctl(&prepared, 2), Some(ENOTTY.to_errno() as isize));
        assert_eq!(shared.events.load(Relaxed), 2);

        let file = anon_inode_create_getfile::<Mapping>(c"[test]", Counted::new(&shared))?;
        assert_eq!(ioctl(&file, 1), None);
        Ok(())
    }

    #[test]
    fn each_file_has_an_inode_of_its_own() -> Result {
        let shared = Shared::new(0)?;
        let new = || anon_inode_create_getfile::<Mapping>(c"[test]", Counted::new(&shared));
        let (file, other) = (new()?, new()?);

        // SAFETY: The files are open.
        let (inode, another) = unsafe { ((*file.as_ptr()).f_inode, (*other.as_ptr()).f_inode) };
        assert!(inode != another);
        Ok(())
    }
}
