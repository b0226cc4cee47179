// SPDX-License-Identifier: GPL-2.0

//! The level of a driver's mmap hook, in a real one: that of a file made for the test.

use super::address_space::AddressSpace;
use crate::{
    bindings,
    error::from_err_ptr,
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::{
        HeldLock,
        Setup,
        VmRefcnt,
        Vma,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::aref::ARef, //
};
use core::ptr::NonNull;

/// The values that the hook saw.
#[derive(Clone, Copy)]
struct Seen {
    start: usize,
    end: usize,
    pgoff: usize,
    flags: VmaFlags,
    refcnt: Option<VmRefcnt>,
    mm: usize,
    file: usize,
    has_private_data: bool,
}

struct Fops(bindings::file_operations);

// SAFETY: It is not written.
unsafe impl Sync for Fops {}

static FOPS: Fops = Fops(bindings::file_operations {
    mmap: Some(mmap_hook),
    ..pin_init::zeroed()
});

/// # Safety
///
/// Called by `mmap_region()`.
unsafe extern "C" fn mmap_hook(
    file: *mut bindings::file,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: `mmap_region()` holds the mmap write lock, and has shown the VMA to nobody.
    let vma = unsafe { Vma::<Setup>::from_raw(vma) };

    let seen = Seen {
        start: vma.start(),
        end: vma.end(),
        pgoff: vma.pgoff(),
        flags: vma.flags(),
        refcnt: vma.refcnt(),
        mm: vma.mm().as_raw().addr(),
        file: vma.file().map_or(0, |file| file.as_ptr().addr()),
        has_private_data: !vma.private_data().is_null(),
    };

    // SAFETY: The file was made with NULL, or with a pointer to an `Option<Seen>` that outlives the
    // call of `vm_mmap()` that this is part of.
    if let Some(report) = unsafe { (*file).private_data.cast::<Option<Seen>>().as_mut() } {
        *report = Some(seen);
    }
    0
}

/// A file whose mmap hook writes what it sees to `seen`.
fn file(seen: *mut Option<Seen>) -> Result<ARef<File>> {
    // SAFETY: The name is a string, the operations are static.
    let file = from_err_ptr(unsafe {
        bindings::anon_inode_getfile(
            c"vma-setup".as_char_ptr(),
            &FOPS.0,
            seen.cast(),
            bindings::O_RDWR as c_int,
        )
    })?;

    let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();
    // SAFETY: The reference from `anon_inode_getfile()` is given to the `ARef`, and no task has a
    // descriptor of the file.
    Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) })
}

/// A file whose pages are not in memory, and which is not shared memory.
#[cfg(CONFIG_ANON_VMA_NAME)]
pub(super) fn plain_file() -> Result<ARef<File>> {
    file(core::ptr::null_mut())
}

#[kunit_tests(rust_vma_setup)]
mod tests {
    use super::*;

    #[test]
    fn hook_sees_a_detached_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut seen = None;
        let file = file(&raw mut seen)?;
        let mapping = mm.map_file(&file, 3, 2)?;

        let seen: Seen = seen.ok_or(ENOENT)?;
        assert_eq!((seen.start, seen.end), (mapping.start, mapping.end()));
        assert_eq!(seen.end - seen.start, 2 * PAGE_SIZE);
        assert_eq!(seen.pgoff, 3);
        assert!(seen.flags.contains_all(VmaFlag::SHARED | VmaFlag::READ));
        assert_eq!(seen.mm, mm.as_raw().addr());
        assert_eq!(seen.file, file.as_ptr().addr());
        assert!(!seen.has_private_data);
        if cfg!(CONFIG_PER_VMA_LOCK) {
            assert_eq!(seen.refcnt, Some(VmRefcnt::Detached));
        }

        // Once the hook has returned it is a VMA as any other.
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        if let Some(refcnt) = vma.refcnt() {
            assert_eq!(vma.held(), HeldLock::Vma);
            assert!(matches!(refcnt, VmRefcnt::Readers { readers: 1, .. }));
        }
        Ok(())
    }
}
