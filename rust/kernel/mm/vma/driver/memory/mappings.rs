// SPDX-License-Identifier: GPL-2.0

//! Mappings that can be taken away: of the memory of a device, or of a slot.
//!
//! Memory that is given up while it is mapped has to leave all page tables, and must not come back
//! by a fault that found it before. The order is:
//!
//! 1. Each VMA gets a file of the memory's own inode as its `vm_file`. So one call of
//!    `unmap_mapping_range()` reaches all mappings, by whatever device node they were made (C:
//!    `drm_open()`, which sets `f_mapping`).
//! 2. Only faults map frames, in an SRCU read-side critical section, in which they find out which.
//!    A mapping that the mmap hook made would be missed, because its VMA is not in the reverse
//!    mapping yet.
//! 3. Who takes memory away first makes faults find something else, then calls
//!    [`Mappings::take_away()`], and only then releases the memory.
//!
//! GEM objects of a DRM device can map the memory, too. The VMAs of these have files of the DRM
//! device, by which an object is unmapped alone. So the memory is attached to one such device
//! ([`Attached`]), all of whose mappings are taken away with those of the own inode.

#[cfg(CONFIG_DRM = "y")]
use super::attached::Attached;
use super::{
    mapping_inode::MappingInode,
    pfn_region::Frames, //
};
use crate::{
    fs::File,
    prelude::*,
    static_lock_class,
    sync::{
        aref::ARef,
        srcu,
        Srcu, //
    },
    ModuleMetadata, //
};
use core::ops::Deref;

/// The name of the sections for lockdep.
///
/// `new_srcu!` would make one in each module that this is compiled into, but the class in the
/// kernel: lockdep reports a class that has two names, which it tells apart by their addresses.
static NAME: &CStr = c"Mappings::sections";

/// The mappings of some memory.
#[pin_data]
pub(super) struct Mappings {
    inode: MappingInode,
    #[cfg(CONFIG_DRM = "y")]
    #[pin]
    attached: Attached,
    #[pin]
    sections: Srcu,
}

impl Mappings {
    /// There are none.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENFILE`.
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            inode: MappingInode::new()?,
            #[cfg(CONFIG_DRM = "y")]
            attached <- Attached::new(),
            sections <- Srcu::new(NAME, static_lock_class!()),
        })
    }

    /// Begins a section, in which a fault finds out which frame to map, and maps it.
    #[inline]
    pub(super) fn enter(&self) -> srcu::Guard<'_> {
        self.sections.read_lock()
    }

    /// Unmaps what sections have mapped that began before.
    ///
    /// Sleeps: waits for these sections, and takes the reverse-mapping lock of the inode.
    pub(super) fn take_away(&self) {
        self.sections.synchronize();
        self.inode.unmap_all();
        #[cfg(CONFIG_DRM = "y")]
        self.attached.unmap_all();
    }

    /// The files of a DRM device, whose mappings are taken away, too.
    #[cfg(CONFIG_DRM = "y")]
    #[inline]
    pub(super) fn attached(&self) -> &Attached {
        &self.attached
    }

    /// Opens a file for a VMA, see [`MappingInode::open()`].
    pub(super) fn open<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.inode.open::<M>()
    }
}

/// Frames that stay for as long as the section in which they were found.
pub(super) struct InSection<'a> {
    frames: &'a Frames,
    _section: srcu::Guard<'a>,
}

impl<'a> InSection<'a> {
    #[inline]
    pub(super) fn new(frames: &'a Frames, section: srcu::Guard<'a>) -> Self {
        Self {
            frames,
            _section: section,
        }
    }
}

impl Deref for InSection<'_> {
    type Target = Frames;

    #[inline]
    fn deref(&self) -> &Frames {
        self.frames
    }
}
