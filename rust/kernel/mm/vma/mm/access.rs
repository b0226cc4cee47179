// SPDX-License-Identifier: GPL-2.0

//! The permission to access the address space of another process.
//!
//! C source: `mm_access()` in [`kernel/fork.c`](srctree/kernel/fork.c)

use super::ForeignMm;
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
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

mod sealed {
    pub trait Sealed {}
}

/// An access to another task's address space that was permitted. This trait is sealed.
pub trait MmAccess: sealed::Sealed + 'static {}

/// Permits to read the layout of the address space, but not its memory (C: `PTRACE_MODE_READ`).
pub enum ReadAccess {}

/// Permits everything that a debugger can do (C: `PTRACE_MODE_ATTACH`).
pub enum AttachAccess {}

/// An access that permits to read and write another task's memory, and to change its mappings. This
/// trait is sealed.
#[diagnostic::on_unimplemented(
    message = "another task's address space is not lent at `{Self}`",
    label = "needs an address space that was accessed with `PtraceMode::ATTACH_*`",
    note = "what was accessed with `PtraceMode::READ_*` can be looked at with \
            `ForeignMm::cursor()`; to write to it, ask `MmWithUser::of_pid()` for the permission \
            to attach"
)]
pub trait MayAttach: MmAccess {}

impl MayAttach for AttachAccess {}

impl sealed::Sealed for ReadAccess {}
impl sealed::Sealed for AttachAccess {}
impl MmAccess for ReadAccess {}
impl MmAccess for AttachAccess {}

/// The access that is requested, and the credentials that are checked (C: `PTRACE_MODE_*`).
///
/// `A` is the access that the mode permits.
///
/// C header: [`include/linux/ptrace.h`](srctree/include/linux/ptrace.h)
pub struct PtraceMode<A: MmAccess>(u32, PhantomData<A>);

impl PtraceMode<ReadAccess> {
    /// Requests [`ReadAccess`] as a file system access, as `/proc/pid/maps` does.
    pub const READ_FSCREDS: Self =
        Self::new(bindings::PTRACE_MODE_READ | bindings::PTRACE_MODE_FSCREDS);

    /// Requests [`ReadAccess`] as a system call.
    pub const READ_REALCREDS: Self =
        Self::new(bindings::PTRACE_MODE_READ | bindings::PTRACE_MODE_REALCREDS);
}

impl PtraceMode<AttachAccess> {
    /// Requests [`AttachAccess`] as a file system access, as `/proc/pid/mem` does.
    pub const ATTACH_FSCREDS: Self =
        Self::new(bindings::PTRACE_MODE_ATTACH | bindings::PTRACE_MODE_FSCREDS);

    /// Requests [`AttachAccess`] as a system call, as `process_vm_readv()` does.
    pub const ATTACH_REALCREDS: Self =
        Self::new(bindings::PTRACE_MODE_ATTACH | bindings::PTRACE_MODE_REALCREDS);
}

impl<A: MmAccess> PtraceMode<A> {
    const fn new(mode: u32) -> Self {
        Self(mode, PhantomData)
    }
}

impl MmWithUser {
    /// Returns the address space of a process, if the current task may access it (C:
    /// `mm_access()`).
    ///
    /// The number is one of the current task's PID namespace. Returns `None` if the process has no
    /// address space because it is a kernel thread or has exited.
    ///
    /// The result at [`ReadAccess`] shows the layout of VMAs; at [`AttachAccess`] it lends the
    /// address space itself. See [`ForeignMm`].
    ///
    /// Sleeps. The caller must not hold a lock of an address space.
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
    ///     mm::{vma::{ForeignMmRef, PtraceMode, ReadAccess}, MmWithUser},
    ///     task::Pid,
    /// };
    ///
    /// /// What the open file of a `/proc/pid/maps` keeps.
    /// fn open(pid: Pid) -> Result<Option<ForeignMmRef<ReadAccess>>> {
    ///     let mm = MmWithUser::of_pid(pid, PtraceMode::READ_FSCREDS)?;
    ///     Ok(mm.map(|mm| mm.to_ref()))
    /// }
    /// # assert_eq!(open(-1).err(), Some(ESRCH));
    /// # // A kernel thread.
    /// # assert!(open(2)?.is_none());
    /// # assert!(open(1)?.is_none_or(|mm| mm.get().is_some()));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "mm_access")]
    #[inline]
    pub fn of_pid<A: MmAccess>(pid: Pid, mode: PtraceMode<A>) -> Result<Option<ForeignMm<A>>> {
        // The mode stands for the access `A`, so that is what was permitted.
        Ok(of_pid(pid, mode.0)?.map(ForeignMm::new))
    }
}

/// Most of what this calls is not exported, so modules reach it through the crate. `mode` must have
/// exactly one of the two bits for credentials.
#[inline(never)]
fn of_pid(pid: Pid, mode: u32) -> Result<Option<ARef<MmWithUser>>> {
    // SAFETY: The function takes any number.
    let task = unsafe { bindings::find_get_task_by_vpid(pid) };
    let task = NonNull::new(task).ok_or(ESRCH)?;
    // SAFETY: The function has returned a reference to the task, which goes to `task`.
    let task: ARef<Task> = unsafe { ARef::from_raw(task.cast()) };

    // SAFETY: The task is alive, and by `PtraceMode` the mode has one of the two bits for
    // credentials.
    match from_err_ptr(unsafe { bindings::mm_access(task.as_ptr(), mode) }) {
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
