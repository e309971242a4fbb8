//! `None` as a word, for formats without null.

use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, MapAccess, Unexpected, Visitor,
        value::{I64Deserializer, MapAccessDeserializer, U64Deserializer},
    },
};

macro_rules! word {
    ($name:ident, $what:literal) => {
        pub(super) mod $name {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[expect(clippy::ref_option, reason = "what serde passes to it")]
            pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
                value: &Option<T>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                match value {
                    None if serializer.is_human_readable() => serializer.serialize_str(stringify!($name)),
                    _ => value.serialize(serializer),
                }
            }

            pub(in super::super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<T>, D::Error> {
                super::deserialize(deserializer, stringify!($name), $what)
            }
        }
    };
}

word!(none, "a whole number of milliseconds");
word!(auto, "a whole number of milliseconds");
word!(unlimited, "a whole number");
word!(per_class, "a backoff");

fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    word: &'static str,
    what: &'static str,
) -> Result<Option<T>, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_any(OrWord { word, what, value: PhantomData })
    } else {
        Option::deserialize(deserializer)
    }
}

struct OrWord<T> {
    word: &'static str,
    what: &'static str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrWord<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or \"{}\"", self.what, self.word)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        if value == self.word { Ok(None) } else { Err(E::invalid_value(Unexpected::Str(value), &self)) }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(U64Deserializer::new(value)).map(Some)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(I64Deserializer::new(value)).map(Some)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}
