// SPDX-License-Identifier: GPL-2.0
//! The buffer of one access is not put in the place of another one's: C's two buffers differ in
//! their length.

use kernel::mm::vma::driver::AccessBuffer;

fn exchange<'a, 'b>(one: &mut AccessBuffer<'a>, other: &mut AccessBuffer<'b>) {
    #[cfg(misuse)]
    core::mem::swap(one, other); //~ error "`'a` must outlive `'b`"
    //~^ error "`'b` must outlive `'a`"
    #[cfg(not(misuse))]
    let _ = (one, other);
}
