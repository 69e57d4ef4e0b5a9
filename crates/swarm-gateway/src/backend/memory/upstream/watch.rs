//! WATCH of SwarmKeyDb, which forgets earlier changes of a key that is watched again.

use bytes::Bytes;

use super::super::State;
use super::super::link::{Local, Replies};
use super::super::reject::Reject;
use super::super::transaction;
use super::decoded;

pub(super) fn watch(local: &mut Local, state: &mut State, args: &[Bytes], now: i64) -> Replies {
    if args.len() < 2 {
        return Err(Reject::arity("WATCH"));
    }
    let args: Vec<Bytes> = args.iter().map(decoded).collect();
    if !local.transaction.is_open() {
        local.transaction.forget(state, &args);
    }
    transaction::watch(local, state, &args, now)
}
