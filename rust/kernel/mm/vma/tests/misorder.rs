// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_PROVE_LOCKING)]

//! Locks in the wrong order, and sleeping where nothing may sleep: what types do not see, and the
//! kernel's own checks must.
//!
//! Each case provokes one report, with nothing that really waits. Lockdep turns itself off after
//! its first, so each case has a boot of its own; and because a report is a failure everywhere
//! else, the cases are skipped without `rust_vma.misorder` on the kernel command line. Whether
//! the report came is for who boots the kernel to check, in its log.
//!
//! Where lockdep has to know the right order first, the case takes the locks in that order before
//! it does it wrong.

use super::{
    address_space::{
        peek,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    driver::{
        device::{
            give_page,
            with_plain,
            Counted, //
        },
        inserting::{
            with_mixed,
            MixedOps, //
        }, //
    },
    notifier::invalidate,
    order::file_of,
    skip::skip, //
};
use crate::{
    bindings,
    fs::LocalFile,
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            MapPages,
            Plain,
            SharedPage,
            ViaMmap,
            VmaOperations, //
        },
        notifier::{
            IntervalNotifier,
            Mirror, //
        },
        page_table::{
            Pmd, //
            PteError,
        },
        pin::LockedVm,
        rmap::IMmap,
        DriverVma,
        LockOrder,
        MmapRead,
        MmapWrite,
        SpeculationError,
        Vma, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    }, //
};
use core::ptr::NonNull;

const WORD: &[u8] = b"rust_vma.misorder";
const REASON: &[u8] = b"provokes a report; rust_vma.misorder on the command line runs it";

/// Runs `f` on the address space of this case. If the command line does not ask for reports, marks
/// the case as skipped instead.
fn provoke(f: impl FnOnce(&AddressSpace) -> Result) -> Result {
    // SAFETY: A string that is not written after boot.
    let line = unsafe { CStr::from_char_ptr(bindings::saved_command_line) };
    if line.to_bytes().windows(WORD.len()).any(|word| word == WORD) {
        return f(&AddressSpace::of_this_case()?);
    }

    skip(REASON)
}

/// Write-locks a VMA: the mmap lock comes before the VMA lock.
fn write_lock(mm: &AddressSpace, mapping: Mapping) -> Result {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
    Ok(())
}

/// Gives a mapping its anonymous reverse mapping.
fn prepare(mm: &AddressSpace, mapping: Mapping) -> Result {
    let mut locks = mm.vma_locks();
    let mut mmap = locks.read();
    let (mmap, mut order) = mmap.nest();
    let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
    vma.anon_vma_prepare(&mut order)
}

/// A lock that may have to be waited for.
fn sleeping_lock() -> Result<Pin<KBox<Mutex<()>>>> {
    KBox::pin_init(new_mutex!(()), GFP_KERNEL)
}

/// Takes `i_mmap` of the file as reclaim does when it walks the reverse mapping.
fn reclaim_with_i_mmap(file: &LocalFile) {
    // SAFETY: Marks a section in which allocations would recurse into reclaim. It ends below.
    unsafe { bindings::fs_reclaim_acquire(bindings::GFP_KERNEL) };
    drop(IMmap::of(file).lock_read(&mut LockOrder::new()));
    // SAFETY: Ends the section.
    unsafe { bindings::fs_reclaim_release(bindings::GFP_KERNEL) };
}

/// Takes the anonymous reverse-mapping lock of a VMA as reclaim does.
fn reclaim_with_anon_vma(vma: &Vma<MmapRead>) -> Result {
    let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
    // SAFETY: As in `reclaim_with_i_mmap()`.
    unsafe { bindings::fs_reclaim_acquire(bindings::GFP_KERNEL) };
    drop(anon_vma.lock_read(&mut LockOrder::new()));
    // SAFETY: Ends the section.
    unsafe { bindings::fs_reclaim_release(bindings::GFP_KERNEL) };
    Ok(())
}

/// State of a notifier whose callback does this.
enum Wrong {
    Nothing,
    Drops(Pin<KBox<IntervalNotifier<Wrong>>>),
    Sleeps(Pin<KBox<Mutex<()>>>),
}

#[vtable]
impl Mirror for Wrong {
    fn invalidate(&mut self, _range: core::ops::Range<usize>) {
        if let Self::Drops(notifier) = core::mem::replace(self, Self::Nothing) {
            drop(notifier);
        }
    }

