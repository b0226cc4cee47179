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

#[cfg(not(test))]
#[allow(unsafe_code, reason = "what QEMU and its plugins call is C")]
mod plugin;

use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// All addresses of the kernel have these bits, which leaves them for other things.
const KERNEL: u64 = 0xffff << 48;
/// How an instruction accesses memory.
const HOW: [&str; 3] = ["plain", "locked", "cpu"];

/// Returns an instruction of the kernel with how it accesses memory as a word, for QEMU to hand back. `None` if that is
/// no address of the kernel's.
fn to_word(address: u64, bytes: &[u8]) -> Option<u64> {
    let decoded = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    // XCHG with memory is always atomic.
    let is_xchg = decoded.mnemonic() == Mnemonic::Xchg
        && (0..2).any(|operand| decoded.op_kind(operand) == OpKind::Memory);
    let how = match decoded.segment_prefix() {
        // Where the kernel keeps what belongs to a processor.
        Register::GS => 2,
        _ => u64::from(is_xchg || decoded.has_lock_prefix()),
    };
    (address & KERNEL == KERNEL).then_some(address & !KERNEL | how << 48)
}

/// How often places were accessed by instructions, from a mark to the next: loads and stores.
#[derive(Default)]
struct Stretch(BTreeMap<(u64, u64), [u64; 2]>);

impl Stretch {
    fn add(&mut self, at: u64, by: u64, is_store: bool) {
        self.0.entry((at, by)).or_default()[usize::from(is_store)] += 1;
    }

    /// The lines about it.
    fn text(&self) -> String {
        let mut text = "stretch\n".to_string();
        for ((at, by), [loads, stores]) in &self.0 {
            let (address, how) = (by | KERNEL, HOW[(by >> 48) as usize]);
            let _ = writeln!(text, "access {at:x} {address:x} {how} {loads} {stores}");
        }
        text
    }
}

/// Reads the plugin's options: the addresses that begin a stretch, or end it if it has begun, and the file.
fn options<'a>(words: impl Iterator<Item = &'a str>) -> Result<(Vec<u64>, PathBuf), String> {
    let (mut marks, mut out) = (Vec::new(), None);
    for word in words {
        match word.split_once('=') {
            Some(("mark", value)) => {
                let mark = u64::from_str_radix(value, 16);
                marks.push(mark.map_err(|e| format!("{value}: not a hexadecimal address: {e}"))?);
            }
            Some(("out", value)) => out = Some(value.into()),
            _ => return Err(format!("{word}: no such option: give mark= and out=")),
        }
    }
    let out = out.filter(|_| !marks.is_empty());
    Ok((marks, out.ok_or("give both mark= and out=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_how_memory_is_accessed() {
        let address = 0xffff_ffff_8152_0380;
        for (bytes, how) in [
            // mov %rax,(%rbx)
            (&[0x48, 0x89, 0x03][..], "plain"),
            // lock xadd %eax,(%rdi)
            (&[0xf0, 0x0f, 0xc1, 0x07], "locked"),
            // lock cmpxchg %rdx,(%rdi)
            (&[0xf0, 0x48, 0x0f, 0xb1, 0x17], "locked"),
            // xchg %rax,(%rdi)
            (&[0x48, 0x87, 0x07], "locked"),
            // xchg %ax,%ax
            (&[0x66, 0x87, 0xc0], "plain"),
            // incl %gs:0
            (&[0x65, 0xff, 0x04, 0x25, 0, 0, 0, 0], "cpu"),
            // mov $0xf0,%al
            (&[0xb0, 0xf0], "plain"),
            (&[], "plain"),
        ] {
            let word = to_word(address, bytes).unwrap();
            assert_eq!(HOW[(word >> 48) as usize], how, "{bytes:x?}");
            assert_eq!(word | KERNEL, address);
        }
        assert_eq!(to_word(0x7fff_ffff_f000, &[0x90]), None);
    }

    #[test]
    fn counts_accesses_by_place_and_instruction() {
        let mut stretch = Stretch::default();
        let plain = to_word(0xffff_ffff_8100_0000, &[0x90]).unwrap();
        let locked = to_word(0xffff_ffff_8100_0010, &[0xf0, 0xff, 0x07]).unwrap();
        for is_store in [false, true, true] {
            stretch.add(0xffff_8880_0000_0040, plain, is_store);
        }
        stretch.add(0xffff_8880_0000_0040, locked, true);
        stretch.add(0xffff_8880_0000_0008, plain, false);
        assert_eq!(
            stretch.text(),
            "stretch\n\
             access ffff888000000008 ffffffff81000000 plain 1 0\n\
             access ffff888000000040 ffffffff81000000 plain 1 2\n\
             access ffff888000000040 ffffffff81000010 locked 0 1\n"
        );
    }

    #[test]
    fn all_options_are_needed() {
        let parse = |words: &str| options(words.split(' '));
        assert_eq!(
            parse("mark=ff mark=10 out=x/y"),
            Ok((vec![0xff, 16], "x/y".into()))
        );
        for (words, said) in [
            ("out=x", "give both"),
            ("mark=ff", "give both"),
            ("mark=no", "no: not a hexadecimal address"),
            ("start=1", "start=1: no such"),
        ] {
            assert!(parse(words).unwrap_err().starts_with(said), "{words}");
        }
    }
}
