//! Tasks in flight over time, as a line of blocks.

use std::time::Duration;

use fourfold::Profile;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const SCALE: u32 = 1000;

/// `cells` blocks for the time up to `span`: full where as many as `limit` were in flight, empty where nobody was.
pub(crate) fn draw(profile: &Profile, elapsed: Duration, span: Duration, limit: usize, cells: usize) -> String {
    let columns: Vec<u64> = profile.columns(SCALE).collect();
    let width = profile.width().as_secs_f64();
    let cell = span.as_secs_f64() / cells as f64;
    let mut line = String::new();
    for n in 0..cells {
        let (from, to) = (n as f64 * cell, (n + 1) as f64 * cell);
        if from >= elapsed.as_secs_f64() {
            break;
        }
        let average = average(&columns, width, from, to);
        // Something is never drawn as nothing.
        let level = (average * 8.0 / limit as f64).round().max(f64::from(u8::from(average > 0.0)));
        line.push(BLOCKS[(level as usize).min(8)]);
    }
    line
}

/// The average number in flight between two times, in seconds.
fn average(columns: &[u64], width: f64, from: f64, to: f64) -> f64 {
    let mut sum = 0.0;
    let first = (from / width) as usize;
    for (column, in_flight) in columns.iter().enumerate().skip(first) {
        let start = column as f64 * width;
        if start >= to {
            break;
        }
        let overlap = (start + width).min(to) - start.max(from);
        sum += *in_flight as f64 / f64::from(SCALE) * overlap;
    }
    sum / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_cut_across_columns() {
        let columns = [4000, 0, 2000];
        assert_eq!(average(&columns, 1.0, 0.0, 1.0), 4.0);
        assert_eq!(average(&columns, 1.0, 0.5, 1.5), 2.0);
        assert_eq!(average(&columns, 1.0, 0.0, 3.0), 2.0);
        assert_eq!(average(&columns, 1.0, 2.0, 4.0), 1.0);
    }
}
