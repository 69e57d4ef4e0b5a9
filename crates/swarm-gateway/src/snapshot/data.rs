//! Bytes in JSON.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes: a string if they are UTF-8, and otherwise an object with their Base64 encoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Data(pub(crate) Bytes);

impl Data {
    /// Copies bytes, so that a shared buffer is not kept.
    pub(crate) fn copy(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Ok(text) = str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &BASE64.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or {\"base64\":…}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Data, E> {
        Ok(Data::copy(text.as_bytes()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Data, E> {
        Ok(Data(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        const FIELDS: &[&str] = &["base64"];
        let mut data = None;
        while let Some(name) = map.next_key::<String>()? {
            match (name.as_str(), &data) {
                ("base64", None) => {
                    let text: String = map.next_value()?;
                    let bytes = BASE64.decode(text.as_bytes());
                    let invalid = |_| A::Error::invalid_value(Unexpected::Str(&text), &"Base64");
                    data = Some(Data(bytes.map_err(invalid)?.into()));
                }
                ("base64", Some(_)) => return Err(A::Error::duplicate_field("base64")),
                (name, _) => return Err(A::Error::unknown_field(name, FIELDS)),
            }
        }
        data.ok_or_else(|| A::Error::missing_field("base64"))
    }
}

#[cfg(feature = "control")]
impl schemars::JsonSchema for Data {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Bytes: a string if they are UTF-8, and otherwise Base64.",
            "oneOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "base64": { "type": "string", "contentEncoding": "base64" }
                    },
                    "required": ["base64"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Data;

    #[test]
    fn bytes_that_are_not_text_are_base64() {
        for (bytes, json) in [
            (&b"caf\xc3\xa9"[..], "\"café\""),
            (b"\xff\0", r#"{"base64":"/wA="}"#),
            (b"", "\"\""),
        ] {
            let data = Data::copy(bytes);
            assert_eq!(serde_json::to_string(&data).unwrap(), json);
            assert_eq!(serde_json::from_str::<Data>(json).unwrap(), data);
        }
        for (json, error) in [
            (r#"{"base64":"/w"}"#, "expected Base64"),
            (r#"{"hex":"ff"}"#, "unknown field `hex`"),
            ("{}", "missing field `base64`"),
            (r#"{"base64":"","base64":""}"#, "duplicate field"),
            ("1", "expected a string or"),
        ] {
            let refused = serde_json::from_str::<Data>(json).unwrap_err().to_string();
            assert!(refused.contains(error), "{refused}");
        }
    }
}
