//! A caller that sees the result of its call first, and may send it elsewhere.

use std::fmt::Debug;

use swarm_resp::Frame;

use super::reply_channel::Wake;
use crate::failure::Failure;
use crate::server::ServerProfile;

/// A caller that decides what follows a result before anybody learns of it: whether the call is
/// sent again, and where.
pub(crate) trait Intercept: Send + Debug {
    /// Whether nobody waits for the result.
    fn is_gone(&self) -> bool;

    /// The requests are about to be sent to this server.
    fn sending(&mut self, server: ServerProfile);

    /// Takes the result of one request, in order. More results follow.
    fn progress(&mut self, result: Result<Frame, Failure>);

    /// Takes the last result.
    fn complete(self: Box<Self>, result: Result<Frame, Failure>) -> Wake;
}

/// A boxed [`Intercept`], behind a pointer of one word where that matters.
#[derive(Debug)]
pub(crate) struct Interceptor(pub(super) Box<dyn Intercept>);
