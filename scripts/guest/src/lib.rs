// SPDX-License-Identifier: GPL-2.0

//! The common parts of the guest's programs.
//!
//! Each is one static file, which is all that the guest has: it runs as the first process, or as an
//! ordinary one.

mod abi;
pub mod area;
pub mod balance;
pub mod check;
pub mod counters;
pub mod device;
pub mod errno;
pub mod failing;
pub mod ground;
pub mod init;
pub mod maps;
pub mod modules;
pub mod random;
pub mod runner;
#[allow(
    unsafe_code,
    reason = "system calls that the standard library does not have"
)]
pub mod sys;
pub mod tap;
