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
    page::PAGE_SIZE,
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
    fn a_walk_finds_all_mappings_of_the_pages_asked_for() -> Result {
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
            SecondTask::spawn(move || {
                let i_mmap = IMmap::of(&file);
                let read = i_mmap.trylock_read(&mut LockOrder::new()).is_some();
                let write = i_mmap.trylock_write(&mut LockOrder::new()).is_some();
                (read, write)
            })
        };

        assert_eq!(tries(&file)?.join()?, (true, true));
        let mut order = LockOrder::new();
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        assert_eq!(tries(&file)?.join()?, (true, false));
        drop(i_mmap);
        let i_mmap = IMmap::of(&file).lock_write(&mut order);
        assert_eq!(tries(&file)?.join()?, (false, false));
        drop(i_mmap);
        assert_eq!(tries(&file)?.join()?, (true, true));
        Ok(())
    }

    #[test]
    fn what_a_walk_finds_is_not_freed_under_the_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, file) = shared(&mm, 2)?;

        let mut order = LockOrder::new();
        let i_mmap = IMmap::of(&file).lock_read(&mut order);
        let vma = i_mmap.vmas(0..=usize::MAX).next().ok_or(ENOENT)?;
        let unmapper = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.enter(|| unmap(mapping.start, mapping.len)))?
        };
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
        let (mmap, mut order) = mmap.order();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let vma = vma.lock_rmap(&mut order);
        assert!(vma.i_mmap().is_some());
        assert!(vma.anon_vma_lock().is_none());
        let walker = {
            let file = file.clone();
            SecondTask::spawn(move || {
                IMmap::of(&file)
                    .lock_read(&mut LockOrder::new())
                    .vmas(0..=usize::MAX)
                    .count()
            })?
        };
        assert!(walker.stays_blocked());
        drop(vma);
        assert_eq!(walker.join()?, 1);
        Ok(())
    }

    #[test]
    fn anonymous_memory_gets_its_reverse_mapping_once() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.order();
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

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.order();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        vma.anon_vma_prepare(&mut order)?;
        let writable = vma.start_write();
        let all = writable.lock_rmap(&mut order);
        assert!(all.i_mmap().is_none());
        assert!(all.anon_vma_lock().is_some());
        let tries = |vma: &Vma<MmapWrite>| {
            let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
            // A raw address goes to the other task; the VMA stays meanwhile.
            let anon_vma = core::ptr::from_ref(anon_vma).addr();
            let task = SecondTask::spawn(move || {
                let anon_vma = core::ptr::with_exposed_provenance::<AnonVma>(anon_vma);
                // SAFETY: The first task waits for this one, and keeps the VMA.
                let anon_vma = unsafe { &*anon_vma };
                let read = anon_vma.trylock_read(&mut LockOrder::new()).is_some();
                let write = anon_vma.trylock_write(&mut LockOrder::new()).is_some();
                (read, write)
            })?;
            task.join()
        };
        assert_eq!(tries(vma)?, (false, false));
        drop(all);
        assert_eq!(tries(vma)?, (true, true));
        let read = vma.anon_vma().ok_or(ENOENT)?.lock_read(&mut order);
        assert_eq!(tries(vma)?, (true, false));
        drop(read);
        Ok(())
    }

    #[test]
    fn a_proof_of_another_lock_is_refused() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, file) = shared(&mm, 1)?;
        let (_other_mapping, other_file) = shared(&mm, 1)?;
        let anonymous = [mm.map(1)?, mm.map(1)?];
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.order();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let wrong = IMmap::of(&other_file).lock_write(&mut order);
        assert_eq!(vma.shared_rb(&wrong), Err(EINVAL));
        assert_eq!(vma.shared_rb_subtree_last(&wrong), Err(EINVAL));
        drop(wrong);
        let right = IMmap::of(&file).lock_write(&mut order);
        vma.shared_rb(&right)?;
        let last = vma.shared_rb_subtree_last(&right)?;
        // SAFETY: All locks of this field are held.
        assert_eq!(unsafe { *last }, 1);
        drop(right);

        let vmas = [
            mmap.lookup(anonymous[0].start).ok_or(ENOENT)?,
            mmap.lookup(anonymous[1].start).ok_or(ENOENT)?,
        ];
        vmas[0].anon_vma_prepare(&mut order)?;
        let other = vmas[1].start_write();
        let lock = vmas[0].anon_vma().ok_or(ENOENT)?.lock_write(&mut order);
        let list = vmas[0].anon_vma_chain(&lock)?;
        // SAFETY: The locks of this field are held.
        assert!(unsafe { (*list).next } != list);
        // The other one has none yet.
        assert_eq!(vmas[1].anon_vma_chain(&lock), Err(EINVAL));
        // SAFETY: Nothing is changed.
        let result = unsafe { other.clear_anon_vma(&lock) };
        assert_eq!(result, Err(EINVAL));
        Ok(())
    }

    #[test]
    fn anon_vma_is_set_and_reset_under_all_its_locks() -> Result {
        let (mm, other) = (AddressSpace::of_this_case()?, AddressSpace::unused()?);
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.order();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        vma.anon_vma_prepare(&mut order)?;
        let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
        let writable = vma.start_write();
        let lock = anon_vma.lock_write(&mut order);
        // SAFETY: Nobody can look until it is set again, below; its count is unchanged then.
        unsafe { writable.clear_anon_vma(&lock)? };
        assert!(vma.anon_vma().is_none());

        vma.with_page_table_lock(|held| {
            assert!(held.is_of(vma.mm_id()));
            assert!(!held.is_of(other.id()));
            // SAFETY: The VMA is still linked to `anon_vma`, whose lock is held.
            unsafe { vma.set_anon_vma(anon_vma, held) }
        })?;
        assert!(core::ptr::eq(anon_vma, vma.anon_vma().ok_or(ENOENT)?));
        Ok(())
    }

    #[test]
    fn the_layout_is_written_under_all_locks() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.order();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let all = vma.lock_rmap(&mut order);
        let before = (all.start(), all.end(), all.pgoff());
        // SAFETY: Nobody can look until what was there is back, below.
        unsafe {
            all.set_start(before.0 + PAGE_SIZE);
            all.set_end(before.1 + PAGE_SIZE);
            all.set_pgoff(before.2 + 1);
        }
        assert_eq!(vma.end() - vma.start(), mapping.len);
        assert_eq!(
            (vma.start() - before.0, vma.pgoff() - before.2),
            (PAGE_SIZE, 1)
        );
        // SAFETY: This is what it was.
        unsafe {
            all.set_start(before.0);
            all.set_end(before.1);
            all.set_pgoff(before.2);
        }
        drop(all);
        assert_eq!(
            mmap.lookup(mapping.start).ok_or(ENOENT)?.end(),
            mapping.end()
        );
        Ok(())
    }
}
