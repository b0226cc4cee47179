// SPDX-License-Identifier: GPL-2.0

//! Accesses to memory that user space accesses concurrently: copies, and single words.

use crate::{
    bindings,
    prelude::*,
    sync::atomic::{
        ordering::{
            AcquireOrRelaxed,
            ReleaseOrRelaxed, //
        },
        Atomic, //
    }, //
};
use core::{
    mem::MaybeUninit,
    ptr, //
};

mod sealed {
    pub trait Sealed {}
}

/// A word that is loaded and stored by one access: `u32`, `usize`, and `u64` on 64-bit kernels.
///
/// A 32-bit kernel has no such `u64`: its `atomic64_t` may be two words and a lock, which user
/// space does not take. This trait is sealed.
///
/// # Safety
///
/// The type must have no invalid bit patterns, and [`Atomic<Self>`] must load and store it by one
/// access.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not accessed as one word of shared memory",
    label = "not a word that is loaded and stored by one access",
    note = "the words are `u32`, `usize` and, on 64-bit kernels, `u64`"
)]
pub unsafe trait SharedWord: sealed::Sealed + Sized {
    /// # Safety
    ///
    /// `from` must be aligned and mapped during the call, and the kernel may access it by volatile
    /// and atomic accesses only.
    #[doc(hidden)]
    unsafe fn load_from<O: AcquireOrRelaxed>(from: *mut Self, order: O) -> Self;

    /// # Safety
    ///
    /// As for `load_from()`, and `to` must be writable.
    #[doc(hidden)]
    unsafe fn store_to<O: ReleaseOrRelaxed>(self, to: *mut Self, order: O);
}

macro_rules! shared_word {
    ($word:ty) => {
        impl sealed::Sealed for $word {}

        // SAFETY: All bit patterns are integers. The type is as wide as a machine word or as an
        // `int`, so `atomic_read()` and `atomic_set()` are `READ_ONCE()` and `WRITE_ONCE()`, and
        // their variants `smp_load_acquire()` and `smp_store_release()`.
        unsafe impl SharedWord for $word {
            #[inline(always)]
            unsafe fn load_from<O: AcquireOrRelaxed>(from: *mut Self, order: O) -> Self {
                // SAFETY: Guaranteed by the caller: the word is aligned, mapped during the call and
                // not accessed by the kernel except by volatile and atomic accesses. Accesses of
                // user space are those of another CPU, which tear no aligned word.
                unsafe { Atomic::from_ptr(from) }.load(order)
            }

            #[inline(always)]
            unsafe fn store_to<O: ReleaseOrRelaxed>(self, to: *mut Self, order: O) {
                // SAFETY: As in `load_from()`; the caller guarantees that the word is writable.
                unsafe { Atomic::from_ptr(to) }.store(self, order)
            }
        }
    };
}

shared_word!(u32);
shared_word!(usize);
#[cfg(CONFIG_64BIT)]
shared_word!(u64);

/// Returns the offset of `len` bytes in shared memory of `size` bytes, or `EINVAL` if they are out
/// of bounds.
#[inline]
pub(super) fn checked(offset: usize, len: usize, size: usize) -> Result<usize> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(offset),
        _ => Err(EINVAL),
    }
}

/// Returns the offset of a word in shared memory of `size` bytes, or `EINVAL` if the word is out of
/// bounds or not aligned.
///
/// The memory itself must be aligned to a page.
#[inline]
pub(super) fn checked_word<W: SharedWord>(offset: usize, size: usize) -> Result<usize> {
    if offset & (align_of::<W>() - 1) != 0 {
        return Err(EINVAL);
    }
    checked(offset, size_of::<W>(), size)
}

/// Calls `f` with the address of a page, which is mapped for as long.
///
/// # Safety
///
/// The caller must have a reference to the page.
#[inline]
pub(super) unsafe fn with_mapped<R>(page: *mut bindings::page, f: impl FnOnce(*mut u8) -> R) -> R {
    // SAFETY: The page is valid, and is unmapped below in the reverse order of any that `f` maps.
    unsafe {
        let memory = bindings::kmap_local_page(page);
        let result = f(memory.cast());
        bindings::kunmap_local(memory);
        result
    }
}

/// Copies from memory that user space may be writing.
///
/// # Safety
///
/// `from` must be readable for the length of `to`.
pub(super) unsafe fn copy_from_shared(from: *const u8, to: &mut [u8]) {
    // SAFETY: The layouts are the same, and only initialised bytes are written. Guaranteed by the
    // caller: `from` is as long as `to`.
    unsafe { init_from_shared(from, &mut *(ptr::from_mut(to) as *mut [MaybeUninit<u8>])) };
}

/// Initialises `to` from memory that user space may be writing.
///
/// Each load is volatile, and of a word where that is aligned, as those of `READ_ONCE()`.
///
/// # Safety
///
/// `from` must be readable for the length of `to`.
pub(super) unsafe fn init_from_shared(mut from: *const u8, to: &mut [MaybeUninit<u8>]) {
    const WORD: usize = size_of::<usize>();
    let head = from.align_offset(WORD).min(to.len());
    let (head, rest) = to.split_at_mut(head);

    for byte in head {
        // SAFETY: It is in what the caller says is readable, of which the end may be next.
        unsafe {
            byte.write(from.read_volatile());
            from = from.add(1);
        }
    }
    let mut words = rest.chunks_exact_mut(WORD);
    for word in &mut words {
        // SAFETY: As above; and it is aligned after the head.
        let value = unsafe {
            let value = from.cast::<usize>().read_volatile();
            from = from.add(WORD);
            value
        };
        word.copy_from_slice(&value.to_ne_bytes().map(MaybeUninit::new));
    }
    for byte in words.into_remainder() {
        // SAFETY: As above.
        unsafe {
            byte.write(from.read_volatile());
            from = from.add(1);
        }
    }
}

/// Copies to memory that user space may be reading and writing.
///
/// Each store is volatile, and of a word where that is aligned, as those of `WRITE_ONCE()`.
///
/// # Safety
///
/// `to` must be writable for the length of `from`.
pub(super) unsafe fn copy_to_shared(mut to: *mut u8, from: &[u8]) {
    const WORD: usize = size_of::<usize>();
    let head = to.align_offset(WORD).min(from.len());
    let (head, rest) = from.split_at(head);

    for byte in head {
        // SAFETY: It is in what the caller says is writable, of which the end may be next.
        unsafe {
            to.write_volatile(*byte);
            to = to.add(1);
        }
    }
    let words = rest.chunks_exact(WORD);
    let tail = words.remainder();
    for word in words {
        let mut value = [0; WORD];
        value.copy_from_slice(word);
        // SAFETY: As above; and it is aligned after the head.
        unsafe {
            to.cast::<usize>()
                .write_volatile(usize::from_ne_bytes(value));
            to = to.add(WORD);
        }
    }
    for byte in tail {
        // SAFETY: As above.
        unsafe {
            to.write_volatile(*byte);
            to = to.add(1);
        }
    }
}

/// Zeroes memory that user space may be reading and writing.
///
/// Each store is as those of [`copy_to_shared()`].
///
/// # Safety
///
/// `to` must be writable for `len` bytes.
pub(super) unsafe fn zero_shared(to: *mut u8, len: usize) {
    const ZEROS: [u8; 64] = [0; 64];
    let mut done = 0;

    while done < len {
        let part = len.wrapping_sub(done).min(ZEROS.len());
        // SAFETY: Guaranteed by the caller: these bytes are writable.
        unsafe { copy_to_shared(to.add(done), &ZEROS[..part]) };
        done = done.wrapping_add(part);
    }
}
