//! Embedded gateways, each with a store of its own, over real sockets.

use std::collections::BTreeMap;

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions, ScanOptions};

use super::Fleet;
use crate::{gateway, within};

/// Embedded gateways, each with a store of its own.
pub struct Gateways(Vec<Gateway>);

impl Gateways {
    /// Starts this many gateways.
    pub async fn start(count: usize) -> Self {
        let mut gateways = Vec::new();
        for _ in 0..count {
            gateways.push(gateway(Dialect::STANDARD).await);
        }
        Self(gateways)
    }

    /// Returns the URLs of the gateways, as a list.
    pub fn urls(&self) -> String {
        let urls: Vec<_> = self.0.iter().map(Gateway::ws_url).collect();
        urls.join(",")
    }

    /// Returns a gateway.
    ///
    /// # Panics
    ///
    /// Panics if there is none with this number.
    pub fn get(&mut self, server: usize) -> &mut Gateway {
        &mut self.0[server]
    }
}

impl Fleet for Gateways {
    async fn client(&self, mut options: ClientOptions) -> Client {
        options = options.urls(self.0.iter().map(Gateway::ws_url));
        within(Client::connect(options)).await.expect("a gateway")
    }

    fn name(&self, server: usize) -> String {
        self.0[server].ws_url().trim_end_matches('/').to_owned()
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    async fn kill(&mut self, server: usize) {
        self.0[server].stop().await;
    }

    async fn revive(&mut self, server: usize) {
        self.0[server].start().await.expect("its own ports");
    }

    async fn increments(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for gateway in &self.0 {
            let client = within(Client::connect(gateway.ws_url())).await;
            let client = client.expect("every gateway is up");
            let mut keys = client.scan_stream(ScanOptions::new().count(1000));
            let mut names = Vec::new();
            while let Some(key) = keys.next().await {
                names.push(String::from_utf8(key.expect("a page").into()).expect("text"));
            }
            for names in names.chunks(1000) {
                let values = client.mget_as::<u64>(names).await.expect("values");
                for (name, value) in names.iter().zip(values) {
                    *sums.entry(name.clone()).or_default() += value.unwrap_or_default();
                }
            }
            client.close().await;
        }
        sums
    }
}
