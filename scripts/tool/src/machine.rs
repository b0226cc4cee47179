// SPDX-License-Identifier: GPL-2.0

//! The machines that kernels are built for, each with its emulator.

/// A machine, by the names that others have for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    /// kbuild's `ARCH`, and kunit.py's `--arch`.
    pub arch: &'static str,
    /// The image that boots, below the directory that the kernel is built in.
    pub image: &'static str,
    pub console: &'static str,
    /// The emulator, none for a kernel that is a program of the host.
    pub qemu: &'static str,
    pub options: &'static [&'static str],
    /// The kernel's command line begins with it: what follows `--` is for init.
    pub append: &'static str,
    /// The step of bootstrap.sh that installs the emulator, if not every kernel needs it.
    pub setup: Option<&'static str>,
    /// Missing if it boots without programs of ours.
    pub programs: Option<&'static Programs>,
}

/// The programs of a guest.
#[derive(Debug, PartialEq, Eq)]
pub struct Programs {
    /// As rustc calls the machine.
    pub target: &'static str,
    /// How they are built on another machine.
    pub cross: Option<&'static Cross>,
    /// The port for what they say to people: its name in the guest, and the emulator's options for it.
    pub port: &'static str,
    pub options: &'static [&'static str],
}

/// Compiles programs and the standard library for another machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Cross {
    pub linker: &'static str,
    /// The step of bootstrap.sh that installs it.
    pub setup: &'static str,
}

/// The target of programs of this host.
pub const HOST: &str = "x86_64-unknown-linux-gnu";

pub const X86_64: Machine = Machine {
    arch: "x86_64",
    image: "arch/x86/boot/bzImage",
    console: "ttyS0",
    qemu: "qemu-system-x86_64",
    options: &["-bios", "qboot.rom"],
    // On a busy host the guest's test of its timer takes too long, and panics.
    append: "no_timer_check ",
    setup: None,
    programs: Some(&Programs {
        target: HOST,
        cross: None,
        port: "/dev/ttyS1",
        options: &["-serial", "stdio"],
    }),
};

pub const UM: Machine = Machine {
    arch: "um",
    image: "linux",
    console: "tty",
    qemu: "",
    options: &[],
    append: "",
    setup: None,
    programs: None,
};

pub const ARM64: Machine = Machine {
    arch: "arm64",
    image: "arch/arm64/boot/Image",
    console: "ttyAMA0",
    qemu: "qemu-system-aarch64",
    options: &["-M", "virt", "-cpu", "max"],
    append: "",
    setup: Some("arm"),
    programs: Some(&Programs {
        target: "aarch64-unknown-linux-gnu",
        cross: Some(&Cross {
            linker: "aarch64-linux-gnu-gcc",
            setup: "cross_arm64",
        }),
        // The machine has one port of its own.
        port: "/dev/ttyS0",
        options: &[
            "-chardev",
            "stdio,id=said",
            "-device",
            "pci-serial,chardev=said",
        ],
    }),
};

pub const ARM: Machine = Machine {
    arch: "arm",
    image: "arch/arm/boot/zImage",
    qemu: "qemu-system-arm",
    programs: None,
    ..ARM64
};

/// Its firmware comes with the emulator. The extension is the one that page table entries have memory types by.
pub const RISCV: Machine = Machine {
    arch: "riscv",
    image: "arch/riscv/boot/Image",
    console: "ttyS0",
    qemu: "qemu-system-riscv64",
    options: &["-M", "virt", "-cpu", "rv64,svpbmt=true"],
    append: "",
    setup: Some("riscv"),
    programs: None,
};

impl Machine {
    /// The directory that a build makes in the tree if it is told no other.
    pub fn headers(&self) -> String {
        let arch = if *self == X86_64 { "x86" } else { self.arch };
        format!("arch/{arch}/include/generated")
    }

    /// Returns whether the host's own programs run on it.
    pub fn is_host(&self) -> bool {
        *self == X86_64
    }

    /// Returns whether the tools can read its machine code.
    pub fn has_code_of_x86(&self) -> bool {
        [X86_64, UM].contains(self)
    }
}
