// SPDX-License-Identifier: GPL-2.0

//! The list of deviations: it explains what differs, all of it, and nothing else.

use super::{Bench, cut, edit};

/// An entry at the end of the list.
fn add(bench: &mut Bench, cells: [&str; 7]) {
    for (index, cell) in cells.iter().enumerate() {
        let mark = if index == 0 { "   * - " } else { "     - " };
        bench.deviations += &format!("{mark}{cell}\n");
    }
}

#[test]
fn a_difference_without_an_entry_fails() {
    let mut bench = Bench::new();
    cut(
        &mut bench.deviations,
        "header-rows",
        "   * - Lock states",
        "   * - Core fields",
    );
    bench.is_noticed(&[
        "\"Lock states\"",
        "\"-/-/R\"",
        "\"Read?\"",
        "document says \"Y\"",
        "code \"N\"",
    ]);
    bench.is_noticed(&["\"Lock states\"", "\"-/-/W\"", "\"Read?\""]);
}

#[test]
fn an_entry_that_does_not_deviate_fails() {
    let mut bench = Bench::new();
    add(
        &mut bench,
        [
            "Core fields",
            "vm_mm",
            "Read at Rmap",
            "Y",
            "N",
            "",
            "No reason at all.",
        ],
    );
    bench.is_noticed(&[
        "\"Core fields\"",
        "\"vm_mm\"",
        "\"Read at Rmap\"",
        "deviates no longer",
    ]);
}

#[test]
fn an_entry_ends_with_the_difference() {
    let mut bench = Bench::new();
    let fields = bench.code.get_mut("field.rs").unwrap();
    edit(fields, "fn swap_readahead_info", "ReadFields", "Stable");
    bench.is_noticed(&[
        "\"swap_readahead_info\"",
        "\"Read at Rmap\"",
        "deviates no longer",
    ]);
    bench.is_noticed(&[
        "\"swap_readahead_info\"",
        "\"Write lock\"",
        "the code says",
        "the list",
    ]);
}

#[test]
fn one_cell_without_its_deviation_fails() {
    let mut bench = Bench::new();
    edit(
        &mut bench.deviations,
        "``-/-/W``",
        "``-/-/W``",
        "``-/-/W``, ``-/R/-``",
    );
    bench.is_noticed(&[
        "\"Lock states\"",
        "\"-/R/-\"",
        "\"Read?\"",
        "deviates no longer",
    ]);
}

#[test]
fn an_entry_without_a_reason_fails() {
    let mut bench = Bench::new();
    let before = bench.check().unwrap().right;
    cut(
        &mut bench.deviations,
        "   * - struct vm_area_struct",
        "     - Only kernels without",
        "   * - struct",
    );
    edit(
        &mut bench.deviations,
        "     - vm_region",
        "     - row\n     -\n",
        "     - row\n     -\n     -\n",
    );
    bench.is_noticed(&["vm_region", "\"Member\"", "it has no reason"]);
    bench.is_noticed(&["row \"vm_region\"", "column \"Member\"", "no such field"]);
    assert_eq!(bench.check().unwrap().right, before - 1);
}

#[test]
fn an_entry_says_what_both_sides_say() {
    for (document, code, part) in [
        ("N", "N", "the document says \"Y\""),
        ("Y", "Y", "the code says \"N\""),
    ] {
        let mut bench = Bench::new();
        edit(
            &mut bench.deviations,
            "- Lock states",
            "     - Y\n     - N\n",
            &format!("     - {document}\n     - {code}\n"),
        );
        bench.is_noticed(&["\"Lock states\"", "\"-/-/R\"", part]);
    }
}

#[test]
fn an_entry_names_cells_that_exist() {
    for (old, new) in [
        ("- Lock states", "- Lock stages"),
        ("- Read?", "- Read!"),
        ("``-/-/R``", "``-/-/X``"),
    ] {
        let mut bench = Bench::new();
        edit(&mut bench.deviations, "header-rows", old, new);
        bench.is_noticed(&[
            "deviation 1",
            &new[2..].replace('`', ""),
            "there is no such cell",
        ]);
    }
    let mut bench = Bench::new();
    add(
        &mut bench,
        [
            "Core fields",
            "",
            "Read at Rmap",
            "Y",
            "N",
            "",
            "For nothing.",
        ],
    );
    bench.is_noticed(&["names no cell"]);
}

#[test]
fn two_entries_for_a_cell_fail() {
    let mut bench = Bench::new();
    add(
        &mut bench,
        [
            "Lock states",
            "``-/-/R``",
            "Read?",
            "Y",
            "N",
            "",
            "Once more.",
        ],
    );
    bench.is_noticed(&["\"Lock states\"", "\"-/-/R\"", "deviation 1 names it, too"]);
}

#[test]
fn an_entry_for_another_kernel_is_left_alone() {
    let mut bench = Bench::new();
    let before = bench.check().unwrap();
    add(
        &mut bench,
        [
            "Core fields",
            "vm_mm",
            "Read at Rmap",
            "Y",
            "N",
            "1.0",
            "In another kernel.",
        ],
    );
    let after = bench.check().unwrap();
    assert_eq!(after.failures(), [""; 0]);
    assert_eq!(after.right, before.right);
}

#[test]
fn a_list_that_is_not_understood_fails() {
    let mut bench = Bench::new();
    edit(
        &mut bench.deviations,
        "list-table:: Deviations",
        "Deviations",
        "Variations",
    );
    bench.is_noticed(&["deviations.rst", "0 tables \"Deviations\""]);
    let mut bench = Bench::new();
    edit(&mut bench.deviations, "header-rows", "- Reason", "- Cause");
    bench.is_noticed(&["deviations.rst", "columns"]);
    let mut bench = Bench::new();
    edit(&mut bench.deviations, "header-rows", "     - Read?\n", "");
    bench.is_noticed(&["deviations.rst:", "table \"Deviations\""]);
}
