//! What stands behind a flag, checked: each error says what would be right.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fourfold::{Pattern, Rate};

/// The bounds of a backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) max: Duration,
}

/// The four, each with the advice when to choose it.
pub(crate) fn pattern() -> impl TypedValueParser<Value = Pattern> {
    let values = Pattern::ALL.map(|pattern| PossibleValue::new(pattern.name()).help(pattern.advice()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Pattern>())
}

pub(crate) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".to_owned())
}

pub(crate) fn small_count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1 (and at most 4294967295)".to_owned())
}

pub(crate) fn positive(text: &str) -> Result<u64, String> {
    count(text).map(|count| count.get() as u64)
}

pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.trim().parse().ok().and_then(Rate::per_second);
    rate.ok_or_else(|| "expected starts per second, more than 0: such as 100/s or 0.5/s".to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 6] = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let wrong = || "expected a time with its unit: such as 100ms, 30s or 5m".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// A time in which something has to happen.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("expected a time longer than 0: such as 30s".to_owned()),
        duration => Ok(duration),
    }
}

pub(crate) fn backoff(text: &str) -> Result<Backoff, String> {
    let wrong = |_| "expected the first and the longest wait: such as 100ms..30s".to_owned();
    let (base, max) = text.split_once("..").unwrap_or((text, text));
    let backoff = Backoff { base: duration(base).map_err(wrong)?, max: duration(max).map_err(wrong)? };
    if backoff.base > backoff.max {
        return Err("the first wait is longer than the longest: turn them round".to_owned());
    }
    Ok(backoff)
}

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
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "30", "-1s", "s", "1 parsec", "1e9s", "99999999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0ms").is_err());
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
    fn bytes_have_binary_units() {
        assert_eq!((bytes("7"), bytes("64KiB"), bytes("8M")), (Ok(7), Ok(65536), Ok(8 << 20)));
        assert!(["0", "", "KiB", "1.5M", "1kb", "99999999999999G"].iter().all(|text| bytes(text).is_err()));
    }
}
