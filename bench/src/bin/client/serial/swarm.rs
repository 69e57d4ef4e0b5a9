//! The client of this repository, as one client and as many.

use std::time::Duration;

use futures_util::future::join_all;
use swarm_keydb::{Client, ClientOptions};

use super::load::{Commands, Step, VALUE};

/// Longer than any queue of this benchmark, so that no command ends before its reply.
pub const PATIENCE: Duration = Duration::from_secs(60);

fn options(url: &str) -> ClientOptions {
    ClientOptions::new(url).request_timeout(PATIENCE)
}

/// Returns a client that opens as many connections as it finds useful.
pub async fn one(url: &str) -> Client {
    Client::connect(options(url)).await.unwrap()
}

/// Returns separate clients with one connection each.
pub async fn many(url: &str, count: usize) -> Vec<Client> {
    let client = |_| Client::connect(options(url).max_connections(1));
    let clients = join_all((0..count).map(client)).await;
    clients.into_iter().map(Result::unwrap).collect()
}

pub async fn close(clients: &[Client]) {
    join_all(clients.iter().map(Client::close)).await;
}

/// Returns the number of the client's shared connections.
pub fn connections(client: &Client) -> usize {
    client.stats().shared.open
}

impl Commands for Client {
    async fn run(&self, step: Step<'_>) -> bool {
        match step {
            Step::Get(key) => self.get(key).await.is_ok(),
            Step::Set(key) => self.set(key, VALUE).await.is_ok(),
            Step::Add(key) => self.xadd(key, [("field", VALUE)]).await.is_ok(),
            Step::Increment(key) => self.incr(key).await.is_ok(),
        }
    }
}
