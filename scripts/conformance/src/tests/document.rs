// SPDX-License-Identifier: GPL-2.0

//! Broken copies of the kernel's document: each is noticed, by table, row and column.

use super::{Bench, cut, edit};

#[test]
fn a_row_of_lock_states_is_gone() {
    let mut bench = Bench::new();
    cut(
        &mut bench.document,
        "valid lock states",
        "   W         W        W",
        "   ===",
    );
    bench.is_noticed(&["Lock states", "\"W/W/W\"", "\"State\""]);
}

#[test]
fn a_row_of_lock_states_is_new() {
    let mut bench = Bench::new();
    let row = "   W         W        W ";
    let new = format!("   R         W        \\-        Y       Y     N           N\n{row}");
    edit(&mut bench.document, "valid lock states", row, &new);
    bench.is_noticed(&["Lock states", "\"R/W/-\"", "\"State\""]);
}

#[test]
fn a_right_changes() {
    let mut bench = Bench::new();
    let row = "W         W        W         Y       Y     Y           Y";
    edit(
        &mut bench.document,
        "valid lock states",
        row,
        &(row[..row.len() - 1].to_string() + "N"),
    );
    bench.is_noticed(&[
        "Lock states",
        "\"W/W/W\"",
        "\"Write all?\"",
        "\"N\"",
        "\"Y\"",
    ]);
}

#[test]
fn a_mode_or_a_right_is_not_understood() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "valid lock states",
        "\\-        R ",
        "\\-        X ",
    );
    bench.is_noticed(&[
        "Lock states",
        "row \"- X -\"",
        "column \"VMA lock\"",
        "\"X\"",
    ]);
    let mut bench = Bench::new();
    let row = "W         W        W         Y       Y     Y           Y";
    edit(
        &mut bench.document,
        "valid lock states",
        row,
        &(row[..row.len() - 1].to_string() + "?"),
    );
    bench.is_noticed(&[
        "Lock states",
        "row \"W W W\"",
        "column \"Write all?\"",
        "\"?\"",
    ]);
}

#[test]
fn a_combination_is_in_two_rows() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "valid lock states",
        "W         W        \\-/R",
        "W         W        R/W ",
    );
    bench.is_noticed(&["Lock states", "row \"W W W\"", "W/W/W is in two rows"]);
}

#[test]
fn a_lock_changes() {
    let mut bench = Bench::new();
    let place = ":c:member:`!vm_page_prot`";
    edit(
        &mut bench.document,
        place,
        "mmap write, VMA write.",
        "mmap read, VMA write. ",
    );
    bench.is_noticed(&[
        "Core fields",
        "\"vm_page_prot\"",
        "\"Write lock\"",
        "\"mmap read, VMA write\"",
    ]);
}

#[test]
fn a_lock_is_not_understood() {
    let mut bench = Bench::new();
    let place = ":c:member:`!vm_page_prot`";
    edit(
        &mut bench.document,
        place,
        "mmap write, VMA write.",
        "mmap write, VMA other.",
    );
    bench.is_noticed(&[
        "Core fields",
        "\"vm_page_prot\"",
        "\"Write lock\"",
        "unknown lock \"VMA other\"",
    ]);
}

#[test]
fn a_clause_of_anon_vma_changes() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "setting :c:macro:`NULL`:",
        "anon_vma write.",
        "i_mmap write.  ",
    );
    bench.is_noticed(&[
        "Reverse mapping fields",
        "\"anon_vma\"",
        "\"Write lock (set)\"",
    ]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "setting non-:c:macro:`NULL`:",
        "mmap read,",
        "mmap write,",
    );
    bench.is_noticed(&[
        "Reverse mapping fields",
        "\"anon_vma\"",
        "\"Write lock (NULL)\"",
    ]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "When non-:c:macro:`NULL` and",
        "setting :c:macro:`NULL`:",
        "setting that pointer:   ",
    );
    bench.is_noticed(&[
        "Reverse mapping fields",
        "\"anon_vma\"",
        "\"Write lock\"",
        "no clause",
    ]);
}

#[test]
fn a_field_is_gone() {
    let mut bench = Bench::new();
    cut(
        &mut bench.document,
        "table:: Virtual",
        ":c:member:`!vm_end`",
        ":c:member:`!vm_pgoff`",
    );
    bench.is_noticed(&["Virtual layout fields", "\"vm_end\"", "\"Field\""]);
}

#[test]
fn a_field_is_new() {
    let mut bench = Bench::new();
    let row = "   :c:member:`!vm_end`   ";
    let new = format!(
        "   :c:member:`!vm_more`  What we made up.                         mmap write.\n{row}"
    );
    edit(&mut bench.document, "table:: Virtual", row, &new);
    bench.is_noticed(&["Virtual layout fields", "\"vm_more\"", "\"Field\""]);
}

