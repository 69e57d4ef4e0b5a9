//! What the benchmark measures: the client in the place of plain JavaScript.

use futures_util::future::try_join_all;
use swarm_keydb::Client;
use wasm_bindgen::prelude::*;

use crate::time::now;

/// A client and its key.
#[wasm_bindgen]
pub struct Bench {
    client: Client,
}

#[wasm_bindgen]
impl Bench {
    /// Connects to a gateway.
    pub async fn connect(url: String) -> Result<Self, JsError> {
        let client = Client::connect(url).await?;
        client.set("bench", "0123456789").await?;
        Ok(Self { client })
    }

    /// Sends commands one by one. Returns how long each took, in milliseconds.
    #[wasm_bindgen(js_name = oneByOne)]
    pub async fn one_by_one(&self, count: usize) -> Result<Vec<f64>, JsError> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = now();
            self.client.get("bench").await?;
            times.push(now() - start);
        }
        Ok(times)
    }

    /// Sends pipelines one by one.
    pub async fn pipelines(&self, count: usize, size: usize) -> Result<(), JsError> {
        for _ in 0..count {
            let pipeline = self.client.pipeline();
            let handles: Vec<_> = (0..size).map(|_| pipeline.get("bench")).collect();
            for value in pipeline.send(handles).await {
                value?;
            }
        }
        Ok(())
    }

    /// Sends commands in groups that run at the same time.
    pub async fn concurrent(&self, count: usize, size: usize) -> Result<(), JsError> {
        for _ in 0..count {
            try_join_all((0..size).map(|_| self.client.get("bench").into_future())).await?;
        }
        Ok(())
    }
}
