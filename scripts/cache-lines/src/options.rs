// SPDX-License-Identifier: GPL-2.0

//! The plugin's options, `NAME=VALUE` each.

use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Addresses that begin a stretch, or end it if it has begun.
    pub marks: Vec<u64>,
    pub out: PathBuf,
}

impl Options {
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let (mut marks, mut out) = (Vec::new(), None);
        for word in words {
            match word.split_once('=') {
                Some(("mark", value)) => marks.push(address(value)?),
                Some(("out", value)) => out = Some(value.into()),
                _ => return Err(format!("{word}: no such option: give mark= and out=")),
            }
        }
        match out {
            Some(out) if !marks.is_empty() => Ok(Self { marks, out }),
            _ => Err("give both mark= and out=".to_string()),
        }
    }
}

fn address(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|e| format!("{text}: not an address in hexadecimal: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Options, String> {
        Options::parse(words.split(' '))
    }

    #[test]
    fn all_options_are_needed() {
        let expected = Options {
            marks: vec![0xff, 16],
            out: "x/y".into(),
        };
        assert_eq!(parse("mark=ff mark=10 out=x/y"), Ok(expected));
        assert!(parse("out=x").unwrap_err().starts_with("give both"));
        assert!(parse("mark=ff").unwrap_err().starts_with("give both"));
        assert!(
            parse("mark=no")
                .unwrap_err()
                .starts_with("no: not an address")
        );
        assert!(
            parse("start=1")
                .unwrap_err()
                .starts_with("start=1: no such")
        );
    }
}
