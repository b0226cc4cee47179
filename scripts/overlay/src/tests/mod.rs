// SPDX-License-Identifier: GPL-2.0

//! Tests on a small repository and a small kernel tree.

mod runs;
mod script;
