//! Batches of acknowledgments, and the result of each caller.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use swarm_transport::{BoxTransport, memory};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Ack, AckQueue};
use crate::{Bytes, Client, ClientOptions, ErrorKind, Frame, Outcome, StreamId};

/// A command that the server received, and a sender for the reply.
type Received = (String, oneshot::Sender<Frame>);

/// Returns a client whose server is played by the test.
async fn served() -> (Client, mpsc::UnboundedReceiver<Received>) {
    let (received, commands) = mpsc::unbounded_channel();
    let connect = move || {
        let received = received.clone();
        async move {
            let (transport, mut peer) = memory::pair();
            tokio::spawn(async move {
                while let Some(request) = peer.next_request().await {
                    let mut reply = Frame::error("ERR unknown command");
                    if request.name().starts_with(b"X") {
                        let words = request.args().map(String::from_utf8_lossy);
                        let line = words.collect::<Vec<_>>().join(" ");
                        let (answer, answered) = oneshot::channel();
                        received.send((line, answer)).unwrap();
                        reply = answered.await.unwrap();
                    }
                    if peer.reply(reply).await.is_err() {
                        return;
                    }
                }
            });
            Ok(Box::new(transport) as BoxTransport)
        }
    };
    let client = Client::connect_with(connect, ClientOptions::default()).await;
    (client.unwrap(), commands)
}

fn queue(client: &Client, group: &'static str) -> Arc<AckQueue> {
    let stream = Bytes::from_static(b"k");
    client
        .shared
        .acks
        .of(&stream, &Bytes::from_static(group.as_bytes()))
}

const fn id(n: u64) -> StreamId {
    StreamId::new(n, 0)
}

/// Starts acknowledgments in order, each on a task that returns its number and result.
fn acks(
    client: &Client,
    queue: &Arc<AckQueue>,
    numbers: impl IntoIterator<Item = u64>,
) -> JoinSet<(u64, crate::Result<()>)> {
    let mut tasks = JoinSet::new();
    for n in numbers {
        let (client, queue) = (client.clone(), Arc::clone(queue));
        tasks.spawn(async move { (n, queue.ack(&client, id(n)).await) });
    }
    tasks
}

fn line(numbers: impl IntoIterator<Item = u64>) -> String {
    let ids = numbers.into_iter().map(|n| format!(" {n}-0"));
    format!("XACK k g{}", ids.collect::<String>())
}

