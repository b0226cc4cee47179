// SPDX-License-Identifier: GPL-2.0

//! The functions of an object file: their instructions, decoded by iced-x86, and the symbols that these refer to.

use anyhow::{Context, Result, bail};
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction as Decoded};
use object::read::elf::{ElfFile64, SectionHeader};
use object::{Object as _, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind, elf};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The functions of one file, and the bytes of its text, its data and its sections; sections of one name are one.
#[derive(Debug, Default)]
pub struct Object {
    pub path: PathBuf,
    pub functions: Vec<Function>,
    pub text: u64,
    pub data: u64,
    pub sections: BTreeMap<String, u64>,
    by_name: BTreeMap<String, usize>,
}

/// A function, under its linker name.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub section: String,
    pub start: u64,
    pub bytes: u64,
    pub code: Vec<Instruction>,
}

#[derive(Debug)]
pub struct Instruction {
    pub decoded: Decoded,
    /// Symbols that its relocations name.
    pub refers: Vec<String>,
    /// Where it may continue, if not at the next one.
    pub target: Option<Target>,
}

/// The target of a call or a jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An instruction of the same function.
    Inside(u64),
    Symbol(String),
    /// The content of a register or of memory.
    Computed,
    /// The caller.
    Return,
    /// Also the next instruction: the kernel chooses at boot.
    Patched,
}

/// Every function of a kernel with this mitigation returns by it.
const RETURN: &str = "__x86_return_thunk";
/// Called in place of an indirect call; the name of a register follows.
const INDIRECT: [&str; 2] = ["__x86_indirect_thunk_", "__x86_indirect_call_thunk_"];
/// The section of the alternatives between which the kernel chooses at boot.
const PATCHED: &str = ".altinstr";
/// Not functions, although they have the type.
const PREFIXES: [&str; 2] = ["__pfx_", "__cfi_"];

/// Functions by section and start, with their end.
type Places = BTreeMap<(usize, u64), (u64, String)>;

impl Object {
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = || format!("{}: cannot be read as an object file", path.display());
        let bytes = fs::read(path).with_context(wrong)?;
        let object = Self::parse(&bytes).with_context(wrong)?;
        let path = path.to_path_buf();
        Ok(Self { path, ..object })
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let file: ElfFile64 = ElfFile64::parse(bytes)?;
        let mut places = Places::new();
        for symbol in file.symbols() {
            let (Some(section), name) = (symbol.section_index(), symbol.name()?) else {
                continue;
            };
            let is_function = symbol.kind() == SymbolKind::Text && symbol.size() > 0;
            if is_function && !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                let end = symbol.address() + symbol.size();
                let key = (section.0, symbol.address());
                places.insert(key, (end, name.to_string()));
            }
        }
        let mut object = Self::default();
        let endian = file.endian();
        for section in file.sections() {
            let header = section.elf_section_header();
            let flags = header.sh_flags(endian);
            let name = section.name()?.to_string();
            *object.sections.entry(name).or_default() += section.size();
            let is_data = [elf::SHT_PROGBITS, elf::SHT_NOBITS].contains(&header.sh_type(endian));
            match flags & u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR) {
                0 => continue,
                f if f & u64::from(elf::SHF_EXECINSTR) != 0 => {
                    object.text += section.size();
                    object.read_section(&file, &section, &places)?;
                }
                // The linker drops what is discarded.
                _ if is_data && !section.name()?.starts_with(".discard") => {
                    object.data += section.size();
                }
                _ => (),
            }
        }
        let names = object.functions.iter().enumerate();
        object.by_name = names.map(|(at, f)| (f.name.clone(), at)).collect();
        Ok(object)
    }

    fn read_section<'a>(
        &mut self,
        file: &ElfFile64<'a>,
        section: &impl ObjectSection<'a>,
        places: &Places,
    ) -> Result<()> {
        let data = section.data()?;
        let relocations: BTreeMap<u64, object::Relocation> = section.relocations().collect();
        let index = section.index().0;
        for ((_, start), (end, name)) in places.range((index, 0)..(index + 1, 0)) {
            let bytes = data.get(*start as usize..*end as usize);
            let bytes = bytes.with_context(|| format!("{name}: outside of its section"))?;
            let mut code = Vec::new();
            for decoded in Decoder::with_ip(64, bytes, *start, DecoderOptions::NONE) {
                let mut refers = Vec::new();
                for (at, relocation) in relocations.range(decoded.ip()..decoded.next_ip()) {
                    refers.push(referred(file, relocation, decoded.next_ip() - at, places)?);
                }
                let target = target(&decoded, &refers, index, *start..*end, places);
                code.push(Instruction {
                    decoded,
                    refers,
                    target,
                });
            }
            self.functions.push(Function {
                name: name.clone(),
                section: section.name()?.to_string(),
                start: *start,
                bytes: end - start,
                code,
            });
        }
        Ok(())
    }

    pub fn function(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name).map(|at| &self.functions[*at])
    }
}

/// The symbol that a relocation names. A section stands for the function at that place. Relative relocations are
/// relative to the next instruction, which is `to_next` behind.
fn referred(
    file: &ElfFile64,
    relocation: &object::Relocation,
    to_next: u64,
    places: &Places,
) -> Result<String> {
    let RelocationTarget::Symbol(symbol) = relocation.target() else {
        bail!("a relocation without a symbol");
    };
    let symbol = file.symbol_by_index(symbol)?;
    let (SymbolKind::Section, Some(index)) = (symbol.kind(), symbol.section_index()) else {
        return Ok(symbol.name()?.to_string());
    };
    let is_relative = relocation.kind() != object::RelocationKind::Absolute;
    let to_next = if is_relative { to_next } else { 0 };
    let at = relocation.addend().wrapping_add(to_next as i64);
    match u64::try_from(at)
        .ok()
        .and_then(|at| function_at(places, index.0, at))
    {
        Some(name) => Ok(name.to_string()),
        None => Ok(file.section_by_index(index)?.name()?.to_string()),
    }
}

