//! Stands in for scripts without the feature `lua`.

use std::convert::Infallible;
use std::time::Instant;

use swarm_resp::Frame;

use super::super::reject::Reject;
use super::{Source, Stop};

const NO_LUA: Reject = Reject::text(
    "ERR this gateway was built without the feature `lua`, so its embedded store runs no scripts",
);

/// Threads of scripts. There are none.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Threads(());

/// The thread of functions. There is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Host(());

/// A script. There is none.
#[derive(Debug)]
pub(super) struct Script(Infallible);

/// Ends a script.
#[derive(Debug, Clone)]
pub(super) struct Kill(Infallible);

impl Script {
    pub(super) fn compile(_: Source, _: &Threads) -> Result<Self, Reject> {
        Err(NO_LUA)
    }

    pub(super) fn function(_: Source, _: &Threads, _: &mut Host) -> Result<Self, Reject> {
        Err(NO_LUA)
    }

    pub(super) fn abandon(&self) {
        match self.0 {}
    }

    pub(super) fn kill_switch(&self) -> Kill {
        match self.0 {}
    }

    pub(super) fn resume(&mut self, _: Option<Frame>) {
        match self.0 {}
    }

    pub(super) fn wait(&mut self, _: Instant) -> Option<Stop> {
        match self.0 {}
    }

    pub(super) async fn stop(&mut self) -> Stop {
        match self.0 {}
    }
}

impl Kill {
    pub(super) async fn killed(&self) {
        match self.0 {}
    }

    pub(super) fn kill(&self) {
        match self.0 {}
    }
}
