// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! Unmapping an object takes the lock of the mappings of its device's file.

use kernel::{
    drm::gem::Object,
    fs::LocalFile,
    mm::vma::{driver::MappableObject, rmap::IMmap, LockOrder},
};

fn evict<T: MappableObject>(object: &Object<T>, file: &LocalFile) {
    let mut order = LockOrder::new();
    let mut i_mmap = IMmap::of(file).lock_write(&mut order);
    #[cfg(misuse)]
    let (_, mut order) = i_mmap.nest();
    #[cfg(not(misuse))]
    let _ = i_mmap.nest();
    #[cfg(not(misuse))]
    drop(i_mmap);
    object.unmap_mappings(&mut order); //~ E0277 "`IMmapLock` cannot be taken while `IMmapLock` is held"
}
