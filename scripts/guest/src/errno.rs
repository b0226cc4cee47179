// SPDX-License-Identifier: GPL-2.0

//! Names of the error numbers that the driver gives.

/// The name, or the number if it is none of the driver's.
pub fn name(number: i32) -> String {
    let name = match number {
        libc::EAGAIN => "EAGAIN",
        libc::EFAULT => "EFAULT",
        libc::EINTR => "EINTR",
        libc::EINVAL => "EINVAL",
        libc::ENOENT => "ENOENT",
        libc::ENOMEM => "ENOMEM",
        libc::ENOTTY => "ENOTTY",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::ESRCH => "ESRCH",
        _ => return format!("error {number}"),
    };
    name.into()
}
