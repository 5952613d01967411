//! 128-bit sums as data: as text, since JSON's readers keep 53 bits of a number, or 64.

use alloc::{borrow::Cow, string::ToString};

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    parse(&Cow::<str>::deserialize(deserializer)?)
}

fn parse<E: Error>(text: &str) -> Result<u128, E> {
    let wide: u128 = text.parse().map_err(E::custom)?;
    // Half of them: sums go on from here.
    if wide > u128::MAX / 2 { Err(E::custom("the sum is out of range")) } else { Ok(wide) }
}

pub(super) mod list {
    //! A fixed number of them.

    use alloc::{borrow::Cow, format, string::ToString, vec::Vec};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in super::super) fn serialize<S: Serializer>(values: &[u128], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u128; N], D::Error> {
        let texts = Vec::<Cow<'de, str>>::deserialize(deserializer)?;
        let values: Vec<u128> = texts.iter().map(|text| super::parse(text)).collect::<Result<_, D::Error>>()?;
        values.try_into().map_err(|_| D::Error::custom(format!("expected {N} columns")))
    }
}
