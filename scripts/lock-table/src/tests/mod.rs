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
/// First
///
/// | Field | Option     | Read    | Write    |
/// | ----- | ---------- | ------- | -------- |
/// | `a`   | `CONFIG_A` | `a`     | `set_a`  |
/// | `b.c` |            | rcu `c` | once     |
/// | `d`   |            |         | driver   |
/// | `h`   |            |         | withheld |
///
/// Second
///
/// | Field | Read     | Write  | Description |
/// | ----- | -------- | ------ | ----------- |
/// | `e`   | `e`      | atomic | at any time |
/// | `f`   | racy `i` | `g`    |             |
impl<L: Level> Vma<L> {
    /// Documentation.
    #[inline]
    pub fn a(&self) -> usize where L: See { 1 }
    #[cfg(CONFIG_A)]
    pub unsafe fn set_a(&self, to: usize, by: &Guard<'_>) where L: Write { drop(to) }
    pub fn e<R>(&self, f: impl FnOnce(&mut Slot<'_, L>) -> R) -> Option<R> where L: See, { None }
    pub fn g(&self) where L: Write {}
    pub fn i(&self) where L: See {}
    fn helper(&self) {}
}
"#;

const UNSTABLE: &str = "impl super::UnstableVma<'_> { pub fn c(&self) -> u32 { 1 } }";

const PAGE_TABLE: &str = r#"
/// Pages
///
/// | Operation | Write     |
/// | --------- | --------- |
/// | `move`    | `move_it` |
/// | `free`    | withheld  |
impl<L: Level> Vma<L> { pub fn move_it(&self) where L: Write {} }
"#;

/// The content of the three.
const READ: &str = r#"First
a Some("CONFIG_A") None
    a Read Some("See") unsafe=false [] None else=true
    set_a Write Some("Write") unsafe=true [("to", "usize"), ("by", "& Guard < '_ >")] None else=false
b.c None Some(Once)
    c Rcu None unsafe=false [] None else=false
d None Some(Driver)
h None Some(Withheld)
Second
e None None
    e Atomic Some("See") unsafe=false [("f", "impl FnOnce (& mut Slot < '_ , L >) -> R")] Some("R") else=false
f None None
    i Racy Some("See") unsafe=false [] None else=false
    g Write Some("Write") unsafe=false [] None else=false
Pages
move None None
    move_it Write Some("Write") unsafe=false [] None else=false
free None Some(Withheld)
"#;

fn parse(level: &str, fields: &str) -> Result<LockTable> {
    let files = [
        ("level.rs", level),
        ("field.rs", fields),
        ("page_table.rs", PAGE_TABLE),
        ("walk/unstable.rs", UNSTABLE),
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
    let mut text = String::new();
    for Table { title, rows } in parse(LEVEL, FIELDS).unwrap().tables {
        text += &format!("{title}\n");
        for row in rows {
            text += &format!("{} {:?} {:?}\n", row.name, row.config, row.unwritten);
            for a in row.accesses {
                text += &format!(
                    "    {} {:?} {:?} unsafe={}",
                    a.name, a.kind, a.bound, a.is_unsafe
                );
                text += &format!(
                    " {:?} {:?} else={}\n",
                    a.arguments, a.type_parameter, a.has_else
                );
                assert!(!a.for_mm);
            }
        }
    }
    assert_eq!(text, READ);
    let marked = FIELDS.replacen("#[inline]", "#[cfg(all(CONFIG_A, CONFIG_RUST_VMA_MM))]", 1);
    let marked = parse(LEVEL, &marked).unwrap();
    let first = &marked.tables[0].rows[0].accesses[0];
    assert!(first.for_mm && !first.has_else);
}

/// Text, what it is replaced by, and what is said then.
const REFUSED: &str = r#"
racy `i`            => quick `i`       => field.rs:16:1: a table: unknown kind of access: quick `i`
racy `i`            =>                 => field.rs:25:12: a table: no row names this method
`set_a`             => `set_z`         => field.rs:6:1: a table: no method set_z for the row a
`set_a`             => `a`             => no method a for the row a
rcu `c`             => rcu `z`         => no method z for the row b.c
rcu `c`             => `c`             => no method c for the row b.c
| withheld |        => | hidden |      => field.rs:9:1: a table: unknown kind of access: hidden
| withheld |        => | |             => the row h says nothing
| withheld |        => |               => 4 cells were expected
| withheld |        => | withheld      => a line of a table ends with |
| `h`   |           => | `d`   |       => a second row d
| `h`   |           => |       |       => a row has a name
| Write    |        => | Lock |        => unknown column Lock
/// Second          => /// First       => two tables "First"
/// Second          => ///             => a table has a title above it
/// | `d`           => /// Third\n/// | `d` => unknown column `d`
| `g`               => | `g`, once     => the row f is written, by g, and is not
once                => once, driver    => a table: unknown kind of access: driver
`e`      | atomic   =>          | atomic => a table: unknown kind of access: atomic
atomic              => atomic, once    => the row e is written, by e, and is not
where L: See        => where L: Unheard => "where L : Unheard" is not
where L: See        => where L: See + Write => "where L : See + Write" is not
where L: See        =>                 => "" is not `where L:` and a trait of level.rs
`CONFIG_A`          => `CONFIG_B`      => its row does not have the option CONFIG_A
#[inline]           => #[cfg(CONFIG_B)] => its row does not have the option CONFIG_B
#[inline]           => #[cfg(not(CONFIG_A))] => its row does not have the option not
#[inline]           => #[cfg_attr(CONFIG_A, inline)] => depends on an option
fn g                => fn e            => another method of this name
-> usize            => -> usize;       => is no Rust
impl<L              => #[cfg(CONFIG_B)] impl<L => takes no attribute
impl<L: Level> Vma<L> => impl Vma<One> => impl<L: Level> Vma<L> was expected
"#;

#[test]
fn unknown_syntax_is_refused_with_its_place() {
    for line in REFUSED.trim().lines() {
        let parts: Vec<&str> = line.split("=>").map(str::trim).collect();
        let error = edited(parts[0], &parts[1].replace("\\n", "\n"));
        assert!(error.contains(parts[2]), "{line}: {error}");
    }
}

const LEVELS_REFUSED: &str = "
[-, R, -] => [-, X, -] => level.rs:10
[-, R, -] => [-, R] => level.rs:10
[W, W, W] => [W, W, W, W] => three locks
Either = => One = => second level
unsafe impl Write for All {} => => no level has the capability Write
See for One => See for Nothing => no level
unsafe impl See for One => impl !See for One => an attribute or a `!`
unsafe impl See for One => #[cfg(CONFIG_B)] unsafe impl See for One => an attribute or a `!`
unsafe impl See for One {} => unsafe impl<L: Write> See for L {} => for what is no level
unsafe impl See for One {} => unsafe impl See for All {} => implemented twice
/// One. => #[cfg(CONFIG_B)] => a level exists in every configuration
, label = \"l\" => => has no label
#[diagnostic::on => #[rustc_on => only documentation and
";

#[test]
fn levels_outside_of_the_grammar_are_refused() {
    for line in LEVELS_REFUSED.trim().lines() {
        let parts: Vec<&str> = line.split("=>").map(str::trim).collect();
        assert!(LEVEL.contains(parts[0]), "{line}");
        let error = refused(&LEVEL.replacen(parts[0], parts[1], 1), FIELDS);
        assert!(error.contains(parts[2]), "{line}: {error}");
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
    assert!(error.contains("cannot be read"), "{error}");
}
