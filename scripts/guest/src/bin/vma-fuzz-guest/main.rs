// SPDX-License-Identifier: GPL-2.0

//! Runs the functions of generated modules, each in a process whose mappings of the modules' devices are changed by
//! another thread meanwhile, and copied by forks.
//!
//! This is the first process of a system that has nothing else. Its environment says which modules there are, with the
//! number of their functions, and for how long it is to run. A function may do anything to its process: the
//! next one gets a new one. It must return, or be killable, and the kernel must not complain.

mod disturb;
mod ground;
mod unload;

use ground::Ground;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Result, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vma_guest::init;
use vma_guest::sys;
use vma_guest::sys::memory;
use vma_guest::sys::process;

/// The number that the modules have for running a function.
const RUN: u32 = sys::encode_iowr::<[u64; 4]>(0xf7, 1);

/// Functions that a process runs if it lives that long.
const CHUNK: usize = 25;

/// The time limit for these, and then for killing the process.
const PATIENCE: Duration = Duration::from_secs(30);
const LAST_PATIENCE: Duration = Duration::from_secs(30);

/// Where a process says which function it is at.
const BOARD: usize = 200;

struct Module {
    name: String,
    functions: usize,
}

/// The number of functions run, and of processes killed because they took too long.
#[derive(Default)]
struct Count {
    run: u64,
    killed: u64,
}

fn main() -> ExitCode {
    init::main("vma-fuzz-guest", exit_code)
}

fn exit_code() -> u8 {
    match run() {
        Ok(count) => {
            println!("functions run: {}", count.run);
            println!("processes killed: {}", count.killed);
            0
        }
        Err(e) => {
            println!("wrong: {e}");
            1
        }
    }
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|_| Error::other(format!("{name} is not set")))
}

fn run() -> Result<Count> {
    let seconds = variable("VMA_FUZZ_SECONDS")?
        .parse()
        .map_err(Error::other)?;
    let mut modules = Vec::new();
    for module in variable("VMA_FUZZ_MODULES")?.split(',') {
        let (name, functions) = module
            .split_once(':')
            .ok_or(Error::other("a module without a number"))?;
        let functions = functions.parse().map_err(Error::other)?;
        File::open(format!("/{name}.ko"))
            .and_then(|file| sys::load_module(&file))
            .map_err(|e| Error::other(format!("{name}: {e}")))?;
        modules.push(Module {
            name: name.to_string(),
            functions,
        });
    }
    let page = sys::page_size();
    let flags = libc::MAP_SHARED;
    memory::map(
        memory::place(BOARD),
        page,
        libc::PROT_READ | libc::PROT_WRITE,
        flags,
        None,
    )?;

    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut count, mut turn) = (Count::default(), 0);
    while Instant::now() < end {
        for module in &modules {
            for via in ["mmap", "prepare"] {
                let mut next = 0;
                while next < module.functions && Instant::now() < end {
                    let last = (next + CHUNK).min(module.functions);
                    let after = chunk(module, via, next..last, turn, &mut count)?;
                    count.run += (after - next) as u64;
                    next = after;
                }
            }
        }
        turn += 1;
    }
    for module in &modules {
        unload::check(&module.name)?;
    }
    Ok(count)
}

/// Runs functions in a process. Returns the number of the one to go on with.
fn chunk(
    module: &Module,
    via: &str,
    functions: Range<usize>,
    turn: u64,
    count: &mut Count,
) -> Result<usize> {
    let board = memory::place(BOARD);
    memory::set_word(board, functions.start as u64);
    println!(
        "running {} f{}..f{} by {via}, turn {turn}",
        module.name, functions.start, functions.end
    );
    let child = process::fork(|| work(module, via, functions.clone(), turn).map_or(1, |()| 0))?;
    if child.wait_at_most(PATIENCE)?.is_none() {
        let at = memory::word(board);
        println!("{}: f{at} by {via}, turn {turn}, is killed", module.name);
        count.killed += 1;
        let stacks = stacks(child.pid());
        child.kill()?;
        if child.wait_at_most(LAST_PATIENCE)?.is_none() {
            println!("{stacks}");
            let name = &module.name;
            return Err(Error::other(format!(
                "{name}: f{at} by {via}, turn {turn}, does not return and cannot be killed"
            )));
        }
    }
    // The process may have been ended by what a function did to it.
    let at = memory::word(board) as usize;
    Ok((at + 1).clamp(functions.start + 1, functions.end))
}

/// Where the threads of a process are in the kernel.
fn stacks(pid: i32) -> String {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let stacks = threads.map(|thread| fs::read_to_string(thread.path().join("stack")));
    stacks.flatten().collect::<Vec<_>>().join("\n")
}

fn work(module: &Module, via: &str, functions: Range<usize>, turn: u64) -> Result<()> {
    let open = |via: &str| {
        let path = format!("/dev/{}-{via}", module.name);
        OpenOptions::new().read(true).write(true).open(path)
    };
    let ground = Ground::new(open("mmap")?, open("prepare")?)?;
    let device = open(via)?;
    let mut log = OpenOptions::new().write(true).open("/dev/kmsg")?;
    ground.map_all();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let ground = &ground;
        scope.spawn(move || disturb::run(ground, turn, stop));
        for function in functions {
            memory::set_word(memory::place(BOARD), function as u64);
            // So that what the kernel complains about belongs to it.
            let line = format!("fuzz: {} f{function} by {via}, turn {turn}\n", module.name);
            let _ = log.write_all(line.as_bytes());
            for again in 0..2 {
                let words = [
                    function as u64,
                    ground.base() as u64,
                    17 * turn + again,
                    u64::from(std::process::id()),
                ];
                let _ = sys::ioctl_words(&device, RUN, &mut words.clone());
            }
            ground.map_one(function);
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}
