// SPDX-License-Identifier: GPL-2.0

//! Object files for tests, assembled from a few instructions.

use super::object::Object;
use object::write::{Object as File, Relocation, StandardSection, Symbol, SymbolId, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, elf};
use object::{SymbolKind, SymbolScope};

/// An instruction or a few of them.
pub enum Op<'a> {
    /// As they are.
    Bytes(&'a [u8]),
    /// A call, a jump and the address of a symbol, with a relocation.
    Call(&'a str),
    Jump(&'a str),
    Name(&'a str),
    /// A call at this distance from the next instruction, without a relocation.
    CallAt(i32),
    /// A call with a relocation that names the section and an offset in it.
    CallSection(i64),
}

pub const RET: Op = Op::Bytes(&[0xc3]);
pub const UD2: Op = Op::Bytes(&[0x0f, 0x0b]);

/// An object of these functions, all in one section, in this order.
pub fn object(functions: &[(&str, &[Op])]) -> Object {
    let mut file = File::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = file.section_id(StandardSection::Text);
    let symbol = |file: &mut File, name: &str, section| -> SymbolId {
        let name = name.as_bytes().to_vec();
        match file.symbol_id(&name) {
            Some(id) => id,
            None => file.add_symbol(Symbol {
                name,
                value: 0,
                size: 0,
                kind: SymbolKind::Text,
                scope: SymbolScope::Linkage,
                weak: false,
                section,
                flags: SymbolFlags::None,
            }),
        }
    };
    let undefined = |file: &mut File, name| symbol(file, name, SymbolSection::Undefined);
    for (name, _) in functions {
        symbol(&mut file, name, SymbolSection::Section(text));
    }
    for (name, ops) in functions {
        let id = file.symbol_id(name.as_bytes()).unwrap();
        let mut code = Vec::new();
        let mut named = Vec::new();
        for op in *ops {
            let (opcode, target): (&[u8], Option<(SymbolId, i64)>) = match op {
                Op::Bytes(bytes) => (bytes, None),
                Op::CallAt(_) => (&[0xe8], None),
                Op::CallSection(offset) => (&[0xe8], Some((file.section_symbol(text), *offset))),
                Op::Call(name) => (&[0xe8], Some((undefined(&mut file, name), 0))),
                Op::Jump(name) => (&[0xe9], Some((undefined(&mut file, name), 0))),
                // lea symbol(%rip), %rax
                Op::Name(name) => (&[0x48, 0x8d, 0x05], Some((undefined(&mut file, name), 0))),
            };
            code.extend(opcode);
            named.extend(target.map(|(symbol, offset)| (code.len() as u64, symbol, offset)));
            match op {
                Op::Bytes(_) => (),
                Op::CallAt(distance) => code.extend(distance.to_le_bytes()),
                _ => code.extend([0; 4]),
            }
        }
        let start = file.add_symbol_data(id, text, &code, 1);
        for (at, symbol, offset) in named {
            let relocation = Relocation {
                offset: start + at,
                symbol,
                addend: offset - 4,
                flags: RelocationFlags::Elf {
                    r_type: elf::R_X86_64_PLT32,
                },
            };
            file.add_relocation(text, relocation).unwrap();
        }
    }
    Object::parse(&file.write().unwrap()).unwrap()
}
