// SPDX-License-Identifier: GPL-2.0

//! One edit of the code's tables at a time: the check notices each, and names the cell.

use super::{Bench, edit};

fn noticed(file: &str, anchor: &str, old: &str, new: &str, parts: &[&str]) {
    let mut bench = Bench::new();
    let text = bench.code.get_mut(file).unwrap();
    let before = text.clone();
    edit(text, anchor, old, new);
    assert_ne!(*text, before);
    bench.is_noticed(parts);
}

/// Puts a method where a row says a word.
fn noticed_method(file: &str, row: &str, word: &str, method: &str, parts: &[&str]) {
    let mut bench = Bench::new();
    let text = bench.code.get_mut(file).unwrap();
    let name = method.split(['(', ' ']).next().unwrap();
    edit(text, row, word, &format!("`{name}`"));
    let block = "impl<L: Level> Vma<L> {";
    edit(text, row, block, &format!("{block}\npub fn {method}"));
    bench.is_noticed(parts);
}

#[test]
fn a_weaker_bound_for_writing() {
    noticed_method(
        "field.rs",
        "| `vm_start`",
        "withheld",
        "set_start(&self) where L: WriteMost {}",
        &[
            "Virtual layout fields",
            "\"vm_start\"",
            "\"Write lock\"",
            "code \"mmap write, VMA write\"",
        ],
    );
}

#[test]
fn a_stronger_bound_for_writing() {
    noticed(
        "field.rs",
        "fn set_anon_name",
        "L: WriteMost",
        "L: WriteAll",
        &[
            "Config-specific fields",
            "\"anon_name\"",
            "\"Write lock\"",
            "rmap write",
        ],
    );
}

#[test]
fn a_weaker_bound_of_one_writer_of_two() {
    noticed(
        "field.rs",
        "fn set_flags",
        "L: WriteMost",
        "L: MmapHeld",
        &[
            "Core fields",
            "\"__vm_flags\"",
            "\"Write lock\"",
            "mmap read; mmap write, VMA write",
        ],
    );
}

#[test]
fn a_weaker_bound_for_reading() {
    noticed(
        "field.rs",
        "fn anon_vma(",
        "L: ReadFields",
        "L: Stable",
        &[
            "Reverse mapping fields",
            "\"anon_vma\"",
            "\"Read at Rmap\"",
            "deviates no longer",
        ],
    );
}

#[test]
fn a_stronger_bound_for_reading() {
    noticed(
        "field.rs",
        "fn end(",
        "L: ReadLayout",
        "L: MmapHeld",
        &[
            "Virtual layout fields",
            "\"vm_end\"",
            "\"Read at VmaRead\"",
            "code \"N\"",
        ],
    );
}

#[test]
fn an_impl_too_many() {
    noticed(
        "level.rs",
        "impl WriteMost for VmaWrite {}",
        "impl WriteMost for VmaWrite {}",
        "impl WriteMost for VmaWrite {}\n// SAFETY: None.\nunsafe impl WriteMost for MmapWrite {}",
        &["Lock states", "\"W/-/-\"", "\"Write most?\"", "code \"Y\""],
    );
}

#[test]
fn an_impl_less() {
    noticed(
        "level.rs",
        "// SAFETY: Plainly read",
        "unsafe impl ReadFields for MmapRead {}",
        "",
        &["\"vm_page_prot\"", "\"Read at MmapRead\"", "code \"N\""],
    );
}

#[test]
fn an_impl_for_a_level_that_holds_less() {
    noticed(
        "level.rs",
        "// SAFETY: The VMA lock is held.",
        "unsafe impl InstallEntries for VmaRead {}",
        "unsafe impl InstallEntries for VmaRead {}\nunsafe impl InstallEntries for Rmap {}",
        &["Page tables", "\"Installing\"", "\"-/-/R\"", "code \"Y\""],
    );
}

#[test]
fn a_level_that_holds_less() {
    noticed(
        "level.rs",
        "levels! {",
        "VmaWrite = [W, W, -]",
        "VmaWrite = [W, -, -]",
        &["Lock states", "\"W/-/-\"", "\"Write most?\"", "code \"Y\""],
    );
}

#[test]
fn a_level_in_a_state_that_cannot_be() {
    noticed(
        "level.rs",
        "levels! {",
        "VmaWrite = [W, W, -]",
        "VmaWrite = [R, W, -]",
        &["Lock states", "\"R/W/-\"", "\"State\"", "level VmaWrite"],
    );
}

#[test]
fn a_level_with_another_alternative() {
    noticed(
        "level.rs",
        "levels! {",
        "Read = [R, -, -] | [-, R, -]",
        "Read = [R, -, -] | [-, -, -]",
        &["Lock states", "\"-/-/-\"", "\"Stable?\"", "code \"Y\""],
    );
}

#[test]
fn a_lock_that_is_not_asked_for() {
    noticed_method(
        "field.rs",
        "| `anon_vma_chain`",
        "withheld",
        "anon_vma_chain(&self) where L: MmapHeld {}",
        &[
            "Reverse mapping fields",
            "\"anon_vma_chain\"",
            "\"Write lock\"",
            "code says \"mmap read\"",
        ],
    );
}

