// SPDX-License-Identifier: GPL-2.0
//! Lockdep has eight subclasses.

use kernel::mm::vma::LockSubclass;

#[cfg(misuse)]
const DEEP: LockSubclass = LockSubclass::new::<8>(); //~ E0080 "lockdep has the subclasses 0 to 7"
#[cfg(not(misuse))]
const DEEP: LockSubclass = LockSubclass::new::<7>();