    fn try_invalidate(&mut self, _range: core::ops::Range<usize>) -> bool {
        if let Self::Sleeps(lock) = self {
            drop(lock.lock());
        }
        true
    }
}

fn mirror(
    mm: &AddressSpace,
    mapping: Mapping,
    wrong: Wrong,
) -> Result<Pin<KBox<IntervalNotifier<Wrong>>>> {
    let range = mapping.start..mapping.end();
    let mut locks = mm.vma_locks();
    KBox::pin_init(IntervalNotifier::new(&mut locks, range, wrong), GFP_KERNEL)
}

/// Runs `f` with the mmap lock held for reading.
fn under_mmap_read(mm: &AddressSpace, f: impl FnOnce() -> Result) -> Result {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    let result = f();
    drop(mmap);
    result
}

/// Runs `f` with the mmap lock held for writing.
fn under_mmap_write(mm: &AddressSpace, f: impl FnOnce() -> Result) -> Result {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let result = f();
    drop(mmap);
    result
}

/// Runs `f` with a VMA read-locked. Before that, a VMA lock is taken under the mmap lock.
fn under_vma_read(mm: &AddressSpace, f: impl FnOnce() -> Result) -> Result {
    let mapping = mm.map(1)?;
    write_lock(mm, mapping)?;
    let locks = mm.vma_locks();
    let vma = locks.lock_vma_under_rcu(mapping.start).ok_or(EAGAIN)?;
    let result = f();
    drop(vma);
    result
}

/// Runs `f` with a VMA write-locked.
fn under_vma_write(mm: &AddressSpace, f: impl FnOnce() -> Result) -> Result {
    let mapping = mm.map(1)?;
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
    let result = f();
    drop(mmap);
    result
}

/// Runs `f` with the lock of a file's mappings held, and nothing else. Before that the lock is
/// taken under the mmap lock and, with `reclaim`, in reclaim.
fn under_i_mmap(mm: &AddressSpace, reclaim: bool, f: impl FnOnce() -> Result) -> Result {
    // To map it takes `i_mmap` under the mmap lock.
    let file = file_of(mm, mm.map_shared(1)?)?;
    if reclaim {
        reclaim_with_i_mmap(&file);
    }
    let mut order = LockOrder::new();
    let i_mmap = IMmap::of(&file).lock_read(&mut order);
    let result = f();
    drop(i_mmap);
    result
}

/// Runs `f` with the anonymous reverse-mapping lock of a VMA held, and nothing else. Before that
/// the lock is taken under the mmap lock and, with `reclaim`, in reclaim.
fn under_anon_vma(mm: &AddressSpace, reclaim: bool, f: impl FnOnce() -> Result) -> Result {
    let mapping = mm.map(1)?;
    prepare(mm, mapping)?;
    let mut locks = mm.vma_locks();
    let anon_vma = {
        let mut mmap = locks.read();
        let (mmap, mut order) = mmap.nest();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
        drop(anon_vma.lock_read(&mut order));
        if reclaim {
            reclaim_with_anon_vma(vma)?;
        }
        NonNull::from(anon_vma)
    };
    // SAFETY: The VMA has its reverse mapping until it is unmapped, which nobody does.
    let anon_vma = unsafe { anon_vma.as_ref() };
    let mut order = LockOrder::new();
    let anon_vma = anon_vma.lock_read(&mut order);
    let result = f();
    drop(anon_vma);
    result
}

/// Runs `f` with a page table locked.
fn under_page_table(mm: &AddressSpace, f: impl FnOnce() -> Result) -> Result {
    let addr = user_memory(mm)?;
    let locks = mm.vma_locks();
    let vma = locks.lock_vma_under_rcu(addr).ok_or(EAGAIN)?;
    vma.with_pte(addr, |_| f()).map_err(no_entry)?
}

/// Reads user memory that is there, so that nothing faults.
fn touch_user_memory(addr: usize) -> Result {
    peek(addr).map(drop)
}

/// Memory of the current task that is mapped.
fn user_memory(mm: &AddressSpace) -> Result<usize> {
    let addr = mm.map(1)?.start;
    poke(addr, 1)?;
    Ok(addr)
}

/// Takes the mmap lock by a lock scope of its own.
fn lock_mmap(mm: &AddressSpace) -> Result {
    drop(mm.vma_locks().read());
    Ok(())
}

/// Drops the last user of an address space.
fn last_mmput(other: AddressSpace) -> Result {
    drop(other);
    Ok(())
}

/// Allocates as is usual where it may sleep.
fn allocate() -> Result {
    KBox::new(0u64, GFP_KERNEL)?;
    Ok(())
}

