//! What all clones of a client, and its pending replies, share.

use std::borrow::Cow;
use std::sync::Arc;

use super::follow::Subscriptions;
use super::machine::NodeId;
use super::router::Router;
use super::target::{Scope, Target};
use crate::client::Running;

/// Closes the client with its last clone, and the last reply that is awaited.
pub(super) struct Handle {
    pub(super) router: Arc<Router>,
    pub(super) subscriptions: Subscriptions,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.router.abandon();
    }
}

impl Router {
    /// Returns a primary, preferably one that is connected.
    pub(super) fn any_primary(&self) -> Option<NodeId> {
        self.look(|machine| {
            let primaries = machine.shards().iter().map(|(primary, _)| *primary);
            let (up, down): (Vec<_>, Vec<_>) = primaries.partition(|node| machine.is_up(*node));
            fastrand::choice(up).or_else(|| fastrand::choice(down))
        })
    }

    /// Returns the nodes of a scope.
    pub(super) fn nodes(&self, scope: Scope) -> Vec<NodeId> {
        self.look(|machine| {
            let shards = machine.shards().iter();
            match scope {
                Scope::Primaries => shards.map(|(primary, _)| *primary).collect(),
                Scope::Nodes => shards
                    .flat_map(|(primary, replicas)| std::iter::once(primary).chain(replicas))
                    .copied()
                    .collect(),
            }
        })
    }

    /// Starts the operation of a command, for spans and observers.
    #[expect(clippy::ptr_arg, reason = "cloning a borrowed name allocates nothing")]
    pub(super) fn start_running(
        self: &Arc<Self>,
        name: &Cow<'static, str>,
        target: &Target,
    ) -> Running {
        let owner = match target {
            Target::Slot(slot) => self.look(|machine| machine.owner(*slot)),
            _ => None,
        };
        let node = owner.or_else(|| self.any_primary());
        match node.and_then(|node| self.client(node)) {
            Some(client) => Running::command(name, client.connection()),
            None => Running::default(),
        }
    }

    /// Starts the operation of a batch, for spans and observers.
    pub(super) fn start_batch(
        self: &Arc<Self>,
        kind: &'static str,
        names: &[Cow<'static, str>],
    ) -> Running {
        if !Running::is_watched(self.options().client()) {
            return Running::default();
        }
        match self.any_primary().and_then(|node| self.client(node)) {
            Some(client) => Running::batch(kind, names, client.connection()),
            None => Running::default(),
        }
    }
}
