// SPDX-License-Identifier: GPL-2.0

//! Files of shmem that a driver maps in the place of its own.

#[cfg(not(CONFIG_UML))]
use super::syscalls::{
    mprotect,
    remap_file_pages, //
};
use super::{
    super::address_space::{
        peek,
        poke,
        unmap,
        AddressSpace, //
    },
    device::{
        Device,
        Hook,
        PlainOps, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::ShmemFile,
        LockOrder, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;
const SHARED: u32 = bindings::MAP_SHARED;

/// A file of three pages, each of which begins with its number and 40.
fn memory() -> Result<ShmemFile> {
    let memory = ShmemFile::new(c"test", 3)?;
    for page in 0..memory.count() {
        memory.write(&mut LockOrder::new(), page * PAGE_SIZE, &[40 + page as u8])?;
    }
    Ok(memory)
}

fn first_byte(memory: &ShmemFile, page: usize) -> Result<u8> {
    let mut byte = [0];
    memory.read(page * PAGE_SIZE, &mut byte)?;
    Ok(byte[0])
}

/// How many references to the file there are. Only this task has any.
fn references(memory: &ShmemFile) -> usize {
    // SAFETY: The file is open.
    unsafe { bindings::vma_kunit_file_count(memory.file().as_ptr()) }
}

/// A device that maps the pages after its first one, which is not of the file.
fn device(may_write: bool) -> Result<KBox<Device<ShmemFile>>> {
    let writable: Hook<ShmemFile> = Hook::Mmap(|memory, setup| {
        let first = setup.pgoff().checked_sub(1).ok_or(ENXIO)?;
        setup.map_shmem(memory, first)
    });
    let readable: Hook<ShmemFile> = Hook::Mmap(|memory, mut setup| {
        setup.try_clear_maywrite()?;
        setup.map_shmem(memory, 0)
    });
    Device::new(memory()?, if may_write { writable } else { readable })
}

#[kunit_tests(rust_vma_shmem_file)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_the_driver() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = device(true)?;
        let mapping = mm.map_file_as(&*device.open()?, 2, 3, RW, SHARED, 0)?;
        let at = |page: usize| mapping.start + page * PAGE_SIZE;

        // From the second page of the file on, and there are two.
        assert_eq!([0, 1].map(|page| peek(at(page))), [Ok(41), Ok(42)]);
        assert_eq!(peek(at(2)), Err(EFAULT));
        poke(at(0), 7)?;
        assert_eq!(first_byte(&device.data, 1)?, 7);
        device
            .data
            .write(&mut LockOrder::new(), 2 * PAGE_SIZE, &[8])?;
        assert_eq!(peek(at(1))?, 8);

        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let file = vma.file().map(|file| file.as_ptr());
        assert_eq!(file, Some(device.data.file().as_ptr()));
        assert_eq!(vma.pgoff(), 1);
        assert!(vma.downcast::<PlainOps>().is_none());
        Ok(())
    }

    #[test]
    fn memory_outlives_the_device() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = device(true)?;
        let mapping = mm.map_file_as(&*device.open()?, 1, 1, RW, SHARED, 0)?;

        drop(device);
        assert_eq!(peek(mapping.start)?, 40);
        unmap(mapping.start, mapping.len)
    }

    #[test]
    fn private_mapping_keeps_its_writes() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = device(true)?;
        let mapping = mm.map_file_as(&*device.open()?, 1, 1, RW, bindings::MAP_PRIVATE, 0)?;

        assert_eq!(peek(mapping.start)?, 40);
        poke(mapping.start, 9)?;
        assert_eq!(
            (peek(mapping.start)?, first_byte(&device.data, 0)?),
            (9, 40)
        );
        Ok(())
    }

    #[test]
    fn late_failure_gives_the_file_back() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            memory()?,
            Hook::Mmap(|memory, setup| {
                let mapped = setup.map_shmem(memory, 0)?;
                assert_eq!(references(memory), 2);
                drop(mapped);
                Err(ENOTTY)
            }),
        )?;

        let mapped = mm.map_file(&*device.open()?, 0, 1);
        assert_eq!(mapped.err(), Some(ENOTTY));
        assert_eq!(references(&device.data), 1);
        Ok(())
    }

    #[test]
    fn offsets_that_overflow_are_refused() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            memory()?,
            Hook::Mmap(|memory, setup| setup.map_shmem(memory, usize::MAX)),
        )?;

        let mapped = mm.map_file(&*device.open()?, 0, 1);
        assert_eq!(mapped.err(), Some(EOVERFLOW));
        assert_eq!(references(&device.data), 1);
        Ok(())
    }

    #[test]
    fn accesses_stay_in_the_file() -> Result {
        let memory = memory()?;
        let size = memory.count() * PAGE_SIZE;
        let mut bytes = [1; 2];
        let mut order = LockOrder::new();

        memory.read(size - 2, &mut bytes)?;
        assert_eq!(bytes, [0; 2]);
        for offset in [size - 1, size, usize::MAX] {
            assert_eq!(memory.read(offset, &mut bytes), Err(EINVAL));
            assert_eq!(memory.write(&mut order, offset, &bytes), Err(EINVAL));
        }
        for pages in [0, usize::MAX] {
            assert_eq!(ShmemFile::new(c"test", pages).err(), Some(EINVAL));
        }
        // A file can have as many on 32 bits, and the machine cannot.
        let wanted = if cfg!(CONFIG_64BIT) { EINVAL } else { ENOMEM };
        let most = usize::MAX / PAGE_SIZE;
        assert_eq!(ShmemFile::new(c"test", most).err(), Some(wanted));
        Ok(())
    }

    // Also not by a system call that maps the file by itself.
    #[cfg(not(CONFIG_UML))]
    #[test]
    fn mapping_that_is_not_writable_stays_so() -> Result {
        use crate::mm::vma::VmaFlag;

        let mm = AddressSpace::of_this_case()?;
        let device = device(false)?;
        let file = device.open()?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let (start, len) = (mapping.start, mapping.len);

        assert_eq!(remap_file_pages(start, len, 1), Err(EINVAL));
        assert_eq!(mprotect(start, len, RW), Err(EACCES));
        assert_eq!(peek(start)?, 40);
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(start).ok_or(ENOENT)?;
        assert!(vma.flags().contains(VmaFlag::MAYSHARE));
        drop(vma);

        // A writable one is not stopped.
        let device = super::device(true)?;
        let mapping = mm.map_file_as(&*device.open()?, 1, 1, RW, SHARED, 0)?;
        remap_file_pages(mapping.start, mapping.len, 2)?;
        assert_eq!(peek(mapping.start)?, 42);
        Ok(())
    }

    #[cfg(not(CONFIG_ARCH_HAS_PTE_SPECIAL))]
    #[test]
    fn pages_are_not_pinned_without_special_entries() -> Result {
        use crate::mm::vma::driver::Pieces;

        let mut pieces = Pieces::new();
        let refused = pieces.push_memfd(&mut LockOrder::new(), memory()?.file(), 0, 1);
        assert_eq!(refused, Err(EOPNOTSUPP));
        assert_eq!(pieces.count(), 0);
        Ok(())
    }
}
