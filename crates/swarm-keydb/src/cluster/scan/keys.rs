//! Scans all primaries for keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::ConvertError;

use super::super::address::Address;
use super::super::handle::Handle;
use super::super::machine::NodeId;
use super::super::slot::slot_of;
use super::coverage::{Coverage, Next, View};
use super::pages::Walk;
use super::view;
use super::{FIRST_DELAY, LONGEST_DELAY, not_found};
use crate::client::Client;
use crate::commands::ScanOptions;
use crate::error::{Error, Result};
use crate::runtime::{Instant, sleep};

/// Scans one primary after the other, until no slot may have keys that were missed.
pub(super) struct Keys {
    handle: Arc<Handle>,
    options: ScanOptions,
    coverage: Coverage<NodeId>,
    node: Option<Scanned>,
    delay: Duration,
    /// When the nodes were last known to agree with the topology.
    agreed: Option<Instant>,
}

/// The node that is being scanned.
struct Scanned {
    node: NodeId,
    client: Client,
    before: View<NodeId>,
    /// `None` after the last page.
    cursor: Option<u64>,
}

impl Keys {
    pub(super) fn new(handle: &Arc<Handle>, options: ScanOptions) -> Self {
        Self {
            handle: Arc::clone(handle),
            options,
            coverage: Coverage::new(),
            node: None,
            delay: FIRST_DELAY,
            agreed: None,
        }
    }

    /// Asks a node what it owns.
    async fn view(&self, client: &Client) -> Result<View<NodeId>> {
        let nodes = client.raw("CLUSTER NODES", ()).await?;
        let info = client.raw("INFO", "server").await?;
        let text = nodes.view().as_str().zip(info.view().as_str());
        let find = |address: &str| {
            let address = Address::parse(address)?;
            self.handle.router.look(|machine| machine.find(&address))
        };
        let view = text.and_then(|(nodes, info)| view::read(nodes, info, find));
        view.ok_or_else(|| Error::convert(ConvertError::new("nodes and slots", nodes.view())))
    }

    /// Begins to scan a node, if it has slots whose keys are missing.
    async fn begin(&mut self, node: NodeId) -> Result<()> {
        let router = &self.handle.router;
        // The node may have left since it was chosen.
        let client = match router.client(node) {
            Some(client) => client,
            None if router.is_closed() => return Err(Error::closed()),
            None => return self.disagree(node).await,
        };
        let before = match self.view(&client).await {
            Ok(before) => before,
            Err(error) if error.is_closed() => return self.disagree(node).await,
            Err(error) => return Err(error),
        };
        if !before.is_primary || !self.coverage.needs(&before) {
            return self.disagree(node).await;
        }
        self.delay = FIRST_DELAY;
        self.agreed = None;
        self.node = Some(Scanned {
            node,
            client,
            before,
            cursor: Some(0),
        });
        Ok(())
    }

    /// Ends the scan of a node.
    async fn end(&mut self) -> Result<()> {
        let Some(scanned) = &self.node else {
            return Ok(());
        };
        let after = self.view(&scanned.client).await?;
        let mut sources = HashMap::new();
        for source in self.coverage.sources(&scanned.before) {
            // One that has left, or does not answer, was not the source throughout.
            if let Some(client) = self.handle.router.client(source)
                && let Ok(view) = self.view(&client).await
            {
                sources.insert(source, view);
            }
        }
        if let Some(Scanned { node, before, .. }) = self.node.take() {
            self.coverage.scanned(node, &before, &after, &sources);
        }
        Ok(())
    }

    /// The client believes that a node has slots, but the node does not. Waits until the topology
    /// may have been fetched.
    async fn disagree(&mut self, node: NodeId) -> Result<()> {
        self.coverage.not_at(node);
        let router = &self.handle.router;
        if router.is_closed() {
            return Err(Error::closed());
        }
        let now = Instant::now();
        let since = *self.agreed.get_or_insert(now);
        if now.saturating_duration_since(since) > router.options().client().request_timeout {
            self.agreed = None;
            return Err(not_found("SCAN"));
        }
        router.request_refresh();
        sleep(self.delay).await;
        self.delay = (2 * self.delay).min(LONGEST_DELAY);
        Ok(())
    }
}

impl Walk for Keys {
    type Item = Bytes;

    async fn page(&mut self) -> Result<Option<Vec<Bytes>>> {
        loop {
            let Some(scanned) = &mut self.node else {
                let router = &self.handle.router;
                let next = router.look(|machine| self.coverage.next(|slot| machine.owner(slot)));
                match next {
                    Next::Done => return Ok(None),
                    Next::Scan(node) => self.begin(node).await?,
                }
                continue;
            };
            let result = match scanned.cursor {
                Some(cursor) => {
                    let page = scanned.client.scan(cursor, self.options.clone()).await;
                    page.map(Some)
                }
                None => {
                    let end = self.end().await;
                    if end.is_ok() {
                        continue;
                    }
                    end.map(|()| None)
                }
            };
            match result {
                Ok(None) => {}
                Ok(Some(page)) => {
                    if let Some(scanned) = &mut self.node {
                        scanned.cursor = (page.cursor != 0).then_some(page.cursor);
                    }
                    let keys = page.keys.into_iter();
                    let keys = keys.filter(|key| self.coverage.is_missing(slot_of(key)));
                    return Ok(Some(keys.collect()));
                }
                // The node has left the cluster. Its successor is scanned from the beginning.
                Err(error) if error.is_closed() && !self.handle.router.is_closed() => {
                    self.node = None;
                }
                Err(error) => {
                    // The same page is requested again, unless another node owns the slots.
                    let router = &self.handle.router;
                    let is_owner = self.node.as_ref().is_some_and(|scanned| {
                        router.look(|machine| machine.owns_slots(scanned.node))
                    });
                    if !is_owner {
                        self.node = None;
                    }
                    return Err(error);
                }
            }
        }
    }
}
