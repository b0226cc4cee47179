// SPDX-License-Identifier: GPL-2.0

//! The matrix as a table to read: accesses down, levels across.

use super::{Cell, Matrix};
use std::fmt;

impl Cell {
    /// `y` or `n`, for what rustc does with it; `?` if that is not known; a `!` where it must not be so.
    fn mark(&self) -> String {
        let answer = match (self.left_out, self.allowed) {
            (true, _) => return "-".to_string(),
            (_, Some(true)) => "y",
            (_, Some(false)) => "n",
            (_, None) => "?",
        };
        let but = if self.ok { "" } else { "!" };
        format!("{answer}{but}")
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |of: &dyn Fn(&super::MatrixRow) -> usize| self.rows.iter().map(of).max();
        let row = widest(&|r| r.row.len()).unwrap_or(0).max("field".len());
        let access = widest(&|r| r.access.len()).unwrap_or(0).max("access".len());
        let kind = "WriteIfNull".len();
        write!(
            f,
            "{:row$}  {:access$}  {:kind$}",
            "field", "access", "kind"
        )?;
        for column in &self.columns {
            write!(f, "  {column}")?;
        }
        for line in &self.rows {
            let of_kind = format!("{:?}", line.kind);
            write!(
                f,
                "\n{:row$}  {:access$}  {of_kind:kind$}",
                line.row, line.access
            )?;
            let mut text = String::new();
            for column in &self.columns {
                let mark = line.cells.get(column).map_or(String::new(), Cell::mark);
                text += &format!("  {mark:^width$}", width = column.len());
            }
            f.write_str(text.trim_end())?;
        }
        Ok(())
    }
}
