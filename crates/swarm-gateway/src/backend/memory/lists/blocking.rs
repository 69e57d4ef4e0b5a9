//! Commands that wait for an element.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::reject::Reject;
use super::mpop::Pop;
use super::transfer::transfer;
use super::{End, List};

/// `BLPOP key … timeout` and `BRPOP`.
fn pop(call: &mut Call<'_>, end: End) -> Reply {
    let (timeout, keys) = call.rest(1).split_last().ok_or(Reject::SYNTAX)?;
    call.first_ready(keys, "list", timeout, Frame::null_array, |call, key| {
        let popped = call.change_list(key, end.popped(), |list: &mut List| end.pop(list))?;
        Ok(popped.flatten().map(|element| {
            Frame::build(|reply| {
                reply.array(|pair| {
                    pair.bulk(key);
                    pair.bulk(&element);
                });
            })
        }))
    })
}

pub(in super::super) fn blpop(call: &mut Call<'_>) -> Reply {
    pop(call, End::Left)
}

pub(in super::super) fn brpop(call: &mut Call<'_>) -> Reply {
    pop(call, End::Right)
}

/// `BLMPOP timeout numkeys key … LEFT|RIGHT [COUNT count]`.
pub(in super::super) fn blmpop(call: &mut Call<'_>) -> Reply {
    let pop = Pop::parse(call.rest(2))?;
    let timeout = call.arg(1);
    call.first_ready(pop.keys, "list", timeout, Frame::null_array, |call, key| {
        pop.from(call, key)
    })
}

fn wait_and_move(call: &mut Call<'_>, ends: [End; 2], timeout: &Bytes) -> Reply {
    let target = call.arg(2);
    let keys = call.args.get(1..2).unwrap_or_default();
    call.first_ready(keys, "list", timeout, Frame::null, |call, source| {
        Ok(transfer(call, [source, target], ends)?.map(Frame::bulk))
    })
}

/// `BLMOVE source target LEFT|RIGHT LEFT|RIGHT timeout`.
pub(in super::super) fn blmove(call: &mut Call<'_>) -> Reply {
    let ends = [End::parse(call.arg(3))?, End::parse(call.arg(4))?];
    wait_and_move(call, ends, call.arg(5))
}

/// `BRPOPLPUSH source target timeout`.
pub(in super::super) fn brpoplpush(call: &mut Call<'_>) -> Reply {
    wait_and_move(call, [End::Right, End::Left], call.arg(3))
}
