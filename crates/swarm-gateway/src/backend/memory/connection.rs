//! Commands about the connection that touch no key.

use swarm_resp::Frame;

use super::call::{Call, Reply};
use super::reject::Reject;

pub(super) fn ping(call: &mut Call<'_>) -> Reply {
    match call.rest(1) {
        [] => Ok(Frame::simple("PONG")),
        [message] => Ok(Frame::bulk(message.clone())),
        _ => Err(Reject::arity("ping")),
    }
}

pub(super) fn echo(call: &mut Call<'_>) -> Reply {
    Ok(Frame::bulk(call.arg(1).clone()))
}