fn function_at(places: &Places, section: usize, address: u64) -> Option<&str> {
    let ((found, _), (end, name)) = places.range(..=(section, address)).next_back()?;
    (*found == section && address < *end).then_some(name)
}

fn target(
    decoded: &Decoded,
    refers: &[String],
    section: usize,
    own: std::ops::Range<u64>,
    places: &Places,
) -> Option<Target> {
    let is_call = match decoded.flow_control() {
        FlowControl::Return => return Some(Target::Return),
        FlowControl::IndirectBranch | FlowControl::IndirectCall => {
            // A table of the kernel's, such as that of a hypervisor, or no name at all.
            let table = refers.last().map(|name| Target::Symbol(format!("*{name}")));
            return table.or(Some(Target::Computed));
        }
        FlowControl::Call => true,
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => false,
        _ => return None,
    };
    let Some(name) = refers.last() else {
        let address = decoded.near_branch_target();
        return Some(match function_at(places, section, address) {
            _ if own.contains(&address) && !is_call => Target::Inside(address),
            Some(name) => Target::Symbol(name.to_string()),
            None => Target::Symbol(format!("{address:#x}")),
        });
    };
    Some(match name.as_str() {
        RETURN => Target::Return,
        name if INDIRECT.iter().any(|thunk| name.starts_with(thunk)) => Target::Computed,
        name if name.starts_with(PATCHED) => Target::Patched,
        name => Target::Symbol(name.to_string()),
    })
}

impl Function {
    /// Its path in Rust, or its name in C.
    pub fn path(&self) -> String {
        demangle(&self.name)
    }

    /// The last part of the path.
    pub fn last_name(&self) -> String {
        let path = self.path();
        path.rsplit("::").next().unwrap_or(&path).to_string()
    }

    /// The symbols that it calls or jumps to, one for each place, and `None` for a computed target.
    pub fn calls(&self) -> impl Iterator<Item = Option<&str>> {
        self.code.iter().filter_map(|i| match &i.target {
            Some(Target::Symbol(name)) => Some(Some(name.as_str())),
            Some(Target::Computed) => Some(None),
            _ => None,
        })
    }

    /// All symbols that it names, called or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.code.iter().flat_map(|i| &i.refers);
        self.calls().flatten().chain(named.map(String::as_str))
    }

    pub fn traps(&self) -> usize {
        let is_trap = |i: &&Instruction| i.decoded.code() == Code::Ud2;
        self.code.iter().filter(is_trap).count()
    }
}

impl Instruction {
    pub fn is_call(&self) -> bool {
        use FlowControl::{Call, IndirectCall};
        matches!(self.decoded.flow_control(), Call | IndirectCall)
    }

    /// Returns true if the next instruction is not reached from it.
    pub fn ends(&self) -> bool {
        use FlowControl::{IndirectBranch, UnconditionalBranch};
        let flow = self.decoded.flow_control();
        self.decoded.code() == Code::Ud2
            || self.target == Some(Target::Return)
            || (matches!(flow, UnconditionalBranch | IndirectBranch)
                && self.target != Some(Target::Patched))
    }
}

/// A symbol as it is written in the source.
pub fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Op, RET, UD2, object};
    use super::*;

    #[test]
    fn targets_are_those_that_leave_the_function() {
        let to_return = Op::Jump("__x86_return_thunk");
        let (call, je) = (Op::Bytes(&[0xff, 0xd0]), Op::Bytes(&[0x74, 1]));
        // lock incl (%rax)
        let prefixed = Op::Bytes(&[0xf0, 0xff, 0x00]);
        let object = object(&[
            ("helper", &[prefixed, to_return]),
            (
                "outer",
                &[
                    Op::CallAt(-13),
                    Op::Call("down_read"),
                    Op::Jump(".altinstr_aux"),
                    je,
                    RET,
                    Op::Name("count"),
                    Op::Call("__x86_indirect_thunk_rax"),
                    call,
                    Op::Jump("outer.cold"),
                    Op::CallSection(0),
                ],
            ),
            ("outer.cold", &[UD2, RET]),
            ("__pfx_outer", &[RET]),
        ]);
        let names: Vec<&str> = object.functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["helper", "outer", "outer.cold"]);
        let [helper, outer, cold] = &object.functions[..] else {
            unreachable!()
        };
        let calls: Vec<Option<&str>> = outer.calls().collect();
        assert_eq!(calls[..4], [Some("helper"), Some("down_read"), None, None]);
        assert_eq!(calls[4..], [Some("outer.cold"), Some("helper")]);
        assert_eq!((helper.code.len(), helper.calls().count()), (2, 0));
        assert!(outer.names().any(|name| name == "count"));
        let ends: Vec<usize> = (0..10).filter(|n| outer.code[*n].ends()).collect();
        assert_eq!(ends, [4, 8]);
        assert!(helper.code[1].ends() && cold.code[0].ends());
        let after_return = outer.code[5].decoded.ip();
        assert_eq!(outer.code[3].target, Some(Target::Inside(after_return)));
        assert_eq!((cold.traps(), outer.traps()), (1, 0));
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
