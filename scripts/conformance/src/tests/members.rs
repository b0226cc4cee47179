// SPDX-License-Identifier: GPL-2.0

//! The struct's members, out of bindings and out of C, with fields that come and go.

use super::{Bench, edit, tree};
use crate::Members;
use std::fs;

/// Bindings in the form that bindgen gives them, with the members that the header has.
fn bindings() -> String {
    let mut fields = String::new();
    for name in Members::of_header(&tree()).unwrap().names {
        let is_nested = ["vm_start", "vm_end", "vm_freeptr"].contains(&name.as_str());
        if !is_nested && !name.contains('.') {
            fields += &format!("    pub {name}: u64,\n");
        }
    }
    format!(
        "pub struct unrelated {{\n    pub nothing: u8,\n}}\n\
         #[repr(C)]\npub struct vm_area_struct {{\n    pub __bindgen_anon_1: vm_area_struct__bindgen_ty_1,\n{fields}    \
         pub __bindgen_padding_0: [u32; 4usize],\n    pub shared: vm_area_struct__bindgen_ty_2,\n}}\n\
         pub union vm_area_struct__bindgen_ty_1 {{\n    pub __bindgen_anon_1: vm_area_struct__bindgen_ty_1__bindgen_ty_1,\n    \
         pub vm_freeptr: freeptr_t,\n}}\n\
         pub struct vm_area_struct__bindgen_ty_1__bindgen_ty_1 {{\n    pub vm_start: u64,\n    pub vm_end: u64,\n}}\n\
         impl Default for vm_area_struct {{\n    fn default() -> Self {{\n        loop {{}}\n    }}\n}}\n\
         pub struct vm_area_struct__bindgen_ty_2 {{\n    pub rb: rb_node,\n    pub rb_subtree_last: u64,\n}}\n"
    )
}

const ALL: &str = "CONFIG_ANON_VMA_NAME=y\nCONFIG_SWAP=y\nCONFIG_NUMA=y\nCONFIG_NUMA_BALANCING=y\n\
                   CONFIG_USERFAULTFD=y\nCONFIG_PER_VMA_LOCK=y\nCONFIG_DEBUG_LOCK_ALLOC=y\nCONFIG_64BIT=y\nCONFIG_X86=y\n";

fn bench(bindings: &str, options: &str) -> Bench {
    Bench {
        members: Members::of_bindings(bindings, options).unwrap(),
        ..Bench::new()
    }
}

#[test]
fn bindings_and_header_have_the_same_members() {
    let of_bindings = Members::of_bindings(&bindings(), ALL).unwrap();
    assert_eq!(
        of_bindings.names,
        Members::of_header(&tree()).unwrap().names
    );
    assert!(of_bindings.names.contains("shared.rb_subtree_last"));
    assert_eq!(bench(&bindings(), ALL).check().unwrap().failures(), [""; 0]);
}

#[test]
fn a_new_field_has_no_row() {
    let mut text = bindings();
    edit(
        &mut text,
        "pub struct vm_area_struct ",
        "    pub vm_mm:",
        "    pub vm_novel: u8,\n    pub vm_mm:",
    );
    bench(&text, ALL).is_noticed(&[
        "table \"struct vm_area_struct\", row \"vm_novel\", column \"Member\"",
        "field vm_novel of struct vm_area_struct has no row: add it to a table in field.rs",
    ]);
    let mut text = bindings();
    edit(
        &mut text,
        "ty_2 {",
        "    pub rb:",
        "    pub novel: u8,\n    pub rb:",
    );
    bench(&text, ALL).is_noticed(&["row \"shared.novel\"", "has no row"]);
}

#[test]
fn a_row_has_no_field() {
    let mut text = bindings();
    edit(
        &mut text,
        "pub struct vm_area_struct ",
        "    pub vm_file: u64,\n",
        "",
    );
    bench(&text, ALL).is_noticed(&["row \"vm_file\"", "column \"Member\"", "no such field"]);
}

#[test]
fn a_field_without_its_option_is_not_missed() {
    let mut text = bindings();
    edit(
        &mut text,
        "pub struct vm_area_struct ",
        "    pub vm_policy: u64,\n",
        "",
    );
    bench(&text, ALL).is_noticed(&["row \"vm_policy\"", "no such field"]);
    let off = ALL.replace("CONFIG_NUMA=y\n", "");
    let report = bench(&text, &off).check().unwrap();
    assert_eq!(report.failures(), [""; 0]);
    let cell = report
        .cells
        .iter()
        .find(|cell| cell.document == "CONFIG_NUMA is off");
    assert_eq!(cell.unwrap().row, "vm_policy");
}

#[test]
fn deviation_may_depend_on_an_option() {
    let mut text = bindings();
    edit(
        &mut text,
        "pub struct vm_area_struct ",
        "    pub pfnmap_track_ctx: u64,\n",
        "",
    );
    let off = ALL.replace("CONFIG_X86=y\n", "");
    assert_eq!(bench(&text, &off).check().unwrap().failures(), [""; 0]);
    bench(&text, ALL).is_noticed(&["row \"pfnmap_track_ctx\"", "no such field"]);
    bench(&bindings(), &off).is_noticed(&["row \"pfnmap_track_ctx\"", "deviates no longer"]);
}

#[test]
fn bindings_without_the_struct_are_no_success() {
    let error = Members::of_bindings("pub struct other {\n    pub a: u8,\n}\n", ALL);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("no struct or union vm_area_struct"),
        "{error}"
    );
}

#[test]
fn unbuilt_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = format!("{:#}", Members::of_build(dir.path()).unwrap_err());
    assert!(error.contains("build the kernel first"), "{error}");
    fs::create_dir_all(dir.path().join("rust/bindings")).unwrap();
    fs::create_dir_all(dir.path().join("include/config")).unwrap();
    fs::write(
        dir.path().join("rust/bindings/bindings_generated.rs"),
        bindings(),
    )
    .unwrap();
    fs::write(dir.path().join("include/config/auto.conf"), ALL).unwrap();
    assert!(
        Members::of_build(dir.path())
            .unwrap()
            .names
            .contains("vm_mm")
    );
}

#[test]
fn parses_conditions_and_nesting() {
    let text = "struct other { int a; };\nstruct vm_area_struct {\n\tunion {\n\t\tstruct {\n\t\t\tlong a, *b;\n\t\t};\n\t};\n};\n";
    let error = Members::of_c(text).unwrap_err().to_string();
    assert!(
        error.contains("a, *b") && error.contains("not understood"),
        "{error}"
    );
    let text = "struct vm_area_struct {\n\tunion {\n\t\tstruct {\n\t\t\tlong a; /* one; */\n\t\t};\n\t\tint b;\n\t};\n\
                #ifdef CONFIG_ON\n\tint c ____aligned;\n#else\n\tint d;\n#endif\n#ifndef CONFIG_ON\n\tint e;\n#endif\n\
                \tstruct {\n\t\tint *f[2];\n\t} g;\n} __layout;\n";
    let names: Vec<String> = Members::of_c(text).unwrap().names.into_iter().collect();
    assert_eq!(names, ["a", "b", "c", "g.f"]);
    let error = Members::of_c("struct vm_area_struct {\n#if X\n\tint a;\n#endif\n}\n").unwrap_err();
    assert!(error.to_string().contains("#if X"), "{error}");
}
