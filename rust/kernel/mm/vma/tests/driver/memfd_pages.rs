// SPDX-License-Identifier: GPL-2.0
#![cfg(CONFIG_MEMFD_CREATE)]
#![cfg(CONFIG_ARCH_HAS_PTE_SPECIAL)]

//! Pages of a memfd that a driver pins and maps.

use super::{
    super::address_space::{
        peek,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    device::{
        Device,
        Hook, //
    },
    pinning::{
        clean,
        is_pinned, //
    },
};
use crate::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            PfnMap,
            PfnPieces,
            Pieces,
            ShmemFile,
            ViaMmap,
            VmaOperations, //
        },
        LockOrder, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};
use core::ptr::NonNull;

type Data = Arc<PfnPieces<()>>;

const SHRINK: u32 = bindings::F_SEAL_SHRINK;
const WRITE: u32 = bindings::F_SEAL_WRITE;
const FUTURE_WRITE: u32 = bindings::F_SEAL_FUTURE_WRITE;

/// More than are pinned by one call.
const PAGES: usize = 40;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Data;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

/// A memfd with these seals. Of its pages the first five are there, and begin with their number
/// and 60.
fn memfd(seals: u32) -> Result<ShmemFile> {
    let memory = ShmemFile::new(c"test", PAGES)?;
    for page in 0..5 {
        memory.write(&mut LockOrder::new(), page * PAGE_SIZE, &[60 + page as u8])?;
    }
    // SAFETY: The file is one of shmem, and nobody else has it.
    unsafe { bindings::vma_kunit_set_seals(memory.file().as_ptr(), seals) };
    Ok(memory)
}

fn add_seals_to(file: &LocalFile, seals: u32) -> Result {
    // SAFETY: The file is open.
    to_result(unsafe { bindings::vma_kunit_add_seals(file.as_ptr(), seals) })
}

fn add_seals(memory: &ShmemFile, seals: u32) -> Result {
    add_seals_to(memory.file(), seals)
}

fn first_byte(memory: &ShmemFile, page: usize) -> Result<u8> {
    let mut byte = [0];
    memory.read(page * PAGE_SIZE, &mut byte)?;
    Ok(byte[0])
}

/// # Safety
///
/// `file` must be a new one, in no descriptor table, or an error.
pub(super) unsafe fn owned(file: *mut bindings::file) -> Result<ARef<File>> {
    let file = NonNull::new(from_err_ptr(file)?).ok_or(ENOMEM)?;
    // SAFETY: Guaranteed by the caller: the reference is given to this, and no task has a
    // descriptor of the file.
    Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file.cast())) })
}

/// A memfd on a file system with this option.
fn tmpfs_file(option: &CStr, value: &CStr, pages: usize) -> Result<ARef<File>> {
    let (option, value) = (option.as_char_ptr(), value.as_char_ptr());
    // SAFETY: These are strings. It is a new file of shmem.
    unsafe {
        let size = (pages * PAGE_SIZE) as i64;
        let file = owned(bindings::vma_kunit_tmpfs_file(option, value, size))?;
        bindings::vma_kunit_set_seals(file.as_ptr(), SHRINK);
        Ok(file)
    }
}

/// The same file, opened once more.
fn open_as(memory: &ShmemFile, flags: u32) -> Result<ARef<File>> {
    let file = memory.file().as_ptr();
    // SAFETY: The file is open, and the operations are its own.
    unsafe {
        owned(bindings::alloc_file_clone(
            file,
            flags as c_int,
            (*file).f_op,
        ))
    }
}

fn push(pieces: &mut Pieces, file: &LocalFile, first: usize, pages: usize) -> Result {
    pieces.push_memfd(&mut LockOrder::new(), file, first, pages)
}

/// The page that has a frame.
fn page_of(pieces: &Pieces, frame: usize) -> Result<*mut bindings::page> {
    let (frames, index) = pieces.piece_of(frame).ok_or(EINVAL)?;
    // SAFETY: It is the frame of a page.
    Ok(unsafe { bindings::pfn_to_page(frames.pfn(index).ok_or(EINVAL)?) })
}

/// Maps all of the pieces.
fn map(mm: &AddressSpace, device: &Device<Data>) -> Result<Mapping> {
    let rw = bindings::PROT_READ | bindings::PROT_WRITE;
    let pages = device.data.pieces().count();
    mm.map_file_as(&*device.open()?, 0, pages, rw, bindings::MAP_SHARED, 0)
}

fn data(pieces: Pieces) -> Result<Data> {
    Arc::pin_init(PfnPieces::new(pieces, ()), GFP_KERNEL)
}

