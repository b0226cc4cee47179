// SPDX-License-Identifier: GPL-2.0

//! How much stack a function takes, with all of ours that it calls, and without what those call in the kernel or in the
//! rest of the `kernel` crate.

use super::object::{Function, Instruction, Target};
use super::primitives::At;
use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// A pointer, which is what a push and a call take.
const WORD: u64 = 8;

/// The bytes below the return address of the caller, at the deepest place.
pub fn deepest(at: At) -> Result<u64> {
    below(at, &mut Vec::new())
}

fn below(at: At, path: &mut Vec<*const Function>) -> Result<u64> {
    let function: *const Function = at.function;
    if path.contains(&function) {
        bail!(
            "{}: it calls itself, how often is not known",
            at.function.path()
        );
    }
    path.push(function);
    let depths = depths(at.function)?;
    // What only a patched jump leads to has at most what the function takes at all.
    let most = depths.values().copied().max().unwrap_or(0);
    let mut deepest = most;
    for i in &at.function.code {
        let Some(Target::Symbol(name)) = &i.target else {
            continue;
        };
        let Some(found) = at.find(name).filter(|found| found.is_ours_beside(at)) else {
            continue;
        };
        let here = depths.get(&i.at).copied().unwrap_or(most);
        let address = if i.is_call() { WORD } else { 0 };
        deepest = deepest.max(here + address + below(found, path)?);
    }
    path.pop();
    Ok(deepest)
}

/// What is on the stack at each instruction that is reached, before it is done.
fn depths(function: &Function) -> Result<BTreeMap<u64, u64>> {
    let code = &function.code;
    let place: BTreeMap<u64, usize> = code.iter().enumerate().map(|(n, i)| (i.at, n)).collect();
    let mut depths = BTreeMap::new();
    // An instruction, what is on the stack, and that in %rbp where the function keeps it there.
    let mut open = vec![(0, State::default())];
    while let Some((n, state)) = open.pop() {
        let Some(i) = code.get(n) else {
            continue;
        };
        if depths.contains_key(&i.at) {
            continue;
        }
        depths.insert(i.at, state.depth);
        let Some(after) = state.after(i) else {
            bail!(
                "{}: what `{}` does to the stack is not known",
                function.path(),
                i.text
            );
        };
        if let Some(Target::Inside(to)) = &i.target {
            open.extend(place.get(to).map(|to| (*to, after)));
        }
        if !i.ends() {
            open.push((n + 1, after));
        }
    }
    Ok(depths)
}

/// What is known of the stack at an instruction.
#[derive(Clone, Copy, Default)]
struct State {
    depth: u64,
    frame: u64,
}

