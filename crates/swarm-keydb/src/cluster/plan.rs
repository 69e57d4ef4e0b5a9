//! A command that was not sent yet, and where it must run.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::router::Router;
use super::target::{Target, target};
use crate::command::{Blocking, Builder};
use crate::error::Result;
use crate::request_reply::{Requests, Retry};

/// A command that was not sent yet.
pub(super) struct Plan {
    pub(super) router: Arc<Router>,
    pub(super) name: Cow<'static, str>,
    pub(super) requests: Requests,
    pub(super) target: Target,
    pub(super) retry: Retry,
    pub(super) timeout: Duration,
    /// Whether the caller set the timeout for this command.
    pub(super) is_explicit: bool,
    pub(super) blocking: Blocking,
    /// Whether a replica may answer.
    pub(super) from_replica: bool,
}

impl Plan {
    /// Plans a command.
    ///
    /// # Errors
    ///
    /// If an argument was rejected, or the command cannot run in a cluster.
    pub(super) fn new(router: &Arc<Router>, builder: &mut Builder) -> Result<Self> {
        let target = target(&builder.request.written())?;
        let request = builder.request.build();
        Ok(Self {
            router: Arc::clone(router),
            name: builder.name.clone(),
            requests: Requests::one(request, builder.marks),
            target,
            retry: builder.retry,
            timeout: router.options().client().request_timeout,
            is_explicit: false,
            blocking: builder.blocking,
            from_replica: false,
        })
    }
}
