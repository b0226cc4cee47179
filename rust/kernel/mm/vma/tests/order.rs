// SPDX-License-Identifier: GPL-2.0

//! The order of locks: each pair in the right order, taken.
//!
//! These also teach lockdep the order, so that it reports a later one in the wrong order.

use super::{
    address_space::{
        poke,
        AddressSpace,
        Mapping, //
    }, //
};
use crate::{
    fs::LocalFile,
    mm::vma::{
        rmap::IMmap,
        LockOrder, //
    },
    prelude::*,
    sync::aref::ARef, //
};

pub(super) fn file_of(mm: &AddressSpace, mapping: Mapping) -> Result<ARef<LocalFile>> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    let file = vma.file().ok_or(ENOENT)?;
    Ok(file.into())
}

#[kunit_tests(rust_vma_order)]
mod tests {
    use super::*;

    #[test]
    fn everything_under_the_mmap_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (shared, anonymous) = (mm.map_shared(1)?, mm.map(1)?);
        poke(anonymous.start, 1)?;
        let mut order = LockOrder::new();
        let mut locks = order.vma_locks(&mm);

        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.nest();
        let anonymous = mmap.lookup(anonymous.start).ok_or(ENOENT)?;
        anonymous.anon_vma_prepare(&mut order)?;
        let shared = mmap.lookup(shared.start).ok_or(ENOENT)?;

        let mut i_mmap = IMmap::of(shared.file().ok_or(ENOENT)?).lock_read(&mut order);
        let (i_mmap, mut order) = i_mmap.nest();
        let anon_vma = anonymous.anon_vma().ok_or(ENOENT)?.lock_read(&mut order);
        assert_eq!(i_mmap.vmas(0..=usize::MAX).count(), 1);
        let found = anon_vma.vmas(0..=usize::MAX).next().ok_or(ENOENT)?;
        assert_eq!(found.start(), anonymous.start());
        // And the page table, inside of all.
        assert_eq!(
            found.with_pte(found.start(), |entry| entry.get().is_present()),
            Ok(true)
        );
        Ok(())
    }

    #[test]
    fn a_reverse_mapping_under_a_vma_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let mut locks = mm.vma_locks();

        let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let (vma, mut order) = vma.nest();
        let i_mmap = IMmap::of(vma.file().ok_or(ENOENT)?).lock_read(&mut order);
        assert_eq!(i_mmap.vmas(0..=usize::MAX).count(), 1);
        drop(i_mmap);

        let file = vma.file().ok_or(ENOENT)?;
        assert!(IMmap::of(file).trylock_write(&mut order).is_some());
        Ok(())
    }

    #[test]
    fn one_after_the_other_is_no_nesting() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = file_of(&mm, mm.map_shared(1)?)?;
        let mut order = LockOrder::new();

        for _ in 0..2 {
            drop(IMmap::of(&file).lock_write(&mut order));
            drop(order.vma_locks(&mm).write());
        }
        assert!(IMmap::of(&file).trylock_read(&mut order).is_some());
        Ok(())
    }
}
