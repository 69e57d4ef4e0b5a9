//! Encodes commands as JSON and decodes JSON replies to frames.

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer as _};
use swarm_resp::{Frame, FrameBuilder, Limits, Request};

/// A decoded response body.
#[derive(Debug)]
pub(super) enum JsonReply {
    Result(Frame),
    /// A result that contains U+FFFD, which may stand for bytes that the gateway replaced.
    Lossy(Frame),
    /// The error text of the server.
    Error(String),
}

/// Encodes a request as `{"cmd":…,"args":[…]}`. Fails if an argument is not UTF-8.
pub(super) fn request(request: &Request) -> Result<Bytes, serde_json::Error> {
    let mut body = Vec::with_capacity(request.encoded().len());
    let mut args = Vec::with_capacity(request.len());
    for arg in request.args() {
        args.push(std::str::from_utf8(arg).map_err(serde::ser::Error::custom)?);
    }
    let (name, args) = args.split_first().unwrap_or((&"", &[]));
    let mut serializer = serde_json::Serializer::new(&mut body);
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("cmd", name)?;
    map.serialize_entry("args", args)?;
    map.end()?;
    Ok(body.into())
}

/// Decodes `{"result":…}` or `{"error":…}`.
pub(super) fn answer(body: &[u8], limits: &Limits) -> Result<JsonReply, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let answer = json.deserialize_map(ReplyVisitor(limits))?;
    json.end()?;
    Ok(answer)
}

/// Describes a decoding error without quoting the response: the library's message for a wrong type
/// repeats the value.
pub(super) fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.is_data() && text.starts_with("invalid ") {
        return format!(
            "not an object with `result` or `error`, line {} column {}",
            error.line(),
            error.column()
        );
    }
    text
}

struct ReplyVisitor<'a>(&'a Limits);

impl<'de> Visitor<'de> for ReplyVisitor<'_> {
    type Value = JsonReply;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `result` or `error`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonReply, A::Error> {
        let (mut answer, mut failure) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "result" => {
                    let mut frame = FrameBuilder::new();
                    let mut state = DecodeState::new(self.0);
                    map.next_value_seed(Value {
                        frame: &mut frame,
                        state: &mut state,
                    })?;
                    let frame = frame.finish();
                    answer = Some(if state.replaced {
                        JsonReply::Lossy(frame)
                    } else {
                        JsonReply::Result(frame)
                    });
                }
                "error" => {
                    failure = map.next_value::<Option<String>>()?.map(JsonReply::Error);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        failure
            .or(answer)
            .ok_or_else(|| A::Error::custom("neither `result` nor `error`"))
    }
}

/// The state of decoding one value.
struct DecodeState<'a> {
    limits: &'a Limits,
    elements: usize,
    depth: usize,
    replaced: bool,
}

impl<'a> DecodeState<'a> {
    const fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            elements: 0,
            depth: 0,
            replaced: false,
        }
    }

    fn element<E: Error>(&mut self) -> Result<(), E> {
        self.elements += 1;
        if self.elements > self.limits.max_elements {
            return Err(E::custom("the number of elements exceeds the limit"));
        }
        Ok(())
    }

    fn nested<T, E: Error>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.depth >= self.limits.max_depth {
            return Err(E::custom("the nesting depth exceeds the limit"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// Decodes one JSON value into a frame.
struct Value<'a, 'b> {
    frame: &'a mut FrameBuilder,
    state: &'a mut DecodeState<'b>,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        self.state.element()?;
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.frame.null();
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.frame.boolean(value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.frame.integer(value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.frame.integer(value),
            Err(_) => self.frame.big_number(&value.to_string()),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.frame.double(value);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.len() > self.state.limits.max_bulk {
            return Err(E::custom("a string exceeds the size limit"));
        }
        self.state.replaced |= text.contains(char::REPLACEMENT_CHARACTER);
        self.frame.bulk(text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut done = Ok(());
        self.frame.array(|frame| {
            done = self.state.nested(|state| {
                while items.next_element_seed(Value { frame, state })?.is_some() {}
                Ok(())
            });
        });
        done
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let mut done = Ok(());
        self.frame.map(|frame| {
            done = self.state.nested(|state| {
                while pairs.next_key_seed(Value { frame, state })?.is_some() {
                    pairs.next_value_seed(Value { frame, state })?;
                }
                Ok(())
            });
        });
        done
    }
}
