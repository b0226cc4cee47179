// SPDX-License-Identifier: GPL-2.0

use super::*;

/// The calls in the body of a function.
fn calls(body: &str) -> Vec<String> {
    let source = format!("static int f(int a)\n{{\n{body}\n}}\n");
    texts(&source)
}

fn texts(source: &str) -> Vec<String> {
    let sites = scan::file("drivers/a/b.c", source.as_bytes());
    sites.into_iter().map(|site| site.call).collect()
}

#[test]
fn comments_strings_and_directives_are_no_code() {
    for nothing in [
        "/* vm_iomap_memory(a); */",
        "// vm_iomap_memory(a);",
        "/*\n * vm_iomap_memory(a);\n */",
        "// continued \\\nvm_iomap_memory(a);",
        "pr_err(\"vm_iomap_memory(a);\");",
        "pr_err(\"quote \\\" vm_iomap_memory(a);\");",
        "#define map(a) vm_iomap_memory(a)",
        "#define map(a) \\\n\tvm_iomap_memory(a)",
        " # define map vm_iomap_memory(a)",
    ] {
        assert_eq!(calls(nothing), Vec::<String>::new(), "{nothing}");
    }
    for code in [
        "/* a */ vm_iomap_memory(a);",
        "x = '\"'; vm_iomap_memory(a); y = '\"';",
        "x = \"/*\"; vm_iomap_memory(a); y = \"*/\";",
        "#error don't\nvm_iomap_memory(a);\n#error can't",
        "#if A\nvm_iomap_memory(a);\n#endif",
    ] {
        assert_eq!(calls(code), ["vm_iomap_memory(a)"], "{code}");
    }
}

#[test]
fn a_call_has_its_arguments_on_one_line() {
    let body = "\tret = remap_pfn_range(vma, start,\n\t\t\t(a + b(c)) >> PAGE_SHIFT, /* len */ n);";
    let call = "remap_pfn_range(vma, start, (a + b(c)) >> PAGE_SHIFT, n)";
    assert_eq!(calls(body), [call]);
    let sites = scan::file("a.c", format!("\nint g(void)\n{{\n{body}\n}}\n").as_bytes());
    assert_eq!((sites[0].line, sites[0].group), (4, "remap_pfn_range"));
}

#[test]
fn calls_are_told_from_declarations() {
    for source in [
        "int vm_insert_page(struct vm_area_struct *vma);\n",
        "extern int vm_insert_page(void);\n",
        "static inline int\nvm_insert_page(void)\n{\n}\n",
        "struct page *vm_insert_page(void)\n{\n}\n",
        "EXPORT_SYMBOL(vm_insert_page);\n",
        "EXPORT_SYMBOL_GPL(vm_insert_page);\n",
    ] {
        assert_eq!(texts(source), Vec::<String>::new(), "{source}");
    }
    for call in [
        "vm_insert_page(a);",
        "return vm_insert_page(a);",
        "if (b) vm_insert_page(a); else c();",
        "if (b)\n\tc();\nelse\n\tvm_insert_page(a);",
        "x = (int)vm_insert_page(a);",
        "x = !vm_insert_page(a);",
        "case 1: vm_insert_page(a);",
    ] {
        assert_eq!(calls(call), ["vm_insert_page(a)"], "{call}");
    }
    // Members and names that only begin or end the same.
    for other in [
        "ops->vm_insert_page(a);",
        "ops.dma_buf_mmap = a;",
        "vm_insert_pages_x(a);",
        "my_vm_insert_page(a);",
        "drm_gem_mmap_offset(a);",
    ] {
        assert_eq!(calls(other), Vec::<String>::new(), "{other}");
    }
}

#[test]
fn an_operation_is_named() {
    let source =
        "const struct file_operations fops = {\n\t.mmap = drm_gem_mmap,\n\t.open = open,\n};\n";
    assert_eq!(texts(source), ["drm_gem_mmap"]);
    assert_eq!(calls("run(vma, vm_insert_page);"), ["vm_insert_page"]);
}

