// SPDX-License-Identifier: GPL-2.0

//! Programs that are no cases, and cases that are picked by their names.

use super::{Bench, rustc};
use crate::{run_named, snippets};

#[test]
fn a_program_is_judged_by_what_it_names() {
    let bench = Bench::new();
    for (name, text, rejected, detail) in [
        ("a", "//! Text.\nfn f() {}\n", false, ""),
        ("b", "//! Text.\nfn f() -> u8 {}\n", false, "error E0308"),
        (
            "c",
            "//! Text.\nfn f() -> u8 { 1 + \"\" } //~ E0277 \"cannot add\"\n",
            true,
            "",
        ),
        (
            "d",
            "//! Text.\nfn f() {} //~ E0277 \"cannot add\"\n",
            true,
            "compiles",
        ),
    ] {
        bench.put(&format!("{name}/x.rs"), text);
        let dir = bench.dir.path().join(name);
        let found = snippets(&dir, &bench.build(), &rustc()).unwrap();
        let [snippet] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((&*snippet.name, snippet.rejected), ("x", rejected));
        assert_eq!(snippet.detail.is_empty(), detail.is_empty(), "{snippet:?}");
        assert!(snippet.detail.contains(detail), "{snippet:?}");
        assert_eq!(snippet.source, text);
        assert_eq!(snippet.said.is_empty(), name == "a" || name == "d");
    }
    bench.put("e/x.rs", "fn f() {} //~ E0277 \"x\"\n");
    let dir = bench.dir.path().join("e");
    let error = snippets(&dir, &bench.build(), &rustc()).unwrap_err();
    assert!(
        format!("{error:#}").contains("x.rs: has no //! line"),
        "{error:#}"
    );
}

#[test]
fn named_cases_exist_and_run() {
    let bench = Bench::new();
    let case = "//! Text.\nfn f() -> u8 {\n    #[cfg(misuse)]\n    return \"\"; //~ E0308 \"mismatched types\"\n    \
        #[cfg(not(misuse))]\n    1\n}\n";
    for name in ["one", "one_more", "two"] {
        bench.put(&format!("cases/{name}.rs"), case);
    }
    let cases = bench.dir.path().join("cases");
    let run = |names: &[&str]| {
        let names = names.iter().copied().collect();
        run_named(&cases, &names, &bench.build(), &rustc(), 1, &|_| ())
    };
    let report = run(&["one", "two"]).unwrap();
    let names: Vec<&str> = report.cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names, ["one", "one", "two", "two"]);
    assert_eq!((report.passed, report.failed), (4, 0));
    let error = run(&["one", "three"]).unwrap_err();
    assert!(
        error.to_string().starts_with("three: no such case in "),
        "{error}"
    );
}