/// The mistakes of the callbacks of [`WrongOps`].
static WRONG: Atomic<usize> = Atomic::new(0);

const NOTHING_WRONG: usize = 0;
const LOCKS_MMAP: usize = 1;
const TOUCHES_USER_MEMORY: usize = 2;
const SLEEPS: usize = 3;

fn do_wrong(addr: usize) {
    // Once.
    match WRONG.xchg(NOTHING_WRONG, Relaxed) {
        LOCKS_MMAP => {
            if let Some(mm) = current!().mm() {
                drop(mm.vma_locks().read());
            }
        }
        TOUCHES_USER_MEMORY => drop(peek(addr)),
        SLEEPS => drop(sleeping_lock().map(|mutex| drop(mutex.lock()))),
        _ => (),
    }
}

/// The callbacks of a driver that do what they must not.
struct WrongOps;

crate::vm_operations!(WrongOps);

#[vtable]
impl VmaOperations for WrongOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        // The page before this one is mapped by now.
        if fault.pgoff() == 1 {
            do_wrong(fault.address() - PAGE_SIZE);
        }
        give_page(fault)
    }

    fn may_split(vma: &DriverVma<Self, MmapWrite>, _addr: usize) -> Result {
        do_wrong(vma.start());
        Ok(())
    }
}

/// The same in `map_pages`, which must not sleep at all.
struct WrongAroundOps;

crate::vm_operations!(WrongAroundOps);

#[vtable]
impl VmaOperations for WrongAroundOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }

    fn map_pages(_around: &mut MapPages<'_, Self>) {
        do_wrong(0);
    }
}

fn no_entry(_: PteError) -> Error {
    ENOENT
}

/// Runs `f` with a page that is mapped, and its VMA, under the mmap read lock.
fn with_page(mm: &AddressSpace, f: impl FnOnce(&Vma<MmapRead>, usize) -> Result) -> Result {
    let addr = mm.map_shared(1)?.start;
    poke(addr, 1)?;
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    f(mmap.lookup(addr).ok_or(ENOENT)?, addr)
}

#[kunit_tests(rust_vma_misorder)]
mod tests {
    use super::*;

    #[test]
    fn mmap_under_mmap_read() -> Result {
        provoke(|mm| under_mmap_read(mm, || lock_mmap(mm)))
    }

    #[test]
    fn mmap_under_vma_read() -> Result {
        provoke(|mm| under_vma_read(mm, || lock_mmap(mm)))
    }

    #[test]
    fn mmap_under_i_mmap() -> Result {
        provoke(|mm| under_i_mmap(mm, false, || lock_mmap(mm)))
    }

    #[test]
    fn vma_write_under_i_mmap() -> Result {
        provoke(|mm| {
            let mapping = mm.map_shared(1)?;
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (held, mut order) = vma.nest();
            drop(IMmap::of(held.file().ok_or(ENOENT)?).lock_read(&mut order));
            drop(vma);

            let mut mmap = locks.write();
            let (mmap, mut order) = mmap.nest();
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            let i_mmap = IMmap::of(vma.file().ok_or(ENOENT)?).lock_read(&mut order);
            vma.start_write();
            drop(i_mmap);
            Ok(())
        })
    }

    #[test]
    fn vma_write_under_anon_vma() -> Result {
        provoke(|mm| {
            let mapping = mm.map(1)?;
            prepare(mm, mapping)?;
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (held, mut order) = vma.nest();
            drop(held.anon_vma().ok_or(ENOENT)?.lock_read(&mut order));
            drop(vma);

            let mut mmap = locks.write();
            let (mmap, mut order) = mmap.nest();
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            let anon_vma = vma.anon_vma().ok_or(ENOENT)?.lock_read(&mut order);
            vma.start_write();
            drop(anon_vma);
            Ok(())
        })
    }

    #[test]
    fn i_mmap_under_anon_vma() -> Result {
        provoke(|mm| {
            let mapping = mm.map(1)?;
            prepare(mm, mapping)?;
            let file = file_of(mm, mm.map_shared(1)?)?;
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
            let mut i_mmap = IMmap::of(&file).lock_write(&mut order);
            drop(anon_vma.lock_write(&mut i_mmap.nest().1));
            drop(i_mmap);

            let anon_vma = anon_vma.lock_write(&mut order);
            drop(IMmap::of(&file).lock_write(&mut LockOrder::new()));
            drop(anon_vma);
            Ok(())
        })
    }

