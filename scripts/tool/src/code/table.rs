// SPDX-License-Identifier: GPL-2.0

//! The figures as people read them.

use super::{Figure, Figures};
use std::collections::BTreeMap;

/// Of each primitive, in C, in Rust and with upstream's own API.
pub fn figures(figures: &BTreeMap<String, Figures>) -> String {
    let mut text = format!(
        "what is compiled for each primitive, with the functions of ours that it calls (C, Rust, upstream's Rust)\n\
         {:26} {:>17} {:>20} {:>17} {:>8}\n",
        "primitive", "instructions", "bytes", "stack", "helpers"
    );
    for (name, f) in figures {
        let all = [&f.c, &f.rust, &f.upstream];
        let three = |width: usize, value: &dyn Fn(&Figure) -> u64| -> String {
            let cells = all.map(|figure| match figure {
                Some(figure) => format!("{:>width$}", value(figure)),
                None => format!("{:>width$}", "-"),
            });
            cells.join(" ")
        };
        let helpers = f.rust.as_ref().map_or(0, |rust| rust.helper_calls);
        text += &format!(
            "{name:26} {} {} {} {helpers:>8}\n",
            three(5, &|figure| figure.instructions as u64),
            three(6, &|figure| figure.bytes),
            three(5, &|figure| figure.stack)
        );
    }
    text
}
