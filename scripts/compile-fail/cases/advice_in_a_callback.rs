// SPDX-License-Identifier: GPL-2.0
//! A callback holds what its caller holds: to take the mmap lock there is a deadlock, so nothing says
//! that it should be taken.
//@never: "take it with"
//@never: "take the mmap lock"
//@never: "look the VMA up under"

#[cfg(misuse)]
use kernel::mm::vma::{Closing as InClose, MmapWrite as InMprotect, Opening as InOpen};
#[cfg(not(misuse))]
use kernel::mm::vma::{VmaWrite as InClose, VmaWrite as InMprotect, VmaWrite as InOpen};
use kernel::mm::vma::{
    driver::{DriverVma, VmaOperations},
    order::MmapLock,
    AdviceFlags, LockOrder,
};

fn open<T: VmaOperations>(vma: &DriverVma<T, InOpen>, order: &mut LockOrder<'_, MmapLock>) {
    vma.start_write(); //~ E0277 "a callback that is handed its VMA takes none of these locks"
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "takes none of these locks: its caller holds one"
    drop(vma.lock_rmap(order)); //~ E0277 "takes none of these locks: its caller holds one"
}

fn close<T: VmaOperations>(vma: &DriverVma<T, InClose>) {
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "takes none of these locks: its caller holds one"
}

fn mprotect<T: VmaOperations>(vma: &DriverVma<T, InMprotect>) {
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "takes none of these locks: its caller holds one"
}