    #[test]
    fn vma_write_under_page_table() -> Result {
        provoke(|mm| {
            let addr = mm.map_shared(1)?.start;
            poke(addr, 1)?;
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            vma.with_pte(addr, |_| ()).map_err(no_entry)?;
            drop(vma);

            let mmap = locks.write();
            let vma = mmap.lookup(addr).ok_or(ENOENT)?;
            vma.with_pte(addr, |_| vma.start_write())
                .map(|_| ())
                .map_err(no_entry)
        })
    }

    #[test]
    fn i_mmap_under_page_table() -> Result {
        provoke(|mm| {
            with_page(mm, |vma, addr| {
                let i_mmap = IMmap::of(vma.file().ok_or(ENOENT)?);
                let mut order = LockOrder::new();
                vma.with_pte(addr, |_| drop(i_mmap.lock_read(&mut order)))
                    .map_err(no_entry)
            })
        })
    }

    #[test]
    fn anon_vma_under_page_table() -> Result {
        provoke(|mm| {
            let addr = mm.map(1)?.start;
            poke(addr, 1)?;
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let anon_vma = vma.anon_vma().ok_or(ENOENT)?;
            vma.with_pte(addr, |_| drop(anon_vma.lock_read(&mut order)))
                .map_err(no_entry)
        })
    }

    /// Two tables with two locks, so that this goes on. Within one table it would not.
    #[test]
    fn page_table_under_page_table() -> Result {
        provoke(|mm| {
            let mapping = mm.map_shared(2 * Pmd::SIZE / PAGE_SIZE)?;
            let (first, second) = (mapping.start, mapping.start + Pmd::SIZE);
            poke(first, 1)?;
            poke(second, 1)?;
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(first).ok_or(ENOENT)?;
            vma.with_pte(first, |_| vma.with_pte(second, |_| ()))
                .flatten()
                .map_err(no_entry)
        })
    }

    #[test]
    fn sleep_under_page_table() -> Result {
        provoke(|mm| {
            let mutex = sleeping_lock()?;
            under_page_table(mm, || {
                drop(mutex.lock());
                Ok(())
            })
        })
    }

    #[test]
    fn userslice_under_mmap_read() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_mmap_read(mm, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_mmap_write() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_mmap_write(mm, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_vma_read() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_vma_read(mm, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_vma_write() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_vma_write(mm, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_i_mmap() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_i_mmap(mm, false, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_anon_vma() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_anon_vma(mm, false, || touch_user_memory(addr))
        })
    }

    #[test]
    fn userslice_under_page_table() -> Result {
        provoke(|mm| {
            let addr = user_memory(mm)?;
            under_page_table(mm, || touch_user_memory(addr))
        })
    }

    #[test]
    fn gfp_kernel_under_i_mmap() -> Result {
        provoke(|mm| under_i_mmap(mm, true, allocate))
    }

    #[test]
    fn gfp_kernel_under_anon_vma() -> Result {
        provoke(|mm| under_anon_vma(mm, true, allocate))
    }

    #[test]
    fn gfp_kernel_under_page_table() -> Result {
        provoke(|mm| under_page_table(mm, allocate))
    }

    /// With a second order, because the compiler refuses the one that `i_mmap` was locked in.
    #[test]
    fn insert_page_under_i_mmap() -> Result {
        provoke(|mm| {
            let page = SharedPage::new(GFP_KERNEL)?;
            let (_, _shared, _device, file) = with_mixed(0)?;
            let addr = mm.map_file(&file, 0, 1)?.start;
            under_i_mmap(mm, true, || {
                let locks = mm.vma_locks();
                let vma = locks.lock_vma_under_rcu(addr).ok_or(EAGAIN)?;
                let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
                vma.insert_page(&mut LockOrder::new(), addr, &page)
            })
        })
    }

    #[test]
    fn last_mmput_under_mmap_read() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_mmap_read(mm, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_mmap_write() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_mmap_write(mm, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_vma_read() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_vma_read(mm, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_vma_write() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_vma_write(mm, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_i_mmap() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_i_mmap(mm, false, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_anon_vma() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_anon_vma(mm, false, || last_mmput(other))
        })
    }

    #[test]
    fn last_mmput_under_page_table() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            under_page_table(mm, || last_mmput(other))
        })
    }

    #[test]
    fn locked_vm_under_mmap_read() -> Result {
        provoke(|mm| {
            let other = AddressSpace::unused()?;
            let charge = LockedVm::charge(&mut other.vma_locks(), 1)?;
            under_mmap_read(mm, || {
                drop(charge);
                Ok(())
            })
        })
    }

    #[test]
    fn mmap_in_fault() -> Result {
        provoke(|_| {
            let (mm, _shared, _device, file) = with_plain::<WrongOps>(2)?;
            let mapping = mm.map_file(&file, 0, 2)?;
            peek(mapping.start)?;
            WRONG.store(LOCKS_MMAP, Relaxed);
            peek(mapping.start + PAGE_SIZE).map(drop)
        })
    }

    #[test]
    fn userslice_in_fault() -> Result {
        provoke(|_| {
            let (mm, _shared, _device, file) = with_plain::<WrongOps>(2)?;
            let mapping = mm.map_file(&file, 0, 2)?;
            peek(mapping.start)?;
            WRONG.store(TOUCHES_USER_MEMORY, Relaxed);
            peek(mapping.start + PAGE_SIZE).map(drop)
        })
    }

    #[test]
    fn userslice_in_may_split() -> Result {
        provoke(|_| {
            let (mm, _shared, _device, file) = with_plain::<WrongOps>(2)?;
            let mapping = mm.map_file(&file, 0, 2)?;
            peek(mapping.start)?;
            WRONG.store(TOUCHES_USER_MEMORY, Relaxed);
            unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)
        })
    }

