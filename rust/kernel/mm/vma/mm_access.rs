// SPDX-License-Identifier: GPL-2.0

//! The address space of another process, for those who may look into it.
//!
//! C source: `mm_access()` in [`kernel/fork.c`](srctree/kernel/fork.c)

use crate::{
    bindings,
    error::{
        code::{
            ENOENT,
            ESRCH, //
        },
        from_err_ptr,
        Result, //
    },
    mm::MmWithUser,
    sync::aref::ARef,
    task::{
        Pid,
        Task, //
    }, //
};
use core::ptr::NonNull;

/// What one task wants with another, and whose credentials are asked (C: `PTRACE_MODE_*`).
///
/// C header: [`include/linux/ptrace.h`](srctree/include/linux/ptrace.h)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PtraceMode(u32);

impl PtraceMode {
    /// To see only what does not endanger the other task, as a file system access: what
    /// `/proc/pid/maps` asks for.
    pub const READ_FSCREDS: Self = Self(bindings::PTRACE_MODE_READ | bindings::PTRACE_MODE_FSCREDS);

    /// The same, as a system call.
    pub const READ_REALCREDS: Self =
        Self(bindings::PTRACE_MODE_READ | bindings::PTRACE_MODE_REALCREDS);

    /// To read and write its memory, as a file system access: what `/proc/pid/mem` asks for.
    pub const ATTACH_FSCREDS: Self =
        Self(bindings::PTRACE_MODE_ATTACH | bindings::PTRACE_MODE_FSCREDS);

    /// The same, as a system call: what `process_vm_readv()` asks for.
    pub const ATTACH_REALCREDS: Self =
        Self(bindings::PTRACE_MODE_ATTACH | bindings::PTRACE_MODE_REALCREDS);
}

impl MmWithUser {
    /// The address space of a process, if the current task may access it (C: `mm_access()`).
    ///
    /// The number is one of the current task's PID namespace. `None` if the process has no address
    /// space: it is a kernel thread, or has exited.
    ///
    /// The reference keeps the address space from being torn down when the process exits. Who wants
    /// it for longer, for as long as a file is open, say, turns it into an `ARef<Mm>`, and takes
    /// [`mmget_not_zero()`](crate::mm::Mm::mmget_not_zero) for each use.
    ///
    /// Sleeps; must not be called with one of the locks of an address space held.
    ///
    /// # Errors
    ///
    /// `ESRCH` if there is no such process, `EACCES` if the current task may not access it, `EINTR`
    /// if a fatal signal arrived while waiting for an `execve()` of it to end.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::{vma::PtraceMode, Mm, MmWithUser},
    ///     sync::aref::ARef,
    ///     task::Pid,
    /// };
    ///
    /// /// What the open file of a `/proc/pid/maps` keeps.
    /// fn open(pid: Pid) -> Result<Option<ARef<Mm>>> {
    ///     let mm = MmWithUser::of_pid(pid, PtraceMode::READ_FSCREDS)?;
    ///     Ok(mm.map(|mm| (&**mm).into()))
    /// }
    /// # assert_eq!(open(-1).err(), Some(ESRCH));
    /// # // A kernel thread.
    /// # assert!(open(2)?.is_none());
    /// # assert!(open(1)?.is_none_or(|mm| mm.mmget_not_zero().is_some()));
    /// # Ok::<(), Error>(())
    /// ```
    // What it calls is not exported, so modules reach it through the crate.
    #[doc(alias = "mm_access")]
    #[inline(never)]
    pub fn of_pid(pid: Pid, mode: PtraceMode) -> Result<Option<ARef<MmWithUser>>> {
        // SAFETY: The function takes any number.
        let task = unsafe { bindings::find_get_task_by_vpid(pid) };
        let task = NonNull::new(task).ok_or(ESRCH)?;
        // SAFETY: The function has returned a reference to the task, which goes to `task`.
        let task: ARef<Task> = unsafe { ARef::from_raw(task.cast()) };

        // SAFETY: The task is alive, and the mode has one of the two bits for credentials.
        match from_err_ptr(unsafe { bindings::mm_access(task.as_ptr(), mode.0) }) {
            Ok(mm) => {
                let mm = NonNull::new(mm).ok_or(ENOENT)?;
                // SAFETY: The function has returned an mm with a count of `mm_users`, which goes to
                // the `ARef`.
                Ok(Some(unsafe { ARef::from_raw(mm.cast()) }))
            }
            Err(e) if e == ESRCH => Ok(None),
            Err(e) => Err(e),
        }
    }
}
