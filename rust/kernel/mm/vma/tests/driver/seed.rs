// SPDX-License-Identifier: GPL-2.0

// Flags that seal a VMA.
#![cfg(CONFIG_64BIT)]

//! VMAs that `.mmap_prepare` has described, and that the kernel could neither map nor unmap again.
//!
//! Nothing that a driver says gets so far on purpose. The files here tell the kernel to map a page
//! that it refuses, and to seal the VMA before it finds out.

use super::{
    super::address_space::{
        peek,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    device::{
        give_page,
        Counted,
        Shared, //
    },
};
use crate::{
    bindings,
    error::from_err_ptr,
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::{
        driver::{
            DriverVma,
            Fault,
            FaultOutcome,
            MixedMap,
            ViaMmapPrepare,
            VmaDesc,
            VmaOperations, //
        },
        Closing,
        MmapWrite,
        Opening,
        Read,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::Relaxed,
        Arc, //
    }, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};

/// Operations whose every callback tells that it was called.
struct SeedOps;

crate::vm_operations!(SeedOps);

#[vtable]
impl VmaOperations for SeedOps {
    type Data = Counted;
    type PageKind = MixedMap;
    type Hook = ViaMmapPrepare;

    fn open(vma: &DriverVma<Self, Opening>) {
        vma.data().has_happened();
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        vma.data().has_happened();
    }

    fn may_split(vma: &DriverVma<Self, MmapWrite>, _addr: usize) -> Result {
        vma.data().has_happened();
        Ok(())
    }

    fn mprotect(vma: &DriverVma<Self, MmapWrite>, _range: Range<usize>, _new: VmaFlags) -> Result {
        vma.data().has_happened();
        Ok(())
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.data().has_happened();
        give_page(fault)
    }

    fn name(vma: &DriverVma<Self, Read>) -> Option<&CStr> {
        vma.data().has_happened();
        Some(c"[seed]")
    }
}

/// A file, to whose mappings the kernel adds a page.
struct Seeded {
    data: Counted,
    pages: [*mut bindings::page; 1],
}

const FOPS: bindings::file_operations = bindings::file_operations {
    mmap_prepare: Some(mmap_prepare),
    ..pin_init::zeroed()
};

/// # Safety
///
/// Called by `vfs_mmap_prepare()`.
unsafe extern "C" fn mmap_prepare(desc: *mut bindings::vm_area_desc) -> c_int {
    // SAFETY: A test that maps a file still has what belongs to it. This is the hook.
    unsafe {
        let seeded = (*(*desc).file).private_data.cast::<Seeded>();
        let result = VmaDesc::run_hook(desc, |desc| {
            Ok(desc.mixedmap().with_ops::<SeedOps>(&(*seeded).data))
        });

        (*desc).action.type_ = bindings::mmap_action_type_MMAP_MAP_KERNEL_PAGES;
        (*desc).action.__bindgen_anon_1.map_kernel =
            bindings::mmap_action__bindgen_ty_1__bindgen_ty_3 {
                start: (*desc).start,
                pages: (&raw mut (*seeded).pages).cast(),
                nr_pages: 1,
                pgoff: (*desc).pgoff,
            };
        (*desc).vma_flags.__vma_flags[0] |= VmaFlags::from(VmaFlag::SEALED).word();
        result
    }
}

impl Seeded {
    fn open(&self) -> Result<ARef<File>> {
        // SAFETY: The name is a string, the operations are static.
        let file = from_err_ptr(unsafe {
            bindings::anon_inode_getfile(
                c"vma-seed".as_char_ptr(),
                const { &FOPS },
                core::ptr::from_ref(self).cast_mut().cast(),
                bindings::O_RDWR as c_int,
            )
        })?;
        let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();
        // SAFETY: The reference from `anon_inode_getfile()` is given to the `ARef`, and no task has
        // a descriptor of the file.
        Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) })
    }
}

/// Lets the VMA at `addr` be unmapped, or not.
fn set_sealed(mm: &AddressSpace, addr: usize, sealed: bool) -> Result {
    let mut locks = mm.vma_locks();
    let guard = locks.write();
    let vma = guard.lookup(addr).ok_or(ENOENT)?.start_write();
    let bit = VmaFlags::from(VmaFlag::SEALED).word();

    // SAFETY: Both locks are held for writing.
    unsafe {
        let word = &mut (*vma.as_raw()).__bindgen_anon_2.flags.__vma_flags[0];
        *word = if sealed { *word | bit } else { *word & !bit };
    }
    Ok(())
}

fn is_seen(mm: &AddressSpace, addr: usize) -> Result<bool> {
    let mut locks = mm.vma_locks();
    let guard = locks.read();
    let vma = guard.lookup(addr).ok_or(ENOENT)?;
    Ok(vma.downcast::<SeedOps>().is_some())
}

#[kunit_tests(rust_vma_seed)]
mod tests {
    use super::*;

    #[test]
    fn vma_without_data_is_never_seen() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared: Arc<Shared> = Shared::new(4)?;

        // A page that belongs to other memory, and so cannot be inserted.
        let other = mm.map(1)?;
        poke(other.start, 1)?;
        let mut page = core::ptr::null_mut();
        // SAFETY: There is room for a page.
        let pinned = unsafe { bindings::pin_user_pages_fast(other.start, 1, 0, &mut page) };
        assert_eq!(pinned, 1);
        let seeded = KBox::new(
            Seeded {
                data: Counted::new(&shared),
                pages: [page],
            },
            GFP_KERNEL,
        )?;

        let room = mm.map(4)?;
        unmap(room.start, room.len)?;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapped = mm.map_file_as(&*seeded.open()?, 0, 4, rw, fixed, room.start);
        // SAFETY: It was pinned above.
        unsafe { bindings::unpin_user_page(page) };

        // It is there in spite of that.
        assert_eq!(mapped.err(), Some(EINVAL));
        assert!(!is_seen(&mm, room.start)?);
        assert_eq!(peek(room.start), Err(EFAULT));
        assert_eq!(poke(room.start + PAGE_SIZE, 1), Err(EFAULT));

        // Copies are the same.
        set_sealed(&mm, room.start, false)?;
        let Mapping { start, .. } = room;
        unmap(start + PAGE_SIZE, PAGE_SIZE)?;
        #[cfg(not(CONFIG_UML))]
        super::super::syscalls::mprotect(start + 3 * PAGE_SIZE, PAGE_SIZE, 0)?;
        for index in [0, 2, 3] {
            let addr = start + index * PAGE_SIZE;
            assert!(!is_seen(&mm, addr)?);
            assert_eq!(peek(addr), Err(EFAULT));
        }

        unmap(start, room.len)?;
        assert_eq!(shared.events.load(Relaxed), 0);
        assert_eq!(shared.counts(), (1, 0));
        Ok(())
    }
}