    #[test]
    fn sleep_in_map_pages() -> Result {
        provoke(|_| {
            let (mm, _shared, _device, file) = with_plain::<WrongAroundOps>(2)?;
            let mapping = mm.map_file(&file, 0, 2)?;
            WRONG.store(SLEEPS, Relaxed);
            peek(mapping.start).map(drop)
        })
    }

    #[test]
    fn mmap_in_a_speculation() -> Result {
        provoke(|mm| {
            let seen = mm.vma_locks().speculate(|_| drop(mm.vma_locks().read()));
            assert!(seen != Err(SpeculationError::WriteLocked));
            Ok(())
        })
    }

    #[test]
    fn mmap_in_a_commit() -> Result {
        provoke(|mm| {
            let mapping = mm.map(1)?;
            poke(mapping.start, 1)?;
            let notifier = mirror(mm, mapping, Wrong::Nothing)?;
            // An invalidation under the mmap lock.
            unmap(mapping.start, PAGE_SIZE)?;
            let attempt = notifier.read_begin();
            Ok(attempt.commit(|_| drop(mm.vma_locks().read()))?)
        })
    }

    #[test]
    fn gfp_kernel_in_a_commit() -> Result {
        provoke(|mm| {
            let notifier = mirror(mm, mm.map(1)?, Wrong::Nothing)?;
            let attempt = notifier.read_begin();
            let memory = attempt.commit(|_| KBox::new(0u64, GFP_KERNEL))?;
            memory.map(drop).map_err(Into::into)
        })
    }

    #[test]
    fn attempt_in_a_commit() -> Result {
        provoke(|mm| {
            let notifier = mirror(mm, mm.map(1)?, Wrong::Nothing)?;
            let attempt = notifier.read_begin();
            Ok(attempt.commit(|_| drop(notifier.read_begin()))?)
        })
    }

    #[test]
    fn notifier_dropped_in_a_commit() -> Result {
        provoke(|mm| {
            // Of another address space, in which nothing is being invalidated.
            let other = AddressSpace::unused()?;
            let mapping = mm.map(1)?;
            let inner = mirror(&other, mapping, Wrong::Nothing)?;
            let outer = mirror(mm, mapping, Wrong::Nothing)?;
            Ok(outer.read_begin().commit(|_| drop(inner))?)
        })
    }

    #[test]
    fn notifier_dropped_in_a_callback() -> Result {
        provoke(|mm| {
            // Of another address space, in which nothing is being invalidated.
            let other = AddressSpace::unused()?;
            let mapping = mm.map(1)?;
            poke(mapping.start, 1)?;
            let inner = mirror(&other, mapping, Wrong::Nothing)?;
            let _outer = mirror(mm, mapping, Wrong::Drops(inner))?;
            unmap(mapping.start, PAGE_SIZE)
        })
    }

    #[test]
    fn sleep_in_try_invalidate() -> Result {
        provoke(|mm| {
            let mapping = mm.map(1)?;
            let _notifier = mirror(mm, mapping, Wrong::Sleeps(sleeping_lock()?))?;
            invalidate(mm, mapping.start..mapping.end(), false)
        })
    }
}
