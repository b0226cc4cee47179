// SPDX-License-Identifier: GPL-2.0
//! A VMA that is being set up is kept for after the mmap hook.

use core::cell::Cell;
use kernel::mm::virt::VmaNew;

struct Device(Cell<Option<&'static VmaNew>>);

fn mmap(device: &Device, vma: &VmaNew) {
    device.0.set(Some(vma)); //~ E0521 "borrowed data escapes outside of function"
}
