// SPDX-License-Identifier: GPL-2.0
//! A view is for the task that holds the lock. What is kept is the address space and an address.
//@never: "UnsafeCell"
//@never: "*mut ()"

#[cfg(not(misuse))]
use kernel::{mm::Mm, sync::aref::ARef};
#[cfg(misuse)]
use kernel::mm::vma::{MmapRead, Vma};

#[cfg(misuse)]
type Kept = &'static Vma<MmapRead>;
#[cfg(not(misuse))]
type Kept = (ARef<Mm>, usize);

struct Driver {
    vma: Option<Kept>,
}

static DRIVER: Driver = Driver { vma: None }; //~ E0277 "a view of a VMA belongs to the task that holds its lock"

fn start(driver: Driver) {
    run(driver) //~ E0277 "look the VMA up again under a lock"
}

fn run<T: Send>(_state: T) {}
