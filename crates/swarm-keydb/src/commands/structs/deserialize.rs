//! Deserializes a struct from the fields of a hash.

use bytes::Bytes;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use swarm_resp::{ConvertError, Frame, FromFrame};

use super::error::StructError;

type Result<T> = std::result::Result<T, StructError>;

const NESTED: &str = "it is a list, a map, a struct or an enum with data, which a field of a hash \
                      cannot hold; read it as text";

/// Reads a struct from the reply to HGETALL; `None` if the hash does not exist.
pub(super) fn from_hash<T: DeserializeOwned>(
    reply: &Frame,
) -> std::result::Result<Option<T>, ConvertError> {
    let pairs: Vec<(Bytes, Bytes)> = reply.convert()?;
    if pairs.is_empty() {
        return Ok(None);
    }
    T::deserialize(Hash(pairs)).map(Some).map_err(|error| {
        ConvertError::new("a struct of the requested type", reply.view()).with_source(error)
    })
}

/// Fields of a hash.
struct Hash(Vec<(Bytes, Bytes)>);

impl<'de> Deserializer<'de> for Hash {
    type Error = StructError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_map(Fields {
            fields: self.0.into_iter(),
            names,
            value: None,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Fields of a hash that are left, and the value of the current one.
struct Fields {
    fields: std::vec::IntoIter<(Bytes, Bytes)>,
    /// Names of the fields of the struct.
    names: &'static [&'static str],
    value: Option<(Option<&'static str>, Bytes)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = StructError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        // A name that is not text is not one of a struct.
        let next = self.fields.find_map(|(name, value)| {
            let name = String::from_utf8(name.into()).ok()?;
            Some((name, value))
        });
        let Some((name, value)) = next else {
            return Ok(None);
        };
        let known = self.names.iter().find(|known| **known == name).copied();
        self.value = Some((known, value));
        seed.deserialize(StrDeserializer::new(&name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (name, value) = self.value.take().unwrap_or_default();
        let value = seed.deserialize(Value(Frame::bulk(value)));
        value.map_err(|error| match name {
            Some(name) => error.of_field(name),
            None => error,
        })
    }
}

/// Value of a field.
struct Value(Frame);

impl Value {
    fn read<T: FromFrame>(&self, what: &'static str) -> Result<T> {
        self.0.convert().map_err(|_| StructError::new(what))
    }
}

/// Implements the methods of a deserializer that convert the value as replies are converted.
macro_rules! convert {
    ($($method:ident, $visit:ident: $ty:ty, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(self.read::<$ty>(concat!("the value is not ", $what))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = StructError;

    convert! {
        deserialize_bool, visit_bool: bool, "1 or 0";
        deserialize_i8, visit_i8: i8, "an integer that fits i8";
        deserialize_i16, visit_i16: i16, "an integer that fits i16";
        deserialize_i32, visit_i32: i32, "an integer that fits i32";
        deserialize_i64, visit_i64: i64, "an integer that fits i64";
        deserialize_i128, visit_i128: i128, "an integer that fits i128";
        deserialize_u8, visit_u16: u16, "an integer that fits u8";
        deserialize_u16, visit_u16: u16, "an integer that fits u16";
        deserialize_u32, visit_u32: u32, "an integer that fits u32";
        deserialize_u64, visit_u64: u64, "an integer that fits u64";
        deserialize_u128, visit_u128: u128, "an integer that fits u128";
        deserialize_f32, visit_f32: f32, "a number that fits f32";
        deserialize_f64, visit_f64: f64, "a number";
        deserialize_char, visit_char: char, "a single character";
        deserialize_str, visit_string: String, "UTF-8 text";
        deserialize_string, visit_string: String, "UTF-8 text";
        deserialize_identifier, visit_string: String, "UTF-8 text";
        deserialize_bytes, visit_byte_buf: Vec<u8>, "bytes";
        deserialize_byte_buf, visit_byte_buf: Vec<u8>, "bytes";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.convert::<String>() {
            Ok(text) => visitor.visit_string(text),
            Err(_) => self.deserialize_byte_buf(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let name: String = self.read("the value is not the name of a variant")?;
        visitor.visit_enum(StrDeserializer::new(&name))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value> {
        Err(StructError::new(NESTED))
    }
}
