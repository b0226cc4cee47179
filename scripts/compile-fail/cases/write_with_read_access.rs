// SPDX-License-Identifier: GPL-2.0
//! `mm_access()` was asked whether the caller may look: what it gave is not for writing.

use kernel::{
    mm::{
        vma::{AdviceFlags, PtraceMode},
        MmWithUser,
    },
    prelude::*,
    task::Pid,
};

#[cfg(misuse)]
fn dont_dump_unasked(pid: Pid, addr: usize) -> Result {
    let mm = MmWithUser::of_pid(pid, PtraceMode::READ_FSCREDS)?.ok_or(ESRCH)?;
    let mut locks = mm.vma_locks(); //~ E0599 "no method named `vma_locks` found for struct `ForeignMm<A>`"
    let mmap = locks.write();
    let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
    vma.set_flags(AdviceFlags::DONTDUMP);
    Ok(())
}

fn dont_dump(pid: Pid, addr: usize) -> Result {
    #[cfg(misuse)]
    let mode = PtraceMode::READ_FSCREDS;
    #[cfg(not(misuse))]
    let mode = PtraceMode::ATTACH_FSCREDS;
    let mm = MmWithUser::of_pid(pid, mode)?.ok_or(ESRCH)?;
    let mut locks = mm.as_mm().vma_locks(); //~ E0277 "another task's address space is not lent at `ReadAccess`"
    let mmap = locks.write();
    let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
    vma.set_flags(AdviceFlags::DONTDUMP);
    Ok(())
}

fn by_way_of_a_vma(pid: Pid) -> Result<usize> {
    let mut mm = MmWithUser::of_pid(pid, PtraceMode::READ_FSCREDS)?.ok_or(ESRCH)?;
    let mut cursor = mm.cursor(0);
    let vma = cursor.lock_next()?.ok_or(ENOENT)?;
    #[cfg(misuse)]
    vma.mm().mmget_not_zero().ok_or(ESRCH)?.vma_locks().write(); //~ E0599 "no method named `mm` found for struct `ForeignVma<'a>`"
    Ok(vma.start())
}
