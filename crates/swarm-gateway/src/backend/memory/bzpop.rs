//! Commands on sorted sets that wait for a member.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::reject::Reject;
use super::sorted_sets::{Pop, Side, pop_first, put_score};
use super::table::{Spec, data};

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    data("BZMPOP", -5, bzmpop),
    data("BZPOPMAX", -3, bzpopmax),
    data("BZPOPMIN", -3, bzpopmin),
];

/// `BZPOPMIN key … timeout` and `BZPOPMAX`.
fn pop(call: &mut Call<'_>, side: Side) -> Reply {
    let (timeout, keys) = call.rest(1).split_last().ok_or(Reject::SYNTAX)?;
    call.first_ready(keys, "zset", timeout, Frame::null_array, |call, key| {
        let popped = pop_first(call, std::slice::from_ref(key), side, 1)?;
        let popped = popped.and_then(|(key, members)| Some((key, members.into_iter().next()?)));
        Ok(popped.map(|(key, scored)| {
            Frame::build(|reply| {
                reply.array(|array| {
                    array.bulk(&key);
                    array.bulk(&scored.member);
                    put_score(array, scored.score);
                });
            })
        }))
    })
}

fn bzpopmin(call: &mut Call<'_>) -> Reply {
    pop(call, Side::Min)
}

fn bzpopmax(call: &mut Call<'_>) -> Reply {
    pop(call, Side::Max)
}

/// `BZMPOP timeout numkeys key … MIN|MAX [COUNT count]`.
fn bzmpop(call: &mut Call<'_>) -> Reply {
    let Pop { keys, side, most } = Pop::parse(call, 2)?;
    let timeout: &Bytes = call.arg(1);
    call.first_ready(keys, "zset", timeout, Frame::null_array, |call, key| {
        let keys = std::slice::from_ref(key);
        Pop { keys, side, most }.run(call)
    })
}
