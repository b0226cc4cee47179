// SPDX-License-Identifier: GPL-2.0
//! A VMA whose reverse mappings are write-locked does not get another one: it would not be locked.
//! So it is made under the mmap read lock, which excludes them, whatever the order says.

#[cfg(misuse)]
use kernel::mm::vma::LockOrder;
use kernel::{error::Result, mm::vma::VmaLocks, prelude::*};

fn hide(locks: &mut VmaLocks<'_>, addr: usize) -> Result {
    #[cfg(not(misuse))]
    {
        let mut guard = locks.read();
        let (mmap, mut order) = guard.nest();
        mmap.lookup(addr).ok_or(ENOENT)?.anon_vma_prepare(&mut order)?;
    }
    let mut guard = locks.write();
    let (mmap, mut order) = guard.nest();
    let vma = mmap.lookup(addr).ok_or(ENOENT)?;
    let writable = vma.start_write();
    let all = writable.lock_rmap(&mut order);
    #[cfg(misuse)]
    vma.anon_vma_prepare(&mut LockOrder::new())?; //~ E0277 "lock level `MmapWrite` does not hold the mmap read lock alone"
    #[cfg(misuse)]
    writable.anon_vma_prepare(&mut LockOrder::new())?; //~ E0277 "lock level `VmaWrite` does not hold the mmap read lock alone"
    #[cfg(misuse)]
    all.anon_vma_prepare(&mut LockOrder::new())?; //~ E0277 "lock level `RmapWrite` does not hold the mmap read lock alone"
    drop(all);
    Ok(())
}