fn by_faults() -> Hook<Data> {
    Hook::Mmap(|data, setup| Ok(setup.pfnmap()?.with_ops::<Ops>(data.clone())))
}

#[kunit_tests(rust_vma_pieces_of_memfd)]
mod tests {
    use super::*;

    #[test]
    fn faults_map_pages_of_several_memfds() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (memfd(SHRINK)?, memfd(SHRINK)?);
        other.write(&mut LockOrder::new(), 0, &[90])?;

        let mut pieces = Pieces::new();
        push(&mut pieces, one.file(), 3, 2)?;
        push(&mut pieces, other.file(), 0, 1)?;
        push(&mut pieces, one.file(), 1, 1)?;
        let device = Device::new(data(pieces)?, by_faults())?;
        let mapping = map(&mm, &device)?;
        let at = |page: usize| mapping.start + page * PAGE_SIZE;

        let bytes = [0, 1, 2, 3].map(|page| peek(at(page)));
        assert_eq!(bytes, [63, 64, 90, 61].map(Ok));
        // It is the memory of the files.
        poke(at(1), 7)?;
        assert_eq!(first_byte(&one, 4), Ok(7));
        one.write(&mut LockOrder::new(), PAGE_SIZE, &[8])?;
        assert_eq!(peek(at(3)), Ok(8));
        Ok(())
    }

    #[test]
    fn pages_are_mapped_in_the_hook() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, memory.file(), 0, PAGES)?;
        assert_eq!(pieces.count(), PAGES);

        let device = Device::new(
            data(pieces)?,
            Hook::Mmap(|data, setup| {
                let addr = setup.start();
                let setup = setup.pfnmap()?;
                setup.remap_pfn_range::<Ops>(data.clone(), addr, 0, PAGES)
            }),
        )?;
        let mapping = map(&mm, &device)?;
        assert_eq!(peek(mapping.start + 4 * PAGE_SIZE), Ok(64));
        // Those that were not there are zeroed, and of the file.
        for page in 5..PAGES {
            let at = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek(at), Ok(0));
            poke(at, page as u8)?;
            assert_eq!(first_byte(&memory, page), Ok(page as u8));
        }
        Ok(())
    }

    #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
    #[test]
    fn parts_of_large_folios_are_mapped() -> Result {
        use crate::mm::vma::page_table::Pmd;
        const HUGE: usize = Pmd::SIZE / PAGE_SIZE;

        let mm = AddressSpace::of_this_case()?;
        let file = tmpfs_file(c"huge", c"always", 2 * HUGE)?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let whole = mm.map_file_as(&file, 0, 2 * HUGE, rw, bindings::MAP_SHARED, 0)?;

        let mut pieces = Pieces::new();
        let mut pages = KVec::new();
        for (first, count) in [(3, 2), (HUGE - 1, 2), (1, HUGE)] {
            push(&mut pieces, &file, first, count)?;
            for page in first..first + count {
                poke(whole.start + page * PAGE_SIZE, page as u8)?;
                pages.push(page, GFP_KERNEL)?;
            }
        }
        // All of the two folios, but not more than was asked for.
        let counts: [_; 6] = core::array::from_fn(|piece| pieces.get(piece).map(|p| p.count()));
        let expected = [2, 1, 1, HUGE - 1, 1].map(Some);
        assert_eq!(counts[..5], expected);
        assert_eq!(counts[5], None);

        let device = Device::new(data(pieces)?, by_faults())?;
        let mapping = map(&mm, &device)?;
        for (page, in_file) in pages.iter().enumerate() {
            let at = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek(at), Ok(*in_file as u8));
        }
        poke(mapping.start + PAGE_SIZE, 99)?;
        assert_eq!(peek(whole.start + 4 * PAGE_SIZE), Ok(99));
        unmap(mapping.start, mapping.len)?;
        unmap(whole.start, whole.len)
    }

    #[test]
    fn mapping_keeps_the_pages_pinned() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, memory.file(), 2, 1)?;
        let page = page_of(&pieces, 0)?;
        let device = Device::new(data(pieces)?, by_faults())?;
        let mapping = map(&mm, &device)?;
        drop(device);

        assert_eq!(add_seals(&memory, WRITE), Err(EBUSY));
        // Later writers are refused, and this is one before.
        add_seals(&memory, FUTURE_WRITE)?;
        poke(mapping.start, 5)?;
        assert_eq!(first_byte(&memory, 2), Ok(5));
        // SAFETY: The page is one of the file.
        assert!(unsafe { is_pinned(page) });

        unmap(mapping.start, mapping.len)?;
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(page) });
        add_seals(&memory, WRITE)
    }

    #[test]
    fn hole_leaves_the_pages_to_the_mapping() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, memory.file(), 0, 2)?;
        let page = page_of(&pieces, 0)?;
        let device = Device::new(data(pieces)?, by_faults())?;
        let mapping = map(&mm, &device)?;
        assert_eq!(peek(mapping.start), Ok(60));

        let mode = bindings::FALLOC_FL_PUNCH_HOLE | bindings::FALLOC_FL_KEEP_SIZE;
        // SAFETY: The file is open.
        to_result(unsafe {
            let size = 2 * PAGE_SIZE as i64;
            bindings::vfs_fallocate(memory.file().as_ptr(), mode as c_int, 0, size)
        })?;
        assert_eq!(
            (first_byte(&memory, 0), first_byte(&memory, 1)),
            (Ok(0), Ok(0))
        );
        // SAFETY: The page is there, or it is any other by now.
        assert!(unsafe { is_pinned(page) });
        for page in 0..2 {
            let at = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek(at), Ok(60 + page as u8));
            poke(at, 9)?;
            assert_eq!(first_byte(&memory, page), Ok(0));
        }
        Ok(())
    }

    #[test]
    fn written_pages_are_dirty() -> Result {
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, memory.file(), 1, 1)?;
        let page = page_of(&pieces, 0)?;
        // SAFETY: The page is one of the file, until the end of the test.
        unsafe { clean(page) };

        drop(pieces);
        // SAFETY: As above.
        assert!(unsafe { clean(page) });
        Ok(())
    }

    #[test]
    fn seals_are_checked() -> Result {
        let mut pieces = Pieces::new();
        for (seals, expected) in [
            (0, Err(EINVAL)),
            // As a file of shmem that is no memfd has it.
            (bindings::F_SEAL_SEAL, Err(EINVAL)),
            (SHRINK | WRITE, Err(EINVAL)),
            (SHRINK | FUTURE_WRITE, Err(EINVAL)),
            (WRITE, Err(EINVAL)),
            (
                SHRINK | bindings::F_SEAL_GROW | bindings::F_SEAL_SEAL,
                Ok(()),
            ),
        ] {
            let memory = memfd(seals)?;
            assert_eq!(push(&mut pieces, memory.file(), 0, 1), expected);
        }
        assert_eq!(pieces.count(), 1);

        // The file of a device has none.
        let device = Device::new(data(Pieces::new())?, by_faults())?;
        assert_eq!(push(&mut pieces, &*device.open()?, 0, 1), Err(EBADFD));
        assert_eq!(pieces.count(), 1);
        Ok(())
    }

    #[test]
    fn file_must_be_open_for_both() -> Result {
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        for (flags, expected) in [
            (bindings::O_RDONLY, Err(EACCES)),
            (bindings::O_WRONLY, Err(EACCES)),
            (bindings::O_RDWR, Ok(())),
        ] {
            let file = open_as(&memory, flags)?;
            assert_eq!(push(&mut pieces, &file, 0, 1), expected);
        }
        Ok(())
    }

    #[test]
    fn range_beyond_the_file_leaves_nothing_pinned() -> Result {
        let memory = memfd(SHRINK)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, memory.file(), 0, 1)?;
        for (first, pages) in [
            (0, 0),
            (0, PAGES + 1),
            (PAGES, 1),
            (usize::MAX, 1),
            (usize::MAX / PAGE_SIZE, 1),
            (1, usize::MAX),
            (0, i64::MAX as usize / PAGE_SIZE + 1),
        ] {
            assert_eq!(push(&mut pieces, memory.file(), first, pages), Err(EINVAL));
        }
        assert_eq!(pieces.count(), 1);
        drop(pieces);
        add_seals(&memory, WRITE)
    }

    #[test]
    fn failure_in_the_middle_leaves_nothing_pinned() -> Result {
        // The file system has room for half of the file, in which more than one call pins.
        let file = tmpfs_file(c"nr_blocks", c"20", PAGES)?;
        let mut pieces = Pieces::new();
        push(&mut pieces, &file, 1, 1)?;
        let page = page_of(&pieces, 0)?;

        assert_eq!(push(&mut pieces, &file, 0, PAGES), Err(ENOSPC));
        assert_eq!(pieces.count(), 1);
        assert_eq!(page_of(&pieces, 0), Ok(page));
        drop(pieces);
        add_seals_to(&file, WRITE)
    }
}
