//! Aligned columns without borders; lines carry no trailing blanks.

use super::paint::{Paint, Tone};

/// Gap between two columns.
const GAP: &str = "   ";

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    /// Flush left.
    #[must_use]
    pub fn left(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Flush right: numbers.
    #[must_use]
    pub fn right(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            right: true,
            ..Self::default()
        }
    }

    /// With a meaning.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Aligned with the others.
    Cells(Vec<Cell>),
    /// Free text between two rows; it widens no column.
    Note(String),
}

/// Lays the rows out, each line indented by `indent`, each ending in a newline.
#[must_use]
pub fn layout(rows: &[Row], indent: &str, paint: Paint) -> String {
    let widths = widths(rows);
    let mut out = String::new();
    for row in rows {
        out.push_str(indent);
        match row {
            Row::Note(text) => out.push_str(text),
            Row::Cells(cells) => out.push_str(&line(cells, &widths, paint)),
        }
        out.push('\n');
    }
    out
}

fn widths(rows: &[Row]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        let Row::Cells(cells) = row else { continue };
        for (place, cell) in cells.iter().enumerate() {
            let wide = width(&cell.text);
            match widths.get_mut(place) {
                Some(known) => *known = wide.max(*known),
                None => widths.push(wide),
            }
        }
    }
    widths
}

fn line(cells: &[Cell], widths: &[usize], paint: Paint) -> String {
    let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    let mut out = String::new();
    for (place, (cell, wide)) in cells.iter().zip(widths).enumerate().take(last.saturating_add(1)) {
        if place > 0 {
            out.push_str(GAP);
        }
        let blanks = " ".repeat(wide.saturating_sub(width(&cell.text)));
        let text = paint.tone(cell.tone, &cell.text);
        match (cell.right, place == last) {
            (true, _) => out.push_str(&format!("{blanks}{text}")),
            (false, true) => out.push_str(&text),
            (false, false) => out.push_str(&format!("{text}{blanks}")),
        }
    }
    out
}

/// Columns that `text` takes. Our own words and parsed names hold no wide or combining characters.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_align_right_and_no_line_ends_in_blanks() {
        let rows = [
            Row::Cells(vec![
                Cell::left("member"),
                Cell::right("boot"),
                Cell::left("margin"),
            ]),
            Row::Cells(vec![
                Cell::left("etcd-b"),
                Cell::right("1.4"),
                Cell::left("1 → 0 → 1"),
            ]),
            Row::Note("└ bake".to_owned()),
            Row::Cells(vec![Cell::left("a"), Cell::right("11.4"), Cell::left("")]),
        ];
        insta::assert_snapshot!(layout(&rows, "  ", Paint::Plain), @r"
          member   boot   margin
          etcd-b    1.4   1 → 0 → 1
          └ bake
          a        11.4
        ");
    }

    #[test]
    fn colour_does_not_move_columns() {
        let rows = [
            Row::Cells(vec![Cell::left("ab").tone(Tone::Good), Cell::left("x")]),
            Row::Cells(vec![Cell::left("abcd"), Cell::left("y")]),
        ];
        let bare = |text: String| text.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
        assert_eq!(
            bare(layout(&rows, "", Paint::Colour)),
            layout(&rows, "", Paint::Plain)
        );
    }
}