#[test]
fn assignments_to_members() {
    for (body, text) in [
        ("vma->vm_pgoff = 0;", "vm_pgoff = 0"),
        ("vma->vm_pgoff += a(b);", "vm_pgoff += a(b)"),
        ("vmf->vma->vm_pgoff -=\n\ta;", "vm_pgoff -= a"),
        ("vma->vm_pgoff++;", "vm_pgoff ++"),
        ("vma.vm_page_prot = p;", "vm_page_prot = p"),
        ("pgprot_val(vma->vm_page_prot) |= 1;", "vm_page_prot |= 1"),
        ("desc->page_prot = p;", "page_prot = p"),
    ] {
        assert_eq!(calls(body), [text], "{body}");
    }
    for other in [
        "if (vma->vm_pgoff == 0) g();",
        "a = vma->vm_pgoff;",
        "g(vma->vm_page_prot);",
        "vm_pgoff = 0;",
        "page->page_prot = p;",
        "vmf->pgoff = 0;",
        "if (vma->vm_pgoff >= a || vma->vm_pgoff <= b) g();",
    ] {
        assert_eq!(calls(other), Vec::<String>::new(), "{other}");
    }
}

#[test]
fn a_call_in_an_assignment_is_a_site_of_its_own() {
    let body = "vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);";
    let texts = [
        "vm_page_prot = pgprot_decrypted(vma->vm_page_prot)",
        "pgprot_decrypted(vma->vm_page_prot)",
    ];
    assert_eq!(calls(body), texts);
}

#[test]
fn a_site_knows_its_function() {
    let source = "#define A(x)\nint\none(struct a *a,\n    int b) /* c( */\n{\n\tif (b) {\n\t\tvma_set_file(a);\n\t}\n}\n\
                  struct s t = {\n\t.mmap = drm_gem_mmap,\n};\nstatic int two(void)\n{\n\tvma_set_file(b);\n}\n";
    let sites = scan::file("a.c", source.as_bytes());
    let functions: Vec<_> = sites.iter().map(|site| site.function.as_deref()).collect();
    assert_eq!(functions, [Some("one"), None, Some("two")]);
}

#[test]
fn a_tree_is_searched_for_c_files() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in [
        "sound/b.h",
        "drivers/x/a.c",
        "drivers/x/a.rs",
        "drivers/x/a.txt",
        "mm/c.c",
    ] {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().expect("has one")).expect("can be made");
        let source = "int f(void)\n{\n\treturn vma_set_file(a, b);\n}\n";
        std::fs::write(file, source).expect("can be written");
    }
    let sites = scan::tree(dir.path(), &["drivers", "sound"]).expect("can be read");
    let files: Vec<&str> = sites.iter().map(|site| &*site.file).collect();
    assert_eq!(files, ["drivers/x/a.c", "sound/b.h"]);
    assert!(scan::tree(dir.path(), &["none"]).is_err());
}

#[test]
fn every_group_is_found_by_a_needle() {
    use crate::calls::{NEEDLES, function, groups};
    let names = "vm_flags_set vma_desc_set_flags io_remap_pfn_range remap_pfn_range_notrack pin_user_pages_fast \
                 unmap_mapping_pages dma_mmap_wc pgprot_decrypted vmf_insert_mixed vm_insert_page vm_insert_pages drm_gem_mmap \
                 drm_gem_mmap_obj remap_vmalloc_range mmu_interval_notifier_insert_locked vm_map_pages_zero dma_buf_mmap \
                 vm_iomap_memory hmm_range_fault vma_set_file __account_locked_vm mmap_action_remap";
    let mut found: Vec<&str> = Vec::new();
    for name in names.split_whitespace() {
        found.push(function(name).unwrap_or_else(|| panic!("{name}")));
        assert!(NEEDLES.iter().any(|needle| name.contains(needle)), "{name}");
    }
    for group in groups().filter(|group| !group.ends_with('=')) {
        assert!(found.contains(&group), "{group}");
    }
}
