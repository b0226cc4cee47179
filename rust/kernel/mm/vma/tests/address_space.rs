// SPDX-License-Identifier: GPL-2.0

//! An address space for a test, with mappings made by the kernel's own `vm_mmap()`.

use crate::{
    bindings,
    error::to_result,
    fs::LocalFile,
    mm::MmWithUser,
    page::PAGE_SIZE,
    prelude::*,
    sync::aref::ARef,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};
use core::ptr::{
    null_mut,
    NonNull, //
};

/// An address space, with a count of `mm_users` that second tasks can share.
#[derive(Clone)]
pub(super) struct AddressSpace(ARef<MmWithUser>);

/// A mapping of some pages.
#[derive(Clone, Copy)]
pub(super) struct Mapping {
    pub(super) start: usize,
    pub(super) len: usize,
}

impl Mapping {
    pub(super) fn end(&self) -> usize {
        self.start + self.len
    }
}

impl AddressSpace {
    /// The address space of the current KUnit case, which is a kthread of its own.
    pub(super) fn of_this_case() -> Result<Self> {
        // SAFETY: KUnit cases run in process context. The mm is released when the case's kthread
        // exits.
        to_result(unsafe { bindings::kunit_attach_mm() })?;

        Ok(Self(current!().mm().ok_or(EINVAL)?.into()))
    }

    /// An address space that no task runs in.
    pub(super) fn unused() -> Result<Self> {
        // SAFETY: May be called in process context; returns NULL or an mm with `mm_users` of one.
        let mm = NonNull::new(unsafe { bindings::mm_alloc() }).ok_or(ENOMEM)?;

        // SAFETY: The reference from `mm_alloc()` is given to the `ARef`.
        Ok(Self(unsafe { ARef::from_raw(mm.cast()) }))
    }

    /// Maps `pages` pages of anonymous memory, private and writable.
    ///
    /// The mapping has a hole of one page before and after it, so that it is not merged with
    /// another.
    pub(super) fn map(&self, pages: usize) -> Result<Mapping> {
        self.map_with(pages, bindings::MAP_PRIVATE)
    }

    /// Maps two times a page; the one at the lower address comes first.
    #[cfg(CONFIG_PER_VMA_LOCK)]
    pub(super) fn map_in_order(&self) -> Result<(Mapping, Mapping)> {
        let (one, other) = (self.map(1)?, self.map(1)?);
        Ok(if one.start < other.start {
            (one, other)
        } else {
            (other, one)
        })
    }

    /// Maps `pages` pages of shared memory, which has a file behind it.
    pub(super) fn map_shared(&self, pages: usize) -> Result<Mapping> {
        self.map_with(pages, bindings::MAP_SHARED)
    }

    /// Maps `pages` pages of a file, shared, from its page `pgoff` on.
    pub(super) fn map_file(&self, file: &LocalFile, pgoff: usize, pages: usize) -> Result<Mapping> {
        let read = bindings::PROT_READ;
        self.map_file_as(file, pgoff, pages, read, bindings::MAP_SHARED, 0)
    }

    /// Maps `pages` pages of a file from its page `pgoff` on, at `addr` if `flags` say so.
    pub(super) fn map_file_as(
        &self,
        file: &LocalFile,
        pgoff: usize,
        pages: usize,
        prot: u32,
        flags: u32,
        addr: usize,
    ) -> Result<Mapping> {
        let len = pages * PAGE_SIZE;

        // SAFETY: The current task runs in this address space; the reference keeps the file.
        let start = checked(unsafe {
            bindings::vm_mmap(
                file.as_ptr(),
                addr,
                len,
                prot as usize,
                flags as usize,
                pgoff * PAGE_SIZE,
            )
        })?;

        Ok(Mapping { start, len })
    }

    /// Maps a page of private memory in the place of whatever is mapped at `addr`.
    pub(super) fn map_anonymous_at(&self, addr: usize) -> Result {
        let prot = bindings::PROT_READ | bindings::PROT_WRITE;
        let flags = bindings::MAP_PRIVATE | bindings::MAP_ANONYMOUS | bindings::MAP_FIXED;

        // SAFETY: The current task runs in this address space; there is no file.
        checked(unsafe {
            bindings::vm_mmap(
                null_mut(),
                addr,
                PAGE_SIZE,
                prot as usize,
                flags as usize,
                0,
            )
        })
        .map(drop)
    }

