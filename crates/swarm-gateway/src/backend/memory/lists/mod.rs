//! Lists.

mod blocking;
mod edit;
mod mpop;
mod positions;
mod table;
mod transfer;

use std::collections::VecDeque;

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count};
use super::keyspace::{Class, Expiry, Value};
use super::number;
use super::reject::Reject;

use blocking::{blmove, blmpop, blpop, brpop, brpoplpush};
use edit::{lindex, linsert, lrange, lrem, lset, ltrim};
use mpop::lmpop;
use positions::lpos;
use transfer::{lmove, rpoplpush};

pub(super) use table::COMMANDS;

/// Value of a key of type `list`. Never empty in the keyspace.
pub(super) type List = VecDeque<Bytes>;

/// End of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Left,
    Right,
}

impl End {
    fn parse(text: &[u8]) -> Result<Self, Reject> {
        match text.to_ascii_uppercase().as_slice() {
            b"LEFT" => Ok(Self::Left),
            b"RIGHT" => Ok(Self::Right),
            _ => Err(Reject::SYNTAX),
        }
    }

    /// Returns the event of a push.
    const fn pushed(self) -> &'static str {
        match self {
            Self::Left => "lpush",
            Self::Right => "rpush",
        }
    }

    /// Returns the event of a pop.
    const fn popped(self) -> &'static str {
        match self {
            Self::Left => "lpop",
            Self::Right => "rpop",
        }
    }

    fn peek(self, list: &List) -> Option<&Bytes> {
        match self {
            Self::Left => list.front(),
            Self::Right => list.back(),
        }
    }

    fn push(self, list: &mut List, element: Bytes) {
        match self {
            Self::Left => list.push_front(element),
            Self::Right => list.push_back(element),
        }
    }

    fn pop(self, list: &mut List) -> Option<Bytes> {
        match self {
            Self::Left => list.pop_front(),
            Self::Right => list.pop_back(),
        }
    }
}

impl Call<'_> {
    /// Returns the list of a key.
    fn list(&self, key: &[u8]) -> Result<Option<&List>, Reject> {
        self.keyspace.get(key).map(Value::as_list).transpose()
    }

    /// Changes the list of a key, and removes the key if that leaves no elements. Returns `None` if
    /// the key does not exist.
    fn change_list<T>(
        &mut self,
        key: &Bytes,
        event: &'static str,
        change: impl FnOnce(&mut List) -> T,
    ) -> Result<Option<T>, Reject> {
        // Checked first, because opening a value for modification counts as a write.
        if self.list(key)?.is_none() {
            return Ok(None);
        }
        let list = self.keyspace.get_mut(key).map(Value::as_list_mut);
        let Some(list) = list.transpose()? else {
            return Ok(None);
        };
        let result = change(list);
        let is_empty = list.is_empty();
        self.keyspace.touch(key);
        self.keyspace.notify(Class::LIST, event, key);
        if is_empty {
            self.keyspace.discard_empty(key);
        }
        Ok(Some(result))
    }

    /// Pushes elements onto a list one after another, creating the list if necessary. Returns the
    /// new length.
    fn push_all(
        &mut self,
        key: &Bytes,
        end: End,
        elements: impl IntoIterator<Item = Bytes>,
    ) -> Result<usize, Reject> {
        if !self.keyspace.contains(key) {
            let mut list = List::new();
            let elements = elements.into_iter();
            elements.for_each(|element| end.push(&mut list, element));
            let length = list.len();
            self.keyspace.set(key, Value::List(list), Expiry::Never);
            self.keyspace.notify(Class::LIST, end.pushed(), key);
            return Ok(length);
        }
        let length = self.change_list(key, end.pushed(), |list| {
            let elements = elements.into_iter();
            elements.for_each(|element| end.push(list, element));
            list.len()
        })?;
        Ok(length.unwrap_or_default())
    }

    /// Pops up to `most` elements. Returns `None` if the key does not exist.
    fn pop_many(
        &mut self,
        key: &Bytes,
        end: End,
        most: usize,
    ) -> Result<Option<Vec<Bytes>>, Reject> {
        self.change_list(key, end.popped(), |list| {
            std::iter::from_fn(|| end.pop(list)).take(most).collect()
        })
    }
}

/// Copies elements out of the received message.
fn copied(elements: &[Bytes]) -> impl Iterator<Item = Bytes> {
    elements
        .iter()
        .map(|element| Bytes::copy_from_slice(element))
}

fn push(call: &mut Call<'_>, end: End, only_existing: bool) -> Reply {
    let (key, elements) = (call.arg(1), call.rest(2));
    if call.list(key)?.is_none() && only_existing {
        return Ok(Frame::integer(0));
    }
    Ok(count(call.push_all(key, end, copied(elements))?))
}

pub(super) fn lpush(call: &mut Call<'_>) -> Reply {
    push(call, End::Left, false)
}

pub(super) fn rpush(call: &mut Call<'_>) -> Reply {
    push(call, End::Right, false)
}

pub(super) fn lpushx(call: &mut Call<'_>) -> Reply {
    push(call, End::Left, true)
}

pub(super) fn rpushx(call: &mut Call<'_>) -> Reply {
    push(call, End::Right, true)
}

pub(super) fn llen(call: &mut Call<'_>) -> Reply {
    Ok(count(call.list(call.arg(1))?.map_or(0, List::len)))
}

/// `LPOP key [count]` and `RPOP`.
fn pop(call: &mut Call<'_>, end: End, name: &str) -> Reply {
    let key = call.arg(1);
    let most = match call.rest(2) {
        [] => None,
        [most] => Some(number::positive(most)?),
        _ => return Err(Reject::arity(name)),
    };
    let Some(most) = most else {
        let popped = call.change_list(key, end.popped(), |list| end.pop(list))?;
        return Ok(popped.flatten().map_or_else(Frame::null, Frame::bulk));
    };
    if call.list(key)?.is_none() {
        return Ok(Frame::null_array());
    }
    let popped = match usize::try_from(most).unwrap_or(usize::MAX) {
        0 => Vec::new(),
        most => call.pop_many(key, end, most)?.unwrap_or_default(),
    };
    Ok(bulks(&popped))
}

pub(super) fn lpop(call: &mut Call<'_>) -> Reply {
    pop(call, End::Left, "lpop")
}

pub(super) fn rpop(call: &mut Call<'_>) -> Reply {
    pop(call, End::Right, "rpop")
}

/// Returns an array of bulk strings.
fn bulks<'a>(elements: impl IntoIterator<Item = &'a Bytes>) -> Frame {
    Frame::build(|reply| {
        reply.array(|array| elements.into_iter().for_each(|element| array.bulk(element)));
    })
}
