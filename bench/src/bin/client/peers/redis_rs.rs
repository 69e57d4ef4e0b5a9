//! redis-rs with a multiplexed connection.

use std::hint::black_box;

use bytes::Bytes;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::contestant::Shared;

pub async fn connect(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

impl Shared for MultiplexedConnection {
    type Value = Bytes;

    fn value(bytes: Bytes) -> Bytes {
        bytes
    }

    async fn set(&self, value: &Bytes) {
        let () = AsyncCommands::set(&mut self.clone(), "key", &**value)
            .await
            .unwrap();
    }

    async fn get(&self) {
        let got: Vec<u8> = AsyncCommands::get(&mut self.clone(), "key").await.unwrap();
        black_box(got);
    }

    async fn pipeline(&self, count: usize) {
        let mut pipe = redis::pipe();
        for _ in 0..count {
            pipe.get("key");
        }
        let got: Vec<Vec<u8>> = pipe.query_async(&mut self.clone()).await.unwrap();
        assert_eq!(got.len(), count);
    }
}
