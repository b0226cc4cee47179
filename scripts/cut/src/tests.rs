// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::collections::BTreeMap;

/// The file without the items of these keys.
fn without(path: &str, text: &str, keys: &[&str]) -> String {
    let source = Source::new(path, text).unwrap();
    let known = || {
        source
            .items
            .iter()
            .map(|i| i.key.as_str())
            .collect::<Vec<_>>()
    };
    let found = keys.iter().map(|key| {
        source
            .find(key)
            .unwrap_or_else(|| panic!("{key}: not in {:?}", known()))
    });
    source.without(&found.collect())
}

const FILE_OF_ITEMS: &str = "\
//! Items.
//!
//! ```
//! first();
//! ```

use super::{a, b, c};
use super::{
    d::{
        E,
        F, //
    },
    g::H, //
};

/// A structure.
pub struct Thing;

impl Thing {
    /// Does it.
    ///
    /// # Examples
    ///
    /// So:
    ///
    /// ```
    /// Thing.one();
    /// ```
    pub fn one(&self) {}

    pub fn two(&self) {}
}

// SAFETY: Nothing.
unsafe impl Send for Thing {}

mod other;
";

#[test]
fn a_function_goes_with_its_comment() {
    let text = without("a.rs", FILE_OF_ITEMS, &["impl Thing::fn one"]);
    assert!(
        text.contains("impl Thing {\n    pub fn two(&self) {}\n}\n"),
        "{text}"
    );
}

#[test]
fn the_last_function_leaves_no_empty_line() {
    let text = without("a.rs", FILE_OF_ITEMS, &["impl Thing::fn two"]);
    assert!(text.contains("    pub fn one(&self) {}\n}\n"), "{text}");
}

#[test]
fn an_example_goes_with_its_heading() {
    let text = without("a.rs", FILE_OF_ITEMS, &["impl Thing::fn one, example"]);
    assert!(text.contains("    /// Does it.\n    pub fn one"), "{text}");
    let text = without("a.rs", FILE_OF_ITEMS, &["example"]);
    assert!(text.starts_with("//! Items.\n\nuse super"), "{text}");
}

#[test]
fn leaves_of_a_line_go() {
    for (key, rest) in [
        ("use super::a", "use super::{b, c};\n"),
        ("use super::b", "use super::{a, c};\n"),
        ("use super::c", "use super::{a, b};\n"),
    ] {
        let text = without("a.rs", FILE_OF_ITEMS, &[key]);
        assert!(text.contains(rest), "{text}");
    }
    let text = without("a.rs", FILE_OF_ITEMS, &["use super::a", "use super::c"]);
    assert!(text.contains("use super::b;\n"), "{text}");
}

#[test]
fn leaves_of_lines_go() {
    let text = without("a.rs", FILE_OF_ITEMS, &["use super::d::F"]);
    assert!(
        text.contains("    d::{\n        E, //\n    },\n    g::H, //\n"),
        "{text}"
    );
    let text = without(
        "a.rs",
        FILE_OF_ITEMS,
        &["use super::d::E", "use super::d::F"],
    );
    assert!(text.contains("use super::{\n    g::H, //\n};\n"), "{text}");
    let text = without("a.rs", FILE_OF_ITEMS, &["use super::g::H"]);
    assert!(text.contains("        F, //\n    }, //\n};\n"), "{text}");
}

#[test]
fn an_implementation_goes_with_its_argument() {
    let text = without("a.rs", FILE_OF_ITEMS, &["impl Send for Thing", "mod other"]);
    assert!(text.ends_with("    pub fn two(&self) {}\n}\n"), "{text}");
}

#[test]
fn blanks_leave_the_rest_in_place() {
    let source = Source::new("a.rs", FILE_OF_ITEMS).unwrap();
    let out = source.find("impl Thing::fn one").unwrap();
    let text = source.blanked(&BTreeSet::from([out]));
    assert_eq!(text.len(), FILE_OF_ITEMS.len());
    assert_eq!(text.find("pub fn two"), FILE_OF_ITEMS.find("pub fn two"));
    assert!(!text.contains("pub fn one") && !text.contains("Does it"));
}

