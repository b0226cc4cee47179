// SPDX-License-Identifier: GPL-2.0

//! The tool and scripts/bootstrap.sh on a simulated machine.

mod bad_input;
mod build;
mod setup;
mod world;