    fn map_with(&self, pages: usize, kind: u32) -> Result<Mapping> {
        let prot = bindings::PROT_READ | bindings::PROT_WRITE;
        let whole = (pages + 2) * PAGE_SIZE;

        // SAFETY: The current task runs in this address space; there is no file.
        let addr = checked(unsafe {
            bindings::vm_mmap(
                null_mut(),
                0,
                whole,
                prot as usize,
                (kind | bindings::MAP_ANONYMOUS) as usize,
                0,
            )
        })?;

        let mapping = Mapping {
            start: addr + PAGE_SIZE,
            len: pages * PAGE_SIZE,
        };
        unmap(addr, PAGE_SIZE)?;
        unmap(mapping.start + mapping.len, PAGE_SIZE)?;
        Ok(mapping)
    }

    /// Runs `f` with this address space as that of the current kthread, which has none yet.
    pub(super) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        // SAFETY: The current task is a kthread without an mm, and the mm has users.
        unsafe { bindings::kthread_use_mm(self.0.as_raw()) };
        let result = f();
        // SAFETY: Undoes the call above.
        unsafe { bindings::kthread_unuse_mm(self.0.as_raw()) };
        result
    }

    /// How many readers the VMA at the start of a mapping has.
    #[cfg(CONFIG_PER_VMA_LOCK)]
    pub(super) fn readers(&self, mapping: Mapping) -> u32 {
        use crate::{
            mm::vma::VmRefcnt,
            sync::rcu, //
        };

        let (locks, rcu) = (self.vma_locks(), rcu::read_lock());
        match locks.peek(&rcu, mapping.start).map(|vma| vma.refcnt()) {
            Some(VmRefcnt::Readers { readers, .. }) => readers,
            _ => 0,
        }
    }

    /// Without VMA locks there is nothing to count.
    #[cfg(not(CONFIG_PER_VMA_LOCK))]
    pub(super) fn readers(&self, _mapping: Mapping) -> u32 {
        0
    }

    /// Returns true if a task waits for the mmap lock.
    pub(super) fn mmap_lock_is_contended(&self) -> bool {
        // SAFETY: The mm is alive.
        unsafe { bindings::mmap_lock_is_contended(self.0.as_raw()) != 0 }
    }

    /// Returns true if a task holds the mmap lock.
    #[cfg(CONFIG_PER_VMA_LOCK)]
    pub(super) fn mmap_lock_is_held(&self) -> bool {
        let mm = self.0.as_raw();
        // SAFETY: The mm is alive.
        unsafe { bindings::rwsem_is_locked(&raw mut (*mm).__bindgen_anon_1.mmap_lock) != 0 }
    }
}

impl core::ops::Deref for AddressSpace {
    type Target = MmWithUser;

    fn deref(&self) -> &MmWithUser {
        &self.0
    }
}

/// An address, or an error number in its place (C: `IS_ERR_VALUE()`).
fn checked(addr: usize) -> Result<usize> {
    if addr > usize::MAX - bindings::MAX_ERRNO as usize {
        return Err(Error::from_errno(addr as i32));
    }
    Ok(addr)
}

/// Writes a byte to the current task's address space, as userspace would.
pub(super) fn poke(addr: usize, byte: u8) -> Result {
    UserSlice::new(UserPtr::from_addr(addr), 1)
        .writer()
        .write_slice(&[byte])
}

/// Reads a byte of the current task's address space, as userspace would.
pub(super) fn peek(addr: usize) -> Result<u8> {
    let mut byte = [0];
    UserSlice::new(UserPtr::from_addr(addr), 1)
        .reader()
        .read_slice(&mut byte)?;
    Ok(byte[0])
}

/// Reads a byte of user memory if its page is mapped; for code that holds the mmap lock.
pub(super) fn peek_if_mapped(addr: usize) -> Option<u8> {
    let mut byte = 0u8;

    // SAFETY: The buffer is a byte. User memory is checked.
    let result = unsafe {
        bindings::copy_from_user_nofault((&raw mut byte).cast(), addr as *const c_void, 1)
    };
    (result == 0).then_some(byte)
}

/// Unmaps a range of the current task's address space.
pub(super) fn unmap(start: usize, len: usize) -> Result {
    // SAFETY: The current task has an address space, and holds none of its locks.
    to_result(unsafe { bindings::vm_munmap(start, len) })
}
