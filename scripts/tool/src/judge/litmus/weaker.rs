// SPDX-License-Identifier: GPL-2.0

//! A litmus test without one of its orderings.

use anyhow::{Context, Result};
use regex_lite::Regex;

/// How an operation is written without its ordering. The first that fits a line is used.
const OPERATIONS: [(&str, &str); 8] = [
    (r"smp_load_acquire\((\w+)\)", "READ_ONCE(*$1)"),
    (r"smp_store_release\((\w+), (\w+)\)", "WRITE_ONCE(*$1, $2)"),
    (r"smp_store_mb\((\*\w+), (\w+)\)", "WRITE_ONCE($1, $2)"),
    (r"\b(atomic_read|atomic_set)_(?:acquire|release)\(", "$1("),
    (
        r"\b(atomic_\w+|xchg|cmpxchg)_(?:acquire|release)\(",
        "${1}_relaxed(",
    ),
    (r"smp_(?:mb|rmb|wmb)\(\);", ""),
    (r"synchronize_s?rcu\(\w*\);", ""),
    (
        r"atomic_or\((\w+), (\w+)\);",
        "int word; word = READ_ONCE(*$2); WRITE_ONCE(*$2, word | $1);",
    ),
];

/// The begin and the end of a section.
const SECTIONS: [(&str, &str); 3] = [
    ("\trcu_read_lock(", "\trcu_read_unlock("),
    ("= srcu_read_lock(", "\tsrcu_read_unlock("),
    ("\tspin_lock(", "\tspin_unlock("),
];

pub struct Weaker {
    /// The line that has the ordering.
    pub without: String,
    pub text: String,
}

/// The test without each of its orderings in turn.
pub fn all(text: &str) -> Result<Vec<Weaker>> {
    let lines: Vec<&str> = text.lines().collect();
    let code = lines.iter().position(|line| *line == " *)");
    let code = code.context("it has no comment")?;
    let operations: Vec<(Regex, &str)> = OPERATIONS
        .iter()
        .map(|(pattern, weaker)| (Regex::new(pattern).expect("a constant"), *weaker))
        .collect();

    let mut all = Vec::new();
    for (n, line) in lines.iter().enumerate().skip(code) {
        let changed = |changes: &[(usize, &str)]| {
            let mut lines = lines.clone();
            for (n, to) in changes {
                lines[*n] = to;
            }
            let mut text = lines.join("\n");
            text.push('\n');
            let without = format!("line {}: {}", n + 1, line.trim());
            Weaker { without, text }
        };
        if let Some((pattern, weaker)) = operations
            .iter()
            .find(|(pattern, _)| pattern.is_match(line))
        {
            all.push(changed(&[(n, &*pattern.replace(line, *weaker))]));
        }
        if let Some((_, end)) = SECTIONS.iter().find(|(begin, _)| line.contains(begin)) {
            let mut rest = lines.iter().enumerate().skip(n);
            let end = rest.find(|(_, line)| line.contains(end));
            let (end, _) = end.with_context(|| format!("line {}: no end", n + 1))?;
            all.push(changed(&[(n, ""), (end, "")]));
        }
    }
    Ok(all)
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    /// The lines that differ, before and after, for each ordering of a body.
    fn changes(body: &str) -> Vec<Vec<(String, String)>> {
        let text = format!("C a\n\n(*\n * smp_mb();\n *)\n\n{body}\n");
        let all = all(&text).unwrap();
        let differ = |weaker: &Weaker| {
            let pairs = text.lines().zip(weaker.text.lines());
            let pairs = pairs.filter(|(old, new)| old != new);
            pairs.map(|(old, new)| (old.trim().to_string(), new.trim().to_string())).collect()
        };
        all.iter().map(differ).collect()
    }

    #[test]
    fn each_ordering_is_taken_away_alone() {
        for (line, weaker) in [
            ("r = smp_load_acquire(x);", "r = READ_ONCE(*x);"),
            ("smp_store_release(x, 1);", "WRITE_ONCE(*x, 1);"),
            ("smp_store_mb(*x, 2);", "WRITE_ONCE(*x, 2);"),
            ("r = atomic_read_acquire(x);", "r = atomic_read(x);"),
            ("atomic_set_release(x, 1);", "atomic_set(x, 1);"),
            ("r = atomic_fetch_sub_release(1, x);", "r = atomic_fetch_sub_relaxed(1, x);"),
            ("r = atomic_cmpxchg_acquire(x, 1, 2);", "r = atomic_cmpxchg_relaxed(x, 1, 2);"),
            ("r = xchg_release(x, y);", "r = xchg_relaxed(x, y);"),
            ("smp_wmb();", ""),
            ("synchronize_srcu(x);", ""),
            ("synchronize_rcu();", ""),
        ] {
            let changes = changes(&format!("\t{line}\n\tWRITE_ONCE(*z, 1);"));
            assert_eq!(changes, [[(line.to_string(), weaker.to_string())]]);
        }
        assert_eq!(changes("\tatomic_or(1, x);").len(), 1);
        assert_eq!(changes("\tsmp_mb();\n\tr = READ_ONCE(*x);\n\tsmp_rmb();").len(), 2);
        assert!(changes("\tr = atomic_cmpxchg_relaxed(x, 1, 2);\n\tatomic_add(1, x);").is_empty());
    }

    #[test]
    fn sections_go_as_a_whole() {
        for (begin, end) in [
            ("rcu_read_lock();", "rcu_read_unlock();"),
            ("s = srcu_read_lock(x);", "srcu_read_unlock(x, s);"),
            ("spin_lock(x);", "spin_unlock(x);"),
        ] {
            let changes = changes(&format!("\t{begin}\n\tr = READ_ONCE(*y);\n\t{end}"));
            let gone = |line: &str| (line.to_string(), String::new());
            assert_eq!(changes, [[gone(begin), gone(end)]]);
        }
        let text = "C a\n\n(*\n *)\n\tspin_lock(x);\n";
        assert!(all(text).is_err());
    }
}
