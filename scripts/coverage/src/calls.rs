// SPDX-License-Identifier: GPL-2.0

//! The C calls that are counted, by the groups of the report.

use regex_lite::Regex;
use std::sync::LazyLock;

/// Groups of functions, with a pattern of the whole name.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "vm_flags_*",
        "_*vm_flags_(init|reset|reset_once|set|clear|mod)|vma_(desc_)?(set|clear)_flags(_mask)?|vma_flag_set_atomic",
    ),
    ("remap_pfn_range", r"(io_)?remap_pfn_range\w*"),
    ("pin_user_pages*", r"pin_user_pages\w*"),
    ("unmap_mapping_*", r"unmap_mapping_\w+"),
    ("dma_mmap_*", r"dma_mmap_\w+"),
    ("pgprot_decrypted", "pgprot_decrypted"),
    ("vmf_insert_*", r"vmf_insert_\w+"),
    ("vm_insert_page(s)", "vm_insert_pages?"),
    ("drm_gem_mmap*", "drm_gem_mmap(_obj)?"),
    ("remap_vmalloc_range", r"remap_vmalloc_range\w*"),
    (
        "mmu_interval_notifier_insert",
        r"mmu_interval_notifier_insert\w*",
    ),
    ("vm_map_pages*", r"vm_map_pages\w*"),
    ("dma_buf_mmap", "dma_buf_mmap"),
    ("vm_iomap_memory", "vm_iomap_memory"),
    ("hmm_range_fault", "hmm_range_fault"),
    ("vma_set_file", "vma_set_file"),
    ("account_locked_vm", "_*account_locked_vm"),
    ("mmap_action_*", r"mmap_action_\w+"),
];

/// Groups of members that are assigned to. The members of `struct vm_area_desc` have common names.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("vm_page_prot =", "vm_page_prot", "page_prot"),
    ("vm_pgoff =", "vm_pgoff", "pgoff"),
];

/// Strings of which a file with a call has at least one. Most files have none and are not read further.
pub const NEEDLES: &[&str] = &[
    "vm_flags_",
    "vma_",
    "remap_pfn_range",
    "pin_user_pages",
    "unmap_mapping_",
    "dma_mmap_",
    "pgprot_decrypted",
    "vmf_insert_",
    "vm_insert_page",
    "drm_gem_mmap",
    "remap_vmalloc_range",
    "mmu_interval_notifier_insert",
    "vm_map_pages",
    "dma_buf_mmap",
    "vm_iomap_memory",
    "hmm_range_fault",
    "account_locked_vm",
    "mmap_action_",
    "page_prot",
    "pgoff",
];

/// The groups, in the order of the report.
pub fn groups() -> impl Iterator<Item = &'static str> {
    let members = MEMBERS.iter().map(|(group, ..)| *group);
    members.chain(FUNCTIONS.iter().map(|(group, _)| *group))
}

/// The group of a function.
pub fn function(name: &str) -> Option<&'static str> {
    static PATTERNS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
        let compiled = |(group, pattern): &(&'static str, &str)| {
            let whole = format!("^(?:{pattern})$");
            (*group, Regex::new(&whole).expect("is a pattern"))
        };
        FUNCTIONS.iter().map(compiled).collect()
    });
    let found = PATTERNS.iter().find(|(_, pattern)| pattern.is_match(name));
    found.map(|(group, _)| *group)
}

/// The group of a member of the structure that `base` names.
pub fn member(name: &str, base: &str) -> Option<&'static str> {
    let mut members = MEMBERS.iter();
    let found = members
        .find(|(_, of_vma, of_desc)| name == *of_vma || (name == *of_desc && base == "desc"));
    found.map(|(group, ..)| *group)
}
