//! A consumer that loses the reply to a read, against a scripted server on a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::BoxTransport;
use swarm_transport::memory::{MemoryPeer, pair};
use tokio::time::{Instant, sleep, timeout};

use crate::{Client, ClientOptions};

/// Time for which the server keeps the read of a lost connection before it delivers an entry to
/// that read.
const LATE: Duration = Duration::from_millis(1500);

#[derive(Default)]
struct Server {
    /// When the first read was lost.
    lost: Mutex<Option<Instant>>,
}

impl Server {
    /// Whether the entry was delivered to the lost read.
    fn is_pending(&self) -> bool {
        let lost = *self.lost.lock().unwrap();
        lost.is_some_and(|lost| lost.elapsed() >= LATE)
    }

    /// Serves a connection. Drops the first connection that waits for new entries.
    async fn serve(&self, mut peer: MemoryPeer) {
        while let Some(request) = peer.next_request().await {
            let Some(reply) = self.run(&request).await else {
                return;
            };
            if peer.reply(reply).await.is_err() {
                return;
            }
        }
    }

    async fn run(&self, request: &Request) -> Option<Frame> {
        let args: Vec<_> = request.args().map(String::from_utf8_lossy).collect();
        Some(match (&*args[0], args.get(1)) {
            ("XGROUP", _) => Frame::simple("OK"),
            ("XPENDING", _) => {
                if self.is_pending() && args[3] == "0-1" {
                    let fields = [
                        Frame::bulk("5-0"),
                        Frame::bulk("name"),
                        Frame::integer(0),
                        Frame::integer(1),
                    ];
                    Frame::array(&[Frame::array(&fields)])
                } else {
                    Frame::array([])
                }
            }
            ("XREADGROUP", _) if args.last().is_some_and(|id| id == ">") => {
                let first = self.lost.lock().unwrap().is_none();
                if first {
                    *self.lost.lock().unwrap() = Some(Instant::now());
                    return None;
                }
                let at = args.iter().position(|arg| arg == "BLOCK").unwrap();
                sleep(Duration::from_millis(args[at + 1].parse().unwrap())).await;
                Frame::null()
            }
            ("XREADGROUP", _) => {
                let fields = Frame::array(&[Frame::bulk("job"), Frame::bulk("1")]);
                let entry = Frame::array(&[Frame::bulk("5-0"), fields]);
                let stream = [Frame::bulk("stream"), Frame::array(&[entry])];
                Frame::array(&[Frame::array(&stream)])
            }
            ("PING" | "ECHO", Some(text)) => Frame::bulk(text.as_bytes().to_vec()),
            _ => Frame::error("ERR unknown command"),
        })
    }
}

/// Catches entries that the server delivers to a lost read after the consumer has checked for them,
/// and that would stay pending until the consumer restarts.
#[tokio::test(start_paused = true)]
async fn an_entry_delivered_to_a_lost_read_is_recovered_by_the_second_check() {
    let server = Arc::<Server>::default();
    let serving = Arc::clone(&server);
    let connect = move || {
        let (transport, peer) = pair();
        let server = Arc::clone(&serving);
        tokio::spawn(async move { server.serve(peer).await });
        async move { Ok(Box::new(transport) as BoxTransport) }
    };
    let client = Client::connect_with(connect, ClientOptions::default());
    let client = client.await.unwrap();
    let builder = client.consumer("group", "name", "stream").min_idle(None);
    let mut consumer = builder.build().unwrap();
    let next = timeout(Duration::from_secs(3600), consumer.next()).await;
    let delivery = next.expect("found").unwrap().unwrap();
    assert_eq!(delivery.id.to_string(), "5-0");
    // A read blocks for 2 s at most, and a second more passes before the second look.
    let lost = server.lost.lock().unwrap().unwrap();
    let found = lost.elapsed();
    assert_eq!(found, 2 * LATE);
}
