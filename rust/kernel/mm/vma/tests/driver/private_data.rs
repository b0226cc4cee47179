// SPDX-License-Identifier: GPL-2.0

//! The private data of VMAs is counted: what is made is dropped, once, whatever becomes of the VMA.

use super::{
    super::address_space::{
        peek,
        poke,
        unmap,
        AddressSpace, //
    },
    device::{
        give_page,
        with_hook,
        with_plain,
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
            DriverVma,
            Fault,
            FaultOutcome,
            MappedRange,
            Plain,
            SetupFlags,
            ViaMmapPrepare,
            VmaOperations, //
        },
        Closing,
        Opening, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

/// Operations that tell of `open` and `close`, and in `mapped` look at what the VMA will own.
struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;

    fn mapped(data: &Counted, range: &MappedRange<'_>) {
        assert!(range.file.is_some() && !range.addrs.is_empty() && range.pgoff == 0);
        drop(data.clone());
    }

    fn open(vma: &DriverVma<Self, Opening>) {
        vma.data().has_happened();
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        assert!(vma.file().is_some() && vma.start() < vma.end());
        vma.data().has_happened();
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

fn prepared(shared: &Arc<Shared>) -> Result<KBox<Device<Counted>>> {
    Device::new(
        Counted::new(shared),
        Hook::MmapPrepare(|data, desc| Ok(desc.with_ops::<PreparedOps>(data))),
    )
}

/// A page of a file that is mapped, shared and writable.
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;

#[kunit_tests(rust_vma_private_data)]
mod tests {
    use super::*;

    // The device has one piece of private data itself, so all counts begin with that.

    #[test]
    fn a_mapping_has_its_own_until_it_is_unmapped() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(2)?;
        assert_eq!(shared.counts(), (1, 0));

        let one = mm.map_file(&file, 0, 2)?;
        assert_eq!(shared.counts(), (2, 0));
        // Not beside the first, or it would be a part of that.
        let other = mm.map_file(&file, 0, 2)?;
        assert_eq!(shared.counts(), (3, 0));
        assert_eq!(
            (peek(one.start)?, peek(other.start + PAGE_SIZE)?),
            (100, 101)
        );

        unmap(one.start, one.len)?;
        assert_eq!(shared.counts(), (3, 1));
        unmap(other.start, other.len)?;
        assert_eq!(shared.counts(), (3, 2));
        Ok(())
    }

    #[test]
    fn the_parts_of_a_split_share_it() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(6)?;
        let mapping = mm.map_file(&file, 0, 6)?;

        // In the middle: what is unmapped was split off twice.
        unmap(mapping.start + 2 * PAGE_SIZE, PAGE_SIZE)?;
        assert_eq!(shared.counts(), (4, 1));
        // At the start and at the end: split off once.
        unmap(mapping.start, PAGE_SIZE)?;
        unmap(mapping.end() - PAGE_SIZE, PAGE_SIZE)?;
        assert_eq!(shared.counts(), (6, 3));
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 101);
        assert_eq!(peek(mapping.start + 3 * PAGE_SIZE)?, 103);

        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.counts(), (6, 5));
        Ok(())
    }

    #[test]
    fn a_mapping_that_is_merged_has_none() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(4)?;
        let room = mm.map(6)?;
        unmap(room.start, room.len)?;
        let at = |pgoff: usize| room.start + pgoff * PAGE_SIZE;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;

        mm.map_file_as(&file, 0, 2, RW, fixed, at(0))?;
        mm.map_file_as(&file, 2, 2, RW, fixed, at(2))?;
        // It was made, and it enlarged the other one.
        assert_eq!(shared.counts(), (2, 0));
        assert_eq!((peek(at(1))?, peek(at(3))?), (101, 103));

        unmap(at(0), 4 * PAGE_SIZE)?;
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    #[test]
    fn a_hook_that_fails_after_all_gives_it_back() -> Result {
        let (mm, shared, device, _) = with_hook(
            1,
            Hook::Mmap(|data, setup| {
                let _set_up = setup.with_ops::<PlainOps>(data.clone());
                Err(ENOTTY)
            }),
        )?;

        assert_eq!(mm.map_file(&*device.open()?, 0, 1).err(), Some(ENOTTY));
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    #[test]
    fn the_exit_of_a_process_drops_it() -> Result {
        let mm = AddressSpace::unused()?;
        let shared = Shared::new(1)?;
        let device = Device::plain::<PlainOps>(&shared)?;
        let file = device.open()?;

        mm.enter(|| -> Result {
            let mapping = mm.map_file_as(&file, 0, 1, RW, bindings::MAP_SHARED, 0)?;
            poke(mapping.start, 5)
        })?;
        assert_eq!(shared.counts(), (2, 0));
        // The last user of the address space.
        drop(mm);
        assert_eq!(shared.counts(), (2, 1));

        let mut byte = [0];
        shared.pages.lock()[0].read(0, &mut byte)?;
        assert_eq!(byte, [5]);
        Ok(())
    }

    #[test]
    fn prepared_vma_gets_its_share_when_mapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(4)?;
        let device = prepared(&shared)?;
        let file = device.open()?;

        // `mapped()` makes and drops one more.
        let mapping = mm.map_file(&file, 0, 4)?;
        assert_eq!(shared.counts(), (3, 1));
        assert_eq!(peek(mapping.start + 2 * PAGE_SIZE)?, 102);

        // A split opens one and closes one.
        unmap(mapping.start, PAGE_SIZE)?;
        assert_eq!(shared.counts(), (4, 2));
        assert_eq!(shared.events.load(crate::sync::atomic::Relaxed), 2);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.counts(), (4, 3));
        Ok(())
    }

    #[test]
    fn merged_mmap_prepare_drops_its_data() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(4)?;
        let device = prepared(&shared)?;
        let file = device.open()?;
        let room = mm.map(4)?;
        unmap(room.start, room.len)?;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;

        mm.map_file_as(&file, 0, 2, RW, fixed, room.start)?;
        let (made, dropped) = shared.counts();
        mm.map_file_as(&file, 2, 2, RW, fixed, room.start + 2 * PAGE_SIZE)?;
        assert_eq!(shared.counts(), (made, dropped));
        assert_eq!(peek(room.start + 3 * PAGE_SIZE)?, 103);

        unmap(room.start, room.len)?;
        let (made, dropped) = shared.counts();
        assert_eq!(made - dropped, 1);
        Ok(())
    }

    #[test]
    fn special_vmas_are_never_merged() -> Result {
        let (mm, shared, _device, file) = with_hook(
            2,
            Hook::Mmap(|data, mut setup| {
                setup.set_flags(SetupFlags::DONTEXPAND);
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            }),
        )?;
        let room = mm.map(2)?;
        unmap(room.start, room.len)?;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;

        mm.map_file_as(&file, 0, 1, RW, fixed, room.start)?;
        mm.map_file_as(&file, 1, 1, RW, fixed, room.start + PAGE_SIZE)?;
        assert_eq!(shared.counts(), (3, 0));
        unmap(room.start, room.len)?;
        assert_eq!(shared.counts(), (3, 2));
        Ok(())
    }

    /// Forks a process with a copy of the current address space, which exits at once.
    fn fork() -> Result {
        /// # Safety
        ///
        /// To be called as the only function of a task.
        unsafe extern "C" fn exit(_: *mut c_void) -> c_int {
            // SAFETY: This ends the new task, which has nothing on its stack.
            unsafe { bindings::do_exit(0) }
        }

        // Without `CLONE_VM` the address space is copied. Nobody waits for the task: those that
        // are descended from kthreadd ignore SIGCHLD.
        let mut args = bindings::kernel_clone_args {
            flags: u64::from(bindings::CLONE_FS | bindings::CLONE_FILES),
            exit_signal: bindings::SIGCHLD as c_int,
            fn_: Some(exit),
            ..Default::default()
        };
        // SAFETY: The function can be called with NULL.
        match unsafe { bindings::kernel_clone(&mut args) } {
            pid if pid > 0 => Ok(()),
            e => Err(Error::from_errno(e)),
        }
    }

    #[test]
    fn forked_copy_shares_data_until_exit() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(2)?;
        mm.map_file(&file, 0, 2)?;

        fork().inspect_err(|e| pr_err!("DBG fork {e:?}"))?;
        // The copy was made before `fork()` returned; the exit may take a while.
        assert_eq!(shared.counts().0, 3);
        for _ in 0..1000 {
            if shared.counts() == (3, 1) {
                break;
            }
            fsleep(Delta::from_millis(10));
        }
        assert_eq!(shared.counts(), (3, 1));
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn a_mapping_that_moves_takes_it_along() -> Result {
        use super::super::syscalls::{
            mprotect,
            mremap_to, //
        };

        let (mm, shared, _device, file) = with_plain::<PlainOps>(3)?;
        let mapping = mm.map_file(&file, 0, 3)?;
        let room = mm.map(3)?;
        unmap(room.start, room.len)?;

        // Opened, then closed where it was.
        let mapping = mremap_to(mapping, room.start)?;
        assert_eq!(shared.counts(), (3, 1));
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 101);

        // Into three parts. They are not merged again: a VMA that is to be closed is not just
        // removed.
        mprotect(mapping.start + PAGE_SIZE, PAGE_SIZE, bindings::PROT_NONE)?;
        assert_eq!(shared.counts(), (5, 1));
        mprotect(mapping.start + PAGE_SIZE, PAGE_SIZE, bindings::PROT_READ)?;
        let (made, dropped) = shared.counts();
        unmap(mapping.start, mapping.len)?;
        assert_eq!((made, dropped), (5, 1));
        assert_eq!(shared.counts(), (5, 4));
        Ok(())
    }
}
