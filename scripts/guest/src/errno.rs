// SPDX-License-Identifier: GPL-2.0

//! Names of the error numbers that the drivers give, and of signals.

macro_rules! names {
    ($number:expr, $kind:literal, $($name:ident)*) => {
        match $number {
            $(libc::$name => stringify!($name).into(),)*
            other => format!("{} {other}", $kind),
        }
    };
}

/// Returns the name of an error, or the number if it is none of the drivers'.
pub fn name(number: i32) -> String {
    names!(number, "error", EACCES EAGAIN EBUSY EFAULT EINTR EINVAL EIO ENOENT ENOMEM ENOSPC
        ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM ESRCH)
}

/// Returns the name of a signal that ends a process, or its number.
pub fn signal_name(number: i32) -> String {
    names!(number, "signal", SIGABRT SIGBUS SIGILL SIGKILL SIGSEGV SIGTERM)
}
