// SPDX-License-Identifier: GPL-2.0

//! The reverse mapping: walks, what its locks keep out, and the proofs that its fields ask for.

use super::{
    address_space::{
        unmap,
        AddressSpace,
        Mapping, //
    },
    second_task::SecondTask, //
};
use crate::{
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::{
        rmap::{
            AnonVma,
            IMmap, //
        },
        LockOrder,
        MmapWrite,
        Vma,
        VmaFlag, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// A mapping of shared memory, and the file behind it.
fn shared(mm: &AddressSpace, pages: usize) -> Result<(Mapping, ARef<File>)> {
    let mapping = mm.map_shared(pages)?;
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    let file: ARef<LocalFile> = vma.file().ok_or(ENOENT)?.into();

    // SAFETY: No descriptor of any task refers to this file.
    Ok((mapping, unsafe { LocalFile::assume_no_fdget_pos(file) }))
}

#[kunit_tests(rust_vma_rmap)]
mod tests {
    use super::*;

    #[test]
    fn walk_finds_all_mappings_of_its_pages() -> Result {
        let mm = AddressSpace::of_this_case()?;
        // Page 0 of the file is in the hole before the mapping, so this is pages 1 to 4.
        let (mapping, file) = shared(&mm, 4)?;
        let second = mm.map_file(&file, 3, 2)?;

        let mut order = LockOrder::new();
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        assert_eq!(i_mmap.vmas(0..=usize::MAX).count(), 2);
        assert_eq!(i_mmap.vmas(3..=3).count(), 2);
        assert_eq!(i_mmap.vmas(0..=0).count(), 0);
        assert_eq!(i_mmap.vmas(5..=usize::MAX).count(), 0);

        let vma = i_mmap.vmas(1..=2).next().ok_or(ENOENT)?;
        assert_eq!((vma.start(), vma.end()), (mapping.start, mapping.end()));
        assert_eq!(vma.pgoff(), 1);
        assert!(vma.mm_id() == mm.id());

        let other = i_mmap
            .vmas(0..=usize::MAX)
            .find(|vma| vma.start() != mapping.start)
            .ok_or(ENOENT)?;
        assert_eq!((other.start(), other.pgoff()), (second.start, 3));
        assert!(vma.flags_racy().contains(VmaFlag::WRITE));
        assert!(!other.flags_racy().contains(VmaFlag::WRITE));
        Ok(())
    }

    #[test]
    fn i_mmap_readers_share_and_a_writer_is_alone() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_mapping, file) = shared(&mm, 1)?;
        let tries = |file: &ARef<File>| {
            let file = file.clone();
            SecondTask::prepare(move || {
                let i_mmap = IMmap::of(&file);
                let read = i_mmap.trylock_read(&mut LockOrder::new()).is_some();
                let write = i_mmap.trylock_write(&mut LockOrder::new()).is_some();
                (read, write)
            })
        };

        assert_eq!(tries(&file)?.start().join()?, (true, true));
        let mut order = LockOrder::new();
        let second = tries(&file)?;
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        assert_eq!(second.start().join()?, (true, false));
        drop(i_mmap);
        let second = tries(&file)?;
        let i_mmap = IMmap::of(&file).lock_write(&mut order);
        assert_eq!(second.start().join()?, (false, false));
        drop(i_mmap);
        assert_eq!(tries(&file)?.start().join()?, (true, true));
        Ok(())
    }

    #[test]
    fn walk_results_live_under_the_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, file) = shared(&mm, 2)?;

        let unmapper = {
            let mm = mm.clone();
            SecondTask::prepare(move || mm.enter(|| unmap(mapping.start, mapping.len)))?
        };
        let mut order = LockOrder::new();
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        let vma = i_mmap.vmas(0..=usize::MAX).next().ok_or(ENOENT)?;
        let unmapper = unmapper.start();
        assert!(unmapper.stays_blocked());
        // It may be detached by now, but it is still what it was.
        assert_eq!((vma.start(), vma.end()), (mapping.start, mapping.end()));
        assert!(vma.mm_id() == mm.id());
        drop(i_mmap);

        unmapper.join()??;
        assert_eq!(
            IMmap::of(&file)
                .lock_read(&mut LockOrder::new())
                .vmas(0..=usize::MAX)
                .count(),
            0
        );
        Ok(())
    }

    #[test]
    fn lock_rmap_hides_a_file_mapping() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, file) = shared(&mm, 1)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let walker = {
            let file = file.clone();
            SecondTask::prepare(move || {
                IMmap::of(&file)
                    .lock_read(&mut LockOrder::new())
                    .vmas(0..=usize::MAX)
                    .count()
            })?
        };
        let vma = vma.lock_rmap(&mut order);
        assert!(vma.i_mmap().is_some());
        assert!(vma.anon_vma_lock().is_none());
        let walker = walker.start();
        assert!(walker.stays_blocked());
        drop(vma);
        assert_eq!(walker.join()?, 1);
        Ok(())
    }

    #[test]
    fn anonymous_vma_is_prepared_once() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert!(vma.anon_vma().is_none());
        vma.anon_vma_prepare(&mut order)?;
        let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
        vma.anon_vma_prepare(&mut order)?;
        assert!(core::ptr::eq(anon_vma, vma.anon_vma().ok_or(ENOENT)?));

        let walk = anon_vma.lock_read(&mut order);
        let found = walk.vmas(vma.pgoff()..=vma.pgoff()).next().ok_or(ENOENT)?;
        assert_eq!(found.start(), mapping.start);
        assert_eq!(walk.vmas(0..=usize::MAX).count(), 1);
        assert_eq!(walk.vmas(0..=0).count(), 0);
        Ok(())
    }

    #[test]
    fn lock_rmap_hides_anonymous_memory() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        {
            let mut mmap = locks.read();
            let (mmap, mut order) = mmap.nest();
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            vma.anon_vma_prepare(&mut order)?;
        }
        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        let writable = vma.start_write();
        let tries = |vma: &Vma<MmapWrite>| {
            let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
            // A raw address goes to the other task; the VMA stays meanwhile.
            let anon_vma = core::ptr::from_ref(anon_vma).addr();
            SecondTask::prepare(move || {
                let anon_vma = core::ptr::with_exposed_provenance::<AnonVma>(anon_vma);
                // SAFETY: The first task waits for this one, and keeps the VMA.
                let anon_vma = unsafe { &*anon_vma };
                let read = anon_vma.trylock_read(&mut LockOrder::new()).is_some();
                let write = anon_vma.trylock_write(&mut LockOrder::new()).is_some();
                (read, write)
            })
        };
        let second = tries(vma)?;
        let all = writable.lock_rmap(&mut order);
        assert!(all.i_mmap().is_none());
        assert!(all.anon_vma_lock().is_some());
        assert_eq!(second.start().join()?, (false, false));
        drop(all);
        assert_eq!(tries(vma)?.start().join()?, (true, true));
        let second = tries(vma)?;
        let read = vma.anon_vma().ok_or(ENOENT)?.lock_read(&mut order);
        assert_eq!(second.start().join()?, (true, false));
        drop(read);
        Ok(())
    }

    #[test]
    fn a_guard_knows_whose_lock_it_holds() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, file) = shared(&mm, 1)?;
        let (_, other_file) = shared(&mm, 1)?;
        let anonymous = [mm.map(1)?, mm.map(1)?];
        let mut locks = mm.vma_locks();

        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.nest();
        let i_mmap = IMmap::of(&file).lock_write(&mut order);
        assert!(i_mmap.is_of(Some(&file)));
        assert!(!i_mmap.is_of(Some(&other_file)) && !i_mmap.is_of(None));
        drop(i_mmap);

        let vma = mmap.lookup(anonymous[0].start).ok_or(ENOENT)?;
        let other = mmap.lookup(anonymous[1].start).ok_or(ENOENT)?;
        vma.anon_vma_prepare(&mut order)?;
        let lock = vma.anon_vma().ok_or(ENOENT)?.lock_write(&mut order);
        assert!(lock.is_of(vma.anon_vma()));
        // The other one has none yet, unless the two were merged.
        assert_eq!(lock.is_of(other.anon_vma()), core::ptr::eq(vma, other));
        Ok(())
    }

    #[test]
    fn an_empty_range_of_pages_finds_nothing() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, file) = shared(&mm, 8)?;
        let anonymous = mm.map(8)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(anonymous.start).ok_or(ENOENT)?;
        vma.anon_vma_prepare(&mut order)?;
        let pgoff = vma.pgoff();

        #[allow(clippy::reversed_empty_ranges)]
        let (in_file, in_vma) = (5..=3, pgoff + 5..=pgoff + 3);
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        assert_eq!(i_mmap.vmas(in_file).count(), 0);
        assert_eq!(i_mmap.vmas(3..=5).count(), 1);
        drop(i_mmap);
        let lock = vma.anon_vma().ok_or(ENOENT)?.lock_read(&mut order);
        assert_eq!(lock.vmas(in_vma).count(), 0);
        assert_eq!(lock.vmas(pgoff + 3..=pgoff + 5).count(), 1);
        Ok(())
    }
}
