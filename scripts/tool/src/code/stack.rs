// SPDX-License-Identifier: GPL-2.0

//! How much stack a function takes, with all of ours that it calls, and without what those call in the kernel or in the
//! rest of the `kernel` crate. scripts/checkstack.pl counts the room for locals alone, and no registers that are saved.

use super::object::{Function, Instruction, Target};
use super::primitives::At;
use anyhow::{Context, Result, bail};
use iced_x86::{Mnemonic, OpKind, Register};
use std::collections::BTreeMap;

/// A pointer: the size of a push and of a call.
const WORD: i64 = 8;

/// The bytes below the return address of the caller, at the deepest place.
pub fn deepest(at: At) -> Result<u64> {
    Ok(u64::try_from(below(at, &mut Vec::new())?)?)
}

fn below(at: At, path: &mut Vec<*const Function>) -> Result<i64> {
    let function: *const Function = at.function;
    if path.contains(&function) {
        bail!(
            "{}: is recursive, its depth is not known",
            at.function.path()
        );
    }
    path.push(function);
    let depths = depths(at.function)?;
    // Code that only a patched jump reaches has at most the depth of the whole function.
    let most = depths.values().copied().max().unwrap_or(0);
    let mut deepest = most;
    for i in &at.function.code {
        let Some(Target::Symbol(name)) = &i.target else {
            continue;
        };
        let Some(found) = at.find(name).filter(|found| found.is_ours_beside(at)) else {
            continue;
        };
        let here = depths.get(&i.decoded.ip()).copied().unwrap_or(most);
        let address = if i.is_call() { WORD } else { 0 };
        deepest = deepest.max(here + address + below(found, path)?);
    }
    path.pop();
    Ok(deepest)
}

/// The bytes on the stack before each instruction that is reached.
fn depths(function: &Function) -> Result<BTreeMap<u64, i64>> {
    let code = function.code.iter().enumerate();
    let place: BTreeMap<u64, usize> = code.map(|(n, i)| (i.decoded.ip(), n)).collect();
    let mut depths = BTreeMap::new();
    let mut open = vec![(0, State::default())];
    while let Some((n, state)) = open.pop() {
        let Some(i) = function.code.get(n) else {
            continue;
        };
        if depths.insert(i.decoded.ip(), state.depth).is_some() {
            continue;
        }
        let after = state.after(i).with_context(|| {
            let (path, what) = (function.path(), i.decoded.mnemonic());
            format!("{path}: the effect of {what:?} on the stack is not known")
        })?;
        if let Some(Target::Inside(to)) = &i.target {
            open.extend(place.get(to).map(|to| (*to, after)));
        }
        if !i.ends() {
            open.push((n + 1, after));
        }
    }
    Ok(depths)
}

/// The bytes on the stack at an instruction, and when %rbp was set to the stack pointer.
#[derive(Clone, Copy, Default)]
struct State {
    depth: i64,
    frame: i64,
}

