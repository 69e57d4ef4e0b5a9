//! Stored form of a stream, which GET and MGET return.

use bytes::Bytes;
use data_encoding::BASE64;

use super::{Entry, Group, Stream};
use crate::json;

/// Beginning of a stored stream.
pub(in super::super) const STORED: &[u8] = b"SKDBSTREAM1:{";

impl Stream {
    pub(in super::super::super) fn stored(&self) -> Bytes {
        let entries: Vec<_> = self.entries.values().map(|entry| entry.stored()).collect();
        let (millis, sequence) = self.last;
        let groups = if self.groups.is_empty() {
            "null".to_owned()
        } else {
            let groups = self.groups.iter();
            object(groups.map(|(name, group)| (name.as_ref(), group.stored())))
        };
        let entries = entries.join(",");
        let last = format!(r#""lastTimestamp":{millis},"lastSequence":{sequence}"#);
        format!(r#"SKDBSTREAM1:{{"entries":[{entries}],{last},"groups":{groups}}}"#).into()
    }
}

impl Entry {
    fn stored(&self) -> String {
        let (id, (millis, sequence)) = (text(self.id.text()), self.id.place());
        let fields: Vec<_> = (self.fields.chunks(2))
            .map(|pair| {
                let part = |at: usize| BASE64.encode(pair.get(at).map_or(&[][..], Bytes::as_ref));
                format!(r#"{{"name":"{}","value":"{}"}}"#, part(0), part(1))
            })
            .collect();
        let fields = fields.join(",");
        let place = format!(r#""timestamp":{millis},"sequence":{sequence}"#);
        format!(r#"{{"id":{id},{place},"fields":[{fields}]}}"#)
    }
}

impl Group {
    fn stored(&self) -> String {
        let pending = self.pending.values().map(|pending| {
            let (id, consumer) = (text(pending.id.text()), text(&pending.consumer));
            let (time, count) = (pending.delivered_at, pending.deliveries);
            let delivery = format!(r#""deliveredUnixMs":{time},"deliveryCount":{count}"#);
            let stored = format!(r#"{{"id":{id},"consumer":{consumer},{delivery}}}"#);
            (pending.id.text(), stored)
        });
        let consumers = self.consumers.iter().map(|(name, seen)| {
            let stored = format!(r#"{{"name":{},"lastSeenUnixMs":{seen}}}"#, text(name));
            (name.as_ref(), stored)
        });
        let (id, (millis, sequence)) = (text(self.delivered.text()), self.delivered.place());
        let (pending, consumers) = (object(pending), object(consumers));
        let members = [
            format!(r#""lastDeliveredId":{id}"#),
            format!(r#""lastDeliveredTimestamp":{millis}"#),
            format!(r#""lastDeliveredSequence":{sequence}"#),
            format!(r#""pending":{pending}"#),
            format!(r#""consumers":{consumers}"#),
        ];
        format!("{{{}}}", members.join(","))
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a [u8], String)>) -> String {
    let members: Vec<_> = (members)
        .map(|(name, value)| format!("{}:{value}", text(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn text(bytes: &[u8]) -> String {
    json::escaped(&String::from_utf8_lossy(bytes))
}
