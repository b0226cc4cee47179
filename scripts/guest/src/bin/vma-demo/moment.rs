// SPDX-License-Identifier: GPL-2.0

//! One moment of this process, seen by the driver and by `/proc/self/maps`.
//!
//! `/proc/self/maps` is read before the driver is asked and after; if both are the same, the
//! mappings did not change in between. To that end nothing is allocated in between: all memory is
//! there before.

use crate::abi::Record;
use crate::device::{self, Answer, WAYS, Way};
use std::fs::File;
use std::io::Result;

/// More VMAs than this program has.
const MAX_VMAS: usize = 512;

/// The number of attempts to find the mappings unchanged.
const TRIES: usize = 10;

/// The number of attempts at locking a VMA under RCU. Apart from this task, only the kernel's
/// own (khugepaged, ksmd) write-lock its VMAs, and not for long.
const RCU_TRIES: usize = 100;

/// The addresses of a VMA that the driver is asked about.
pub const POINTS: [&str; 3] = ["start", "middle", "last byte"];

/// A VMA of the driver's list, and its answers: for each of [`POINTS`], for each of [`WAYS`].
pub struct Seen {
    pub record: Record,
    pub answers: [[Answer; WAYS.len()]; POINTS.len()],
}

/// An address next to a VMA and in none, and the driver's answers for each of [`WAYS`].
pub struct Miss {
    pub addr: u64,
    pub answers: [Answer; WAYS.len()],
}

/// The results, and the memory for them.
pub struct Moment {
    maps: Vec<u8>,
    maps_after: Vec<u8>,
    list: Vec<u8>,
    list_in_steps: Vec<u8>,
    /// The driver's list.
    pub seen: Vec<Seen>,
    /// Where there is nothing.
    pub misses: Vec<Miss>,
    /// True if a user with a small buffer reads the same list.
    pub steps_agree: bool,
}

impl Moment {
    /// Makes room for a moment.
    fn new() -> Self {
        const BYTES: usize = MAX_VMAS * size_of::<Record>();
        Self {
            maps: vec![0; 4 * BYTES],
            maps_after: vec![0; 4 * BYTES],
            list: vec![0; BYTES],
            list_in_steps: vec![0; BYTES],
            seen: Vec::with_capacity(MAX_VMAS),
            misses: Vec::with_capacity(2 * MAX_VMAS),
            steps_agree: false,
        }
    }

    /// Sees one.
    pub fn take(device: &File) -> std::result::Result<Self, String> {
        let maps = File::open("/proc/self/maps")
            .map_err(|e| format!("cannot open /proc/self/maps: {e}"))?;
        let mut moment = Self::new();
        for _ in 0..TRIES {
            if let Some((maps_len, list_len)) = moment
                .try_take(device, &maps)
                .map_err(|e| format!("reading: {e}"))?
            {
                moment.maps.truncate(maps_len);
                return if list_len % size_of::<Record>() == 0 {
                    Ok(moment)
                } else {
                    Err(format!(
                        "the driver's list ends in the middle of a record, after {list_len} bytes"
                    ))
                };
            }
        }
        Err(format!(
            "the mappings changed {TRIES} times while they were looked at"
        ))
    }

    /// The text of `/proc/self/maps`.
    pub fn maps(&self) -> std::result::Result<&str, String> {
        std::str::from_utf8(&self.maps).map_err(|e| format!("/proc/self/maps: {e}"))
    }

    /// Returns `None` if the mappings changed, or else the length of `maps` and of `list`.
    fn try_take(&mut self, device: &File, maps: &File) -> Result<Option<(usize, usize)>> {
        self.seen.clear();
        self.misses.clear();

        let before = device::read_whole(maps, &mut self.maps, usize::MAX >> 1)?;

        let whole = device::read_whole(device, &mut self.list, usize::MAX >> 1)?;
        let in_steps = device::read_whole(device, &mut self.list_in_steps, 7)?;
        self.steps_agree = self.list[..whole] == self.list_in_steps[..in_steps];

        let mut hole = 0;
        for record in self.list[..whole]
            .chunks_exact(size_of::<Record>())
            .map(decode)
        {
            let [start, end, ..] = record;
            // Both ends of the hole below, unless there is none.
            for addr in [hole, start.wrapping_sub(1)] {
                if hole < start {
                    self.misses.push(Miss {
                        addr,
                        answers: WAYS
                            .each_ref()
                            .map(|way| device::describe(device, addr, way)),
                    });
                }
            }
            hole = end;

            let points = [start, start.midpoint(end), end.wrapping_sub(1)];
            let answers = points.map(|addr| {
                WAYS.each_ref()
                    .map(|way| describe_mapped(device, addr, way))
            });
            self.seen.push(Seen { record, answers });
        }

        let after = device::read_whole(maps, &mut self.maps_after, usize::MAX >> 1)?;
        let unchanged = self.maps[..before] == self.maps_after[..after];
        Ok(unchanged.then_some((before, whole)))
    }
}

fn decode(bytes: &[u8]) -> Record {
    let mut record = Record::default();
    for (word, bytes) in record.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(bytes.try_into().expect("chunks of 8 bytes"));
    }
    record
}

fn describe_mapped(device: &File, addr: u64, way: &Way) -> Answer {
    let mut answer = device::describe(device, addr, way);
    for _ in 1..RCU_TRIES {
        if answer != Err(libc::EAGAIN) {
            break;
        }
        answer = device::describe(device, addr, way);
    }
    answer
}
