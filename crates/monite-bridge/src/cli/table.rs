//! Columns that line up. Pure.

use std::iter::repeat_n;

/// Text columns, each as wide as its widest cell; `before` stands before each row.
pub(super) fn rows(rows: &[Vec<String>], before: &str) -> String {
    lay_out(rows, before, |_, cell, space| format!("{cell}{space}"))
}

/// The first column text, the others numbers, right-aligned under their headings.
pub(super) fn numbers(rows: &[Vec<String>], before: &str) -> String {
    lay_out(
        rows,
        before,
        |column, cell, space| if column == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") },
    )
}

fn lay_out(rows: &[Vec<String>], before: &str, place: impl Fn(usize, &str, String) -> String) -> String {
    let widths = widths(rows);
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells: Vec<String> =
            cells.map(|(column, (cell, width))| place(column, cell, space(cell, *width))).collect();
        format!("{before}{}", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

fn space(cell: &str, width: usize) -> String {
    repeat_n(' ', width.saturating_sub(cell.chars().count())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(row: &[&str]) -> Vec<String> {
        row.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_line_up_and_lines_have_no_trailing_space() {
        let table = [cells(&["a", "bbb", "c"]), cells(&["aa", "b", ""])];
        assert_eq!(rows(&table, "\n"), "\na   bbb  c\naa  b");
        let table = [cells(&["", "made"]), cells(&["roles", "7"])];
        assert_eq!(numbers(&table, "\n"), "\n       made\nroles     7");
    }
}