#[test]
fn a_field_is_there_twice() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "table:: Virtual",
        "`!vm_end`  ",
        "`!vm_start`",
    );
    bench.is_noticed(&["Virtual layout fields", "\"vm_start\"", "two of them"]);
}

#[test]
fn a_configuration_option_changes() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "table:: Config-specific",
        "CONFIG_SWAP",
        "CONFIG_SWIP",
    );
    bench.is_noticed(&[
        "Config-specific fields",
        "\"swap_readahead_info\"",
        "\"Configuration option\"",
        "CONFIG_SWIP",
    ]);
}

#[test]
fn a_column_has_another_name() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "table:: Core fields",
        "Write lock",
        "Write held",
    );
    bench.is_noticed(&["Core fields", "column \"Write lock\" is missing"]);
    bench.is_noticed(&["Core fields", "column \"Write held\" is unknown"]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "valid lock states",
        "Stable?",
        "Steady?",
    );
    bench.is_noticed(&["Lock states", "column \"Stable?\" is missing"]);
}

#[test]
fn a_border_is_broken() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "table:: Core fields",
        "===== =",
        "=======",
    );
    bench.is_noticed(&["document.rst:", "table \"Core fields\""]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "valid lock states",
        "R/W       \\-/R     \\-",
        "R/W       \\-/R    \\--",
    );
    bench.is_noticed(&[
        "document.rst:",
        "valid lock states",
        "row \"R/W",
        "Malformed table",
    ]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "list-table:: Lock exclusivity",
        "     - D\n",
        "",
    );
    bench.is_noticed(&["document.rst:", "table \"Lock exclusivity\""]);
}

#[test]
fn a_table_is_gone() {
    let mut bench = Bench::new();
    cut(
        &mut bench.document,
        "These are the core",
        ".. table:: Config-specific",
        "These fields are present",
    );
    bench.is_noticed(&["table \"Config-specific fields\" is missing"]);
    let mut bench = Bench::new();
    cut(
        &mut bench.document,
        "valid lock states",
        ".. table::",
        ".. warning::",
    );
    bench.is_noticed(&["table \"Lock states\" is missing"]);
}

#[test]
fn a_table_is_new() {
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "table:: Core fields",
        "Core fields",
        "Main fields",
    );
    bench.is_noticed(&["table \"Core fields\" is missing"]);
    bench.is_noticed(&["table \"Main fields\"", "unknown"]);
}

#[test]
fn exclusivity_changes() {
    let mut bench = Bench::new();
    edit(&mut bench.document, "   * - D\n     - N", "- N", "- Y");
    bench.is_noticed(&["Lock exclusivity", "row \"D\"", "column \"R\""]);
    let mut bench = Bench::new();
    edit(
        &mut bench.exclusivity,
        "const EXCLUDES",
        "[false, true, true]",
        "[false, true, false]",
    );
    bench.is_noticed(&["Lock exclusivity", "row \"D\"", "column \"W\""]);
    let mut bench = Bench::new();
    edit(
        &mut bench.exclusivity,
        "const EXCLUDES",
        "EXCLUDES",
        "OTHER",
    );
    bench.is_noticed(&["exclusivity.rs", "no const EXCLUDES"]);
}

#[test]
fn a_rule_for_page_tables_changes() {
    for (phrase, new, item) in [
        (
            "only requires that the VMA is",
            "requires that the VMA is",
            "Traversing",
        ),
        ("(explicitly not", "(or else", "Installing"),
        (
            "need only be kept stable",
            "need not be kept stable",
            "Zapping/unmapping",
        ),
        ("extreme care", "care", "Freeing"),
    ] {
        let mut bench = Bench::new();
        edit(&mut bench.document, "four key operations", phrase, new);
        bench.is_noticed(&[
            "section \"Page tables\"",
            &format!("list item \"{item}\""),
            "no longer says",
        ]);
    }
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "four key operations",
        "**Freeing** page",
        "**Leaving** page",
    );
    bench.is_noticed(&["section \"Page tables\"", "list item \"Freeing\""]);
    bench.is_noticed(&["list item \"Leaving\"", "no such operation"]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "\nPage table moving\n",
        "**all** locks",
        "**some** locks",
    );
    bench.is_noticed(&["section \"Page table moving\"", "all locks are taken"]);
    let mut bench = Bench::new();
    edit(
        &mut bench.document,
        "**Freeing** page tables is",
        "internal memory",
        "external memory",
    );
    bench.is_noticed(&["section \"Page tables\"", "entirely internal"]);
}
