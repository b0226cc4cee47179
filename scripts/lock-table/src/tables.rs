// SPDX-License-Identifier: GPL-2.0

//! The tables in the documentation of `impl<L: Level> Vma<L>` blocks, and the methods that their rows name.

use crate::conversions::name_of;
use crate::model::{Access, Kind, Row, Table, Unwritten};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Attribute, Error, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, LitStr, Meta, Result, Safety,
    Type, Visibility,
};

/// The columns by their headings. `Field` and `Operation` are names, `Description` is for people.
const COLUMNS: &str = "Field Operation Option Read Write Description";

const WORDS: [(&str, Unwritten); 3] = [
    ("once", Unwritten::Once),
    ("driver", Unwritten::Driver),
    ("withheld", Unwritten::Withheld),
];

const FOR_MM: &str = "CONFIG_RUST_VMA_MM";

/// Public methods by name.
pub type Methods<'a> = BTreeMap<String, &'a ImplItemFn>;

/// Adds the public methods of a block.
pub fn methods<'a>(block: &'a ItemImpl, to: &mut Methods<'a>) -> Result<()> {
    for item in &block.items {
        let ImplItem::Fn(method) = item else { continue };
        let is_public = matches!(method.vis, Visibility::Public(_));
        if is_public && to.insert(method.sig.ident.to_string(), method).is_some() {
            return wrong(&method.sig.ident, "there is another method of this name");
        }
    }
    Ok(())
}

/// Items, those of inline modules among them.
pub fn flat(items: &[Item]) -> Vec<&Item> {
    fn inside(item: &Item) -> Vec<&Item> {
        match item {
            Item::Mod(module) => module.content.as_ref().map_or(vec![], |c| flat(&c.1)),
            item => vec![item],
        }
    }
    items.iter().flat_map(inside).collect()
}

/// The inherent `impl` blocks of a type.
pub fn blocks<'a>(items: &'a [Item], of: &str) -> Vec<&'a ItemImpl> {
    let is_of = |ty: &Type| name_of(&ty.to_token_stream()) == of;
    let block = |item: &'a Item| match item {
        Item::Impl(item) if item.trait_.is_none() && is_of(&item.self_ty) => Some(item),
        _ => None,
    };
    flat(items).into_iter().filter_map(block).collect()
}

