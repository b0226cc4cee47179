// SPDX-License-Identifier: GPL-2.0

//! Child processes: what they do, how they end, and what they leave behind.

use super::check;
use crate::errno;
use std::ffi::CStr;
use std::fmt;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(u8),
    /// By this signal.
    Killed(i32),
}

impl End {
    fn from_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Killed(libc::WTERMSIG(status))
        } else {
            // An exit code has eight bits.
            Self::Exited(libc::WEXITSTATUS(status) as u8)
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "ended with exit code {code}"),
            Self::Killed(signal) => write!(f, "killed by {}", errno::signal_name(*signal)),
        }
    }
}

/// A child that was not waited for yet.
///
/// One that nobody waits for stays until its parent ends, or its [`group`](reap_group) is reaped.
pub struct Child {
    pid: libc::pid_t,
}

/// Runs `f` in a child process; what it returns is the child's exit code.
///
/// The child has the calling thread only. If there are others, `f` must take no lock that one of
/// them can hold: it must not allocate, print or panic.
pub fn fork(f: impl FnOnce() -> u8) -> Result<Child> {
    // SAFETY: What the child may do without the other threads is left to the caller; a lock that
    // nobody gives back makes it hang, and no worse.
    let pid = unsafe { libc::fork() };
    check(pid)?;
    if pid == 0 {
        let code = f();
        // SAFETY: This ends the child, and runs nothing of the parent's.
        unsafe { libc::_exit(code.into()) };
    }
    Ok(Child { pid })
}

impl Child {
    /// The number of the process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits for its end.
    pub fn wait(self) -> Result<End> {
        let end = wait_for(self.pid, 0)?;
        Ok(end.expect("only a wait that does not block ends without one"))
    }

    /// Waits for its end, but not for longer than `limit`.
    pub fn wait_at_most(&self, limit: Duration) -> Result<Option<End>> {
        let start = Instant::now();
        loop {
            let end = wait_for(self.pid, libc::WNOHANG)?;
            if end.is_some() || start.elapsed() >= limit {
                return Ok(end);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) -> Result<()> {
        // SAFETY: The child was not waited for, so its number is still its own.
        check(unsafe { libc::kill(self.pid, signal) })
    }
}

/// Runs this program anew in the place of this process, with one argument. Returns only if that
/// failed. Does not allocate.
pub fn exec_again(argument: &CStr) -> Error {
    let program = c"/proc/self/exe";
    let arguments = [program.as_ptr(), argument.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: All are C strings, and the lists of them end with NULL.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Error::last_os_error()
}

/// Keeps the calling thread on one processor.
pub fn stay_on(processor: usize) -> Result<()> {
    // SAFETY: All zeros is the empty set, and the set is on this stack.
    check(unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set)
    })
}

/// Makes this process the first of a new group, to which the children that it will have belong,
/// too.
pub fn begin_group() -> Result<()> {
    // SAFETY: This changes who gets signals.
    check(unsafe { libc::setpgid(0, 0) })
}

fn wait_for(pid: libc::pid_t, options: i32) -> Result<Option<End>> {
    let mut status = 0;
    loop {
        // SAFETY: The status is a number on this stack.
        let found = unsafe { libc::waitpid(pid, &mut status, options) };
        match check(found) {
            Ok(()) => return Ok((found != 0).then(|| End::from_status(status))),
            Err(e) if e.raw_os_error() == Some(libc::EINTR) => (),
            Err(e) => return Err(e),
        }
    }
}

/// Waits for the end of any one child.
pub fn wait_for_any() -> Result<End> {
    let end = wait_for(-1, 0)?;
    Ok(end.expect("only a wait that does not block ends without one"))
}

/// Makes this process the parent of its descendants whose own parent ends before them.
pub fn adopt_orphans() -> Result<()> {
    let no: libc::c_ulong = 0;
    // SAFETY: This changes who is told of a process's end.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as libc::c_ulong, no, no, no) })
}

/// Kills what is left of a group, whose first process was waited for. Returns whether there was
/// something left.
///
/// It is an error if that cannot be killed.
pub fn reap_group(pid: i32, limit: Duration) -> Result<bool> {
    // SAFETY: The group has descendants of this process only: as long as one of them is there, no
    // other group has its number, and without one there is no such group.
    match check(unsafe { libc::kill(-pid, libc::SIGKILL) }) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => return Ok(false),
        other => other?,
    }
    let start = Instant::now();
    loop {
        match wait_for(-pid, libc::WNOHANG) {
            Err(e) if e.raw_os_error() == Some(libc::ECHILD) => return Ok(true),
            Ok(None) if start.elapsed() >= limit => {
                return Err(Error::from_raw_os_error(libc::ETIMEDOUT));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(_)) => (),
            Err(e) => return Err(e),
        }
    }
}

/// Gives up being root, for good; this thread alone has to be there.
pub fn become_user(user: u32) -> Result<()> {
    // SAFETY: These change who this process is.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(user, user, user))?;
        check(libc::setresuid(user, user, user))
    }
}

/// Says whether other processes of the same user may look into this one.
pub fn set_dumpable(is: bool) -> Result<()> {
    let no: libc::c_ulong = 0;
    let is = libc::c_ulong::from(is);
    // SAFETY: This changes who may look into this process.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, is, no, no, no) })
}

/// The number of the calling thread.
pub fn thread_id() -> i32 {
    // SAFETY: This asks for a number.
    unsafe { libc::gettid() }
}

/// Reads this process's memory as a debugger would read another's. Returns how much was read.
pub fn read_own_memory(addr: usize, bytes: &mut [u8]) -> Result<usize> {
    let to = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let from = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(addr),
        iov_len: bytes.len(),
    };
    // SAFETY: `to` are the bytes that were borrowed for it; `from` is looked at by the kernel only.
    let read = unsafe { libc::process_vm_readv(libc::getpid(), &to, 1, &from, 1, 0) };
    usize::try_from(read).map_err(|_| Error::last_os_error())
}
