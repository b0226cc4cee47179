// SPDX-License-Identifier: GPL-2.0

//! The functions of an object file as llvm-objdump shows them: their instructions, and what each refers to.

use crate::kbuild::Kernel;
use crate::objcode;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// What of an object file is code.
#[derive(Debug, Default)]
pub struct Object {
    pub functions: Vec<Function>,
}

/// A function, by the name that the linker knows it by.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub bytes: u64,
    pub code: Vec<Instruction>,
    section: String,
    start: u64,
}

/// An instruction as it is shown, without its address.
#[derive(Debug)]
pub struct Instruction {
    pub at: u64,
    pub text: String,
    pub refers: Vec<Reference>,
    /// Where it may go on, if not to the next one.
    pub target: Option<Target>,
}

/// An instruction as it was read.
struct Raw {
    at: u64,
    text: String,
    relocations: Vec<Relocation>,
}

struct Relocation {
    at: u64,
    is_relative: bool,
    symbol: String,
    addend: i64,
}

/// What a relocation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub symbol: String,
    pub addend: i64,
}

/// Where a call or a jump goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an instruction of the same function.
    Inside(u64),
    /// To a symbol.
    Symbol(String),
    /// To where a register or memory says.
    Computed,
    /// Back to the caller.
    Return,
    /// Also to the next one: the kernel chooses when it boots.
    Patched,
}

/// What every function of a kernel with that mitigation returns by.
const RETURN: &str = "__x86_return_thunk";
/// What it calls in place of an indirect call; the name of a register follows.
const INDIRECT: [&str; 2] = ["__x86_indirect_thunk_", "__x86_indirect_call_thunk_"];
/// Where the choices are between which the kernel decides when it boots.
const PATCHED: &str = ".altinstr";
/// Prefixes that llvm-objdump shows as instructions of their own.
const PREFIXES: [&str; 6] = ["lock", "rep", "repne", "cs", "ds", "data16"];

impl Object {
    pub fn read(kernel: &Kernel, path: &Path) -> Result<Self> {
        let options = [
            "--syms",
            "--disassemble",
            "--reloc",
            "--no-show-raw-insn",
            "--no-print-imm-hex",
        ];
        let object = Self::parse(&objcode::objdump(kernel, &options, path)?);
        if object.functions.is_empty() {
            bail!("{}: no function is in it", path.display());
        }
        Ok(object)
    }

    /// Reads a symbol table and listings.
    pub fn parse(text: &str) -> Self {
        let mut functions: Vec<Function> = text.lines().filter_map(symbol).collect();
        functions.sort_by(|a, b| (&a.section, a.start).cmp(&(&b.section, b.start)));
        let mut sections: HashMap<String, Vec<Raw>> = HashMap::new();
        let mut code = &mut Vec::new();
        for line in text.lines() {
            if let Some(section) = line.strip_prefix("Disassembly of section ") {
                let name = section.trim_end_matches(':').to_string();
                code = sections.entry(name).or_default();
            } else if let Some(relocation) = relocation(line) {
                if let Some(last) = code.last_mut() {
                    last.relocations.push(relocation);
                }
            } else if let Some((at, text)) = instruction(line) {
                match code.last_mut() {
                    Some(last) if PREFIXES.contains(&last.text.as_str()) => {
                        last.text = format!("{} {text}", last.text);
                    }
                    _ => code.push(Raw {
                        at,
                        text,
                        relocations: Vec::new(),
                    }),
                }
            }
        }
        let starts = Starts::of(&functions);
        for function in &mut functions {
            let all = sections.get(&function.section).map_or(&[][..], |all| all);
            let range = function.start..function.start + function.bytes;
            let from = all.partition_point(|i| i.at < range.start);
            let to = all.partition_point(|i| i.at < range.end);
            function.code = (from..to)
                .map(|n| {
                    let next = all.get(n + 1).map_or(range.end, |next| next.at);
                    let refers = all[n].refers(next);
                    Instruction {
                        at: all[n].at,
                        text: all[n].text.clone(),
                        target: starts.target(&all[n].text, &refers, &function.section, &range),
                        refers,
                    }
                })
                .collect();
        }
        Self { functions }
    }

    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.name == name)
    }
}

impl Function {
    /// Its path in Rust, or its name in C.
    pub fn path(&self) -> String {
        demangle(&self.name)
    }

    /// The path's last part.
    pub fn last_name(&self) -> String {
        let path = self.path();
        let last = path.rsplit("::").next();
        last.map_or(path.clone(), str::to_string)
    }

    /// The symbols that it calls or jumps to, one for each place, and `None` where it is computed.
    pub fn calls(&self) -> impl Iterator<Item = Option<&str>> {
        self.code.iter().filter_map(|i| match &i.target {
            Some(Target::Symbol(name)) => Some(Some(name.as_str())),
            Some(Target::Computed) => Some(None),
            _ => None,
        })
    }

