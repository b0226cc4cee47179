// SPDX-License-Identifier: GPL-2.0
//! The data of a VMA is borrowed from the view: without the lock the VMA may be closed, and its
//! data dropped.

use kernel::mm::{vma::driver::OperationsTable, MmWithUser};
use kernel::{prelude::*, sync::Arc};

fn data<T: OperationsTable<Data = Arc<usize>>>(mm: &MmWithUser, addr: usize) -> Result<usize> {
    let mut locks = mm.vma_locks();
    let guard = locks.lock_vma(addr).ok_or(ENXIO)?;
    let data = guard.downcast::<T>().ok_or(ENXIO)?.data();
    #[cfg(not(misuse))]
    let data: Arc<usize> = data.into();
    drop(guard); //~ E0505 "cannot move out of `guard` because it is borrowed"
    Ok(*data)
}
