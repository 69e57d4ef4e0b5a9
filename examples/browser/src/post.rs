//! A message of the chat, as an entry of a stream and as the payload of a published message.

use swarm_keydb::{Bytes, StreamEntry, StreamId};

/// Maximum length of a text in characters.
pub(crate) const MAX_TEXT: usize = 2_000;

/// A message that was sent. Its ID orders the messages of a room.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) id: StreamId,
    /// What its sender called it before it had an ID.
    pub(crate) token: String,
    pub(crate) author: String,
    pub(crate) text: String,
}

impl Post {
    pub(crate) fn from_entry(entry: &StreamEntry) -> Option<Self> {
        let field = |name: &str| entry.field_as::<String>(name).ok().flatten();
        Some(Self {
            id: entry.id,
            token: field("token")?,
            author: field("author")?,
            text: field("text")?,
        })
    }

    pub(crate) fn fields(token: &str, author: &str, text: &str) -> [(&'static str, String); 3] {
        let own = str::to_owned;
        [
            ("token", own(token)),
            ("author", own(author)),
            ("text", own(text)),
        ]
    }

    /// Returns the payload of a published message. Only the text may contain line breaks.
    pub(crate) fn payload(&self) -> String {
        let Self {
            id,
            token,
            author,
            text,
        } = self;
        format!("{id}\n{token}\n{author}\n{text}")
    }

    pub(crate) fn from_payload(payload: &Bytes) -> Option<Self> {
        let payload = std::str::from_utf8(payload).ok()?;
        let mut parts = payload.splitn(4, '\n').map(str::to_owned);
        Some(Self {
            id: parts.next()?.parse().ok()?,
            token: parts.next()?,
            author: parts.next()?,
            text: parts.next()?,
        })
    }
}
