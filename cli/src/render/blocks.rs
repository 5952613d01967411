//! Amounts as lines and blocks.

use anstyle::Style;

use super::style::QUIET;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A block as high as `part` of `whole`; anything above 0 is at least the lowest.
pub(crate) fn block(part: f64, whole: f64) -> char {
    let level = (part * 8.0 / whole).round().max(f64::from(u8::from(part > 0.0)));
    BLOCKS[(level as usize).min(8)]
}

/// A line of `cells` cells, of which `share` is filled, to half a cell.
pub(crate) fn line(share: f64, cells: usize, style: Style) -> String {
    let halves = ((share * 2.0 * cells as f64).round() as usize).min(2 * cells);
    let (full, half) = (halves / 2, halves % 2);
    let (filled, rest) = ("━".repeat(full) + "╸".repeat(half).as_str(), "─".repeat(cells - full - half));
    format!("{style}{filled}{style:#}{QUIET}{rest}{QUIET:#}")
}

/// A line of `all` cells, of which `filled` are filled.
pub(crate) fn cells(filled: usize, all: usize, style: Style) -> String {
    let filled = filled.min(all);
    format!("{style}{}{style:#}{QUIET}{}{QUIET:#}", "■".repeat(filled), "·".repeat(all - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn something_is_never_drawn_as_nothing() {
        assert_eq!([0.0, 0.01, 0.5, 0.99, 1.0, 2.0].map(|part| block(part, 1.0)), [' ', '▁', '▄', '█', '█', '█']);
    }

    #[test]
    fn lines_are_filled_to_half_a_cell() {
        for (share, expected) in
            [(0.0, "────"), (0.12, "╸───"), (0.5, "━━──"), (0.6, "━━╸─"), (1.0, "━━━━"), (7.0, "━━━━")]
        {
            assert_eq!(plain(&line(share, 4, QUIET)), expected, "{share}");
        }
    }

    #[test]
    fn cells_are_counted() {
        assert_eq!(plain(&cells(2, 5, QUIET)), "■■···");
        assert_eq!(plain(&cells(9, 5, QUIET)), "■■■■■");
    }
}
