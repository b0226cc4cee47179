// SPDX-License-Identifier: GPL-2.0

//! Tests of the reader: what it takes from the grammar, that it refuses everything else, and that it can read the code
//! of this checkout.

mod conversions;

use crate::*;

const LEVEL: &str = r#"
pub trait Level {}
/// A.
#[diagnostic::on_unimplemented(message = "no {Self}", label = "take it", note = "by x()")]
pub unsafe trait Write: Level {}
#[diagnostic::on_unimplemented(message = "m", label = "l", note = "n")]
pub unsafe trait See: Level {}
levels! {
    /// One.
    One = [-, R, -], |vma| assert_one(vma);
    Either = [R, -, -] | [-, R, -], |vma| assert_either(vma);
    All = [W, W, W], |vma| { assert_one(vma); assert_all(vma); };
}
unsafe impl See for One {}
unsafe impl See for Either {}
unsafe impl See for All {}
unsafe impl Write for All {}
"#;

const FIELDS: &str = r#"
lock_table! {
    "First" {
        a if CONFIG_A {
            /// Documentation.
            #[inline]
            read(See) fn a(&self) -> usize { 1 } else { 0 }
            write(Write) unsafe fn set_a(&self, to: usize, lock: &PageTableLock<'_>) { drop(to) }
        }
        b.c { rcu fn c(&self) -> u32 { 1 } once; }
        d { driver; }
        h { withheld; }
    }
    "Second" {
        e { atomic(See) fn e<R>(&self, f: impl FnOnce(&mut Slot<'_, L>) -> R) -> Option<R> { None } }
        f { write_if_null(See) fn f(&self, by: &IMmapWriteGuard<'_>) {} write_if_set(Write) fn g(&self, by: &AnonVmaWriteGuard<'_>) {} }
    }
}
"#;

const PAGE_TABLE: &str =
    r#"lock_table! { "Pages" { move_ { write(Write) fn move_it(&self) {} } free { withheld; } } }"#;

fn parse(level: &str, fields: &str) -> Result<LockTable> {
    let files = [
        ("level.rs", level),
        ("field.rs", fields),
        ("page_table.rs", PAGE_TABLE),
    ];
    LockTable::parse(
        &files
            .map(|(name, text)| (name.to_string(), text.to_string()))
            .into(),
    )
}

fn refused(level: &str, fields: &str) -> String {
    let error = parse(level, fields).expect_err("it must be refused");
    let said = format!("{error:#}");
    assert!(!said.contains('\n'), "{said}");
    said
}

/// The error after an edit of the tables, which must change something.
fn edited(from: &str, to: &str) -> String {
    assert!(FIELDS.contains(from), "{from}");
    refused(LEVEL, &FIELDS.replacen(from, to, 1))
}

#[test]
fn levels_and_capabilities_are_read() {
    let table = parse(LEVEL, FIELDS).unwrap();
    let names: Vec<&str> = table.levels.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["One", "Either", "All"]);
    assert_eq!(table.levels[0].alternatives.len(), 1);
    assert_eq!(table.levels[1].alternatives.len(), 2);
    let all = table.levels[2].alternatives[0];
    assert_eq!(
        (all.mmap, all.vma, all.rmap),
        (Held::Write, Held::Write, Held::Write)
    );
    let one = table.levels[0].alternatives[0];
    assert_eq!(
        (one.mmap, one.vma, one.rmap),
        (Held::None, Held::Read, Held::None)
    );
    let write = table
        .capabilities
        .iter()
        .find(|c| c.name == "Write")
        .unwrap();
    assert_eq!(
        write.levels.iter().map(String::as_str).collect::<Vec<_>>(),
        ["All"]
    );
    assert_eq!((&*write.message, &*write.label), ("no {Self}", "take it"));
    assert!(table.capabilities.iter().all(|c| c.name != "Level"));
}

#[test]
fn rows_and_accesses_are_read() {
    let table = parse(LEVEL, FIELDS).unwrap();
    let titles: Vec<&str> = table.tables.iter().map(|t| t.title.as_str()).collect();
    assert_eq!(titles, ["First", "Second", "Pages"]);
    let rows = &table.tables[0].rows;
    assert_eq!(rows[0].config.as_deref(), Some("CONFIG_A"));
    assert_eq!(
        (rows[0].unwritten, rows[3].unwritten),
        (None, Some(Unwritten::Withheld))
    );
    let [read, write] = &rows[0].accesses[..] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (read.kind, read.has_else, read.is_unsafe),
        (Kind::Read, true, false)
    );
    assert_eq!(read.bound.as_deref(), Some("See"));
    assert_eq!(
        (write.kind, write.has_else, write.is_unsafe),
        (Kind::Write, false, true)
    );
    assert_eq!(write.proofs, [Proof::PageTableLock]);
    assert!(!read.for_mm && !write.for_mm);
    let marked = FIELDS.replacen("read(See)", "mm read(See)", 1);
    let marked = parse(LEVEL, &marked).unwrap();
    let first = &marked.tables[0].rows[0].accesses[0];
    assert!(first.for_mm && first.kind == Kind::Read && *first != *read);
    assert_eq!(write.arguments().len(), 2);
    assert_eq!(
        write.arguments()[0],
        ("to".to_string(), "usize".to_string())
    );
    assert_eq!(
        (rows[1].name.as_str(), rows[1].config.as_ref()),
        ("b.c", None)
    );
    assert_eq!(
        (rows[1].accesses[0].kind, &rows[1].accesses[0].bound),
        (Kind::Rcu, &None)
    );
    assert_eq!(
        (rows[1].unwritten, rows[2].unwritten),
        (Some(Unwritten::Once), Some(Unwritten::Driver))
    );
    let rows = &table.tables[1].rows;
    assert_eq!(rows[0].accesses[0].kind, Kind::Atomic);
    assert_eq!(rows[0].accesses[0].type_parameter().as_deref(), Some("R"));
    assert_eq!(
        (rows[1].accesses[0].kind, &rows[1].accesses[0].proofs[..]),
        (Kind::WriteIfNull, &[Proof::IMmapWrite][..])
    );
    assert_eq!(
        (rows[1].accesses[1].kind, &rows[1].accesses[1].proofs[..]),
        (Kind::WriteIfSet, &[Proof::AnonVmaWrite][..])
    );
}

#[test]
fn proofs_are_called_as_in_the_document() {
    let proofs = [Proof::PageTableLock, Proof::IMmapWrite, Proof::AnonVmaWrite];
    assert_eq!(
        proofs.map(|proof| proof.to_string()),
        ["page_table_lock", "i_mmap write", "anon_vma write"]
    );
}

#[test]
fn what_is_outside_of_the_grammar_is_refused_with_its_place() {
    for (from, to, said) in [
        ("read(See)", "peek(See)", "field.rs:7:13"),
        ("read(See)", "read(Unheard)", "Unheard"),
        ("read(See)", "read", "field.rs:7"),
        ("withheld;", "hidden;", "field.rs:12:13"),
        ("once; }", "once }", "field.rs:10"),
        ("fn set_a", "fn a", "another method of this name"),
        ("\"Second\"", "\"First\"", "two tables \"First\""),
        ("a if CONFIG_A", "a unless CONFIG_A", "field.rs:4"),
        ("-> usize { 1 }", "-> usize", "field.rs"),
        ("rcu fn", "rcu(See) fn", "field.rs:10"),
        ("#[inline]", "#[cfg(CONFIG_B)]", "an access has no cfg"),
        ("a if CONFIG_A", "a", "no option that it could be else for"),
        ("fn a(&self)", "fn a(&mut self)", "an access takes &self"),
        ("fn a(&self)", "fn a(self: &Self)", "an access takes &self"),
        ("fn e<R>", "fn e<R: Copy>", "without a bound"),
        ("fn e<R>", "fn e<R, S>", "at most one type parameter"),
        ("unsafe fn set_a", "const unsafe fn set_a", "a plain `fn`"),
        ("h { withheld; }", "h { }", "the row h says nothing"),
        ("h { withheld; }", "d { withheld; }", "a second row d"),
        ("read(See)", "mm mm read(See)", "unknown kind of access mm"),
        (
            "by: &AnonVmaWriteGuard<'_>) {} }",
            "by: u8) {} once; }",
            "the row f is both written, by f(), and `once`",
        ),
        ("driver; }", "driver; withheld; }", "ends the row"),
        (
            "\nlock_table!",
            "\n#[cfg(CONFIG_B)]\nlock_table!",
            "lock_table! takes no attribute",
        ),
    ] {
        let error = edited(from, to);
        assert!(error.contains(said), "{from} -> {to}: {error}");
    }
}

#[test]
fn levels_outside_of_the_grammar_are_refused() {
    for (from, to, said) in [
        ("[-, R, -]", "[-, X, -]", "level.rs:10"),
        ("[-, R, -]", "[-, R]", "level.rs:10"),
        ("[W, W, W]", "[W, W, W, W]", "three locks"),
        ("Either =", "One =", "second level"),
        (
            "unsafe impl Write for All {}",
            "",
            "no level has the capability Write",
        ),
        ("See for One", "See for Nothing", "no level"),
        (
            "unsafe impl See for One",
            "impl !See for One",
            "an attribute or a `!`",
        ),
        (
            "unsafe impl See for One",
            "#[cfg(CONFIG_B)]\nunsafe impl See for One",
            "an attribute or a `!`",
        ),
        (
            "unsafe impl See for One {}",
            "unsafe impl<L: Write> See for L {}",
            "for what is no level",
        ),
        (
            "unsafe impl See for One {}",
            "unsafe impl See for All {}",
            "implemented twice",
        ),
        (
            "    /// One.",
            "    #[cfg(CONFIG_B)]",
            "a level exists in every configuration",
        ),
        (", label = \"l\"", "", "has no label"),
    ] {
        assert!(LEVEL.contains(from), "{from}");
        let error = refused(&LEVEL.replacen(from, to, 1), FIELDS);
        assert!(error.contains(said), "{from} -> {to}: {error}");
    }
}

#[test]
fn the_code_of_this_checkout_can_be_read() {
    let vma = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rust/kernel/mm/vma");
    let table = LockTable::read(&vma).unwrap();
    let row = |name: &str| {
        let mut rows = table.tables.iter().flat_map(|t| &t.rows);
        rows.find(|row| row.name == name).unwrap().clone()
    };
    assert_eq!(
        row("vm_start").accesses[0].bound.as_deref(),
        Some("ReadLayout")
    );
    assert_eq!(row("anon_vma").unwritten, Some(Unwritten::Withheld));
    assert_eq!(row("vm_mm").unwritten, Some(Unwritten::Once));
    assert_eq!(
        row("install").accesses[0].bound.as_deref(),
        Some("InstallEntries")
    );
    assert_eq!(table.levels.len(), 10);
}

#[test]
fn a_directory_without_tables_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = format!("{:#}", LockTable::read(dir.path()).unwrap_err());
    assert!(error.contains("field.rs"), "{error}");
}
