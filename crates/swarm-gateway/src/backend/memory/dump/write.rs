//! Writes values in their plain encodings.

use bytes::Bytes;

use super::super::keyspace::Value;
use super::types;

/// Appends a length, or another number.
pub(in super::super) fn put_length(payload: &mut Vec<u8>, length: u64) {
    match (
        u8::try_from(length),
        u16::try_from(length),
        u32::try_from(length),
    ) {
        (Ok(length @ ..64), _, _) => payload.push(length),
        (_, Ok(length @ ..0x4000), _) => {
            payload.extend_from_slice(&(0x4000 | length).to_be_bytes());
        }
        (_, _, Ok(length)) => {
            payload.push(0x80);
            payload.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            payload.push(0x81);
            payload.extend_from_slice(&length.to_be_bytes());
        }
    }
}

pub(in super::super) fn put_string(payload: &mut Vec<u8>, text: &[u8]) {
    put_length(payload, text.len() as u64);
    payload.extend_from_slice(text);
}

/// Returns the code of libraries of functions.
pub(super) fn libraries<'a>(codes: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut payload = Vec::new();
    for code in codes {
        payload.push(types::LIBRARY);
        put_string(&mut payload, code);
    }
    payload
}

/// Returns the type and the content of a value, or `None` for a type that is not supported.
pub(super) fn payload(value: &Value) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    match value {
        Value::String(text) => {
            payload.push(types::STRING);
            put_string(&mut payload, text);
        }
        Value::List(list) => {
            payload.push(types::LIST);
            put_length(&mut payload, list.len() as u64);
            list.iter()
                .for_each(|element| put_string(&mut payload, element));
        }
        Value::Set(set) => {
            payload.push(types::SET);
            put_length(&mut payload, set.len() as u64);
            set.iter()
                .for_each(|member| put_string(&mut payload, &member));
        }
        Value::Hash(hash) => {
            payload.push(types::HASH);
            put_length(&mut payload, hash.len() as u64);
            for (field, value) in hash.iter() {
                put_string(&mut payload, field);
                put_string(&mut payload, value);
            }
        }
        Value::SortedSet(set) => {
            payload.push(types::SORTED_SET);
            put_length(&mut payload, set.len() as u64);
            // Redis inserts faster in descending order.
            for scored in set.before(set.len()) {
                put_string(&mut payload, &scored.member);
                payload.extend_from_slice(&scored.score.to_le_bytes());
            }
        }
        Value::Stream(stream) => {
            payload.push(types::STREAM_WITH_COUNTS);
            stream.put(&mut payload);
        }
        Value::Swarm(_) => return None,
    }
    Some(payload)
}
