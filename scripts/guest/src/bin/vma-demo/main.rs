// SPDX-License-Identifier: GPL-2.0

//! The demo of `/dev/rust-vma`.
//!
//! It makes mappings of every kind, has the driver list and describe them under every lock, and
//! compares each with `/proc/self/maps` of the same moment. It is the first process of a system
//! that has nothing else; as an ordinary process it does the same and does not end the system.

#[path = "../../abi.rs"]
mod abis;
mod bad_input;
mod check;
mod child;
mod compare;
mod device;
mod mappings;
mod moment;
mod record;
mod table;

use abis::all as abi;
use moment::Moment;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use vma_guest::{init, maps};

fn main() -> ExitCode {
    init::main("vma-demo", exit_code)
}

fn exit_code() -> u8 {
    match std::panic::catch_unwind(run) {
        Ok(Ok(true)) => 0,
        Ok(Ok(false)) => 1,
        Ok(Err(message)) => {
            println!("vma-demo: {message}");
            2
        }
        // The panic's message is out already.
        Err(_) => 3,
    }
}

/// Returns whether everything agreed; an error is what kept it from being found out.
fn run() -> Result<bool, String> {
    let device = File::open(device::PATH).map_err(|e| {
        format!(
            "cannot open {}: {e}; it takes a kernel with CONFIG_SAMPLE_RUST_VMA_DESCRIBE",
            device::PATH
        )
    })?;
    // Later the driver must list what is there then, not what was there at the first time.
    device
        .read_at(&mut [0; 64], 0)
        .map_err(|e| format!("cannot read {}: {e}", device::PATH))?;
    let mappings = mappings::make().map_err(|e| format!("cannot make the mappings: {e}"))?;

    let moment = Moment::take(&device)?;
    let (lines, has_gate) = maps::parse(moment.maps()?)?;
    let rows = check::rows(&moment.seen, &lines, &mappings.made);
    let not_listed = check::not_listed(&moment.seen, &mappings.made);
    let misses = moment
        .misses
        .iter()
        .flat_map(check::miss_faults)
        .collect::<Vec<_>>();
    let cases = bad_input::run(&device, mappings.hole, mappings.made[0].start)
        .map_err(|e| format!("cannot make memory for bad input: {e}"))?;

    let gone = &mappings.made[1];
    let child_is_right = child::reads_its_own_list(&device, gone)
        .map_err(|e| format!("cannot read in a child process: {e}"))?;

    println!("{}", table::render(&rows));

    for note in &mappings.notes {
        println!("vma-demo: {note}");
    }
    if has_gate {
        println!(
            "vma-demo: the line [vsyscall] of /proc/self/maps is left out: it is no VMA of any process"
        );
    }
    for made in &not_listed {
        println!(
            "vma-demo: {:x}-{:x} ({}) was mapped, but is not listed so",
            made.start, made.end, made.kind
        );
    }
    for fault in &misses {
        println!("vma-demo: in a hole: {fault}");
    }
    if !moment.steps_agree {
        println!("vma-demo: a small buffer reads another list");
    }
    if !child_is_right {
        println!("vma-demo: a child process reads in its parent's list");
    }
    let (mut refused, all) = (0, cases.len());
    for case in &cases {
        if case.is_right() {
            refused += 1;
        } else {
            println!("vma-demo: bad input: {}", case.describe());
        }
    }

    let agree = rows.iter().filter(|row| row.agrees()).count();
    let differ = rows.len() - agree;
    println!(
        "vma-demo: asked {} times about VMAs (start, middle, last byte) and {} times about holes",
        check::answers(&moment.seen),
        moment.misses.len() * device::WAYS.len(),
    );
    println!("vma-demo: bad input: {refused} of {all} refused as documented");
    println!("{agree} VMAs agree with /proc/self/maps, {differ} differ");

    let nothing_else =
        not_listed.is_empty() && misses.is_empty() && moment.steps_agree && child_is_right;
    Ok(agree > 0 && differ == 0 && refused == all && nothing_else)
}
