// SPDX-License-Identifier: GPL-2.0
//! A speculation ends with its closure: the number it compares with is of that moment.

use kernel::mm::vma::VmaLocks;

fn is_mapped(locks: &VmaLocks<'_>, addr: usize) -> bool {
    #[cfg(misuse)]
    let mut kept = None;
    let seen = locks.speculate(|mm| {
        #[cfg(misuse)]
        {
            kept = Some(mm); //~ E0521 "borrowed data escapes outside of closure"
        }
        mm.lookup(addr).is_some()
    });
    #[cfg(misuse)]
    let again = kept.is_some_and(|mm| mm.must_retry());
    #[cfg(not(misuse))]
    let again = false;
    seen == Ok(true) && !again
}