/// Where the methods are that a row may name.
pub struct Reader<'a> {
    /// Of the block of the table.
    pub of_view: Methods<'a>,
    /// Of `UnstableVma`.
    pub unstable: Methods<'a>,
    /// The names of the capabilities.
    pub bounds: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    /// Reads the tables of a block, if it has any. The methods that they name are taken.
    pub fn read(&mut self, block: &'a ItemImpl) -> Result<Vec<Table>> {
        let mut tables: Vec<Table> = Vec::new();
        self.of_view.clear();
        methods(block, &mut self.of_view)?;
        let (mut title, mut columns) = (String::new(), Vec::new());
        for doc in block.attrs.iter().filter(|a| a.path().is_ident("doc")) {
            let line = text(doc);
            let Some(cells) = line.strip_prefix('|') else {
                columns.clear();
                if !line.is_empty() {
                    title = line;
                }
                continue;
            };
            let Some(cells) = cells.strip_suffix('|') else {
                return wrong(doc, "a line of a table ends with |");
            };
            let cells: Vec<String> = cells.split('|').map(|c| c.trim().to_string()).collect();
            if columns.is_empty() {
                let is_known = |cell: &&String| COLUMNS.split(' ').any(|known| known == *cell);
                if let Some(unknown) = cells.iter().find(|cell| !is_known(cell)) {
                    return wrong(doc, &format!("unknown column {unknown}"));
                }
                if title.is_empty() {
                    return wrong(doc, "a table has a title above it");
                }
                let (title, rows) = (std::mem::take(&mut title), Vec::new());
                tables.push(Table { title, rows });
                columns = cells;
            } else if cells.len() != columns.len() {
                return wrong(doc, &format!("{} cells were expected", columns.len()));
            } else if let (Some(table), false) = (tables.last_mut(), cells[0].starts_with("--")) {
                let cells = columns.iter().map(String::as_str).zip(cells);
                let row = self.row(doc, cells.collect())?;
                if table.rows.iter().any(|r| r.name == row.name) {
                    return wrong(doc, &format!("a second row {}", row.name));
                }
                table.rows.push(row);
            }
        }
        if tables.is_empty() {
            return Ok(tables);
        }
        if let Some(other) = block.attrs.iter().find(|a| !a.path().is_ident("doc")) {
            return wrong(other, "the block of a table takes no attribute");
        }
        if shown(&block.generics) != "< L : Level >" {
            return wrong(&block.self_ty, "impl<L: Level> Vma<L> was expected");
        }
        match self.of_view.values().next() {
            Some(method) => wrong(&method.sig.ident, "no row names this method"),
            None => Ok(tables),
        }
    }

    fn row(&mut self, doc: &Attribute, cells: BTreeMap<&str, String>) -> Result<Row> {
        let cell = |of: &str| cells.get(of).map_or("", |c| c.trim_matches('`'));
        let name = [cell("Field"), cell("Operation")].concat();
        if name.is_empty() {
            return wrong(doc, "a row has a name");
        }
        let config = Some(cell("Option").to_string()).filter(|option| !option.is_empty());
        let (mut accesses, mut unwritten) = (Vec::<Access>::new(), None);
        let is_read = |access: &Access| access.kind == Kind::Read;
        let word_of = |word| WORDS.iter().find(|w| w.0 == word).map(|w| w.1);
        for column in ["Read", "Write"] {
            let parts = cells.get(column).map_or("", String::as_str).split(',');
            for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
                // "racy `name`", "`name`" or "once".
                let (word, method) = part.split_once('`').unwrap_or((part, ""));
                let method = method.trim_end_matches('`');
                let kind = match (column, word.trim()) {
                    ("Write", "atomic") if method.is_empty() && accesses.iter().any(is_read) => {
                        for access in accesses.iter_mut().filter(|a| is_read(a)) {
                            access.kind = Kind::Atomic;
                        }
                        continue;
                    }
                    ("Write", word) if unwritten.is_none() && word_of(word).is_some() => {
                        unwritten = word_of(word);
                        continue;
                    }
                    ("Read", "") => Kind::Read,
                    ("Read", "racy") => Kind::Racy,
                    ("Read", "rcu") => Kind::Rcu,
                    ("Write", "") => Kind::Write,
                    _ => return wrong(doc, &format!("unknown kind of access: {part}")),
                };
                let from = match kind {
                    Kind::Rcu => &mut self.unstable,
                    _ => &mut self.of_view,
                };
                let Some(method) = from.remove(method) else {
                    return wrong(doc, &format!("no method {method} for the row {name}"));
                };
                accesses.push(self.access(kind, method, config.as_deref())?);
            }
        }
        if accesses.is_empty() && unwritten.is_none() {
            return wrong(doc, &format!("the row {name} says nothing"));
        }
        let writes = |a: &&Access| matches!(a.kind, Kind::Write | Kind::Atomic);
        if let (Some(access), Some(_)) = (accesses.iter().find(writes), unwritten) {
            let what = format!("the row {name} is written, by {}, and is not", access.name);
            return wrong(doc, &what);
        }
        Ok(Row {
            name,
            config,
            accesses,
            unwritten,
        })
    }

    fn access(&self, kind: Kind, method: &ImplItemFn, option: Option<&str>) -> Result<Access> {
        let s = &method.sig;
        let error = |what: &str| wrong(&s.ident, &format!("{}: {what}", s.ident));
        let mut options = BTreeSet::new();
        for cfg in &method.attrs {
            if cfg.path().is_ident("cfg_attr") {
                return error("an attribute that depends on an option");
            }
            if cfg.path().is_ident("cfg") {
                let words = shown(&cfg.meta);
                let words = words.split(|c: char| !c.is_alphanumeric() && c != '_');
                let words = words.filter(|word| !["", "cfg", "all"].contains(word));
                options.extend(words.map(str::to_string));
            }
        }
        let for_mm = options.remove(FOR_MM);
        let has_else = option.is_some_and(|option| !options.remove(option));
        if let Some(other) = options.first() {
            return error(&format!("its row does not have the option {other}"));
        }
        let condition = shown(&s.generics.where_clause);
        let bound = condition.strip_prefix("where L : ");
        let bound = bound.map(|bound| bound.trim_end_matches([' ', ',']));
        let is_right = match bound {
            None => kind == Kind::Rcu && condition.is_empty(),
            Some(bound) => kind != Kind::Rcu && self.bounds.contains(bound),
        };
        if !is_right {
            return error(&format!(
                "{condition:?} is not `where L:` and a trait of level.rs"
            ));
        }
        let arguments = s.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => Some((shown(&argument.pat), shown(&argument.ty))),
            FnArg::Receiver(_) => None,
        });
        Ok(Access {
            kind,
            bound: bound.map(str::to_string),
            is_unsafe: matches!(s.safety, Safety::Unsafe(_)),
            name: s.ident.to_string(),
            arguments: arguments.collect(),
            type_parameter: s.generics.type_params().next().map(|t| t.ident.to_string()),
            has_else,
            for_mm,
        })
    }
}

/// A line of documentation.
fn text(doc: &Attribute) -> String {
    let Meta::NameValue(doc) = &doc.meta else {
        return String::new();
    };
    let text = syn::parse2::<LitStr>(doc.value.to_token_stream());
    text.map_or(String::new(), |text| text.value().trim().to_string())
}

fn shown(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

fn wrong<T>(at: &impl ToTokens, what: &str) -> Result<T> {
    Err(Error::new_spanned(at, what))
}