#[test]
fn functions_of_c_go_with_their_conditions() {
    let text = "#ifdef A\n#include <a.h>\n\n/* One. */\nvoid rust_helper_one(int a)\n{\n\ta();\n\n\tb();\n}\n\n\
                #ifdef B\nint rust_helper_two(void)\n{\n}\n#else\nint rust_helper_two(void)\n{\n}\n#endif\n#endif\n";
    let rest = "#ifdef A\n#include <a.h>\n#endif\n";
    assert_eq!(without("a.c", text, &["one", "two", "two #2"]), rest);
    let rest = "#ifdef A\n#include <a.h>\n\n/* One. */\nvoid rust_helper_one(int a)\n{\n\ta();\n\n\tb();\n}\n#endif\n";
    assert_eq!(without("a.c", text, &["two", "two #2"]), rest);
}

#[test]
fn lines_of_other_files_go() {
    let text = "config A\n\tbool\n\n\thelp\n\t  A.\n\nconfig B\n\tbool\n\tselect C\n";
    assert_eq!(
        without("Kconfig", text, &["config A"]),
        "config B\n\tbool\n\tselect C\n"
    );
    assert_eq!(
        without("Kconfig", text, &["config B"]),
        "config A\n\tbool\n\n\thelp\n\t  A.\n"
    );
    let text = without("Kconfig", text, &["config B: select C"]);
    assert!(text.ends_with("config B\n\tbool\n"), "{text}");
}

/// Reports each name that ends with `_` or begins a type, and that no file defines.
struct Names(usize);

impl Compiler for Names {
    fn check(&mut self, _: usize, files: &BTreeMap<String, String>) -> Result<Vec<Mistake>> {
        self.0 += 1;
        let all: String = files.values().map(String::as_str).collect();
        let mut mistakes = Vec::new();
        for (file, text) in files {
            for (offset, _) in text.match_indices("get") {
                let name: String = text[offset..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric())
                    .collect();
                if !all.contains(&format!("fn {name}(")) {
                    mistakes.push(Mistake {
                        file: file.clone(),
                        offset,
                        code: "E1".into(),
                        text: "not found".into(),
                        is_example: false,
                    });
                }
            }
        }
        Ok(mistakes)
    }
}

fn search(files: &[(&str, &str)], steps: &[&[&str]]) -> Found {
    let steps = steps.iter().enumerate().map(|(n, files)| Step {
        id: n.to_string(),
        files: files.iter().map(|f| f.to_string()).collect(),
    });
    let sources = files
        .iter()
        .map(|(path, text)| (path.to_string(), Source::new(path, text).unwrap()));
    let mut search = Search::new(steps.collect(), sources.collect(), &BTreeSet::new());
    let mut found = Found::new();
    for patches in (1..search.len()).rev() {
        found.extend(
            search
                .step(patches, Known::Guess(&[]), &mut Names(0), &mut |_| ())
                .unwrap(),
        );
    }
    found
}

#[test]
fn items_that_need_a_later_file_come_later() {
    let found = search(
        &[
            (
                "a.rs",
                "mod b;\nmod c;\npub fn get1() {}\nfn x() {\n    b::get2();\n}\nfn y() {\n    b::get3();\n}\n",
            ),
            (
                "a/b.rs",
                "pub fn get2() {}\npub fn get3() {\n    c::get4();\n}\n",
            ),
            ("a/c.rs", "pub fn get4() {}\n"),
        ],
        &[&["a.rs"], &["a/b.rs"], &["a/c.rs"]],
    );
    let expected = [
        ("a.rs", "mod c", 2),
        ("a.rs", "fn y", 2),
        ("a/b.rs", "fn get3", 2),
        ("a.rs", "mod b", 1),
        ("a.rs", "fn x", 1),
    ];
    let expected = expected.map(|(path, key, n)| (path.to_string(), key.to_string(), n));
    assert_eq!(found, expected);
}