    /// Everything it names, whether it calls it or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let called = self.calls().flatten();
        let named = self.code.iter().flat_map(|i| &i.refers);
        called.chain(named.map(|reference| reference.symbol.as_str()))
    }

    pub fn traps(&self) -> usize {
        self.code.iter().filter(|i| i.text == "ud2").count()
    }
}

impl Instruction {
    pub fn mnemonic(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }

    pub fn is_call(&self) -> bool {
        self.text.split(' ').any(|word| word.starts_with("call"))
    }

    /// Whether the next one is never reached from it.
    pub fn ends(&self) -> bool {
        let word = self.mnemonic();
        word == "ud2"
            || (word == "jmp" && self.target != Some(Target::Patched))
            || word.starts_with("ret")
            || self.target == Some(Target::Return)
    }
}

impl Raw {
    /// What it names; what is relative is so to the next instruction.
    fn refers(&self, next: u64) -> Vec<Reference> {
        let name = |r: &Relocation| Reference {
            symbol: r.symbol.clone(),
            addend: match r.is_relative {
                true => r.addend + (next - r.at) as i64,
                false => r.addend,
            },
        };
        self.relocations.iter().map(name).collect()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", demangle(&self.symbol))?;
        match self.addend {
            0 => Ok(()),
            addend => write!(f, "{addend:+}"),
        }
    }
}

/// A symbol as people write it.
pub fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Which function starts where, or spans what.
struct Starts(BTreeMap<(String, u64), (u64, String)>);

impl Starts {
    fn of(functions: &[Function]) -> Self {
        let entry = |f: &Function| ((f.section.clone(), f.start), (f.bytes, f.name.clone()));
        Self(functions.iter().map(entry).collect())
    }

    fn at(&self, section: &str, address: u64) -> Option<&str> {
        let key = (section.to_string(), address);
        let ((found, start), (bytes, name)) = self.0.range(..=key).next_back()?;
        (found == section && address < start + bytes).then_some(name)
    }

    fn target(
        &self,
        text: &str,
        refers: &[Reference],
        section: &str,
        own: &Range<u64>,
    ) -> Option<Target> {
        let (word, operand) = branch(text)?;
        if word.starts_with("ret") {
            return Some(Target::Return);
        }
        if operand.starts_with('*') {
            // A table of the kernel's, such as that of a hypervisor, or no name at all.
            return Some(match refers.last() {
                Some(reference) => Target::Symbol(format!("*{}", reference.symbol)),
                None => Target::Computed,
            });
        }
        let Some(reference) = refers.last() else {
            let address = operand.split(' ').next()?.strip_prefix("0x")?;
            let address = u64::from_str_radix(address, 16).ok()?;
            return Some(match self.at(section, address) {
                _ if own.contains(&address) && !word.starts_with("call") => Target::Inside(address),
                Some(name) => Target::Symbol(name.to_string()),
                None => Target::Symbol(format!("{section}+{address:#x}")),
            });
        };
        let name = reference.symbol.as_str();
        if name == RETURN {
            return Some(Target::Return);
        }
        if INDIRECT.iter().any(|thunk| name.starts_with(thunk)) {
            return Some(Target::Computed);
        }
        if name.starts_with(PATCHED) {
            return Some(Target::Patched);
        }
        // A section's name stands for a function of it.
        let inside = u64::try_from(reference.addend)
            .ok()
            .and_then(|at| self.at(name, at));
        Some(Target::Symbol(inside.unwrap_or(name).to_string()))
    }
}

/// A call's, jump's or return's own word, and what comes behind it.
fn branch(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        if PREFIXES.contains(&word) {
            rest = behind;
            continue;
        }
        let is_branch =
            word.starts_with('j') || word.starts_with("call") || word.starts_with("ret");
        return is_branch.then_some((word, behind));
    }
}

/// A function in the symbol table: `ADDRESS FLAGS SECTION<tab>SIZE [.hidden] NAME`.
fn symbol(line: &str) -> Option<Function> {
    let (head, tail) = line.split_once('\t')?;
    let start = u64::from_str_radix(head.get(..16)?, 16).ok()?;
    let flags = head.get(17..24)?;
    let section = head.get(25..)?;
    if !flags.contains('F') || section.starts_with('*') {
        return None;
    }
    let (size, name) = tail.split_once(' ')?;
    let bytes = u64::from_str_radix(size, 16).ok()?;
    let name = name.trim_start_matches(".hidden ").trim();
    let is_function = bytes > 0 && !name.starts_with("__pfx_") && !name.starts_with("__cfi_");
    is_function.then(|| Function {
        name: name.to_string(),
        bytes,
        code: Vec::new(),
        section: section.to_string(),
        start,
    })
}

/// `  ADDRESS:<space><tab>MNEMONIC<tab>OPERANDS  # COMMENT`.
fn instruction(line: &str) -> Option<(u64, String)> {
    let (address, text) = line.split_once(':')?;
    let at = u64::from_str_radix(address.trim_start(), 16).ok()?;
    let text = text.split('#').next()?.trim();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some((at, text))
}

