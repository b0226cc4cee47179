// SPDX-License-Identifier: GPL-2.0

//! The name by which `/proc/PID/maps` shows a VMA.
//!
//! C source: [`fs/proc/task_mmu.c`](srctree/fs/proc/task_mmu.c)

use super::super::{
    level::{
        Level,
        Read,
        ReadHeld, //
    },
    Vma, //
};
use crate::{
    bindings,
    error::{
        code::{
            ENAMETOOLONG,
            ESRCH, //
        },
        from_err_ptr,
        Result, //
    },
    ffi::c_int,
    fs::LocalFile,
    str::{
        CStr,
        CStrExt, //
    },
    task::Task, //
};

impl<L: Level> Vma<L> {
    /// Writes the name by which `/proc/PID/maps` shows the VMA to the start of `buffer`, and
    /// returns it (C: `get_vma_name()`).
    ///
    /// The name is the path of its file, as the current task sees it and with newlines as `\012`;
    /// the name that its driver or the architecture gives it, such as `[vdso]`; `[heap]` or
    /// `[stack]`; or the name that userspace gave it, in `[anon:..]` or, with a file, in
    /// `[anon_shmem:..]`. Returns `None` if the VMA has no name.
    ///
    /// Never sleeps.
    ///
    /// # Errors
    ///
    /// - `ENAMETOOLONG` if the name does not fit in the buffer. A path needs room for one byte more
    ///   than it has, and for three more if there is a newline in it.
    /// - `ESRCH` if the name is a path and the current task is exiting and has no root directory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::MmWithUser;
    /// # use kernel::prelude::*;
    ///
    /// /// Whether `addr` is in the memory that `brk()` has made.
    /// fn is_on_heap(mm: &MmWithUser, addr: usize) -> bool {
    ///     let mut name = [0; 16];
    ///     let mut locks = mm.vma_locks();
    ///     // Whatever is longer is something else.
    ///     locks
    ///         .lock_vma(addr)
    ///         .is_some_and(|vma| vma.name(&mut name) == Ok(Some(&b"[heap]"[..])))
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert!(!is_on_heap(current!().mm().ok_or(EINVAL)?, 0));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "get_vma_name")]
    #[inline]
    pub fn name<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>>
    where
        L: ReadHeld,
    {
        // The driver's `name()` is handed a view at the level `Read`.
        write_name(self.as_read(), buffer)
    }
}

/// Most of the functions are not exported, so modules reach them through the crate.
#[inline(never)]
fn write_name<'b>(vma: &Vma<Read>, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
    let given = vma.anon_name();

    let len = if let Some(file) = vma.file() {
        match given {
            Some(name) => write_parts(buffer, &[b"[anon_shmem:", name.as_c_str().to_bytes(), b"]"]),
            None => write_path(buffer, file),
        }
    } else if let Some(name) = name_of_driver(vma).or_else(|| name_of_arch(vma)) {
        write_parts(buffer, &[name.to_bytes()])
    } else if is_initial_heap(vma) {
        write_parts(buffer, &[b"[heap]"])
    } else if is_initial_stack(vma) {
        write_parts(buffer, &[b"[stack]"])
    } else if let Some(name) = given {
        write_parts(buffer, &[b"[anon:", name.as_c_str().to_bytes(), b"]"])
    } else {
        return Ok(None);
    }?;

    buffer.get(..len).map(Some).ok_or(ENAMETOOLONG)
}

/// Writes bytes to the start of the buffer; returns how many.
fn write_parts(buffer: &mut [u8], parts: &[&[u8]]) -> Result<usize> {
    let mut len = 0;
    for part in parts {
        let end = part.len().checked_add(len).ok_or(ENAMETOOLONG)?;
        buffer
            .get_mut(len..end)
            .ok_or(ENAMETOOLONG)?
            .copy_from_slice(part);
        len = end;
    }
    Ok(len)
}

/// Writes the path of a file to the start of the buffer (C: `seq_path()`); returns its length.
// Not inlined: `seq_mangle_path()` is not exported.
#[inline(never)]
fn write_path(buffer: &mut [u8], file: &LocalFile) -> Result<usize> {
    let len = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
    if len == 0 {
        return Err(ENAMETOOLONG);
    }

    // SAFETY: Only a task itself takes its `fs` away, in `exit_fs()`, so for the current task this
    // does not change meanwhile.
    if unsafe { (*Task::current_raw()).fs.is_null() } {
        return Err(ESRCH);
    }

    let start = buffer.as_mut_ptr();
    // SAFETY: The reference keeps the file, and that keeps its path (also the other one that
    // `file_user_path()` returns for a backing file), which is not changed. `d_path()` writes
    // within the `len` bytes, of which there is one at least, and returns a pointer to a
    // nul-terminated string in them or an error; it reads `current->fs`, which is not NULL, and
    // takes spinlocks only. Then `seq_mangle_path()` moves the string to the start, where `start`
    // is not behind it; it writes before what it has yet to read, and returns the end or NULL.
    let end = unsafe {
        let path = from_err_ptr(bindings::d_path(
            bindings::file_user_path(file.as_ptr()),
            start.cast(),
            len,
        ))?;
        bindings::seq_mangle_path(start.cast(), path, c"\n".as_char_ptr())
    };

    if end.is_null() {
        return Err(ENAMETOOLONG);
    }
    // The end is not before the start.
    Ok(end.addr().wrapping_sub(start.addr()))
}

/// Returns the name that the VMA's operations give it (C: `vm_ops->name()`).
fn name_of_driver(vma: &Vma<Read>) -> Option<&CStr> {
    let ops = vma.ops()?.as_raw();

    // SAFETY: `VmOps` is the table of a VMA that is alive. As in `show_map_vma()`, the VMA is
    // read-locked when the callback is called, which returns NULL or a string that does not go away
    // before the VMA.
    unsafe {
        let name = (*ops).name?(vma.as_raw());
        (!name.is_null()).then(|| CStr::from_char_ptr(name))
    }
}

/// Returns the name that the architecture gives the VMA (C: `arch_vma_name()`).
// Not inlined: the function is not exported.
#[inline(never)]
fn name_of_arch(vma: &Vma<Read>) -> Option<&CStr> {
    // SAFETY: The VMA is alive, and read-locked as in `show_map_vma()`. The function returns NULL
    // or a string literal.
    unsafe {
        let name = bindings::arch_vma_name(vma.as_raw());
        (!name.is_null()).then(|| CStr::from_char_ptr(name))
    }
}

fn is_initial_heap(vma: &Vma<Read>) -> bool {
    // SAFETY: The VMA is alive, and so is its mm. This compares addresses, and `brk()` may change
    // one of them meanwhile, as it may while `/proc/PID/maps` is read.
    unsafe { bindings::vma_is_initial_heap(vma.as_raw()) }
}

fn is_initial_stack(vma: &Vma<Read>) -> bool {
    // SAFETY: As in `is_initial_heap()`.
    unsafe { bindings::vma_is_initial_stack(vma.as_raw()) }
}
