// SPDX-License-Identifier: GPL-2.0

//! The fields of a VMA, against what was mapped, at every level.

use super::address_space::AddressSpace;
use crate::{
    alloc::KVec,
    bindings,
    fmt::{
        self,
        Write, //
    },
    mm::vma::{
        AdviceFlags,
        ReadFields,
        ReadHeld,
        Vma,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};

/// Text in memory.
struct Text(KVec<u8>);

impl Write for Text {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0
            .extend_from_slice(s.as_bytes(), GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}

fn debug<L: ReadFields>(vma: &Vma<L>) -> Result<Text> {
    let mut text = Text(KVec::new());
    write!(text, "{vma:?}").map_err(|_| ENOMEM)?;
    Ok(text)
}

#[kunit_tests(rust_vma_fields)]
mod tests {
    use super::*;

    fn is_private_anon<L: ReadHeld>(vma: &Vma<L>, mm: &AddressSpace) -> bool {
        vma.pgoff() == vma.start() >> PAGE_SHIFT
            && vma.file().is_none()
            && vma.mm_id() == mm.id()
            && vma.mm().id() == mm.id()
            && vma.as_read().start() == vma.start()
            && vma.flags().contains_all(VmaFlag::READ | VmaFlag::WRITE)
            && !vma.flags().contains_any(VmaFlag::SHARED | VmaFlag::EXEC)
    }

    #[test]
    fn anonymous_memory_at_every_level() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!((vma.start(), vma.end()), (mapping.start, mapping.end()));
        assert!(is_private_anon(&vma, &mm));
        drop(vma);
        if let Some(vma) = locks.lock_vma_under_rcu(mapping.start) {
            assert!(is_private_anon(&vma, &mm));
        }
        let mmap = locks.read();
        assert!(is_private_anon(
            mmap.lookup(mapping.start).ok_or(ENOENT)?,
            &mm
        ));
        drop(mmap);
        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert!(is_private_anon(vma, &mm));
        assert!(is_private_anon(vma.start_write(), &mm));
        Ok(())
    }

    #[test]
    fn shared_memory_has_a_file() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(2)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert!(vma.flags().contains(VmaFlag::SHARED));
        // The first page of the file is in the hole before the mapping.
        assert_eq!(vma.pgoff(), 1);
        let file = vma.file().ok_or(ENOENT)?;
        assert_eq!(file.flags() & bindings::O_ACCMODE, bindings::O_RDWR);
        Ok(())
    }

    #[test]
    fn advice_is_set_and_cleared() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();
        let both = AdviceFlags::RAND_READ | AdviceFlags::DONTDUMP;

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let before = vma.flags();
        assert!(!before.contains_any(both.into()));
        vma.set_flags(both);
        assert_eq!(vma.flags(), before | VmaFlags::from(both));
        vma.clear_flags(AdviceFlags::RAND_READ)?;
        assert_eq!(vma.flags(), before | VmaFlag::DONTDUMP);
        drop(mmap);

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.flags(), before | VmaFlag::DONTDUMP);
        Ok(())
    }

    #[test]
    fn driver_flags_are_not_cleared() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();
        let both = AdviceFlags::RAND_READ | AdviceFlags::DONTDUMP;

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        vma.set_flags(both | AdviceFlags::SEQ_READ);
        let dontexpand = 1 << bindings::VMA_DONTEXPAND_BIT;
        // SAFETY: The VMA is write-locked; the flag makes it look like a driver's.
        unsafe { (*vma.as_raw()).__bindgen_anon_2.flags.__vma_flags[0] |= dontexpand };
        let before = vma.flags();

        assert_eq!(vma.clear_flags(AdviceFlags::DONTDUMP), Err(EINVAL));
        assert_eq!(vma.clear_flags(both | AdviceFlags::SEQ_READ), Err(EINVAL));
        assert_eq!(vma.flags(), before);
        vma.clear_flags(AdviceFlags::SEQ_READ | AdviceFlags::RAND_READ)?;
        assert!(!vma
            .flags()
            .contains_any(VmaFlag::SEQ_READ | VmaFlag::RAND_READ));

        // SAFETY: As above.
        unsafe { (*vma.as_raw()).__bindgen_anon_2.flags.__vma_flags[0] &= !dontexpand };
        vma.clear_flags(both)
    }

    #[test]
    fn page_protection_is_written_and_recomputed() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let cached = vma.page_prot();
        let uncached = cached.noncached();
        // SAFETY: The permissions are the same, and no page is ever faulted in.
        unsafe { vma.set_page_prot(uncached) };
        assert_eq!(vma.page_prot(), uncached);
        // The memory type stays, and so do the permissions, which follow from the flags.
        vma.update_page_prot();
        assert_eq!(vma.page_prot(), uncached);
        // SAFETY: This is what it was.
        unsafe { vma.set_page_prot(cached) };
        vma.update_page_prot();
        assert_eq!(vma.page_prot(), cached);
        Ok(())
    }

    #[test]
    #[cfg(not(CONFIG_UML))]
    fn memory_types_differ() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let prot = locks.lock_vma(mapping.start).ok_or(ENOENT)?.page_prot();
        assert!(prot != prot.noncached());
        assert!(prot.noncached() == prot.noncached().noncached());
        assert!(prot.writecombine() != prot);
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_ANON_VMA_NAME)]
    fn names_are_given_counted_and_taken_away() -> Result {
        use crate::mm::vma::AnonVmaName;

        let mm = AddressSpace::of_this_case()?;
        let (mapping, with_file) = (mm.map(1)?, mm.map_shared(1)?);
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        assert!(vma.anon_name().is_none());
        let name = AnonVmaName::new(c"first")?;
        vma.set_anon_name(&mut order, Some(&name))?;
        drop(name);
        let first = vma.anon_name().ok_or(ENOENT)?;
        vma.set_anon_name(&mut order, Some(&*AnonVmaName::new(c"second")?))?;
        // The first one is still there for who has it.
        assert_eq!(first.as_c_str(), c"first");
        assert_eq!(
            vma.as_read().anon_name().ok_or(ENOENT)?.as_c_str(),
            c"second"
        );
        vma.set_anon_name(&mut order, None)?;
        assert!(vma.anon_name().is_none());

        // Anonymous shared memory may have one, too.
        let vma = mmap.lookup(with_file.start).ok_or(ENOENT)?.start_write();
        vma.set_anon_name(&mut order, Some(&first))?;
        assert_eq!(vma.anon_name().ok_or(ENOENT)?.as_c_str(), c"first");
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_ANON_VMA_NAME)]
    fn files_get_no_names() -> Result {
        use crate::mm::vma::AnonVmaName;

        let mm = AddressSpace::of_this_case()?;
        let file = super::super::setup::plain_file()?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let name = AnonVmaName::new(c"name")?;
        assert_eq!(vma.set_anon_name(&mut order, Some(&name)), Err(EBADF));
        assert!(vma.anon_name().is_none());
        Ok(())
    }

    #[test]
    fn unset_fields_are_none() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert!(vma.ops().is_none());
        assert!(vma.private_data().is_null());
        assert!(vma.anon_name().is_none());
        assert!(vma.userfaultfd_ctx().is_none());
        assert!(vma.anon_vma().is_none());
        assert_eq!(vma.page_prot(), vma.page_prot_racy());
        assert_eq!(vma.flags(), vma.flags_racy());
        #[cfg(CONFIG_NUMA)]
        assert!(vma.policy().is_none());
        #[cfg(CONFIG_NUMA_BALANCING)]
        assert!(vma.numab_state().is_none());
        Ok(())
    }

    #[test]
    fn the_same_operations_are_equal() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map_shared(1)?, mm.map_shared(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.read();
        let ops = |mapping: super::super::address_space::Mapping| {
            mmap.lookup(mapping.start)
                .ok_or(ENOENT)?
                .ops()
                .ok_or(ENOENT)
        };
        assert!(ops(one)? == ops(other)?);
        assert!(!ops(one)?.as_raw().is_null());
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_SWAP)]
    fn the_readahead_hint_is_atomic() -> Result {
        use crate::sync::atomic::Relaxed;

        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let hint = vma.swap_readahead_info();
        assert_eq!(hint.load(Relaxed), 0);
        hint.store(4, Relaxed);
        assert_eq!(vma.swap_readahead_info().load(Relaxed), 4);
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_NUMA_BALANCING)]
    fn the_state_of_numa_balancing_is_copied() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        // As `task_numa_work()` makes one, for the tasks of an address space with several nodes.
        let made = bindings::vma_numab_state {
            next_scan: 1,
            pids_active_reset: 2,
            pids_active: [3, 4],
            start_scan_seq: 5,
            prev_scan_seq: 6,
        };
        let made = KBox::new(made, GFP_KERNEL)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        // SAFETY: The VMA is write-locked, and has no state yet. `vma_numab_state_free()` frees
        // what `KBox` allocated.
        unsafe { (&raw mut (*vma.as_raw()).numab_state).write_volatile(KBox::into_raw(made)) };
        let state = vma.numab_state().ok_or(ENOENT)?;
        assert_eq!(state.next_scan, 1);
        assert_eq!(state.pids_active, [3, 4]);
        assert_eq!(state.start_scan_seq, 5);
        assert_eq!(state.prev_scan_seq, 6);
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_NUMA)]
    fn a_policy_is_copied_and_taken_away() -> Result {
        use crate::error::from_err_ptr;

        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mut mmap = locks.write();
        let (mmap, mut order) = mmap.nest();
        let from = mmap.lookup(one.start).ok_or(ENOENT)?.start_write();
        let to = mmap.lookup(other.start).ok_or(ENOENT)?.start_write();
        // Nothing to copy.
        to.copy_policy(&mut order, Some(from.as_read()))?;
        assert!(to.policy().is_none());

        let task = current!().as_ptr();
        // SAFETY: The current task keeps its policy; the copy comes with a reference, which the VMA
        // gets. The VMA is write-locked.
        unsafe {
            let policy = bindings::get_task_policy(task);
            (*from.as_raw()).vm_policy = from_err_ptr(bindings::mpol_dup(policy))?;
        }
        to.copy_policy(&mut order, Some(from.as_read()))?;
        let (original, copy) = (from.policy().ok_or(ENOENT)?, to.policy().ok_or(ENOENT)?);
        assert_eq!(original.mode(), copy.mode());
        assert!(!core::ptr::eq(&raw const *original, &raw const *copy));
        from.copy_policy(&mut order, None)?;
        to.copy_policy(&mut order, None)?;
        assert!(from.policy().is_none() && to.policy().is_none());
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_NUMA)]
    fn foreign_policy_is_refused() -> Result {
        const ADDR: usize = 1 << 20;
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let other = AddressSpace::unused()?;
        {
            // A case has an address space already, so a second task maps.
            let other = other.clone();
            super::super::second_task::SecondTask::spawn(move || {
                other.enter(|| other.map_anonymous_at(ADDR))
            })?
            .join()??;
        }
        let mut other_locks = other.vma_locks();
        let mut locks = mm.vma_locks();

        let other_mmap = other_locks.read();
        let from = other_mmap.lookup(ADDR).ok_or(ENOENT)?;
        let mut mmap = locks.write_nested(crate::mm::vma::LockSubclass::SINGLE_DEPTH_NESTING);
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        assert_eq!(
            vma.copy_policy(&mut order, Some(from.as_read())),
            Err(EINVAL)
        );
        vma.copy_policy(&mut order, Some(vma.as_read()))
    }

    #[test]
    fn debug_output_says_what_is_held() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let mut expected = Text(KVec::new());
        write!(
            expected,
            "Vma<VmaWrite> {{ {:#x}..{:#x}, pgoff: {:#x}, flags: {:?}, file: false, refcnt: {} }}",
            mapping.start,
            mapping.end(),
            mapping.start >> PAGE_SHIFT,
            vma.flags(),
            if cfg!(CONFIG_PER_VMA_LOCK) {
                "Attached { write_locked: true }"
            } else {
                "none"
            },
        )
        .map_err(|_| ENOMEM)?;
        let text = debug(vma)?;
        pr_info!("{}\n", core::str::from_utf8(&text.0).map_err(|_| EINVAL)?);
        assert!(text.0[..] == expected.0[..]);
        assert!(text.0.windows(11).any(|part| part == b"READ|WRITE|"));
        Ok(())
    }
}
