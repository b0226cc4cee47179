// SPDX-License-Identifier: GPL-2.0

//! A plugin for QEMU that counts the loads and stores of the guest's kernel, from where it calls a function that is a
//! mark to where it calls such a function again: a stretch. On a machine with many processors what an operation costs
//! is, before all, which cache lines it writes that others want, too; that can be counted on a machine with one.
//!
//! `-plugin libcache_lines.so,mark=ADDRESS,...,out=FILE`, with the addresses of all marks in hexadecimal. The file has
//! a line `stretch` for each, and then one for each place in memory and each instruction that accessed it:
//!
//! `access ADDRESS INSTRUCTION HOW LOADS STORES`
//!
//! `HOW` is `locked` if the instruction is atomic, `cpu` if it addresses what belongs to its processor, else `plain`.
//! The first two numbers are hexadecimal. It takes a guest with one processor, whose kernel is where it was linked to:
//! `nokaslr`.

mod instruction;
mod options;
#[cfg(not(test))]
#[allow(unsafe_code, reason = "what QEMU and its plugins call is C")]
mod plugin;
mod stretch;
