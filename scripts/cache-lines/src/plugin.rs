// SPDX-License-Identifier: GPL-2.0

//! The part of QEMU's plugin interface that is used here: version 1, from its qemu-plugin.h.

use crate::{Stretch, options, to_word};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

/// A piece of translated code, and an instruction of it.
type Block = c_void;
type BlockInstruction = c_void;
type Translated = extern "C" fn(id: u64, block: *mut Block);
type Executed = extern "C" fn(vcpu: c_uint, data: *mut c_void);
type Accessed = extern "C" fn(vcpu: c_uint, info: u32, address: u64, data: *mut c_void);

/// The callbacks do not look at registers.
const NO_REGISTERS: c_int = 0;

const LOADS_AND_STORES: c_int = 3;

// SAFETY: As qemu-plugin.h has them; an enum is an int, and a qemu_plugin_id_t is 64 bits.
unsafe extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, translated: Translated);
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut BlockInstruction;
    fn qemu_plugin_insn_vaddr(instruction: *const BlockInstruction) -> u64;
    fn qemu_plugin_insn_size(instruction: *const BlockInstruction) -> usize;
    fn qemu_plugin_insn_data(instruction: *const BlockInstruction) -> *const u8;
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut BlockInstruction,
        executed: Executed,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut BlockInstruction,
        accessed: Accessed,
        flags: c_int,
        which: c_int,
        data: *mut c_void,
    );
    safe fn qemu_plugin_mem_is_store(info: u32) -> bool;
}

/// The version of the interface, which QEMU looks for.
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = 1;

struct State {
    out: File,
    stretch: Stretch,
}

static MARKS: OnceLock<Vec<u64>> = OnceLock::new();
static STATE: Mutex<Option<State>> = Mutex::new(None);

/// True if this is in a stretch.
static COUNTING: AtomicBool = AtomicBool::new(false);

/// Called by QEMU, first.
///
/// # Safety
///
/// Called by QEMU: `arguments` points to `count` C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let words = (0..count as usize).map(|index| {
        // SAFETY: By this function's contract.
        let word = unsafe { CStr::from_ptr(*arguments.add(index)) };
        word.to_str().unwrap_or_default()
    });
    match prepare(words) {
        Ok(()) => {
            // SAFETY: The id is this plugin's.
            unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated) };
            0
        }
        Err(e) => {
            eprintln!("cache-lines: {e}");
            1
        }
    }
}

fn prepare<'a>(words: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let (marks, path) = options(words)?;
    let cannot = |e| format!("{}: cannot be written: {e}", path.display());
    let out = File::create(&path).map_err(cannot)?;
    let stretch = Stretch::default();
    *STATE.lock().expect("nobody panicked") = Some(State { out, stretch });
    MARKS.get_or_init(|| marks);
    Ok(())
}

/// Called for each piece of code, before it is executed for the first time.
extern "C" fn translated(_id: u64, block: *mut Block) {
    let marks = MARKS.get().expect("set before there are callbacks");
    // SAFETY: The block and its instructions live for the time of this call, and the index is below
    // their number.
    let instructions = (0..unsafe { qemu_plugin_tb_n_insns(block) })
        .map(|index| unsafe { qemu_plugin_tb_get_insn(block, index) });
    for instruction in instructions {
        // SAFETY: As above; the size is that of the instruction.
        let (address, bytes) = unsafe {
            let size = qemu_plugin_insn_size(instruction);
            let bytes = std::slice::from_raw_parts(qemu_plugin_insn_data(instruction), size);
            (qemu_plugin_insn_vaddr(instruction), bytes)
        };
        let Some(word) = to_word(address, bytes) else {
            continue;
        };
        let data = without_provenance_mut(word as usize);
        // SAFETY: As above; the callbacks do not follow the pointer that they get.
        unsafe {
            if marks.contains(&address) {
                qemu_plugin_register_vcpu_insn_exec_cb(instruction, marked, NO_REGISTERS, data);
            }
            qemu_plugin_register_vcpu_mem_cb(
                instruction,
                accessed,
                NO_REGISTERS,
                LOADS_AND_STORES,
                data,
            );
        }
    }
}

extern "C" fn marked(_vcpu: c_uint, _data: *mut c_void) {
    let mut state = STATE.lock().expect("nobody panicked");
    let State { out, stretch } = state.as_mut().expect("set first");
    let ends = COUNTING.fetch_xor(true, Ordering::Relaxed);
    if !ends {
        *stretch = Stretch::default();
    } else if let Err(e) = out.write_all(stretch.text().as_bytes()) {
        eprintln!("cache-lines: the file cannot be written: {e}");
        std::process::exit(1);
    }
}

extern "C" fn accessed(_vcpu: c_uint, info: u32, address: u64, data: *mut c_void) {
    if COUNTING.load(Ordering::Relaxed) {
        let mut state = STATE.lock().expect("nobody panicked");
        let stretch = &mut state.as_mut().expect("set first").stretch;
        let is_store = qemu_plugin_mem_is_store(info);
        stretch.add(address, data.addr() as u64, is_store);
    }
}
