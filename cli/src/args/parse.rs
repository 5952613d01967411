//! The values of flags: each error says what would be right.

use std::{
    fmt,
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fourfold::{Pattern, Rate};
use jiff::SignedDuration;

/// Exit codes or HTTP statuses: single ones and ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codes(Vec<RangeInclusive<u16>>);

impl Codes {
    /// Returns whether one that is greater than this is among them.
    pub(crate) fn contain_above(&self, code: u16) -> bool {
        self.0.iter().any(|range| *range.end() > code)
    }

    /// Returns whether a code is among them.
    pub(crate) fn contain(&self, code: u16) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

impl FromStr for Codes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last && last <= 999).then_some(first..=last)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Self).ok_or_else(|| {
            "expected exit codes, statuses and ranges of them: such as 1,64-78 or 404,500-599".to_owned()
        })
    }
}

/// How many dead tasks end a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Halt {
    Count(u64),
    /// Percent of the tasks that have ended.
    Share(f64),
}

impl FromStr for Halt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let halt = match text.strip_suffix('%') {
            Some(share) => share.trim().parse().ok().filter(|share| *share > 0.0 && *share <= 100.0).map(Self::Share),
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count),
        };
        halt.ok_or("expected a number of tasks from 1 on, or a share of them above 0%: such as 10 or 5%")
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => write!(f, "{share}%"),
        }
    }
}

/// A limit for the tasks with the same value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PerField {
    /// The names of the field and of those it lies in, with a point before each.
    pub(crate) path: String,
    pub(crate) limit: NonZeroUsize,
}

impl FromStr for PerField {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, limit) = text.rsplit_once('=').unwrap_or((text, ""));
        let limit = limit.parse().ok().filter(|_| path.starts_with('.'));
        let limit = limit.ok_or("expected a field and a number from 1 on: such as .host=2 or .user.id=1")?;
        Ok(Self { path: path.to_owned(), limit })
    }
}

impl fmt::Display for PerField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, limit } = self;
        write!(f, "{path}={limit}")
    }
}

/// The shortest and the longest pause between two attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
}

/// Reads the name of a pattern; `--help` shows when to choose which.
pub(crate) fn pattern() -> impl TypedValueParser<Value = Pattern> {
    let values = Pattern::ALL.map(|pattern| PossibleValue::new(pattern.name()).help(pattern.advice()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Pattern>())
}

/// Reads a whole number from 1 on.
pub(crate) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".to_owned())
}

/// Reads a whole number from 1 on that fits 32 bits.
pub(crate) fn small_count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1 (and at most 4294967295)".to_owned())
}

/// Reads a whole number from 1 on, for counts of tasks.
pub(crate) fn positive(text: &str) -> Result<u64, String> {
    count(text).map(|count| count.get() as u64)
}

/// Reads a number of starts per second.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.trim().parse().ok().and_then(Rate::per_second);
    rate.ok_or_else(|| "expected starts per second, more than 0: such as 100/s or 0.5/s".to_owned())
}

/// Reads a time such as `100ms`, `1.5s` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time with its unit: such as 100ms, 30s or 1h30m".to_owned();
    // Half a second may be written without its zero.
    let zero = if text.starts_with('.') { "0" } else { "" };
    let duration: SignedDuration = format!("{zero}{text}").parse().map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

/// Reads a time that is longer than 0.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected a time longer than 0: such as 30s".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads the pauses between attempts: `100ms..30s`, or one time for all.
pub(crate) fn backoff(text: &str) -> Result<Backoff, String> {
    let wrong = |_| "expected the first and the longest pause: such as 100ms..30s".to_owned();
    let (base, max) = text.split_once("..").unwrap_or((text, text));
    let backoff = Backoff { base: duration(base).map_err(wrong)?, max: duration(max).map_err(wrong)? };
    if backoff.base > backoff.max {
        return Err("the first pause is longer than the longest: turn them round".to_owned());
    }
    Ok(backoff)
}

/// Reads a number of bytes with a binary unit.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || "expected a number of bytes, at least 1: such as 65536, 64KiB or 8MiB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("100ms", Duration::from_millis(100)),
            ("30s", Duration::from_secs(30)),
            ("1.5s", Duration::from_millis(1500)),
            ("5m", Duration::from_secs(300)),
            ("2h", Duration::from_secs(7200)),
            ("0s", Duration::ZERO),
            (".5s", Duration::from_millis(500)),
            ("30 s", Duration::from_secs(30)),
            ("250us", Duration::from_micros(250)),
            ("7ns", Duration::from_nanos(7)),
            ("1h30m", Duration::from_secs(5400)),
            ("1m 2.5s", Duration::from_millis(62_500)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "30", "-1s", "s", "1 parsec", "1e9s", "99999999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0ms").is_err());
    }

    #[test]
    fn a_run_halts_after_a_number_or_a_share_of_dead_tasks() {
        for (text, expected) in [("10", Halt::Count(10)), ("5%", Halt::Share(5.0)), ("0.5 %", Halt::Share(0.5))] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "0", "0%", "-1", "101%", "NaN%", "%", "1.5"] {
            assert!(text.parse::<Halt>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_per_field_has_a_path_and_a_number() {
        for (text, path, limit) in [(".host=2", ".host", 2), (".user.id=1", ".user.id", 1), (".a=b=3", ".a=b", 3)] {
            let limit = NonZeroUsize::new(limit).unwrap();
            assert_eq!(text.parse(), Ok(PerField { path: path.to_owned(), limit }), "{text}");
        }
        for text in ["", "host=2", ".host", ".host=", ".host=0", ".host=-1", ".host=x", "=2"] {
            assert!(text.parse::<PerField>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_backoff_goes_up() {
        let expected = Backoff { base: Duration::from_millis(100), max: Duration::from_secs(30) };
        assert_eq!(backoff("100ms..30s"), Ok(expected));
        assert_eq!(
            backoff("1s").map(|backoff| (backoff.base, backoff.max)),
            Ok((Duration::from_secs(1), Duration::from_secs(1)))
        );
        assert!(backoff("30s..100ms").is_err() && backoff("..").is_err() && backoff("1s..").is_err());
    }

    #[test]
    fn counts_and_rates_are_positive() {
        assert_eq!(count("1000000000").map(NonZeroUsize::get), Ok(1_000_000_000));
        assert!(["0", "-1", "1.5", "", "many", "99999999999999999999"].iter().all(|text| count(text).is_err()));
        assert_eq!(rate("0.5/s"), Ok(Rate::per_second(0.5).unwrap()));
        assert!(["0", "-5", "nan", "inf", "/s", "5/m"].iter().all(|text| rate(text).is_err()));
    }

    #[test]
    fn codes_are_single_ones_and_ranges() {
        let codes: Codes = "1, 64-78,127".parse().unwrap();
        let found: Vec<u16> = (0..=300).filter(|code| codes.contain(*code)).collect();
        assert_eq!((found.len(), found[0], found[1], found[16]), (17, 1, 64, 127));
        assert!(["", "x", "1-", "9-3", "1000", "-1", "1,,2"].iter().all(|text| text.parse::<Codes>().is_err()));
    }

    #[test]
    fn bytes_have_binary_units() {
        assert_eq!((bytes("7"), bytes("64KiB"), bytes("8M")), (Ok(7), Ok(65536), Ok(8 << 20)));
        assert!(["0", "", "KiB", "1.5M", "1kb", "99999999999999G"].iter().all(|text| bytes(text).is_err()));
    }
}
