//! The client of this repository.

use std::hint::black_box;

use bytes::Bytes;
use swarm_keydb::{Client, StringCommands};

use crate::contestant::Shared;

pub async fn connect(url: &str) -> Client {
    Client::connect(url).await.unwrap()
}

/// Stores the value that a row reads.
pub async fn store(url: &str, len: usize) {
    let client = connect(url).await;
    StringCommands::set(&client, "key", vec![b'x'; len])
        .await
        .unwrap();
    client.close().await;
}

/// Returns the number of connections that the server has accepted, with one for this question.
pub async fn connections_so_far(url: &str) -> i64 {
    let client = connect(url).await;
    let id = client.raw("CLIENT", "ID").await.unwrap();
    client.close().await;
    id.as_integer().unwrap()
}

impl Shared for Client {
    type Value = Bytes;

    fn value(bytes: Bytes) -> Bytes {
        bytes
    }

    async fn set(&self, value: &Bytes) {
        StringCommands::set(self, "key", &**value).await.unwrap();
    }

    async fn get(&self) {
        black_box(StringCommands::get(self, "key").await.unwrap().unwrap());
    }

    async fn pipeline(&self, count: usize) {
        let pipeline = Self::pipeline(self);
        let handles: Vec<_> = (0..count).map(|_| pipeline.get("key")).collect();
        for got in pipeline.send(handles).await {
            black_box(got.unwrap().unwrap());
        }
    }
}
