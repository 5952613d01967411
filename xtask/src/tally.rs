//! How many tests ran, read from what cargo prints.

use std::fmt;

/// Tests that ended, summed over every test program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds what a line says, if it is the last line of a test program.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some((word, count)) = line.strip_prefix("# ").and_then(|line| line.split_once(' ')) {
            self.read_node(word, count.parse().unwrap_or(0));
        }
        if let Some((_, counts)) = line.split_once(" tests run: ").or_else(|| line.split_once(" test run: ")) {
            self.read_nextest(counts);
        }
        let Some((_, counts)) = line.split_once("test result:") else { return };
        self.passed += count(counts, "passed");
        self.failed += count(counts, "failed");
        self.skipped += count(counts, "ignored");
    }

    /// Adds what nextest's summary says; what it skipped was not asked for.
    fn read_nextest(&mut self, counts: &str) {
        self.passed += count(counts, "passed");
        self.failed += ["failed", "timed", "exec"].map(|word| count(counts, word)).iter().sum::<u64>();
    }

    /// Adds what one of the closing lines of Node's test runner says: `# pass 3`. One that was cancelled has not passed.
    fn read_node(&mut self, word: &str, count: u64) {
        match word {
            "pass" => self.passed += count,
            "fail" | "cancelled" => self.failed += count,
            "skipped" | "todo" => self.skipped += count,
            _ => {}
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The number before a word: `3` in `ok. 3 passed; 0 failed`.
fn count(counts: &str, word: &str) -> u64 {
    let mut previous = "";
    for current in counts.split([' ', ';', ',']).filter(|current| !current.is_empty()) {
        if current == word {
            return previous.parse().unwrap_or(0);
        }
        previous = current;
    }
    0
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, said: &str) {
        let mut tally = Tally::default();
        lines.lines().for_each(|line| tally.read(line));
        assert_eq!(tally.to_string(), said);
    }

    #[test]
    fn sums_over_programs() {
        check(
            "running 3 tests\n\
             test one ... ok\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s\n",
            "43 passed, 0 failed",
        );
    }

    #[test]
    fn failures_and_ignored_ones_are_counted_apart() {
        check(
            "test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "1 passed, 2 failed, 4 skipped",
        );
    }

    #[test]
    fn reads_what_node_says_at_its_end() {
        check(
            "ok 1 - a test\n# pass the salt\n1..9\n# tests 9\n# suites 0\n# pass 5\n# fail 2\n# cancelled 1\n# skipped 1\n# todo 0\n",
            "5 passed, 3 failed, 1 skipped",
        );
    }

    #[test]
    fn reads_nextest_s_summary() {
        check(
            "        PASS [   0.183s] ( 52/488) fourfold::main alloc::a_task\n\
             \u{20}    Summary [  12.5s] 9 tests run: 6 passed (1 slow), 1 failed, 1 timed out, 1 exec failed, 4 skipped\n\
             \u{20}    Summary [   0.1s] 1 test run: 1 passed, 487 skipped\n",
            "7 passed, 3 failed",
        );
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        check("test result: \u{1b}[32mok\u{1b}[0m. 5 passed; 0 failed; 0 ignored", "5 passed, 0 failed");
    }

    #[test]
    fn other_lines_count_nothing() {
        check("test passed ... ok\n9 passed; 9 failed\n", "0 passed, 0 failed");
    }
}