impl State {
    /// What is on the stack after an instruction.
    fn after(self, i: &Instruction) -> Option<Self> {
        let (word, operands) = i.text.split_once(' ').unwrap_or((&i.text, ""));
        let deeper = |bytes: u64| {
            Some(Self {
                depth: self.depth + bytes,
                ..self
            })
        };
        let higher = |bytes: u64| {
            let depth = self.depth.checked_sub(bytes)?;
            Some(Self { depth, ..self })
        };
        let number =
            || -> Option<i64> { operands.split(',').next()?.strip_prefix('$')?.parse().ok() };
        match word {
            "pushq" | "pushfq" => deeper(WORD),
            "popq" | "popfq" => higher(WORD),
            "leave" | "leaveq" => Some(Self {
                depth: self.frame.checked_sub(WORD)?,
                ..self
            }),
            "movq" if operands == "%rsp, %rbp" => Some(Self {
                frame: self.depth,
                ..self
            }),
            "movq" if operands == "%rbp, %rsp" => Some(Self {
                depth: self.frame,
                ..self
            }),
            "leaq" if operands.ends_with(", %rsp") => {
                let (offset, base) = operands.split_once('(')?;
                let offset: i64 = offset.parse().ok()?;
                let base = match base {
                    "%rsp), %rsp" => self.depth,
                    "%rbp), %rsp" => self.frame,
                    _ => return None,
                };
                let depth = u64::try_from(base as i64 - offset).ok()?;
                Some(Self { depth, ..self })
            }
            "subq" | "addq" | "andq" if operands.ends_with(", %rsp") => {
                let number = number()?;
                match word {
                    // Aligned to what is at most lost by it.
                    "andq" => deeper(u64::try_from(-number).ok()? - WORD),
                    "subq" if number >= 0 => deeper(number.unsigned_abs()),
                    "addq" if number < 0 => deeper(number.unsigned_abs()),
                    _ => higher(number.unsigned_abs()),
                }
            }
            _ if operands.ends_with(", %rsp")
                && !word.starts_with("cmp")
                && !word.starts_with("test") =>
            {
                None
            }
            _ => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Object;
    use super::super::primitives::Code;
    use super::*;

    /// The stack of the first of functions that are written as a name and instructions.
    fn stack(functions: &[(&str, &[&str])]) -> Result<u64> {
        let mut symbols = String::new();
        let mut code = "Disassembly of section .text:\n".to_string();
        let mut at = 0;
        for (name, text) in functions {
            symbols += &format!("{at:016x} l     F .text\t{:016x} {name}\n", 8 * text.len());
            for line in *text {
                code += &format!("  {at:x}:\t{line}\n");
                at += 8;
            }
        }
        let code = Code::of(vec![Object::parse(&(symbols + &code))], Vec::new());
        deepest(code.c().next().unwrap())
    }

    #[test]
    fn pushes_and_room_for_locals_are_added() {
        let code = [
            "pushq %rbx",
            "subq $24, %rsp",
            "addq $24, %rsp",
            "popq %rbx",
            "retq",
        ];
        assert_eq!(stack(&[("f", &code)]).unwrap(), 32);
        let short = ["pushq %rbx", "subq $-128, %rsp", "retq"];
        assert!(stack(&[("f", &short)]).is_err());
        let aligned = [
            "pushq %rbp",
            "movq %rsp, %rbp",
            "andq $-32, %rsp",
            "subq $64, %rsp",
            "leaq -8(%rbp), %rsp",
            "popq %rbx",
            "popq %rbp",
            "retq",
        ];
        assert_eq!(stack(&[("f", &aligned)]).unwrap(), 8 + 24 + 64);
    }

    #[test]
    fn the_stack_pointer_moves_without_flags_too() {
        let code = [
            "leaq -16(%rsp), %rsp",
            "pushq %rax",
            "leaq 24(%rsp), %rsp",
            "pushq %rax",
            "retq",
        ];
        assert_eq!(stack(&[("f", &code)]).unwrap(), 24);
        assert!(stack(&[("f", &["leaq 8(%rax), %rsp", "retq"])]).is_err());
    }

    #[test]
    fn each_way_is_followed_with_its_own_depth() {
        // The jump goes to the last push, past the first.
        let code = [
            "je 0x18",
            "pushq %rbx",
            "popq %rbx",
            "pushq %rax",
            "popq %rax",
            "retq",
        ];
        assert_eq!(stack(&[("f", &code)]).unwrap(), 8);
    }

    #[test]
    fn the_deepest_call_of_ours_counts() {
        let functions: &[(&str, &[&str])] = &[
            ("f", &["pushq %rbx", "callq 0x20", "popq %rbx", "jmp 0x40"]),
            (
                "called",
                &["subq $40, %rsp", "callq 0x999", "addq $40, %rsp", "retq"],
            ),
            ("jumped_to", &["subq $48, %rsp", "addq $48, %rsp", "retq"]),
        ];
        assert_eq!(stack(functions).unwrap(), 8 + 8 + 40);
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let error = stack(&[("f", &["movq %rax, %rsp", "retq"])]).unwrap_err();
        assert!(error.to_string().contains("movq %rax, %rsp"), "{error}");
        let error = stack(&[("f", &["callq 0x0", "retq"])]).unwrap_err();
        assert!(error.to_string().contains("calls itself"), "{error}");
    }
}
