// SPDX-License-Identifier: GPL-2.0

//! What is below rust/ in a tree, built twice: with the overlay and without, for a kernel in which nothing uses it. The
//! kernel crate knows nothing of drivers, so the one of the kernel that is measured is as good as one without them.

use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BENCH, X86_64_UNUSED};
use crate::places::Places;
use crate::source;
use crate::targets::{Ready, Session};
use anyhow::Result;
use std::path::PathBuf;

/// A tree, and where it was built.
pub struct Built<'a> {
    pub kernel: Kernel<'a>,
    pub out: PathBuf,
}

/// Calls `work` with both, the one with the overlay first. Without one where the tree is the caller's own, which is
/// not ours to take the overlay out of.
pub fn with<T>(
    session: &Session,
    ready: &Ready,
    work: impl FnOnce(&Built, &Built) -> Result<T>,
) -> Result<Option<T>> {
    let kernel = session.kernel(ready);
    build(session, ready, kernel, X86_64_BENCH, work)
}

/// The same, with `RUST_VMA` off in both. They are built side by side: kbuild names a tree that is beside its output
/// directory by `..`, and would put that into the objects.
pub fn without_option<T>(
    session: &Session,
    ready: &Ready,
    work: impl FnOnce(&Built, &Built) -> Result<T>,
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
    work: impl FnOnce(&Built, &Built) -> Result<T>,
) -> Result<Option<T>> {
    let places = session.places;
    if places.kdir.is_some() {
        return Ok(None);
    }
    let series = &ready.overlay.supported_versions;
    let pristine = source::pristine(places, &ready.packages, series, session.progress)?;
    let other = elsewhere(places, pristine);
    let ours = Built {
        out: kernel.build_rust(config, session.progress)?,
        kernel,
    };
    let kernel = Kernel {
        places: &other,
        ours: Vec::new(),
        ..session.kernel(ready)
    };
    let theirs = Built {
        out: kernel.build_rust(X86_64_UNUSED, session.progress)?,
        kernel,
    };
    work(&ours, &theirs).map(Some)
}

fn elsewhere(places: &Places, tree: PathBuf) -> Places {
    Places {
        build: places.build.join("pristine"),
        kdir: Some(tree),
        ..places.clone()
    }
}
