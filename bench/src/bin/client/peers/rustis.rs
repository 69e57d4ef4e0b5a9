//! rustis with a multiplexed client.

use std::hint::black_box;

use bytes::Bytes;
use rustis::client::{BatchPreparedCommand, Client};
use rustis::commands::StringCommands;
use rustis::resp::BulkString;

use crate::contestant::Shared;

pub async fn connect(url: &str) -> Client {
    Client::connect(url).await.unwrap()
}

impl Shared for Client {
    type Value = BulkString;

    fn value(bytes: Bytes) -> BulkString {
        bytes.into()
    }

    async fn set(&self, value: &BulkString) {
        StringCommands::set(self, "key", value).await.unwrap();
    }

    async fn get(&self) {
        let got: BulkString = StringCommands::get(self, "key").await.unwrap();
        black_box(got);
    }

    async fn pipeline(&self, count: usize) {
        let mut pipe = self.create_pipeline();
        for _ in 0..count {
            pipe.get::<BulkString>("key").queue();
        }
        let got: Vec<BulkString> = pipe.execute().await.unwrap();
        assert_eq!(got.len(), count);
    }
}
