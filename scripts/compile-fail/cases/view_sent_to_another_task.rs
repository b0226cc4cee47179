// SPDX-License-Identifier: GPL-2.0
//! Locks are held by a task, so a view is for that task alone. What may go to another task is the
//! address space.

use kernel::mm::{
    vma::{MmapRead, Vma},
    MmWithUser,
};

fn another_task<T: Send>(_: T) {}

fn send(mm: &MmWithUser, vma: &Vma<MmapRead>) {
    another_task(mm);
    #[cfg(misuse)]
    another_task(vma); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
    #[cfg(not(misuse))]
    another_task(vma.start());
}
