// SPDX-License-Identifier: GPL-2.0

//! Kernels of the tree without the overlay; and the directory rust/ of a tree, built twice: with the overlay and without,
//! for a kernel in which nothing uses it. The kernel crate knows nothing of drivers, so the one of the kernel that is
//! measured is as good as one without them.

use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BENCH, X86_64_UNUSED};
use crate::places::Places;
use crate::session::{Ready, Session};
use crate::source;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// The advice for a tree of the caller's own.
pub const KDIR: &str = "KDIR=: the overlay stays in your tree, so there is no other to compare it with: run it without";

/// Calls `work` with a kernel of the tree without the overlay.
pub fn pristine<T>(
    session: &Session,
    ready: &Ready,
    work: impl FnOnce(&Kernel) -> Result<T>,
) -> Result<T> {
    let places = session.places;
    if places.kdir.is_some() {
        bail!(KDIR);
    }
    let tree = source::pristine(places, &ready.packages, session.progress)?;
    let places = elsewhere(places, tree);
    work(&Kernel {
        places: &places,
        ours: Vec::new(),
        ..session.kernel(ready)
    })
}

/// Calls `work` with the two build directories, the one with the overlay first. `None` for a tree of the caller's own:
/// the overlay stays in it.
pub fn with<T>(
    session: &Session,
    ready: &Ready,
    work: impl FnOnce(&Path, &Path) -> Result<T>,
) -> Result<Option<T>> {
    let kernel = session.kernel(ready);
    build(session, ready, kernel, X86_64_BENCH, work)
}

/// The same, with `RUST_VMA` off in both. Both are built in one directory, which has neither tree in it: ccache makes
/// names of files below that directory relative, and these would be in the objects of one of them.
pub fn without_option<T>(
    session: &Session,
    ready: &Ready,
    work: impl FnOnce(&Path, &Path) -> Result<T>,
) -> Result<Option<T>> {
    let places = elsewhere(session.places, session.places.tree());
    let kernel = Kernel {
        places: &places,
        ..session.kernel(ready)
    };
    build(session, ready, kernel, X86_64_UNUSED, work)
}

fn build<T>(
    session: &Session,
    ready: &Ready,
    kernel: Kernel,
    config: Config,
    work: impl FnOnce(&Path, &Path) -> Result<T>,
) -> Result<Option<T>> {
    if session.places.kdir.is_some() {
        return Ok(None);
    }
    let ours = kernel.build_rust(config, session.progress)?;
    pristine(session, ready, |kernel| {
        let theirs = kernel.build_rust(X86_64_UNUSED, session.progress)?;
        work(&ours, &theirs).map(Some)
    })
}

/// The directories for builds of a tree without the overlay.
fn elsewhere(places: &Places, tree: PathBuf) -> Places {
    Places {
        build: places.build.join("pristine"),
        kdir: Some(tree),
        ..places.clone()
    }
}
