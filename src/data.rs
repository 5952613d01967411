//! JSON as a tree: one reader for all types, where a derived reader would be code of its own for
//! each type. That keeps the page's module small, and messages can name the key. Not part of the
//! documented surface.

use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any JSON value; the entries of an object are in the order in which they are written.
///
/// ```
/// use fourfold::data::Data;
/// let data: Data = serde_json::from_str(r#"{"limit": 8, "work": [0.5, null]}"#).unwrap();
/// assert_eq!(data.get("limit").and_then(Data::whole), Some(8));
/// assert_eq!(data.get("work").unwrap().to_string(), "a list");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Flag(bool),
    /// A whole number from 0 on.
    Whole(u64),
    /// A number that is no whole number from 0 to 2<sup>64</sup>-1.
    Number(f64),
    /// A text, without its quotes.
    Text(Cow<'a, str>),
    /// A list of values.
    List(Vec<Data<'a>>),
    /// An object, its members in the order of the text.
    Object(Vec<(Cow<'a, str>, Data<'a>)>),
}

impl<'a> Data<'a> {
    /// Returns the value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Data<'a>> {
        let Self::Object(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Returns a whole number of at least 0. One that is written with a fraction of zero is
    /// accepted up to 2<sup>53</sup>, where floating point is exact.
    pub fn whole(&self) -> Option<u64> {
        match *self {
            Self::Whole(number) => Some(number),
            // In range, and without a fraction to lose.
            Self::Number(number) if (0.0..=9_007_199_254_740_992.0).contains(&number) => {
                (number as u64 as f64 == number).then_some(number as u64)
            }
            _ => None,
        }
    }

    /// Returns a number of any kind.
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Whole(number) => Some(number as f64),
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the items of a list.
    pub fn list(&self) -> Option<&[Data<'a>]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
}

/// Writes the value as it appears in a message: short.
impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => f.write_str(if *flag { "true" } else { "false" }),
            Self::Whole(number) => number.fmt(f),
            Self::Number(number) if *number as i64 as f64 == *number => (*number as i64).fmt(f),
            Self::Number(_) => f.write_str("a number with a fraction"),
            Self::Text(text) => {
                let cut = text.char_indices().nth(40).and_then(|(end, _)| text.get(..end));
                if let Some(start) = cut { write!(f, "\"{start}…\"") } else { write!(f, "\"{text}\"") }
            }
            Self::List(_) => f.write_str("a list"),
            Self::Object(_) => f.write_str("an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Data<'de> {
    /// Reads any value from a self-describing format such as JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyData)
    }
}

struct AnyData;

impl<'de> Visitor<'de> for AnyData {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")
    }

    fn visit_unit<E: Error>(self) -> Result<Data<'de>, E> {
        Ok(Data::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Data<'de>, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data<'de>, D::Error> {
        Data::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Data<'de>, E> {
        Ok(Data::Flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Data<'de>, E> {
        Ok(Data::Whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Data<'de>, E> {
        Ok(u64::try_from(number).map_or(Data::Number(number as f64), Data::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Data<'de>, E> {
        Ok(Data::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Data<'de>, E> {
        Ok(Data::Text(Cow::Owned(text.into())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Data<'de>, E> {
        Ok(Data::Text(Cow::Borrowed(text)))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Data<'de>, E> {
        Ok(Data::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Data::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Data<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<Data<'de>>()? {
            let value = entries.next_value()?;
            if let Data::Text(key) = key {
                object.push((key, value));
            }
        }
        Ok(Data::Object(object))
    }
}

/// Access to the keys of an object, with messages that name the key.
pub(crate) struct Keys<'d, 'a> {
    data: &'d Data<'a>,
    of: &'static str,
}

impl<'d, 'a> Keys<'d, 'a> {
    pub(crate) fn of(data: &'d Data<'a>, of: &'static str) -> Self {
        Self { data, of }
    }

    pub(crate) fn wrong(&self, key: &str, expected: &str) -> String {
        match self.data.get(key) {
            Some(found) => format!("`{key}` of {}: expected {expected}, found {found}", self.of),
            None => format!("`{key}` of {} is missing", self.of),
        }
    }

    pub(crate) fn need(&self, key: &str) -> Result<&'d Data<'a>, String> {
        self.data.get(key).ok_or_else(|| self.wrong(key, ""))
    }

    /// Returns the value of a key; `None` when it is missing or null.
    pub(crate) fn maybe(&self, key: &str) -> Option<&'d Data<'a>> {
        self.data.get(key).filter(|data| **data != Data::Null)
    }

    pub(crate) fn whole(&self, key: &str) -> Result<u64, String> {
        self.data.get(key).and_then(Data::whole).ok_or_else(|| self.wrong(key, "a whole number"))
    }

    pub(crate) fn maybe_whole(&self, key: &str) -> Result<Option<u64>, String> {
        self.maybe(key).map(|_| self.whole(key)).transpose()
    }

    /// Returns a whole number that fits into the type.
    pub(crate) fn fit<T: TryFrom<u64>>(&self, key: &str) -> Result<T, String> {
        T::try_from(self.whole(key)?).map_err(|_| self.wrong(key, "a smaller number"))
    }

    pub(crate) fn maybe_fit<T: TryFrom<u64>>(&self, key: &str) -> Result<Option<T>, String> {
        self.maybe(key).map(|_| self.fit(key)).transpose()
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'d str, String> {
        self.data.get(key).and_then(Data::text).ok_or_else(|| self.wrong(key, "text"))
    }

    pub(crate) fn list(&self, key: &str) -> Result<&'d [Data<'a>], String> {
        self.data.get(key).and_then(Data::list).ok_or_else(|| self.wrong(key, "a list"))
    }

    /// Returns what one of several names stands for.
    pub(crate) fn named<T>(&self, key: &str, named: impl FnOnce(&str) -> Option<T>) -> Result<T, String> {
        self.data.get(key).and_then(Data::text).and_then(named).ok_or_else(|| self.wrong(key, "a name that is known"))
    }
}