/// Polls an acknowledgment until it waits for a reply.
async fn begin(ack: &mut Ack) {
    let mut ack = pin!(ack);
    poll_fn(|cx| {
        for _ in 0..2 {
            assert!(ack.as_mut().poll(cx).is_pending());
        }
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn waiting_acknowledgments_are_batched_up_to_a_thousand_ids() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    let tasks = acks(&client, &queue, 1..=2500);
    for expected in [1..=1000, 1001..=2000, 2001..=2500] {
        let (command, answer) = commands.recv().await.unwrap();
        assert_eq!(command, line(expected.clone()));
        answer
            .send(Frame::integer(expected.count() as i64))
            .unwrap();
    }
    assert!(
        tasks
            .join_all()
            .await
            .iter()
            .all(|(_, result)| result.is_ok())
    );
}

#[tokio::test(start_paused = true)]
async fn consumers_of_one_group_share_an_acknowledgment_queue() {
    let (client, _commands) = served().await;
    let of_g = queue(&client, "g");
    assert!(Arc::ptr_eq(&of_g, &queue(&client, "g")));
    assert!(!Arc::ptr_eq(&of_g, &queue(&client, "h")));
    drop(of_g);
    let queues = client.shared.acks.0.lock().unwrap().len();
    assert!(queues <= 2, "unused queues are removed");
}

#[tokio::test(start_paused = true)]
async fn each_caller_gets_its_own_result_after_a_partial_acknowledgment() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    let mut tasks = acks(&client, &queue, 1..=4);
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(command, line(1..=4));
    // Two were acknowledged now, one was acknowledged by another consumer, and one has an ID whose
    // notation the server does not recognize.
    answer.send(Frame::integer(2)).unwrap();
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(command, "XPENDING k g 1-0 4-0 1000");
    let pending = |id: &'static str| {
        let words = [Frame::bulk(id), Frame::bulk("c")];
        let numbers = [Frame::integer(5), Frame::integer(1)];
        Frame::array(words.iter().chain(&numbers))
    };
    let page = [pending("2-5"), pending("3-00")];
    answer.send(Frame::array(&page)).unwrap();
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(command, "XPENDING k g 3-1 4-0 1000");
    answer.send(Frame::array(&[])).unwrap();
    while let Some(done) = tasks.join_next().await {
        let (n, result) = done.unwrap();
        assert_eq!(result.is_err(), n == 3, "{n}: {result:?}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::UnexpectedReply);
            assert_eq!(error.outcome(), Some(Outcome::Ran));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_caller_gets_the_error_and_a_deleted_group_is_no_error() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    for (reply, expected) in [
        ("NOGROUP No such key", None),
        ("OOM no memory", Some("OOM")),
    ] {
        let tasks = acks(&client, &queue, 1..=3);
        let (_, answer) = commands.recv().await.unwrap();
        answer.send(Frame::error(reply)).unwrap();
        for (n, result) in tasks.join_all().await {
            let code = result
                .err()
                .map(|error| error.server_error().unwrap().code().to_owned());
            assert_eq!(code.as_deref(), expected, "{n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_an_acknowledgment_does_not_affect_others() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    let mut acks: Vec<_> = (1..=4).map(|n| queue.ack(&client, id(n))).collect();
    for ack in &mut acks {
        begin(ack).await;
    }
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(
        command,
        line(1..=4),
        "nothing is sent before the first poll"
    );
    let waits = queue.ack(&client, id(5));
    let withdrawn = queue.ack(&client, id(6));
    // Drop the caller that sent the XACK, one that is in the batch, and one that still waits.
    drop(acks.remove(0));
    drop(acks.remove(0));
    drop(withdrawn);
    answer.send(Frame::integer(4)).unwrap();
    for ack in acks {
        ack.await.unwrap();
    }
    let waits = tokio::spawn(waits);
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(command, line([5]));
    answer.send(Frame::integer(1)).unwrap();
    waits.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgment_that_is_not_polled_does_not_block_others() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    let mut stuck = queue.ack(&client, id(1));
    begin(&mut stuck).await;
    let tasks = acks(&client, &queue, 2..=3);
    tokio::time::timeout(Duration::from_secs(5), async {
        for expected in [line([1]), line([2, 3])] {
            let (command, answer) = commands.recv().await.unwrap();
            assert_eq!(command, expected);
            let count = command.split(' ').count() as i64 - 3;
            // Lets the next callers enqueue.
            tokio::task::yield_now().await;
            answer.send(Frame::integer(count)).unwrap();
        }
        assert!(
            tasks
                .join_all()
                .await
                .iter()
                .all(|(_, result)| result.is_ok())
        );
    })
    .await
    .unwrap();
    stuck.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_caller_drops_the_xack_in_flight() {
    let (client, mut commands) = served().await;
    let queue = queue(&client, "g");
    let mut ack = queue.ack(&client, id(1));
    begin(&mut ack).await;
    let (_, answer) = commands.recv().await.unwrap();
    drop(ack);
    assert!(queue.lock().in_flight.is_none());
    answer.send(Frame::integer(1)).unwrap();
    let again = tokio::spawn(queue.ack(&client, id(1)));
    let (command, answer) = commands.recv().await.unwrap();
    assert_eq!(command, line([1]));
    answer.send(Frame::integer(0)).unwrap();
    let (_, answer) = commands.recv().await.unwrap();
    answer.send(Frame::array(&[])).unwrap();
    again.await.unwrap().unwrap();
}
