// SPDX-License-Identifier: GPL-2.0

//! The work that is timed, a function for each operation. What is read is summed up, so that it has
//! to be read, and so that it can be compared with C.

use crate::abi::operation;
use kernel::{
    mm::vma::{
        ReadFields,
        Vma,
        VmaFlag,
        VmaLocks, //
    },
    prelude::*,
    time::{
        delay::udelay,
        Delta, //
    },
};

/// What is to be done.
pub(crate) struct Order {
    pub(crate) rounds: u64,
    pub(crate) addr: [usize; 2],
    pub(crate) hold_us: i64,
}

/// What was done.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) operations: u64,
    pub(crate) sum: u64,
}

/// A function that does an operation.
pub(crate) type Work = fn(&mut VmaLocks<'_>, &Order) -> Result<Done>;

/// The function for an operation.
pub(crate) fn find(number: u64) -> Option<Work> {
    Some(match number {
        operation::WALK_VMA => walk_vma,
        operation::WALK_MMAP => walk_mmap,
        operation::READ_VMA => read_vma,
        operation::READ_MMAP => read_mmap,
        operation::LOCK_TWO => lock_two,
        operation::HOLD_VMA => hold_vma,
        operation::HOLD_MMAP => hold_mmap,
        _ => return None,
    })
}

impl Done {
    #[inline]
    fn add<L: ReadFields>(&mut self, vma: &Vma<L>) {
        self.operations += 1;
        self.sum = self.sum.wrapping_add(read_fields(vma));
    }
}

#[inline]
fn read_fields<L: ReadFields>(vma: &Vma<L>) -> u64 {
    (vma.end() - vma.start()) as u64 + u64::from(vma.flags().contains(VmaFlag::WRITE))
}

fn walk_vma(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        let mut cursor = locks.cursor(0);
        while let Some(vma) = cursor.lock_next()? {
            done.add(vma);
        }
    }
    Ok(done)
}

fn walk_mmap(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        for vma in locks.read().vmas() {
            done.add(vma);
        }
    }
    Ok(done)
}

fn read_vma(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        if let Some(vma) = locks.lock_vma_under_rcu(order.addr[0]) {
            done.add(&vma);
        }
    }
    Ok(done)
}

fn read_mmap(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        if let Some(vma) = locks.read().lookup(order.addr[0]) {
            done.add(vma);
        }
    }
    Ok(done)
}

fn lock_two(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        let locked = locks.lock_vmas(order.addr)?;
        let [first, second] = locked.views();
        done.sum += read_fields(first) + read_fields(second);
        done.operations += 1;
    }
    Ok(done)
}

fn hold_vma(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        if let Some(vma) = locks.lock_vma_under_rcu(order.addr[0]) {
            done.add(&vma);
            udelay(Delta::from_micros(order.hold_us));
        }
    }
    Ok(done)
}

fn hold_mmap(locks: &mut VmaLocks<'_>, order: &Order) -> Result<Done> {
    let mut done = Done::default();

    for _ in 0..order.rounds {
        let mmap = locks.read();
        if let Some(vma) = mmap.lookup(order.addr[0]) {
            done.add(vma);
        }
        udelay(Delta::from_micros(order.hold_us));
    }
    Ok(done)
}
