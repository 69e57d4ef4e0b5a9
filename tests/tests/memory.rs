//! Memory retained by values over TCP and WebSocket: proportional to their own size, not to that of
//! their replies.

use std::thread;

use allocation_counter::measure;
use swarm_gateway::Gateway;
use swarm_keydb::{Bytes, Client};
use swarm_tests::within;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Bound stated in the guide: bytes of memory per byte of a value.
const FACTOR: usize = 64;

/// Overhead per value: its list entry and the reference count of a shared buffer.
const EACH: usize = 200;

/// Memory that remains after a client and a runtime are dropped: lazy statics and thread locals.
const REST: usize = 64 << 10;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Starts a gateway on a separate thread, whose memory is not counted. It stops when the sender is
/// dropped.
fn gateway() -> ([String; 2], oneshot::Sender<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let gateway = Gateway::builder().start().await.unwrap();
            tell.send([gateway.tcp_url().into(), gateway.ws_url().into()])
                .unwrap();
            let _ = stopped.await;
        });
    });
    (told.recv().unwrap(), stop)
}

/// Returns the bytes retained by the values that `work` returns, after its client and runtime are
/// dropped.
fn kept<T>(url: &str, work: impl AsyncFnOnce(&Client) -> Vec<T>) -> usize {
    let mut values = Vec::new();
    let info = measure(|| {
        let runtime = runtime();
        values = runtime.block_on(async {
            let client = within(Client::connect(url)).await.unwrap();
            let values = work(&client).await;
            within(client.close()).await;
            values
        });
    });
    drop(values);
    usize::try_from(info.bytes_current).unwrap()
}

async fn set(client: &Client, key: &str, len: usize) {
    within(client.set(key, "x".repeat(len))).await.unwrap();
}

/// Returns the value at one position of a pipeline of `count` GETs.
async fn one_of(client: &Client, key: &str, count: usize, place: usize) -> Bytes {
    let pipeline = client.pipeline();
    let handles: Vec<_> = (0..count).map(|_| pipeline.get(key)).collect();
    let mut values = within(pipeline.send(handles)).await;
    values.swap_remove(place).unwrap().unwrap()
}

#[test]
fn small_values_out_of_long_pipelines_keep_themselves() {
    let (urls, _stop) = gateway();
    for url in urls {
        let used = kept(&url, async |client| {
            set(client, "small", 100).await;
            let mut values = Vec::new();
            for round in 0..100 {
                values.push(one_of(client, "small", 200, round * 2).await);
            }
            values
        });
        assert!(used < 100 * (100 + EACH) + REST, "{url}: {used} bytes");
    }
}

#[test]
fn small_values_out_of_large_replies_keep_themselves() {
    let (urls, _stop) = gateway();
    for url in urls {
        let used = kept(&url, async |client| {
            set(client, "small", 40).await;
            set(client, "large", 1 << 20).await;
            let mut values = Vec::new();
            for _ in 0..50 {
                let mut both = within(client.mget(["small", "large"])).await.unwrap();
                values.push(both.swap_remove(0).unwrap());
            }
            values
        });
        assert!(used < 50 * (40 + EACH) + REST, "{url}: {used} bytes");
    }
}

#[test]
fn values_of_any_size_keep_a_bounded_multiple_of_themselves() {
    let (urls, _stop) = gateway();
    for url in urls {
        // Lengths just below and above the copying threshold, and after a reply that has grown the
        // buffer.
        for (len, before) in [
            (500, 0),
            (1100, 0),
            (4096, 0),
            (4096, 700_000),
            (20_000, 700_000),
        ] {
            const COUNT: usize = 20;
            let used = kept(&url, async |client| {
                set(client, "value", len).await;
                set(client, "before", before).await;
                let mut values = Vec::new();
                for round in 0..COUNT {
                    let pipeline = client.pipeline();
                    let before = pipeline.get("before");
                    let handles: Vec<_> = (0..COUNT).map(|_| pipeline.get("value")).collect();
                    let (before, mut of_this) = within(pipeline.send((before, handles))).await;
                    before.unwrap().unwrap();
                    values.push(of_this.swap_remove(round).unwrap().unwrap());
                }
                values
            });
            let bound = COUNT * (FACTOR * len + EACH) + REST;
            assert!(used < bound, "{url}, {len} B behind {before}: {used} bytes");
            println!(
                "{url}, {len} B behind {before}: {} bytes per byte",
                used / (COUNT * len)
            );
        }
    }
}
