// SPDX-License-Identifier: GPL-2.0

//! Setups that end in an mmap function of C, or begin in one, here one that is made for the test.

use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        unmap,
        AddressSpace, //
    },
    device::{
        Counted,
        Device,
        Hook,
        PlainOps,
        Shared, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            Mapped,
            VmaSetup, //
        },
        VmaFlag, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

struct Ops(bindings::vm_operations_struct);

// SAFETY: It is not written.
unsafe impl Sync for Ops {}

static C_OPS: Ops = Ops(bindings::vm_operations_struct {
    close: Some(close),
    ..pin_init::zeroed()
});

/// # Safety
///
/// Called by `vma_close()`, for a VMA of `c_mmap()`.
unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
    // SAFETY: `c_mmap()` has put it there, and the VMA is being closed.
    let (shared, start) = unsafe { (&*(*vma).vm_private_data.cast::<Shared>(), vma_start(vma)) };
    assert_eq!(peek_if_mapped(start), None);
    shared.has_happened();
}

/// # Safety
///
/// The VMA must be one that a callback was given.
unsafe fn vma_start(vma: *mut bindings::vm_area_struct) -> usize {
    // SAFETY: Its addresses do not change during the callback.
    unsafe { (*vma).__bindgen_anon_1.__bindgen_anon_1.vm_start }
}

/// As a library of C does it: operations, data, a page.
///
/// # Safety
///
/// To be called in the hook of a file whose device outlives the VMA.
unsafe fn c_mmap(shared: &Shared, vma: *mut bindings::vm_area_struct) -> c_int {
    let pages = shared.pages.lock();
    let Some(page) = pages.first() else {
        return ENXIO.to_errno();
    };

    // SAFETY: By the contract of this function the VMA may be written, and the data stays.
    unsafe {
        (*vma).vm_private_data = core::ptr::from_ref(shared).cast_mut().cast();
        (*vma).vm_ops = &raw const C_OPS.0;
        bindings::vm_insert_page(vma, vma_start(vma), page.as_raw())
    }
}

fn finish<'a>(data: &'a Counted, setup: VmaSetup<'a>) -> Result<Mapped<'a>> {
    // SAFETY: This is an mmap function, and the device outlives the VMAs.
    unsafe { setup.finish_in_c(|vma| c_mmap(data.shared(), vma)) }
}

/// As a library of C does it that has begun to set up the VMA, and calls the driver back.
fn call_back<'a>(data: &'a Counted, setup: VmaSetup<'a>, maps: bool) -> Result<Mapped<'a>> {
    let called_back = |vma: *mut bindings::vm_area_struct| {
        // SAFETY: This is an mmap function, and the device outlives the VMAs. The hook is run once.
        unsafe {
            (*vma).vm_private_data = core::ptr::dangling_mut::<Shared>().cast();
            (*vma).vm_ops = &raw const C_OPS.0;
            if maps {
                c_mmap(data.shared(), vma);
            }
            VmaSetup::run_hook_in_c(vma, |setup| {
                data.shared().has_happened();
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            })
        }
    };
    // SAFETY: As above. What is left is as for a VMA that the hook of the file has set up.
    unsafe { setup.finish_in_c(called_back) }
}

fn bench(
    pages: u8,
    hook: Hook<Counted>,
) -> Result<(AddressSpace, Arc<Shared>, KBox<Device<Counted>>)> {
    let shared = Shared::new(pages)?;
    let device = Device::new(Counted::new(&shared), hook)?;
    Ok((AddressSpace::of_this_case()?, shared, device))
}

#[kunit_tests(rust_vma_by_c)]
mod tests {
    use super::*;

    #[test]
    fn vma_of_c_is_closed_by_its_own_operations() -> Result {
        let (mm, shared, device) = bench(1, Hook::Mmap(finish))?;
        let mapping = mm.map_file(&*device.open()?, 0, 2)?;
        assert_eq!(peek(mapping.start)?, 100);
        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            assert!(vma.downcast::<PlainOps>().is_none());
            assert!(vma.flags().contains(VmaFlag::MIXEDMAP));
        }

        assert_eq!(shared.events.load(Relaxed), 0);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn hook_that_fails_after_c_closes_the_vma() -> Result {
        let (mm, shared, device) = bench(
            1,
            Hook::Mmap(|data, setup| {
                let start = setup.start();
                let mapped = finish(data, setup)?;
                assert_eq!(peek_if_mapped(start), Some(100));
                drop(mapped);
                Err(ENOTTY)
            }),
        )?;

        assert_eq!(mm.map_file(&*device.open()?, 0, 1).err(), Some(ENOTTY));
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn error_of_c_is_that_of_the_hook() -> Result {
        let (mm, shared, device) = bench(0, Hook::Mmap(finish))?;

        assert_eq!(mm.map_file(&*device.open()?, 0, 1).err(), Some(ENXIO));
        assert_eq!(shared.events.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn hook_that_c_calls_gets_the_vma_as_a_new_one() -> Result {
        let hook: Hook<Counted> = Hook::Mmap(|data, setup| call_back(data, setup, false));
        let (mm, shared, device) = bench(1, hook)?;
        let mapping = mm.map_file(&*device.open()?, 0, 1)?;
        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            assert!(vma.downcast::<PlainOps>().is_some());
        }
        assert_eq!(peek(mapping.start)?, 100);

        // By the operations of the driver alone.
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn vma_with_pages_of_c_is_given_to_no_hook() -> Result {
        let hook: Hook<Counted> = Hook::Mmap(|data, setup| call_back(data, setup, true));
        let (mm, shared, device) = bench(1, hook)?;

        assert_eq!(mm.map_file(&*device.open()?, 0, 1).err(), Some(EINVAL));
        assert_eq!(shared.events.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn vma_has_the_file_that_it_is_given() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(1)?;
        let other = Device::plain::<PlainOps>(&shared)?;
        let device = Device::new(
            (Counted::new(&shared), other.open()?),
            Hook::Mmap(|(data, file), mut setup| {
                // SAFETY: These operations are in the kernel, and the file is anonymous.
                unsafe { setup.set_file(file) };
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            }),
        )?;
        let mapping = mm.map_file(&*device.open()?, 0, 1)?;

        let own = device.data.1.as_ptr();
        let mut locks = mm.vma_locks();
        let is_own = locks.lock_vma(mapping.start).map(|vma| {
            let file = vma.file().map(|file| file.as_ptr());
            file == Some(own)
        });
        assert_eq!(is_own, Some(true));
        assert_eq!(peek(mapping.start)?, 100);
        Ok(())
    }
}