#[test]
fn an_argument_is_no_lock() {
    noticed_method(
        "field.rs",
        "| `shared.rb`",
        "withheld",
        "shared_rb(&self, lock: &AnonVmaWriteGuard<'_>) where L: WriteMost {}",
        &[
            "Reverse mapping fields",
            "\"shared.rb\"",
            "\"Write lock\"",
            "code says \"mmap write, VMA write\"",
        ],
    );
}

#[test]
fn a_lock_less_than_a_clause_asks_for() {
    for column in ["\"Write lock (NULL)\"", "\"Write lock (set)\""] {
        noticed_method(
            "field.rs",
            "| `anon_vma`",
            "withheld",
            "set_anon_vma(&self) where L: MmapHeld {}",
            &["Reverse mapping fields", "\"anon_vma\"", column],
        );
    }
}

#[test]
fn no_option() {
    let mut bench = Bench::new();
    let text = bench.code.get_mut("field.rs").unwrap();
    edit(text, "| `swap_readahead_info`", "`CONFIG_SWAP`", "");
    bench.is_noticed(&[
        "swap_readahead_info",
        "does not have the option CONFIG_SWAP",
    ]);
    let text = bench.code.get_mut("field.rs").unwrap();
    edit(
        text,
        "A hint",
        "all(CONFIG_SWAP, CONFIG_RUST_VMA_MM)",
        "CONFIG_RUST_VMA_MM",
    );
    bench.is_noticed(&[
        "Config-specific fields",
        "\"swap_readahead_info\"",
        "\"Configuration option\"",
        "code \"-\"",
    ]);
}

#[test]
fn a_writer_of_what_is_written_once() {
    noticed_method(
        "field.rs",
        "| `vm_file`",
        "once",
        "set_file(&self) where L: WriteMost {}",
        &[
            "Core fields",
            "\"vm_file\"",
            "\"Write lock\"",
            "document says \"written once\"",
        ],
    );
}

#[test]
fn a_writer_of_what_the_driver_writes() {
    noticed(
        "field.rs",
        "| `vm_private_data`",
        "driver",
        "",
        &[
            "Core fields",
            "\"vm_private_data\"",
            "\"Write lock\"",
            "by the driver",
        ],
    );
}

#[test]
fn a_row_less() {
    noticed(
        "field.rs",
        "Core fields",
        "`vm_ops`",
        "`vm_operations`",
        &["Core fields", "\"vm_ops\"", "\"Field\""],
    );
    noticed(
        "field.rs",
        "Core fields",
        "`vm_ops`",
        "`vm_operations`",
        &["struct vm_area_struct", "\"vm_ops\"", "has no row"],
    );
}

#[test]
fn a_row_in_another_table() {
    noticed(
        "field.rs",
        "/// Virtual layout fields",
        "Virtual layout",
        "Layout",
        &["Virtual layout fields", "\"vm_start\"", "\"Field\""],
    );
}

#[test]
fn access_to_an_undocumented_field() {
    noticed_method(
        "field.rs",
        "| `vm_freeptr`",
        "withheld",
        "set_freeptr(&self) where L: WriteAll {}",
        &[
            "Fields of other code",
            "\"vm_freeptr\"",
            "\"Field\"",
            "the list \"withheld\"",
        ],
    );
}

#[test]
fn bounds_of_page_table_operations() {
    noticed(
        "page_table.rs",
        "fn with_pte_alloc",
        "L: InstallEntries",
        "L: Stable",
        &["Page tables", "\"Installing\"", "\"-/-/W\"", "code \"Y\""],
    );
    noticed(
        "page_table.rs",
        "fn with_pte<",
        "L: Stable",
        "L: InstallEntries",
        &["Page tables", "\"Traversing\"", "\"-/-/R\"", "Y and N"],
    );
    noticed(
        "page_table.rs",
        "fn zap(",
        "L: Stable",
        "L: WriteMost",
        &["Page tables", "\"Zapping\"", "\"R/-/-\"", "code \"N\""],
    );
    noticed_method(
        "page_table.rs",
        "| `move`",
        "withheld",
        "move_table(&self) where L: WriteMost {}",
        &["Page tables", "\"Moving\"", "\"W/W/-\"", "code \"Y\""],
    );
}

#[test]
fn freeing_page_tables_or_another_operation() {
    noticed_method(
        "page_table.rs",
        "| `free`",
        "withheld",
        "free(&self) where L: WriteAll {}",
        &["Page tables", "\"Freeing\"", "\"Any\"", "offered"],
    );
    noticed(
        "page_table.rs",
        "| `move`",
        "| `move`",
        "| `share` | | withheld |\n/// | `move`",
        &["Page tables", "\"share\"", "does not know"],
    );
    noticed(
        "page_table.rs",
        "| `zap`",
        "`zap`",
        "`unzip`",
        &["Page tables", "\"Zapping\"", "no row zap"],
    );
}

#[test]
fn a_trait_of_the_columns_that_has_gone() {
    let mut bench = Bench::new();
    for text in bench.code.values_mut() {
        *text = text.replace("WriteAll", "WriteWhole");
    }
    bench.is_noticed(&["Lock states", "no trait WriteAll"]);
}
