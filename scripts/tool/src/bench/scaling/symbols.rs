// SPDX-License-Identifier: GPL-2.0

//! Where a kernel's functions are, from its System.map.

use anyhow::{Context, Result, bail};

pub struct Symbols {
    /// By address.
    all: Vec<(u64, String)>,
}

impl Symbols {
    pub fn parse(map: &str) -> Result<Self> {
        let mut all = Vec::new();
        for line in map.lines() {
            let mut words = line.split(' ');
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                bail!("no symbol: {line}");
            };
            let address =
                u64::from_str_radix(address, 16).with_context(|| format!("no address: {line}"))?;
            if matches!(kind, "t" | "T") {
                all.push((address, name.to_string()));
            }
        }
        all.sort();
        Ok(Self { all })
    }

    /// The addresses of all functions that are called so.
    pub fn find_all(&self, is_called_so: impl Fn(&str) -> bool) -> Vec<u64> {
        let found = self.all.iter().filter(|(_, name)| is_called_so(name));
        found.map(|(address, _)| *address).collect()
    }

    /// The function that an instruction belongs to.
    pub fn function(&self, address: u64) -> &str {
        let after = self.all.partition_point(|(start, _)| *start <= address);
        match after {
            0 => "",
            after => &self.all[after - 1].1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name_and_address() {
        let symbols = Symbols::parse(
            "ffffffff81000010 T two\nffffffff81000000 t one\nffffffff81000020 d no\nffffffff81000030 t two_of\n\
             ffffffff81000040 t two_of\n",
        )
        .unwrap();
        let two = symbols.find_all(|name| name.starts_with("two"));
        assert_eq!(two.len(), 3);
        assert_eq!(two[0], 0xffff_ffff_8100_0010);
        assert_eq!(symbols.function(0xffff_ffff_8100_002f), "two");
        assert_eq!(symbols.function(0xffff_ffff_8100_000f), "one");
        assert_eq!(symbols.function(1), "");
        assert!(Symbols::parse("x").is_err());
    }
}
