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

#[test]
fn a_weaker_bound_for_writing() {
    noticed(
        "field.rs",
        "vm_start {",
        "withheld;",
        "write(WriteMost) fn set_start(&self) {}",
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
        "anon_name if",
        "write(WriteMost)",
        "write(WriteAll)",
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
        "        flags {",
        "write(WriteMost)",
        "write(MmapHeld)",
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
        "anon_vma {",
        "read(ReadFields)",
        "read(Stable)",
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
        "vm_end {",
        "read(ReadLayout)",
        "read(MmapHeld)",
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
fn a_proof_that_is_not_asked_for() {
    noticed(
        "field.rs",
        "anon_vma_chain {",
        "withheld;",
        "write(MmapHeld) fn anon_vma_chain(&self) {}",
        &[
            "Reverse mapping fields",
            "\"anon_vma_chain\"",
            "\"Write lock\"",
            "code says \"mmap read\"",
        ],
    );
}

#[test]
fn a_proof_of_another_lock() {
    noticed(
        "field.rs",
        "shared.rb {",
        "withheld;",
        "write(WriteMost) fn shared_rb(&self, lock: &AnonVmaWriteGuard<'_>) {}",
        &[
            "Reverse mapping fields",
            "\"shared.rb\"",
            "\"Write lock\"",
            "anon_vma write",
        ],
    );
}

#[test]
fn the_proof_of_a_clause() {
    noticed(
        "field.rs",
        "        anon_vma {",
        "withheld;",
        "write_if_null(MmapHeld) fn set_anon_vma(&self, lock: &usize) {}",
        &[
            "Reverse mapping fields",
            "\"anon_vma\"",
            "\"Write lock (NULL)\"",
        ],
    );
}

#[test]
fn a_clause_for_the_other_value() {
    noticed(
        "field.rs",
        "        anon_vma {",
        "withheld;",
        "write(MmapHeld) fn set_anon_vma(&self) {}",
        &[
            "Reverse mapping fields",
            "\"anon_vma\"",
            "\"Write lock (set)\"",
        ],
    );
}

#[test]
fn no_option() {
    noticed(
        "field.rs",
        "Config-specific",
        " if CONFIG_SWAP",
        "",
        &[
            "Config-specific fields",
            "\"swap_readahead_info\"",
            "\"Configuration option\"",
            "code \"-\"",
        ],
    );
}

#[test]
fn a_writer_of_what_is_written_once() {
    noticed(
        "field.rs",
        "vm_file {",
        "once;",
        "write(WriteMost) fn set_file(&self) {}",
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
        "vm_private_data {",
        "driver;",
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
        "vm_ops {",
        "vm_operations {",
        &["Core fields", "\"vm_ops\"", "\"Field\""],
    );
    noticed(
        "field.rs",
        "Core fields",
        "vm_ops {",
        "vm_operations {",
        &["struct vm_area_struct", "\"vm_ops\"", "has no row"],
    );
}

#[test]
fn a_row_in_another_table() {
    noticed(
        "field.rs",
        "\"Virtual layout fields\" {",
        "\"Virtual layout fields\"",
        "\"Layout fields\"",
        &["Virtual layout fields", "\"vm_start\"", "\"Field\""],
    );
}

#[test]
fn an_access_to_a_field_that_the_document_leaves_out() {
    noticed(
        "field.rs",
        "vm_freeptr {",
        "withheld;",
        "write(WriteAll) fn set_freeptr(&self) {}",
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
        "install {",
        "write(InstallEntries)",
        "write(Stable)",
        &["Page tables", "\"Installing\"", "\"-/-/W\"", "code \"Y\""],
    );
    noticed(
        "page_table.rs",
        "traverse {",
        "read(Stable)",
        "read(InstallEntries)",
        &["Page tables", "\"Traversing\"", "\"-/-/R\"", "Y and N"],
    );
    noticed(
        "page_table.rs",
        "zap {",
        "write(Stable)",
        "write(WriteMost)",
        &["Page tables", "\"Zapping\"", "\"R/-/-\"", "code \"N\""],
    );
    noticed(
        "page_table.rs",
        "move_ {",
        "withheld;",
        "write(WriteMost) fn move_table(&self) {}",
        &["Page tables", "\"Moving\"", "\"W/W/-\"", "code \"Y\""],
    );
}

#[test]
fn freeing_page_tables_or_another_operation() {
    noticed(
        "page_table.rs",
        "free {",
        "withheld;",
        "write(WriteAll) fn free(&self) {}",
        &["Page tables", "\"Freeing\"", "\"Any\"", "offered"],
    );
    noticed(
        "page_table.rs",
        "free {",
        "free {",
        "share { withheld; } free {",
        &["Page tables", "\"share\"", "does not know"],
    );
    noticed(
        "page_table.rs",
        "zap {",
        "zap {",
        "unzip {",
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
