// SPDX-License-Identifier: GPL-2.0

//! Child processes: what they do, how they end, and what they leave behind.

use super::check;
use crate::errno;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{
    DumpableBehavior, Gid, Pid, Signal, Uid, WaitOptions, WaitStatus, kill_process,
    kill_process_group, set_child_subreaper, set_dumpable_behavior, setpgid, waitpgid, waitpid,
};
use rustix::thread::{
    CpuSet, gettid, sched_setaffinity, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::ffi::CStr;
use std::fmt;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(u8),
    /// By this signal.
    Killed(i32),
}

impl End {
    fn from_status(status: WaitStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Killed(signal),
            // An exit code has eight bits.
            None => Self::Exited(status.exit_status().unwrap_or(0) as u8),
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
    pid: Pid,
}

/// Runs `f` in a child process; what it returns is the child's exit code.
///
/// The child has the calling thread only. If there are others, `f` must take no lock that one of
/// them can hold: it must not allocate, print or panic.
pub fn fork(f: impl FnOnce() -> u8) -> Result<Child> {
    // SAFETY: The caller limits the child to actions that need no other thread; a lock that
    // nobody gives back makes it hang, and no worse.
    let pid = unsafe { libc::fork() };
    check(pid)?;
    if pid == 0 {
        let code = f();
        // SAFETY: This ends the child, and runs nothing of the parent's.
        unsafe { libc::_exit(code.into()) };
    }
    let pid = Pid::from_raw(pid).expect("the parent is given the number of its child");
    Ok(Child { pid })
}

impl Child {
    /// The number of the process.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Waits for its end.
    pub fn wait(self) -> Result<End> {
        let end = wait_for(
            |options| waitpid(Some(self.pid), options),
            WaitOptions::empty(),
        )?;
        Ok(end.expect("only a wait that does not block ends without one"))
    }

    /// Waits for its end, but not for longer than `limit`.
    pub fn wait_at_most(&self, limit: Duration) -> Result<Option<End>> {
        let start = Instant::now();
        loop {
            let end = wait_for(
                |options| waitpid(Some(self.pid), options),
                WaitOptions::NOHANG,
            )?;
            if end.is_some() || start.elapsed() >= limit {
                return Ok(end);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills it.
    pub fn kill(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::KILL)?)
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
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}

/// Makes this process the first of a new group, to which the children that it will have belong,
/// too.
pub fn begin_group() -> Result<()> {
    Ok(setpgid(None, None)?)
}

type Waited = rustix::io::Result<Option<(Pid, WaitStatus)>>;

fn wait_for(wait: impl Fn(WaitOptions) -> Waited, options: WaitOptions) -> Result<Option<End>> {
    let found = retry_on_intr(|| wait(options))?;
    Ok(found.map(|(_, status)| End::from_status(status)))
}

/// Waits for the end of any one child.
pub fn wait_for_any() -> Result<End> {
    let end = wait_for(|options| waitpid(None, options), WaitOptions::empty())?;
    Ok(end.expect("only a wait that does not block ends without one"))
}

/// Makes this process the parent of its descendants whose own parent ends before them.
pub fn adopt_orphans() -> Result<()> {
    // Any number but none says yes.
    Ok(set_child_subreaper(Some(Pid::INIT))?)
}

/// Kills what is left of the group of a child that was waited for. Returns whether there was
/// something left.
///
/// It is an error if that cannot be killed.
pub fn reap_group(first: &Child, limit: Duration) -> Result<bool> {
    // The group has descendants of this process only: as long as one of them is there, no other
    // group has its number, and without one there is no such group.
    match kill_process_group(first.pid, Signal::KILL) {
        Err(Errno::SRCH) => return Ok(false),
        other => other?,
    }
    let start = Instant::now();
    loop {
        match waitpgid(first.pid, WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return Ok(true),
            Ok(None) if start.elapsed() >= limit => return Err(Errno::TIMEDOUT.into()),
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(_)) => (),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Gives up being root, for good; this thread alone has to be there.
pub fn become_user(user: u32) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}

/// Says whether other processes of the same user may look into this one.
pub fn set_dumpable(is: bool) -> Result<()> {
    Ok(set_dumpable_behavior(match is {
        true => DumpableBehavior::Dumpable,
        false => DumpableBehavior::NotDumpable,
    })?)
}

/// The number of the calling thread.
pub fn thread_id() -> i32 {
    gettid().as_raw_pid()
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
