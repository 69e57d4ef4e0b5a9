//! fred with a single client.

use std::hint::black_box;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::config::Config;

use crate::contestant::Shared;

pub async fn connect(url: &str) -> Client {
    let client = Client::new(Config::from_url(url).unwrap(), None, None, None);
    client.init().await.unwrap();
    client
}

impl Shared for Client {
    type Value = Bytes;

    fn value(bytes: Bytes) -> Bytes {
        bytes
    }

    async fn set(&self, value: &Bytes) {
        let () = KeysInterface::set(self, "key", value.clone(), None, None, false)
            .await
            .unwrap();
    }

    async fn get(&self) {
        let got: Bytes = KeysInterface::get(self, "key").await.unwrap();
        black_box(got);
    }

    async fn pipeline(&self, count: usize) {
        let pipe = self.pipeline();
        for _ in 0..count {
            let () = pipe.get("key").await.unwrap();
        }
        let got: Vec<Bytes> = pipe.all().await.unwrap();
        assert_eq!(got.len(), count);
    }
}
