// SPDX-License-Identifier: GPL-2.0

//! Names of anonymous mappings, as `prctl(PR_SET_VMA_ANON_NAME)` gives them.
//!
//! C headers: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h),
//! [`include/linux/mm_inline.h`](srctree/include/linux/mm_inline.h)

#[cfg(CONFIG_ANON_VMA_NAME)]
use crate::error::code::EBADF;
use crate::{
    bindings,
    error::{
        code::ENOMEM,
        Result, //
    },
    str::{
        CStr,
        CStrExt, //
    },
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};
#[cfg(CONFIG_ANON_VMA_NAME)]
use core::ptr;
use core::ptr::NonNull;

/// The counted name of one or several anonymous mappings (C: `struct anon_vma_name`).
///
/// A name does not change; mappings that are split or forked share it.
///
/// # Invariants
///
/// An instance is reference-counted by its `kref`.
#[repr(transparent)]
pub struct AnonVmaName(Opaque<bindings::anon_vma_name>);

// SAFETY: The name is not changed once it is made, and the count is atomic.
unsafe impl Send for AnonVmaName {}
// SAFETY: As for `Send`.
unsafe impl Sync for AnonVmaName {}

// SAFETY: `kref` keeps the name allocated while the count is not zero.
unsafe impl AlwaysRefCounted for AnonVmaName {
    #[inline]
    fn inc_ref(&self) {
        // SAFETY: The reference shows that the count is not zero.
        unsafe { bindings::anon_vma_name_get(self.0.get()) };
    }

    // Not inlined, as the functions below: what they call is not exported.
    #[inline(never)]
    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a reference.
        unsafe { bindings::anon_vma_name_put(obj.as_ptr().cast()) };
    }
}

impl AnonVmaName {
    /// Makes a name (C: `anon_vma_name_alloc()`).
    ///
    /// `prctl()` takes at most 80 bytes, all of them printable and none of `` \\`$[] ``; this does
    /// not check that.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, which is also what is returned without `CONFIG_ANON_VMA_NAME`.
    #[doc(alias = "anon_vma_name_alloc")]
    #[inline(never)]
    pub fn new(name: &CStr) -> Result<ARef<Self>> {
        // SAFETY: The string is nul-terminated and is copied.
        let name = unsafe { bindings::anon_vma_name_alloc(name.as_char_ptr()) };
        let name = NonNull::new(name.cast()).ok_or(ENOMEM)?;

        // SAFETY: The name was just made with a count of one, which the `ARef` gets.
        Ok(unsafe { ARef::from_raw(name) })
    }

    /// The name as a string.
    #[inline]
    pub fn as_c_str(&self) -> &CStr {
        // SAFETY: The name is allocated with its string, which is nul-terminated and not changed.
        unsafe { CStr::from_char_ptr((&raw const (*self.0.get()).name).cast()) }
    }

    /// Takes a reference to `name`.
    ///
    /// # Safety
    ///
    /// `name` must be NULL or point to a name whose count cannot become zero during the call.
    #[cfg(CONFIG_ANON_VMA_NAME)]
    #[inline]
    pub(super) unsafe fn get(name: *mut bindings::anon_vma_name) -> Option<ARef<Self>> {
        // SAFETY: The caller keeps the name alive during the call.
        unsafe { name.cast::<Self>().as_ref() }.map(ARef::from)
    }
}

/// Replaces the name of a VMA (C: `replace_anon_vma_name()`).
///
/// # Safety
///
/// `vma` must point to a VMA that the calling task has write-locked.
#[cfg(CONFIG_ANON_VMA_NAME)]
#[inline(never)]
pub(super) unsafe fn replace(
    vma: *mut bindings::vm_area_struct,
    name: Option<&AnonVmaName>,
) -> Result {
    // SAFETY: The VMA is alive, and nobody else writes its fields.
    if unsafe { !(*vma).vm_file.is_null() && !bindings::vma_is_anon_shmem(vma) } {
        return Err(EBADF);
    }

    let new = match name {
        // SAFETY: The reference keeps the name alive. It is only read, and counted.
        Some(name) => unsafe { bindings::anon_vma_name_reuse(name.0.get()) },
        None => ptr::null_mut(),
    };
    if name.is_some() && new.is_null() {
        return Err(ENOMEM);
    }

    // SAFETY: The VMA is write-locked, so this task may replace the pointer and owns the reference
    // that it stood for. `new` comes with a reference, which the VMA gets.
    unsafe {
        let old = ptr::replace(&raw mut (*vma).anon_name, new);
        bindings::anon_vma_name_put(old);
    }

    Ok(())
}
