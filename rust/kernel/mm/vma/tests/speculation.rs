// SPDX-License-Identifier: GPL-2.0

//! Looking without a lock, with and without a writer.

use super::address_space::{
    AddressSpace,
    Mapping, //
};
use crate::{
    mm::vma::{
        SpeculationError,
        VmaFlag,
        VmaFlags, //
    },
    prelude::*, //
};

/// The fields of a VMA that a speculative read sees.
type Seen = Option<(usize, usize, usize, VmaFlags, bool)>;

fn look(mm: &AddressSpace, mapping: Mapping) -> Result<Seen, SpeculationError> {
    mm.vma_locks().speculate(|mm| {
        let vma = mm.lookup(mapping.start)?;
        Some((
            vma.start(),
            vma.end(),
            vma.pgoff(),
            vma.flags(),
            vma.has_file(),
        ))
    })
}

/// The same, under a lock.
#[cfg(CONFIG_PER_VMA_LOCK)]
fn look_locked(mm: &AddressSpace, mapping: Mapping) -> Seen {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    let vma = mmap.lookup(mapping.start)?;
    let has_file = vma.file().is_some();
    Some((vma.start(), vma.end(), vma.pgoff(), vma.flags(), has_file))
}

#[kunit_tests(rust_vma_speculation)]
mod tests {
    use super::*;

    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn speculative_read_agrees_with_a_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (anon, file) = (mm.map(2)?, mm.map_shared(3)?);

        for mapping in [anon, file] {
            let seen = look(&mm, mapping).map_err(Error::from)?;
            assert!(seen.is_some() && seen == look_locked(&mm, mapping));
        }
        let nothing = Mapping {
            start: anon.end(),
            len: 0,
        };
        assert!(look(&mm, nothing).map_err(Error::from)?.is_none());
        Ok(())
    }

    #[test]
    fn under_the_write_lock_nothing_is_looked_at() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();
        let mut looked = false;

        let mmap = locks.write();
        let result = mm.vma_locks().speculate(|_| looked = true);
        assert_eq!(result, Err(SpeculationError::WriteLocked));
        assert!(!looked);
        assert_eq!(Error::from(SpeculationError::WriteLocked), EAGAIN);

        // Under the read lock nobody writes.
        let mmap = mmap.downgrade();
        if cfg!(CONFIG_PER_VMA_LOCK) {
            let seen = look(&mm, mapping).map_err(Error::from)?.ok_or(ENOENT)?;
            assert!(seen.3.contains(VmaFlag::WRITE));
        } else {
            assert_eq!(look(&mm, mapping), Err(SpeculationError::WriteLocked));
        }
        drop(mmap);
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn reads_concurrent_with_a_writer_are_dropped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let locks = mm.vma_locks();

        let result = locks.speculate(|speculation| {
            assert!(!speculation.must_retry());
            // SAFETY: The mm is alive. What a writer does to the number, done by nobody else: it
            // belongs to this test.
            unsafe {
                let seq = &raw mut (*mm.as_raw()).__bindgen_anon_1.mm_lock_seq.sequence;
                seq.write_volatile(seq.read_volatile() + 2);
            }
            assert!(speculation.must_retry());
            speculation.lookup(mapping.start).is_some()
        });
        assert_eq!(result, Err(SpeculationError::Changed));
        assert_eq!(Error::from(SpeculationError::Changed), EAGAIN);
        // The next one is not concerned.
        assert!(look(&mm, mapping).map_err(Error::from)?.is_some());
        Ok(())
    }
}
