// SPDX-License-Identifier: GPL-2.0

//! Decodes as much of an x86-64 instruction as the plugin needs.

/// How an instruction accesses memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Plain,
    /// Atomically: it has a LOCK prefix, or needs none.
    Locked,
    /// Relative to the segment where the kernel keeps what belongs to a processor.
    Cpu,
}

impl How {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Locked => "locked",
            Self::Cpu => "cpu",
        }
    }

    /// Of the instruction with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        const LOCK: u8 = 0xf0;
        const GS: u8 = 0x65;
        let is_prefix = |byte: &u8| {
            matches!(
                byte,
                0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
            )
        };
        let count = bytes.iter().take_while(|byte| is_prefix(byte)).count();
        let (prefixes, mut rest) = bytes.split_at(count);
        if let [0x40..=0x4f, after @ ..] = rest {
            rest = after;
        }
        // XCHG is always atomic.
        let is_xchg = matches!(rest, [0x86 | 0x87, operand, ..] if *operand < 0xc0);
        if prefixes.contains(&GS) {
            Self::Cpu
        } else if is_xchg || prefixes.contains(&LOCK) {
            Self::Locked
        } else {
            Self::Plain
        }
    }
}

/// An instruction of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instruction {
    pub address: u64,
    pub how: How,
}

/// All addresses of the kernel have these bits, which leaves them for other things.
const KERNEL: u64 = 0xffff << 48;

impl Instruction {
    /// `None` if that is no address of the kernel's.
    pub fn new(address: u64, bytes: &[u8]) -> Option<Self> {
        let how = How::of(bytes);
        (address & KERNEL == KERNEL).then_some(Self { address, how })
    }

    /// As a word, for QEMU to hand back.
    pub fn to_word(self) -> usize {
        let how = match self.how {
            How::Plain => 0,
            How::Locked => 1,
            How::Cpu => 2,
        };
        (self.address & !KERNEL | how << 48) as usize
    }

    pub fn from_word(word: usize) -> Self {
        let word = word as u64;
        let how = match word >> 48 {
            0 => How::Plain,
            1 => How::Locked,
            _ => How::Cpu,
        };
        Self {
            address: word | KERNEL,
            how,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_seen_how_memory_is_accessed() {
        for (bytes, how) in [
            // mov %rax,(%rbx)
            (&[0x48, 0x89, 0x03][..], How::Plain),
            // lock xadd %eax,(%rdi)
            (&[0xf0, 0x0f, 0xc1, 0x07], How::Locked),
            // lock cmpxchg %rdx,(%rdi)
            (&[0xf0, 0x48, 0x0f, 0xb1, 0x17], How::Locked),
            // xchg %rax,(%rdi)
            (&[0x48, 0x87, 0x07], How::Locked),
            // xchg %ax,%ax
            (&[0x66, 0x87, 0xc0], How::Plain),
            // incl %gs:0
            (&[0x65, 0xff, 0x04, 0x25, 0, 0, 0, 0], How::Cpu),
            // mov $0xf0,%al
            (&[0xb0, 0xf0], How::Plain),
            (&[], How::Plain),
        ] {
            assert_eq!(How::of(bytes), how, "{bytes:x?}");
        }
    }

    #[test]
    fn a_word_is_as_good_as_the_instruction() {
        let address = 0xffff_ffff_8152_0380;
        for bytes in [&[0x90][..], &[0xf0, 0xff, 0x07], &[0x65, 0xff, 0x07]] {
            let instruction = Instruction::new(address, bytes).unwrap();
            assert_eq!(Instruction::from_word(instruction.to_word()), instruction);
        }
        assert_eq!(Instruction::new(0x7fff_ffff_f000, &[0x90]), None);
    }
}
