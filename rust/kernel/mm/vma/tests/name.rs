// SPDX-License-Identifier: GPL-2.0

//! The names of VMAs, one case for each of the ways to have one.

use super::address_space::{
    AddressSpace,
    Mapping, //
};
use crate::{
    bindings,
    error::from_err_ptr,
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::InodeId,
    prelude::*,
    str::BStr,
    sync::aref::ARef, //
};
use core::ptr::NonNull;

/// Operations that a test writes to a VMA, of which only the name is called.
struct Ops(bindings::vm_operations_struct);

// SAFETY: It is not written.
unsafe impl Sync for Ops {}

static NAMED: Ops = Ops(bindings::vm_operations_struct {
    name: Some(name_hook),
    ..pin_init::zeroed()
});

static UNNAMED: Ops = Ops(bindings::vm_operations_struct {
    name: Some(no_name_hook),
    ..pin_init::zeroed()
});

/// # Safety
///
/// None.
unsafe extern "C" fn name_hook(_vma: *mut bindings::vm_area_struct) -> *const c_char {
    c"[a driver]".as_char_ptr()
}

/// # Safety
///
/// None.
unsafe extern "C" fn no_name_hook(_vma: *mut bindings::vm_area_struct) -> *const c_char {
    core::ptr::null()
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
/// None.
unsafe extern "C" fn mmap_hook(
    _file: *mut bindings::file,
    _vma: *mut bindings::vm_area_struct,
) -> c_int {
    0
}

/// A file that can be mapped, with a name.
fn file(name: &CStr) -> Result<ARef<File>> {
    // SAFETY: The name is a string, the operations are static.
    let file = from_err_ptr(unsafe {
        bindings::anon_inode_getfile(
            name.as_char_ptr(),
            &FOPS.0,
            core::ptr::null_mut(),
            bindings::O_RDWR as c_int,
        )
    })?;

    let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();
    // SAFETY: The reference from `anon_inode_getfile()` is given to the `ARef`, and no task has a
    // descriptor of the file.
    Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) })
}

/// Returns true if the VMA has this name. The buffer has little more room than that.
fn is_named(mm: &AddressSpace, mapping: Mapping, name: Option<&[u8]>) -> Result<bool> {
    let mut buffer = KVec::from_elem(0xffu8, 64, GFP_KERNEL)?;
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;

    let got = vma.name(&mut buffer)?;
    if got != name {
        let got = got.map(BStr::from_bytes);
        pr_info!("{:?}, wanted {:?}\n", got, name.map(BStr::from_bytes));
    }
    Ok(got == name)
}

/// The shortest buffer that the name fits in.
fn shortest_buffer(mm: &AddressSpace, mapping: Mapping) -> Result<usize> {
    let mut buffer = KVec::from_elem(0xffu8, 64, GFP_KERNEL)?;
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;

    for len in 0..buffer.len() {
        match vma.name(&mut buffer[..len]) {
            Ok(_) => return Ok(len),
            Err(e) if e == ENAMETOOLONG => {}
            Err(e) => return Err(e),
        }
    }
    Err(ENAMETOOLONG)
}

