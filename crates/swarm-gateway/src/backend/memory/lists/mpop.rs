//! LMPOP, and the options that BLMPOP shares with it.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::number;
use super::super::reject::Reject;
use super::End;

/// Arguments of LMPOP, from the number of keys on.
#[derive(Debug)]
pub(super) struct Pop<'a> {
    pub(super) keys: &'a [Bytes],
    end: End,
    most: usize,
}

impl<'a> Pop<'a> {
    pub(super) fn parse(args: &'a [Bytes]) -> Result<Self, Reject> {
        let (count, args) = args.split_first().ok_or(Reject::SYNTAX)?;
        let count = number::at_least(1, count, "ERR numkeys should be greater than 0")?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (keys, rest) = args.split_at_checked(count).ok_or(Reject::SYNTAX)?;
        let (end, mut options) = rest.split_first().ok_or(Reject::SYNTAX)?;
        let end = End::parse(end)?;
        let mut most = None;
        while let Some((option, rest)) = options.split_first() {
            options = match rest {
                [value, rest @ ..] if option.eq_ignore_ascii_case(b"COUNT") && most.is_none() => {
                    let count = number::at_least(1, value, "ERR count should be greater than 0")?;
                    most = Some(usize::try_from(count).unwrap_or(usize::MAX));
                    rest
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        let most = most.unwrap_or(1);
        Ok(Self { keys, end, most })
    }

    /// Pops from a list. Returns `None` if the key does not exist.
    pub(super) fn from(&self, call: &mut Call<'_>, key: &Bytes) -> Result<Option<Frame>, Reject> {
        let popped = call.pop_many(key, self.end, self.most)?;
        Ok(popped.map(|popped| {
            Frame::build(|reply| {
                reply.array(|pair| {
                    pair.bulk(key);
                    pair.array(|array| popped.iter().for_each(|element| array.bulk(element)));
                });
            })
        }))
    }
}

/// `LMPOP numkeys key … LEFT|RIGHT [COUNT count]`.
pub(in super::super) fn lmpop(call: &mut Call<'_>) -> Reply {
    let pop = Pop::parse(call.rest(1))?;
    for key in pop.keys {
        if let Some(reply) = pop.from(call, key)? {
            return Ok(reply);
        }
    }
    Ok(Frame::null_array())
}
