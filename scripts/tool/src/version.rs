// SPDX-License-Identifier: GPL-2.0

//! Version numbers as tools print them.

use std::fmt;
use std::str::FromStr;

/// Numbers separated by dots; what follows the last of them is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// The first version in a text, such as `rustc 1.96.0 (...)`.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || c == '(' || c == ',')
            .find_map(|word| {
                let word = word.trim_start_matches('v');
                let version = Self::from_str(word).ok()?;
                (version.0.len() > 1).then_some(version)
            })
    }

    /// The upstream part of a package's version: no epoch, no revision.
    pub fn of_package(version: &str) -> Option<Self> {
        let upstream = version.rsplit(':').next()?;
        upstream.parse().ok()
    }

    pub fn major(&self) -> u32 {
        self.0[0]
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let numbers = text[..end].trim_end_matches('.').split('.');
        let numbers: Result<Vec<u32>, _> = numbers.map(str::parse).collect();
        numbers.map(Version).map_err(drop)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        let found = |text| Version::find(text).map(|v| v.to_string());
        assert_eq!(
            found("rustc 1.96.0 (ac68faa20 2026-05-25)").as_deref(),
            Some("1.96.0")
        );
        assert_eq!(
            found("Debian clang version 22.1.8 (1~deb12u1)").as_deref(),
            Some("22.1.8")
        );
        assert_eq!(found("bindgen 0.72.1").as_deref(), Some("0.72.1"));
        assert_eq!(found("LLD v19.1, ready").as_deref(), Some("19.1"));
        assert_eq!(found("nothing 5 here"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        let v = |text: &str| text.parse::<Version>().unwrap();
        assert!(v("1.100.0") > v("1.96.0"));
        assert!(v("0.71.1") > v("0.60.1"));
        assert_eq!(Version::of_package("1:22.1.8-1~deb12u1"), Some(v("22.1.8")));
        assert_eq!(
            Version::of_package("1.96.0+dfsg1-1~deb12u2"),
            Some(v("1.96.0"))
        );
        assert_eq!(v("7.3.4").major(), 7);
    }
}
