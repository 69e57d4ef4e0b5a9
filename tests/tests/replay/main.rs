//! Replays what the deployed server answered against the gateway's dialect `upstream`, byte for
//! byte over each listener. See `tests/recorded/README.md` for the recordings.
//!
//! `RECORDED=/path cargo test --test replay` replays another set, without the lists of exceptions
//! and of remaining differences.

mod compare;
mod differences;
mod door;
mod exceptions;
mod http;
mod pace;
mod recording;
mod resp;
mod steps;

use differences::Differences;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection() {
    let mut differences = Differences::new("one.jsonl");
    steps::replay_one(&mut differences).await;
    differences.judge();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_connections() {
    let mut differences = Differences::new("three.jsonl");
    steps::replay_three(&mut differences).await;
    differences.judge();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_input() {
    let mut differences = Differences::new("frames.jsonl");
    steps::replay_frames(&mut differences).await;
    differences.judge();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_requests() {
    let mut differences = Differences::new("http.jsonl");
    http::replay(&mut differences).await;
    differences.judge();
}