/// `<tab><tab>ADDRESS:  R_TYPE<tab>SYMBOL[+-ADDEND]`.
fn relocation(line: &str) -> Option<Relocation> {
    let (at, rest) = line.strip_prefix('\t')?.trim_start().split_once(':')?;
    let at = u64::from_str_radix(at, 16).ok()?;
    let (kind, value) = rest.trim().split_once(char::is_whitespace)?;
    if !kind.starts_with("R_") {
        return None;
    }
    let is_relative = kind.contains("_PC") || kind.contains("_PLT");
    let value = value.trim();
    // A name may have dots and dollars in it, and no number behind a sign.
    let sign = value
        .rfind(['+', '-'])
        .filter(|sign| value[sign + 1..].starts_with("0x"));
    let (symbol, addend) = match sign {
        None => (value, 0),
        Some(sign) => {
            let number = i64::from_str_radix(&value[sign + 3..], 16).ok()?;
            let is_negative = value[sign..].starts_with('-');
            (&value[..sign], if is_negative { -number } else { number })
        }
    };
    Some(Relocation {
        at,
        is_relative,
        symbol: symbol.to_string(),
        addend,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Two functions of one section and one of another.
    pub const LISTING: &str = "
x.o:\tfile format elf64-x86-64

SYMBOL TABLE:
0000000000000000 l    d  .text\t0000000000000000 .text
0000000000000010 l     F .text\t0000000000000006 helper
0000000000000020 g     F .text\t0000000000000030 outer
0000000000000000 g     F .text.unlikely\t0000000000000003 .hidden outer.cold
0000000000000000 l     F .text\t0000000000000010 __pfx_helper
0000000000000000         *UND*\t0000000000000000 down_read

Disassembly of section .text:

0000000000000010 <helper>:
      10:      \tincq\t%rax
      11:      \tjmp\t0x16 <helper+0x6>
\t\t0000000000000012:  R_X86_64_PLT32\t__x86_return_thunk-0x4

0000000000000020 <outer>:
      20:      \tpushq\t%rbx
      21:      \tsubq\t$16, %rsp
      25:      \tcallq\t0x10 <helper>
      2a:      \tje\t0x35 <outer+0x15>
      2c:      \tcallq\t0x31 <outer+0x11>
\t\t000000000000002d:  R_X86_64_PLT32\tdown_read-0x4
      31:      \tlock
      32:      \txaddl\t%ecx, 128(%rax)
      35:      \tmovl\t$1, (%rip)           # 0x3f <outer+0x1f>
\t\t0000000000000037:  R_X86_64_PC32\tcount-0x8
      3f:      \tjmp\t0x44 <outer+0x24>
\t\t0000000000000040:  R_X86_64_PC32\t.altinstr_aux+0x4
      44:      \tcallq\t0x49 <outer+0x29>
\t\t0000000000000045:  R_X86_64_PLT32\t__x86_indirect_thunk_rax-0x4
      49:      \tjne\t0x4f <outer+0x2f>
\t\t000000000000004b:  R_X86_64_PC32\t.text.unlikely-0x4
      4f:      \tretq

Disassembly of section .text.unlikely:

0000000000000000 <outer.cold>:
       0:      \tud2
       2:      \tnop
";

    #[test]
    fn functions_are_told_apart_and_named_as_the_linker_does() {
        let object = Object::parse(LISTING);
        let names: Vec<&str> = object.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["helper", "outer", "outer.cold"]);
        let lengths: Vec<usize> = object.functions.iter().map(|f| f.code.len()).collect();
        assert_eq!(lengths, [2, 11, 2]);
        assert_eq!(object.function("outer.cold").unwrap().traps(), 1);
    }

    #[test]
    fn calls_are_those_that_leave() {
        let object = Object::parse(LISTING);
        let outer = object.function("outer").unwrap();
        let calls: Vec<Option<&str>> = outer.calls().collect();
        assert_eq!(
            calls,
            [Some("helper"), Some("down_read"), None, Some("outer.cold")]
        );
        let helper = object.function("helper").unwrap();
        assert_eq!(helper.calls().count(), 0);
        assert!(helper.code[1].ends() && !outer.code[7].ends());
        assert_eq!(outer.code[3].target, Some(Target::Inside(0x35)));
    }

    #[test]
    fn prefixes_belong_to_what_they_stand_before() {
        let object = Object::parse(LISTING);
        let outer = object.function("outer").unwrap();
        assert_eq!(outer.code[5].text, "lock xaddl %ecx, 128(%rax)");
    }

    #[test]
    fn what_is_relative_counts_from_the_next_instruction() {
        let object = Object::parse(LISTING);
        let outer = object.function("outer").unwrap();
        assert_eq!(outer.code[6].refers[0].to_string(), "count");
        assert_eq!(outer.code[6].text, "movl $1, (%rip)");
    }

    #[test]
    fn names_are_written_as_in_rust() {
        assert_eq!(
            demangle("_RNvNtCsl7L7n58I0Vr_6kernel5print11call_printk"),
            "kernel::print::call_printk"
        );
        assert_eq!(demangle("mmap_read_lock"), "mmap_read_lock");
    }
}