#[kunit_tests(rust_vma_name)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_has_none() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;

        assert!(is_named(&mm, mapping, None)?);
        assert_eq!(shortest_buffer(&mm, mapping)?, 0);
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.inode_id(), None);
        Ok(())
    }

    #[test]
    fn a_file_has_its_path_and_its_inode() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = file(c"rust-vma")?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let name = b"anon_inode:rust-vma";

        assert!(is_named(&mm, mapping, Some(name))?);
        assert_eq!(shortest_buffer(&mm, mapping)?, name.len() + 1);

        // SAFETY: The reference keeps the file.
        let (dev, number) = unsafe {
            let inode = (*file.as_ptr()).f_inode;
            ((*(*inode).i_sb).s_dev, (*inode).i_ino)
        };
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let InodeId {
            major,
            minor,
            number: got,
        } = vma.inode_id().ok_or(ENOENT)?;
        assert_eq!(major << 20 | minor, dev);
        assert_eq!(got, number);
        Ok(())
    }

    #[test]
    fn a_deleted_file_says_so() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;

        assert!(is_named(&mm, mapping, Some(b"/dev/zero (deleted)"))?);
        Ok(())
    }

    #[test]
    fn newlines_are_escaped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_file(&*file(c"two\nlines\\040")?, 0, 1)?;
        let name = br"anon_inode:two\012lines\040";

        assert!(is_named(&mm, mapping, Some(name))?);
        assert_eq!(shortest_buffer(&mm, mapping)?, name.len() + 1);
        Ok(())
    }

    #[test]
    fn a_task_without_a_root_gets_no_path() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (with_file, without) = (mm.map_shared(1)?, mm.map(1)?);
        let task = current!().as_ptr();

        // SAFETY: The case is a task of its own, and does nothing with its `fs` meanwhile.
        let fs = unsafe { core::mem::replace(&mut (*task).fs, core::ptr::null_mut()) };
        let path = is_named(&mm, with_file, None);
        let nothing = is_named(&mm, without, None);
        // SAFETY: As above; this is what it was.
        unsafe { (*task).fs = fs };

        assert_eq!(path, Err(ESRCH));
        assert_eq!(nothing, Ok(true));
        Ok(())
    }

    #[test]
    fn operations_give_names() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let set = |ops| -> Result {
            let mut locks = mm.vma_locks();
            let mmap = locks.write();
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
            // SAFETY: The VMA is write-locked, and nothing is done to it while it has operations
            // that are not its own.
            unsafe { (*vma.as_raw()).vm_ops = ops };
            Ok(())
        };

        set(&NAMED.0)?;
        let named = is_named(&mm, mapping, Some(b"[a driver]"));
        let shortest = shortest_buffer(&mm, mapping);
        set(&UNNAMED.0)?;
        let unnamed = is_named(&mm, mapping, None);
        set(core::ptr::null())?;

        assert!(named?);
        assert_eq!(shortest?, b"[a driver]".len());
        assert!(unnamed?);
        Ok(())
    }

    #[test]
    fn heap_and_stack_are_recognised() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (heap, stack, other) = (mm.map(2)?, mm.map(2)?, mm.map(2)?);

        // SAFETY: The mm is alive and nobody else uses it.
        let of_mm = unsafe { &mut (*mm.as_raw()).__bindgen_anon_1 };
        let before = (of_mm.start_brk, of_mm.brk, of_mm.start_stack);
        of_mm.start_brk = heap.start + 8;
        of_mm.brk = heap.start + 16;
        of_mm.start_stack = stack.end();
        let names = [
            is_named(&mm, heap, Some(b"[heap]")),
            is_named(&mm, stack, Some(b"[stack]")),
            is_named(&mm, other, None),
        ];
        (of_mm.start_brk, of_mm.brk, of_mm.start_stack) = before;

        for named in names {
            assert!(named?);
        }
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_ANON_VMA_NAME)]
    fn userspace_gives_names() -> Result {
        use crate::mm::vma::AnonVmaName;

        let mm = AddressSpace::of_this_case()?;
        let (private, shared) = (mm.map(1)?, mm.map_shared(1)?);
        let mut locks = mm.vma_locks();
        let mut mmap = locks.write();
        let name = AnonVmaName::new(c"a name")?;
        for mapping in [private, shared] {
            let (mmap, mut order) = mmap.nest();
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
            vma.set_anon_name(&mut order, Some(&name))?;
        }
        drop(mmap);

        assert!(is_named(&mm, private, Some(b"[anon:a name]"))?);
        assert!(is_named(&mm, shared, Some(b"[anon_shmem:a name]"))?);
        let name = b"[anon_shmem:a name]";
        assert_eq!(shortest_buffer(&mm, shared)?, name.len());
        Ok(())
    }

    #[test]
    fn every_read_level_gives_the_name() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let name = Ok(Some(&b"/dev/zero (deleted)"[..]));
        let mut buffer = KVec::from_elem(0u8, 64, GFP_KERNEL)?;
        let mut locks = mm.vma_locks();

        if let Some(vma) = locks.lock_vma_under_rcu(mapping.start) {
            assert!(vma.name(&mut buffer) == name);
        }
        let mmap = locks.read();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert!(vma.name(&mut buffer) == name);
        drop(mmap);
        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert!(vma.name(&mut buffer) == name);
        assert!(vma.start_write().name(&mut buffer) == name);
        Ok(())
    }
}