impl State {
    fn after(self, i: &Instruction) -> Option<Self> {
        let State { depth, frame } = self;
        let to = |depth: i64| (depth >= 0).then_some(Self { depth, frame });
        let d = &i.decoded;
        let is_register = |n: u32, r| d.op_kind(n) == OpKind::Register && d.op_register(n) == r;
        let is_written = d.op_count() > 0 && is_register(0, Register::RSP);
        let number = || d.try_immediate(1).ok().map(|n| n as i64);
        match d.mnemonic() {
            Mnemonic::Leave => to(frame - WORD),
            Mnemonic::Mov if is_register(0, Register::RBP) && is_register(1, Register::RSP) => {
                Some(Self {
                    frame: depth,
                    depth,
                })
            }
            Mnemonic::Mov if is_written && is_register(1, Register::RBP) => to(frame),
            Mnemonic::Lea if is_written && d.memory_index() == Register::None => {
                let offset = d.memory_displacement64() as i64;
                match d.memory_base() {
                    Register::RSP => to(depth - offset),
                    Register::RBP => to(frame - offset),
                    _ => None,
                }
            }
            Mnemonic::Sub if is_written => to(depth + number()?),
            Mnemonic::Add if is_written => to(depth - number()?),
            // An alignment loses at most the bytes up to the next word.
            Mnemonic::And if is_written => to(depth - number()? - WORD),
            Mnemonic::Cmp | Mnemonic::Test => Some(self),
            _ if is_written => None,
            _ if i.is_call() || i.target == Some(Target::Return) => Some(self),
            _ => to(depth - i64::from(d.stack_pointer_increment())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Op, RET, object};
    use super::super::primitives::Code;
    use super::*;

    const PUSH: Op = Op::Bytes(&[0x53]);
    const POP: Op = Op::Bytes(&[0x5b]);
    const SUB_40: Op = Op::Bytes(&[0x48, 0x83, 0xec, 40]);
    const ADD_40: Op = Op::Bytes(&[0x48, 0x83, 0xc4, 40]);

    /// The stack of the first of these functions.
    fn stack(functions: &[(&str, &[Op])]) -> Result<u64> {
        let (c, rust) = (vec![object(functions)], Vec::new());
        let code = Code { c, rust };
        deepest(
            code.all()
                .find(|(_, at)| at.function.name == "f")
                .unwrap()
                .1,
        )
    }

    #[test]
    fn pushes_and_room_for_locals_are_added() {
        assert_eq!(
            stack(&[("f", &[PUSH, SUB_40, ADD_40, POP, RET])]).unwrap(),
            48
        );
        // sub $-128: less on the stack than nothing.
        let short = Op::Bytes(&[0x48, 0x83, 0xec, 0x80]);
        assert!(stack(&[("f", &[PUSH, short, RET])]).is_err());
        // mov %rsp, %rbp; and $-32, %rsp; sub $40, %rsp; lea -8(%rbp), %rsp
        let [set, align] = [&[0x48, 0x89, 0xe5][..], &[0x48, 0x83, 0xe4, 0xe0]].map(Op::Bytes);
        let reset = Op::Bytes(&[0x48, 0x8d, 0x65, 0xf8]);
        let aligned = [PUSH, set, align, SUB_40, reset, POP, POP, RET];
        assert_eq!(stack(&[("f", &aligned)]).unwrap(), 8 + 24 + 40);
    }

    #[test]
    fn lea_moves_the_stack_pointer() {
        // lea -16(%rsp), %rsp and lea 24(%rsp), %rsp
        let [down, up] = [0xf0, 0x18].map(|n| vec![0x48, 0x8d, 0x64, 0x24, n]);
        let code = [Op::Bytes(&down), PUSH, Op::Bytes(&up), PUSH, RET];
        assert_eq!(stack(&[("f", &code)]).unwrap(), 24);
        // lea 8(%rax), %rsp
        let unknown = Op::Bytes(&[0x48, 0x8d, 0x60, 8]);
        assert!(stack(&[("f", &[unknown, RET])]).is_err());
    }

    #[test]
    fn each_way_is_followed_with_its_own_depth() {
        // The jump goes to the last push, past the first.
        let je = Op::Bytes(&[0x74, 2]);
        assert_eq!(
            stack(&[("f", &[je, PUSH, POP, PUSH, POP, RET])]).unwrap(),
            8
        );
    }

    #[test]
    fn the_deepest_call_of_ours_counts() {
        let functions: &[(&str, &[Op])] = &[
            ("f", &[PUSH, Op::Call("called"), POP, Op::Jump("jumped_to")]),
            ("called", &[SUB_40, Op::Call("printk"), ADD_40, RET]),
            ("jumped_to", &[SUB_40, PUSH, POP, ADD_40, RET]),
        ];
        assert_eq!(stack(functions).unwrap(), 8 + 8 + 40);
    }

    #[test]
    fn unknown_depths_are_errors() {
        let to_rsp = Op::Bytes(&[0x48, 0x89, 0xc4]);
        let error = stack(&[("f", &[to_rsp, RET])]).unwrap_err();
        assert!(
            error.to_string().contains("f: the effect of Mov"),
            "{error}"
        );
        let error = stack(&[("f", &[Op::CallAt(-5), RET])]).unwrap_err();
        assert!(error.to_string().contains("recursive"), "{error}");
    }
}