#[test]
fn a_file_without_content_comes_later() {
    let found = search(
        &[
            ("a.rs", "mod b;\npub fn get1() {}\n"),
            ("a/b.rs", "use super::get1;\npub fn x() {\n    get2();\n}\n"),
            ("c.rs", "pub fn get2() {}\n"),
        ],
        &[&["a.rs", "a/b.rs"], &["c.rs"]],
    );
    let expected = [("a.rs", "mod b", 1), ("a/b.rs", FILE, 1)];
    let expected = expected.map(|(path, key, n)| (path.to_string(), key.to_string(), n));
    assert_eq!(found, expected);
}

#[test]
fn helpers_come_with_the_code_that_calls_them() {
    let c = "void rust_helper_one(void)\n{\n}\n\nvoid rust_helper_two(void)\n{\n}\n";
    let found = search(
        &[
            ("h.c", c),
            ("a.rs", "fn a() {\n    bindings::one();\n}\n"),
            ("b.rs", "fn b() {\n    bindings::two();\n}\n"),
        ],
        &[&["h.c", "a.rs"], &["b.rs"]],
    );
    assert_eq!(found, [("h.c".to_string(), "two".to_string(), 1)]);
}

#[test]
fn a_message_about_a_path_is_about_its_leaves() {
    let source = Source::new("a.rs", FILE_OF_ITEMS).unwrap();
    let keys = |text: &str, skip: usize| {
        let at = FILE_OF_ITEMS.find(text).unwrap() + skip;
        let found = source.about(at).into_iter();
        found
            .map(|n| source.items[n].key.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("    d::{", 4), ["use super::d::E", "use super::d::F"]);
    assert_eq!(keys("    g::H", 4), ["use super::g::H"]);
    assert_eq!(keys("        F,", 8), ["use super::d::F"]);
    assert_eq!(keys("use super::{a", 0), ["use"]);
}

#[test]
fn a_message_is_no_mention() {
    let found = search(
        &[
            (
                "a.rs",
                "#[must_use = \"a `Later` \\\" Later\"]\npub struct Now;\npub struct Other(Later);\n",
            ),
            ("b.rs", "pub struct Later;\n"),
        ],
        &[&["a.rs"], &["b.rs"]],
    );
    assert_eq!(found, [("a.rs".to_string(), "struct Other".to_string(), 1)]);
}

#[test]
fn a_variant_is_no_type_of_its_name() {
    let found = search(
        &[
            (
                "a.rs",
                "pub enum State {\n    Later,\n}\npub fn x() {\n    State::Later;\n}\n",
            ),
            ("b.rs", "pub struct Later;\n"),
        ],
        &[&["a.rs"], &["b.rs"]],
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn an_import_goes_with_its_last_use() {
    let found = search(
        &[
            (
                "a.rs",
                "use x::{one, Two};\npub fn a() {\n    one();\n}\npub fn b() {\n    Two::get1();\n}\n",
            ),
            ("b.rs", "pub fn get1() {}\n"),
        ],
        &[&["a.rs"], &["b.rs"]],
    );
    let expected = [("a.rs", "use x::Two", 1), ("a.rs", "fn b", 1)];
    let expected = expected.map(|(path, key, n)| (path.to_string(), key.to_string(), n));
    assert_eq!(found, expected);
}

const TABLE: &str = "\
enum State {
    One,
    /// Two.
    Two(u8),
}

fn f(state: State) -> bindings::ops {
    match state {
        State::One => one(),
        State::Two(n) => two(n),
    }
    bindings::ops {
        one: Some(one),
        two: if true { Some(two) } else { None },
        ..zeroed()
    }
}
";

#[test]
fn variants_go_with_arms() {
    let keys = [
        "enum State::variant Two",
        "fn f, arm State::Two",
        "fn f, entry two",
    ];
    let text = without("a.rs", TABLE, &keys);
    assert!(text.starts_with("enum State {\n    One,\n}\n"), "{text}");
    assert!(
        text.contains("        State::One => one(),\n    }\n"),
        "{text}"
    );
    assert!(
        text.contains("        one: Some(one),\n        ..zeroed()\n"),
        "{text}"
    );
}

#[test]
fn the_body_of_an_arm_is_one_of_its_function() {
    let source = Source::new("a.rs", TABLE).unwrap();
    let key = |text: &str| {
        let found = source.about(TABLE.find(text).unwrap());
        source.items[found[0]].key.as_str()
    };
    assert_eq!(key("State::Two"), "fn f, arm State::Two");
    assert_eq!(key("two(n)"), "fn f");
    assert_eq!(key("Two(u8)"), "enum State::variant Two");
    assert_eq!(key("Some(two)"), "fn f, entry two");
}

#[test]
fn a_type_comes_with_its_destructor() {
    let text = "pub struct One;\n\nimpl Drop for One {\n    fn drop(&mut self) {\n        get1();\n    }\n}\n\npub struct Two;\n";
    let found = search(
        &[("a.rs", text), ("b.rs", "pub fn get1() {}\n")],
        &[&["a.rs"], &["b.rs"]],
    );
    let expected = ["struct One", "impl Drop for One"];
    let expected = expected.map(|key| ("a.rs".to_string(), key.to_string(), 1));
    assert_eq!(found, expected);
}

#[test]
fn an_entry_is_part_of_its_table() {
    let source = Source::new("a.rs", TABLE).unwrap();
    let table = |key: &str| {
        let table = source.table_of(source.find(key).unwrap());
        source.items[table].key.as_str()
    };
    assert_eq!(table("fn f, entry two"), "fn f");
    assert_eq!(table("fn f, arm State::Two"), "fn f, arm State::Two");
}

#[test]
fn a_guess_is_kept_and_completed() {
    let files = [
        (
            "a.rs",
            "pub fn x() {\n    get2();\n}\npub fn y() {}\npub fn z() {}\n",
        ),
        ("b.rs", "pub fn get2() {}\n"),
    ];
    let steps = [["a.rs"], ["b.rs"]].map(|files| Step {
        id: files[0].to_string(),
        files: files.map(str::to_string).to_vec(),
    });
    let sources = files.map(|(path, text)| (path.to_string(), Source::new(path, text).unwrap()));
    let mut search = Search::new(steps.to_vec(), BTreeMap::from(sources), &BTreeSet::new());
    let guess = ["fn y", "fn gone"].map(|key| ("a.rs".to_string(), key.to_string()));
    let found = search.step(1, Known::Guess(&guess), &mut Names(0), &mut |_| ());
    let expected = ["fn x", "fn y"].map(|key| ("a.rs".to_string(), key.to_string(), 1));
    assert_eq!(found.unwrap(), expected);
}

#[test]
fn a_shorter_list_stays_vertical() {
    let text = "pub use self::{\n    a::{\n        B, //\n    },\n    c::D,\n    e::F,\n};\n";
    let rest = "pub use self::{\n    a::{\n        B, //\n    }, //\n};\n";
    assert_eq!(
        without("a.rs", text, &["pub use self::c::D", "pub use self::e::F"]),
        rest
    );
}

#[test]
fn an_import_that_a_macro_uses_stays() {
    let found = search(
        &[
            (
                "a.rs",
                "macro_rules! made {\n    () => {\n        One\n    };\n}\n",
            ),
            (
                "b.rs",
                "use x::One;\nmade!();\npub fn b() {\n    One::get1();\n}\n",
            ),
            ("c.rs", "pub fn get1() {}\n"),
        ],
        &[&["a.rs", "b.rs"], &["c.rs"]],
    );
    assert_eq!(found, [("b.rs".to_string(), "fn b".to_string(), 1)]);
}
