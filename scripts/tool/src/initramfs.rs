// SPDX-License-Identifier: GPL-2.0

//! The initramfs of a guest: init, files, and the device nodes of its ports. usr/gen_init_cpio of the kernel tree packs it.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const DEVICES: &str = "dir /dev 755 0 0\nnod /dev/console 600 0 0 c 5 1\nnod /dev/ttyS0 600 0 0 c 4 64\n\
    nod /dev/ttyS1 600 0 0 c 4 65\ndir /proc 755 0 0\ndir /sys 755 0 0\ndir /tmp 1777 0 0\ndir /run 755 0 0\n\
    dir /bin 755 0 0\n";

const SAMPLES: &str = "samples/rust/vma/";

/// The files of a guest, to be packed for a kernel.
pub struct Initramfs {
    spec: String,
}

impl Initramfs {
    pub fn new(init: &Path) -> Self {
        let spec = DEVICES.to_string();
        Self { spec }.with("/init", init)
    }

    /// Adds a file of the host's, executable.
    pub fn with(mut self, path: &str, file: &Path) -> Self {
        self.spec += &format!("file {path} {} 755 0 0\n", file.display());
        self
    }

    /// Adds a program of the host's with the shared libraries that it names, which stay where they are there.
    pub fn with_libraries(self, path: &str, program: &Path) -> Result<Self> {
        let mut cmd = proc::command("ldd");
        cmd.arg(program);
        // It fails for a static program, which has none.
        let said = proc::output(cmd)?.stdout;
        let libraries = libraries(&String::from_utf8_lossy(&said));
        let files = libraries.iter().fold(self, |mut files, library| {
            let parents = Path::new(library).ancestors().skip(1);
            let mut parents: Vec<&Path> = parents.filter(|dir| dir.parent().is_some()).collect();
            parents.reverse();
            for dir in parents {
                files.spec += &format!("dir {} 755 0 0\n", dir.display());
            }
            files.with(library, Path::new(library))
        });
        Ok(files.with(path, program))
    }

    /// Packs it into the build directory under the name of the guest.
    pub fn pack(&self, kernel: &Kernel, config: Config, name: &str) -> Result<PathBuf> {
        let out = kernel.places.out(config.name);
        let spec = out.join(format!("{name}.list"));
        let order = fs::read_to_string(out.join("modules.order")).unwrap_or_default();
        let content = self.spec.clone() + &modules(&order, &out);
        write(&spec, content.as_bytes())?;
        let mut cmd = proc::command(out.join("usr/gen_init_cpio"));
        cmd.arg(&spec);
        let made = proc::output(cmd)?;
        if !made.status.success() {
            bail!(
                "the initramfs could not be packed: {}",
                String::from_utf8_lossy(&made.stderr).trim()
            );
        }
        let file = out.join(format!("{name}.cpio"));
        write(&file, &made.stdout)?;
        Ok(file)
    }
}

/// The sample drivers among the modules that were built, by `modules.order`, for a guest to load.
fn modules(order: &str, out: &Path) -> String {
    let mut spec = "dir /modules 755 0 0\n".to_string();
    for object in order.lines().filter(|object| object.starts_with(SAMPLES)) {
        let module = Path::new(object).with_extension("ko");
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        spec += &format!(
            "file /modules/{name} {} 644 0 0\n",
            out.join(&module).display()
        );
    }
    spec
}

/// The paths of the libraries in the output of ldd, and of the dynamic linker.
fn libraries(said: &str) -> Vec<String> {
    let words = said.lines().filter_map(|line| {
        let path = line.split_once("=>").map_or(line, |(_, path)| path);
        path.split_whitespace().next()
    });
    words
        .filter(|word| word.starts_with('/'))
        .map(str::to_string)
        .collect()
}

/// Writes a file that a guest is made of.
pub fn write(file: &Path, content: &[u8]) -> Result<()> {
    fs::write(file, content).with_context(|| format!("{}: cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_where_ldd_says() {
        let said = "\tlinux-vdso.so.1 (0x7)\n\tlibz.so.1 => /lib/libz.so.1 (0x8)\n\tlibx.so => not found\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x9)\n";
        let wanted = ["/lib/libz.so.1", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(said), wanted);
        assert!(libraries("\tnot a dynamic executable\n").is_empty());
    }

    #[test]
    fn a_guest_has_the_samples_that_are_modules() {
        let order = "samples/rust/vma/pfn/rust_vma_pfn.o\ndrivers/x/y.o\n";
        assert_eq!(
            modules(order, Path::new("/out")),
            "dir /modules 755 0 0\nfile /modules/rust_vma_pfn.ko /out/samples/rust/vma/pfn/rust_vma_pfn.ko 644 0 0\n"
        );
        assert_eq!(modules("", Path::new("/out")), "dir /modules 755 0 0\n");
    }

    #[test]
    fn a_guest_has_its_init_and_its_files() {
        let files = Initramfs::new(Path::new("/x/demo")).with("/bin/more", Path::new("/x/more"));
        assert!(files.spec.starts_with("dir /dev "), "{}", files.spec);
        let last: Vec<&str> = files.spec.lines().rev().take(2).collect();
        assert_eq!(
            last,
            [
                "file /bin/more /x/more 755 0 0",
                "file /init /x/demo 755 0 0"
            ]
        );
    }
}
