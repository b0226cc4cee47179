// SPDX-License-Identifier: GPL-2.0

//! The ioctls of both devices in Rust: what a caller wants, and what it is told.

use crate::{
    abi::{
        self,
        operation,
        Name,
        Run, //
    },
    work::{
        Done,
        Order, //
    }, //
};
use kernel::{
    ioctl::_IOWR,
    mm::MmWithUser,
    prelude::*,
    uaccess::UserSlice, //
};

pub(crate) const RUN: u32 = _IOWR::<Run>(abi::IOC_TYPE as u32, abi::RUN_NR as u32);
pub(crate) const NAME: u32 = _IOWR::<Name>(abi::IOC_TYPE as u32, abi::NAME_NR as u32);

/// A primitive.
pub(crate) struct Description {
    pub(crate) name: &'static str,
    /// One of [`abi::place`].
    pub(crate) place: u64,
    /// True if it takes as many pages as there are rounds.
    pub(crate) is_once_per_page: bool,
}

/// The primitive that an operation stands for.
pub(crate) fn primitive<P>(all: &'static [P], operation: u64) -> Result<&'static P> {
    let number = operation.checked_sub(operation::PRIMITIVES).ok_or(EINVAL)?;
    all.get(usize::try_from(number)?).ok_or(EINVAL)
}

/// Says what a primitive is.
pub(crate) fn name<P>(arg: usize, all: &[P], describe: fn(&P) -> Description) -> Result<isize> {
    const BYTES: usize = (size_of::<Name>() / size_of::<u64>() - abi::NAME_AT) * size_of::<u64>();

    let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Name>());
    let (mut reader, mut writer) = arg.reader_writer();
    let number = reader.read::<u64>()?;
    let Description {
        name,
        place,
        is_once_per_page,
    } = describe(all.get(usize::try_from(number)?).ok_or(ENOENT)?);

    let mut bytes = [0; BYTES];
    bytes
        .get_mut(..name.len())
        .ok_or(EINVAL)?
        .copy_from_slice(name.as_bytes());
    writer.write(&[number, place, is_once_per_page.into()])?;
    writer.write(&bytes)?;
    Ok(0)
}

/// Has something done on the VMAs of the caller, which returns how many nanoseconds it took.
pub(crate) fn run(
    arg: usize,
    work: impl FnOnce(&MmWithUser, u64, &Order) -> Result<(u64, Done)>,
) -> Result<isize> {
    let current = current!();
    // Kernel threads have no address space.
    let mm = current.mm().ok_or(ESRCH)?;

    let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Run>());
    let (mut reader, mut writer) = arg.reader_writer();
    let mut run = reader.read::<Run>()?;
    let [operation, rounds, first, second, hold_us, ..] = run;
    if !(1..=abi::MAX_ROUNDS).contains(&rounds) || hold_us > abi::MAX_HOLD {
        return Err(EINVAL);
    }
    let order = Order {
        rounds,
        addr: [first as usize, second as usize],
        hold_us: hold_us as i64,
    };

    let (ticks, done) = work(mm, operation, &order)?;

    run[5..].copy_from_slice(&[ticks, done.operations, done.sum]);
    writer.write(&run)?;
    Ok(0)
}
