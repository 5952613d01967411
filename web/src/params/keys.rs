//! Reads the keys of a JSON object, so that every message names the key.

use std::{borrow::Cow, fmt, num::NonZeroUsize, time::Duration};

use fourfold::{Rate, TaskId, data::Data};

use super::{
    Refused,
    bounds::{EXACT_MAX, Parameter, RATE},
};

/// The keys of an object, taken one by one; a key that is left at the end is unknown.
pub(super) struct Keys<'a> {
    entries: Vec<(Cow<'a, str>, Data<'a>)>,
    path: String,
    taken: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(value: Data<'a>, path: &str) -> Result<Self, Refused> {
        match value {
            Data::Object(entries) => Ok(Self { entries, path: path.into(), taken: Vec::new() }),
            other if path.is_empty() => Err(format!("expected an object, found {}", other)),
            other => Err(format!("{path}: expected an object, found {}", other)),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    pub(super) fn name(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.into(),
            (path, "") => path.into(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Data<'a>> {
        self.taken.push(key);
        let place = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.swap_remove(place).1)
    }

    pub(super) fn wrong(&self, key: &str, found: &Data<'_>, why: impl fmt::Display) -> Refused {
        match self.name(key).as_str() {
            "" => why.to_string(),
            name => format!("{name}: {why}, found {}", found),
        }
    }

    pub(super) fn whole(&mut self, parameter: Parameter) -> Result<Option<u64>, Refused> {
        let Parameter { name: key, min, max, .. } = parameter;
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.whole().filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = format!("expected a whole number from {min} to {max}");
                Err(self.wrong(key, &value, expected))
            }
        }
    }

    pub(super) fn size(&mut self, parameter: Parameter) -> Result<Option<NonZeroUsize>, Refused> {
        // At least 1, and small enough for every platform.
        Ok(self.whole(parameter)?.and_then(|size| NonZeroUsize::new(size as usize)))
    }

    /// Reads milliseconds, with or without a fraction. A parameter whose minimum is not 0 takes every value above 0.
    pub(super) fn ms(&mut self, parameter: Parameter) -> Result<Option<Duration>, Refused> {
        let Parameter { name: key, min, max, .. } = parameter;
        let Some(value) = self.take(key) else { return Ok(None) };
        let least = if min > 0 { 1e-6 } else { 0.0 };
        match value.number().filter(|ms| (least..=max as f64).contains(ms)) {
            Some(ms) => Ok(Some(Duration::from_nanos((ms * 1e6).round() as u64))),
            None => {
                let above = if min > 0 { "above 0" } else { "from 0" };
                Err(self.wrong(key, &value, format!("expected milliseconds, {above} and at most {max}")))
            }
        }
    }

    pub(super) fn span(&mut self, parameter: Parameter) -> Result<Option<(u64, u64)>, Refused> {
        let Parameter { name: key, max, .. } = parameter;
        let Some(value) = self.take(key) else { return Ok(None) };
        let bounds: Vec<u64> = match &value {
            Data::List(list) => list.iter().filter_map(Data::whole).filter(|ms| *ms <= max).collect(),
            _ => Vec::new(),
        };
        match bounds.as_slice() {
            [low, high] if low <= high => Ok(Some((*low, *high))),
            _ => Err(self.wrong(key, &value, "expected [shortest, longest], whole milliseconds")),
        }
    }

    pub(super) fn flag(&mut self, parameter: Parameter) -> Result<Option<bool>, Refused> {
        let key = parameter.name;
        match self.take(key) {
            None => Ok(None),
            Some(Data::Flag(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong(key, &other, "expected true or false")),
        }
    }

    /// Reads `true`, and refuses anything else.
    pub(super) fn order(&mut self, key: &'static str) -> Result<bool, Refused> {
        match self.take(key) {
            None => Ok(false),
            Some(Data::Flag(true)) => Ok(true),
            Some(other) => Err(self.wrong(key, &other, "expected true")),
        }
    }

    pub(super) fn task(&mut self, key: &'static str) -> Result<Option<TaskId>, Refused> {
        Ok(self.whole(Parameter::count(key, 0, EXACT_MAX))?.map(TaskId))
    }

    pub(super) fn rate(&mut self) -> Result<Option<Rate>, Refused> {
        let Some(value) = self.take(RATE.name) else { return Ok(None) };
        match value.number().filter(|rate| *rate >= 1e-6 && *rate <= 1e9).and_then(Rate::per_second) {
            Some(rate) => Ok(Some(rate)),
            None => Err(self.wrong(RATE.name, &value, "expected starts per second, above 0")),
        }
    }

    pub(super) fn finish(self) -> Result<(), Refused> {
        match self.entries.first() {
            None => Ok(()),
            Some((key, _)) => {
                Err(format!("{}: there is no such key; expected one of {}", self.name(key), self.taken.join(", ")))
            }
        }
    }
}
