// SPDX-License-Identifier: GPL-2.0

//! The work that is timed, a function for each operation. What is read is summed up, so that it has
//! to be read, and so that it can be compared with C. Sums wrap as in C: whether Rust checks its
//! arithmetic is not what is measured.

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

/// A request.
pub(crate) struct Order {
    pub(crate) rounds: u64,
    pub(crate) addr: [usize; 2],
    pub(crate) hold_us: i64,
}

/// The result of a request.
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
        operation::WALK_VMA | operation::WALK_LOOP => walk_vma,
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
        self.add_sum(read_fields(vma));
    }

    #[inline]
    fn add_sum(&mut self, sum: u64) {
        self.operations = self.operations.wrapping_add(1);
        self.sum = self.sum.wrapping_add(sum);
    }
}

#[inline]
fn read_fields<L: ReadFields>(vma: &Vma<L>) -> u64 {
    let len = vma.end().wrapping_sub(vma.start()) as u64;
    len.wrapping_add(vma.flags().contains(VmaFlag::WRITE).into())
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
        done.add_sum(read_fields(first).wrapping_add(read_fields(second)));
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
