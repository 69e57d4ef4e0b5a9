//! Lower bound over TCP: writes as many commands as the window permits, reads, and finds the ends
//! of replies. Discards what it reads and reuses a single buffer.

use std::sync::Arc;

use swarm_bench::lower_bound::frame_end;
use swarm_resp::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::contestant::Contestant;
use crate::row::Row;

pub struct RawTcp(Arc<Mutex<Connection>>);

struct Connection {
    stream: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl RawTcp {
    pub async fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("redis://");
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(Arc::new(Mutex::new(Connection {
            stream,
            output: Vec::new(),
            input: vec![0; 1 << 16],
        })))
    }
}

impl Contestant for RawTcp {
    async fn work(&self, row: &Row) {
        let both = row.requests();
        let (total, window) = (row.total(), row.window());
        let connection = Arc::clone(&self.0);
        // Spawned as a runtime task, like the connections of the clients.
        let work = async move { connection.lock().await.run(both, total, window).await };
        tokio::spawn(work).await.unwrap();
    }
}

impl Connection {
    async fn run(&mut self, requests: [Request; 2], total: usize, window: usize) {
        let (mut sent, mut received, mut filled) = (0, 0, 0);
        while received < total {
            while sent < total && sent - received < window {
                let request = requests[sent % 2].encoded();
                self.output.extend_from_slice(request);
                sent += 1;
            }
            self.stream.write_all(&self.output).await.unwrap();
            self.output.clear();
            filled += self.stream.read(&mut self.input[filled..]).await.unwrap();
            let mut at = 0;
            while let Some(len) = frame_end(&self.input[at..filled], 0) {
                at += len;
                received += 1;
            }
            if at > 0 {
                self.input.copy_within(at..filled, 0);
                filled -= at;
            }
            if filled == self.input.len() {
                self.input.resize(2 * filled, 0);
            }
        }
        assert_eq!(filled, 0);
    }
}
