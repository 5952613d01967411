//! What exit codes and statuses mean.

use crate::args::Codes;

/// The codes of sysexits.h that no further attempt changes (all but 75, EX_TEMPFAIL), and those
/// with which a shell says that it cannot start a program.
const DEAD: [(u8, u8); 4] = [(64, 74), (76, 78), (126, 126), (127, 127)];

/// Which exit codes or statuses end a task for good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    retry_on: Option<Codes>,
    dead_on: Option<Codes>,
}

impl Rules {
    /// Creates the rules of `--retry-on` and `--dead-on`, or the defaults.
    pub(crate) fn new(retry_on: Option<Codes>, dead_on: Option<Codes>) -> Self {
        Self { retry_on, dead_on }
    }

    /// Returns whether a task whose process ended with this code is not tried again. A process that a
    /// signal killed has none.
    pub(super) fn is_dead(&self, code: Option<u8>) -> bool {
        let is_dead = |code: &u8| DEAD.iter().any(|(first, last)| (*first..=*last).contains(code));
        code.is_some_and(|code| self.is_final(code.into(), is_dead(&code)))
    }

    /// Returns whether a task is not tried again after this number, which is so by default or not.
    pub(super) fn is_final(&self, number: u16, by_default: bool) -> bool {
        let is_retried = self.retry_on.as_ref().is_some_and(|codes| codes.contain(number));
        let is_dead = self.dead_on.as_ref().map_or(by_default, |codes| codes.contain(number));
        is_dead && !is_retried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_a_wrong_usage_are_final_and_those_that_pass_are_not() {
        let codes = |text: &str| Some(text.parse::<Codes>().unwrap());
        let dead = |rules: &Rules| (0..=255).filter(|code| rules.is_dead(Some(*code))).collect::<Vec<u8>>();
        let default = Rules::new(None, None);
        assert_eq!(dead(&default), [64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 76, 77, 78, 126, 127]);
        assert!(!default.is_dead(None), "killed by a signal");
        assert_eq!(dead(&Rules::new(codes("64,70-127"), None)), [65, 66, 67, 68, 69]);
        assert_eq!(dead(&Rules::new(None, codes("1,3-5"))), [1, 3, 4, 5]);
        assert_eq!(dead(&Rules::new(codes("4"), codes("1,3-5"))), [1, 3, 5], "--retry-on wins");
    }
}
