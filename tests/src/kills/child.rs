//! The server process that is killed.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, WriteQueue};

/// What the process prints when it listens.
const READY: &str = "ready";

/// A gateway in a process of its own. Killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
}

impl Child {
    /// Starts the program, and waits until it listens.
    pub(super) fn serve(program: &Path, address: &str, redis: &str, interval: Duration) -> Self {
        let mut process = Command::new(program)
            .args(["serve", address, redis, &interval.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there");
        let mut ready = String::new();
        let output = process.stdout.take().expect("it is piped");
        let read = BufReader::new(output).read_line(&mut ready);
        assert!(read.is_ok() && ready.trim() == READY, "it does not listen");
        Self { process }
    }

    /// Kills the process by SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        self.process.kill().expect("it has not been waited for");
        let _status = self.process.wait().expect("it is a child");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// Serves the deployed server's dialect, in front of a Redis, until the process is killed or its
/// standard input ends. The arguments are the address, the URL of the Redis, and the interval of
/// the write queue in milliseconds.
///
/// # Panics
///
/// Panics if the arguments are wrong, or the address cannot be used.
pub async fn serve_until_killed(arguments: &[String]) {
    let [address, redis, interval] = arguments else {
        panic!("serve ADDRESS REDIS-URL MILLISECONDS");
    };
    let interval = Duration::from_millis(interval.parse().expect("a number"));
    let gateway = Gateway::builder()
        .dialect(Dialect::UPSTREAM)
        .write_queue(WriteQueue::new().interval(interval))
        .redis(redis)
        .ws(address)
        .without_http()
        .without_tcp();
    let _gateway = gateway.start().await.expect("the address is free");
    println!("{READY}");
    // No process is left behind if its parent is killed.
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ended = parent.await;
}
