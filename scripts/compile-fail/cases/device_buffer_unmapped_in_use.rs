// SPDX-License-Identifier: GPL-2.0
//! A buffer stays, and stays mapped for its device, while the table of it is borrowed. It is not
//! exchanged for another one, which would free the pages that the device has.

use kernel::mm::vma::driver::{DeviceBuffer, SharedBuffer};
use kernel::scatterlist::SGEntry;

fn unmapped(buffer: DeviceBuffer) {
    let table = buffer.table();
    #[cfg(misuse)]
    drop(buffer.unmap()); //~ E0505 "cannot move out of `buffer` because it is borrowed"
    drop(table);
}

fn freed(buffer: DeviceBuffer) {
    let table = buffer.table();
    #[cfg(misuse)]
    drop(buffer); //~ E0505 "cannot move out of `buffer` because it is borrowed"
    drop(table);
}

fn segment(buffer: &DeviceBuffer) {
    let mut first: Option<&SGEntry> = None;
    if let Some(table) = buffer.table() {
        #[cfg(misuse)]
        {
            first = table.iter().next(); //~ E0597 "`table` does not live long enough"
        }
        #[cfg(not(misuse))]
        let _ = (&first, table.iter().next());
    }
    first.take();
}

fn swapped(buffer: &mut DeviceBuffer, mut other: SharedBuffer) {
    #[cfg(misuse)]
    core::mem::swap(&mut **buffer, &mut other); //~ E0596 "cannot borrow data in dereference of"
    #[cfg(not(misuse))]
    let _ = (buffer.count(), &mut other);
}
