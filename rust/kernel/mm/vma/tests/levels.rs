// SPDX-License-Identifier: GPL-2.0

//! The locks that each level stands for, compared with those that lockdep sees.

use super::address_space::AddressSpace;
use crate::{
    mm::vma::{
        level::Held,
        rmap::IMmap,
        Level,
        LockOrder,
        Vma, //
    },
    prelude::*, //
};

/// Returns true if lockdep agrees that a lock is held at least in this mode, or without lockdep.
fn agrees(held: Held, is_held_type: impl Fn(c_int) -> bool) -> bool {
    !cfg!(CONFIG_LOCKDEP)
        || match held {
            Held::No => true,
            Held::Read => is_held_type(0) || is_held_type(1),
            Held::Write => is_held_type(0),
        }
}

#[cfg(CONFIG_LOCKDEP)]
mod lockdep {
    use super::*;
    use crate::bindings;

    pub(super) fn mmap<L: Level>(vma: &Vma<L>, read: c_int) -> bool {
        // SAFETY: The VMA and its mm are alive.
        unsafe { bindings::mmap_lock_is_held_type((*vma.as_raw()).vm_mm, read) }
    }

    pub(super) fn vma<L: Level>(vma: &Vma<L>, read: c_int) -> bool {
        #[cfg(CONFIG_PER_VMA_LOCK)]
        {
            if read == 0 {
                // There is no lock to be held: write-locked is what the numbers say.
                let written = crate::mm::vma::VmRefcnt::Attached { write_locked: true };
                // SAFETY: The VMA is alive, and stable at all levels.
                let vma = unsafe { Vma::<crate::mm::vma::Read>::from_raw(vma.as_raw()) };
                return vma.refcnt() == Some(written);
            }
            // SAFETY: The VMA is alive.
            unsafe { bindings::vma_lock_is_held_type(vma.as_raw(), read) }
        }

        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        {
            let _ = (vma, read);
            true
        }
    }

    pub(super) fn i_mmap<L: Level>(vma: &Vma<L>, read: c_int) -> bool {
        // SAFETY: The VMA is alive, and so is its file.
        unsafe { bindings::i_mmap_is_held_type((*(*vma.as_raw()).vm_file).f_mapping, read) }
    }
}

#[cfg(not(CONFIG_LOCKDEP))]
mod lockdep {
    use super::*;

    pub(super) fn mmap<L: Level>(_: &Vma<L>, _: c_int) -> bool {
        true
    }

    pub(super) use self::{
        mmap as i_mmap,
        mmap as vma, //
    };
}

/// Returns true if one of the states that the level names is the one that lockdep sees.
fn is_true<L: Level>(vma: &Vma<L>) -> bool {
    L::HELD.iter().any(|state| {
        agrees(state.mmap, |read| lockdep::mmap(vma, read))
            && agrees(state.vma, |read| lockdep::vma(vma, read))
            && agrees(state.rmap, |read| lockdep::i_mmap(vma, read))
    })
}

#[kunit_tests(rust_vma_levels)]
mod tests {
    use super::*;

    #[test]
    fn levels_say_what_lockdep_sees() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let addr = mapping.start;
        let mut locks = mm.vma_locks();

        let file = {
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            assert!(is_true(&*vma));
            crate::sync::aref::ARef::from(vma.file().ok_or(ENOENT)?)
        };
        if let Some(vma) = locks.lock_vma_under_rcu(addr) {
            assert!(is_true(&*vma));
            assert!(is_true(vma.as_read()));
        }
        {
            let mmap = locks.read();
            let vma = mmap.lookup(addr).ok_or(ENOENT)?;
            assert!(is_true(vma));
            assert!(is_true(vma.as_read()));
        }
        {
            let mut order = LockOrder::new();
            let i_mmap = IMmap::of(&file).lock_read(&mut order);
            assert!(is_true(i_mmap.vmas(0..=usize::MAX).next().ok_or(ENOENT)?));
        }
        {
            let mut mmap = locks.write();
            let (mmap, mut order) = mmap.nest();
            let vma = mmap.lookup(addr).ok_or(ENOENT)?;
            assert!(is_true(vma));
            let vma = vma.start_write();
            assert!(is_true(vma));
            assert!(is_true(&*vma.lock_rmap(&mut order)));
        }
        let mmap = locks.write().downgrade();
        assert!(is_true(mmap.lookup(addr).ok_or(ENOENT)?));
        Ok(())
    }

    /// The check itself has to be able to fail.
    #[test]
    #[cfg(CONFIG_LOCKDEP)]
    fn lockdep_sees_what_is_not_held() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.read();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert!(!agrees(Held::Write, |read| lockdep::mmap(vma, read)));
        assert!(!agrees(Held::Read, |read| lockdep::i_mmap(vma, read)));
        assert!(!agrees(Held::Write, |read| lockdep::vma(vma, read)));
        Ok(())
    }
}
