//! The tasks that use the client: each makes one call, and records how it ended.

use std::time::Duration;

use swarm_resp::FrameRef;
use tokio::time::{Instant, timeout};

use super::plan::{CallPlan, Command, Kind};
use super::world::{Id, World};
use crate::command::Executor;
use crate::commands::{RawCommands, StringCommands};
use crate::{Bytes, Client, ErrorKind, Frame, Outcome, Reply, Result};

/// What became of a call.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) plan: CallPlan,
    /// When its future was first polled, and when it ended.
    pub(super) polled: u64,
    pub(super) ended: u64,
    pub(super) took: Duration,
    /// One for each command with an ID. `None` if the future was dropped.
    pub(super) results: Option<Vec<Verdict>>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its reply is right. A read has values.
    Done(Vec<Option<Id>>),
    /// Its reply is that of another command.
    Wrong(String),
    Failed {
        outcome: Outcome,
        kind: ErrorKind,
        text: String,
    },
    /// Nothing is known about it.
    Unknown,
}

/// Makes a call.
pub(super) async fn perform(client: Client, world: World, plan: CallPlan) -> Record {
    let start = Instant::now();
    let polled = world.tick();
    world.trace(|| format!("call {polled}: {plan:?}"));
    let work = run(&client, &plan);
    let results = match plan.cancel {
        Some(time) => timeout(time, work).await.ok(),
        None => Some(work.await),
    };
    world.trace(|| format!("call {polled} ends: {results:?}"));
    Record {
        plan,
        polled,
        ended: world.tick(),
        took: start.elapsed(),
        results,
    }
}

async fn run(client: &Client, plan: &CallPlan) -> Vec<Verdict> {
    let CallPlan {
        first,
        kind,
        timeout,
        ..
    } = plan;
    match kind {
        Kind::Single(command) => vec![single(client, *command, *first, *timeout).await],
        Kind::Pipeline(commands) => {
            let mut pipeline = client.pipeline();
            if let Some(timeout) = timeout {
                pipeline = pipeline.timeout(*timeout);
            }
            queue(&pipeline, commands, *first);
            verdicts(commands, *first, pipeline.send_raw().await)
        }
        Kind::Bulk(commands) => {
            let mut bulk = client.bulk();
            if let Some(timeout) = timeout {
                bulk = bulk.timeout(*timeout);
            }
            queue(&bulk, commands, *first);
            verdicts(commands, *first, bulk.send_raw().await)
        }
        Kind::Transaction(commands) => {
            let mut transaction = client.transaction();
            if let Some(timeout) = timeout {
                transaction = transaction.timeout(*timeout);
            }
            let request = |(command, id): (&Command, Id)| {
                let (name, args) = request(*command, id);
                transaction.raw(name, args)
            };
            let handles: Vec<_> = commands.iter().zip(*first..).map(request).collect();
            match transaction.exec(handles).await {
                Ok(replies) => verdicts(commands, *first, replies),
                Err(error) => vec![failed(&error); commands.len()],
            }
        }
        Kind::Transact(key) => {
            let written = transact(client, *key, *first).await;
            vec![Verdict::Unknown, Verdict::Unknown, written]
        }
        Kind::Exclusive(key) => vec![exclusive(client, *key, *first, *timeout).await],
        Kind::Blocking(millis) => {
            let time = Duration::from_millis((*millis).into());
            let args = ("list", time.as_secs_f64().to_string());
            let mut reply = client.raw_blocking("BLPOP", args, time);
            if let Some(timeout) = timeout {
                reply = reply.timeout(*timeout);
            }
            drop(reply.await);
            Vec::new()
        }
        Kind::Auth(password) => {
            drop(client.auth(password.to_string()).await);
            Vec::new()
        }
    }
}

async fn single(client: &Client, command: Command, id: Id, timeout: Option<Duration>) -> Verdict {
    let frame = match command {
        Command::Set(key) => {
            let reply = within(client.set(name(key), id), timeout).await;
            reply.map(|()| Frame::simple("OK"))
        }
        Command::Mset(one, other) => {
            let pairs = [(name(one), id), (name(other), id)];
            let reply = within(client.mset(pairs), timeout).await;
            reply.map(|()| Frame::simple("OK"))
        }
        Command::Get(_) | Command::Mget(..) => {
            let reply = within(client.mget(marked(command, id)), timeout).await;
            reply.map(|values: Vec<Option<Bytes>>| {
                let frame = |value: Option<Bytes>| value.map_or(Frame::null(), Frame::bulk);
                let values: Vec<_> = values.into_iter().map(frame).collect();
                Frame::array(&values)
            })
        }
        _ => {
            let (name, args) = request(command, id);
            within(client.raw(name, args), timeout).await
        }
    };
    verdict(command, id, frame)
}

/// Sets the timeout of a reply.
fn within<R>(reply: Reply<R>, timeout: Option<Duration>) -> Reply<R> {
    match timeout {
        Some(timeout) => reply.timeout(timeout),
        None => reply,
    }
}

async fn transact(client: &Client, key: u8, first: Id) -> Verdict {
    let watched = [name(key), marker(first)];
    let result = client.transact(watched, async move |conn| {
        let _value = conn.mget([name(key), marker(first + 1)]).await?;
        let transaction = conn.transaction();
        let set = transaction.set(name(key), first + 2);
        transaction.exec(set).await?
    });
    match result.await {
        Ok(()) => Verdict::Done(Vec::new()),
        Err(error) => match (failed(&error), error.command()) {
            (failed, Some("EXEC" | "MULTI" | "SET")) => failed,
            // It failed before anything was written.
            (Verdict::Failed { kind, text, .. }, _) => Verdict::Failed {
                outcome: Outcome::NotSent,
                kind,
                text,
            },
            (failed, _) => failed,
        },
    }
}

async fn exclusive(client: &Client, key: u8, id: Id, timeout: Option<Duration>) -> Verdict {
    let set = async {
        let conn = client.exclusive().await?;
        within(conn.set(name(key), id), timeout).await
    };
    verdict(
        Command::Set(key),
        id,
        set.await.map(|()| Frame::simple("OK")),
    )
}

fn queue<H: Executor>(handle: &H, commands: &[Command], first: Id) {
    for (command, id) in commands.iter().zip(first..) {
        match command {
            Command::Set(key) => drop(handle.set(name(*key), id)),
            Command::Mset(one, other) => {
                drop(handle.mset([(name(*one), id), (name(*other), id)]));
            }
            Command::Get(_) | Command::Mget(..) => drop(handle.mget(marked(*command, id))),
            _ => {
                let (name, args) = request(*command, id);
                drop(handle.raw(name, args));
            }
        }
    }
}

/// Returns a request that carries an ID.
fn request(command: Command, id: Id) -> (&'static str, Vec<String>) {
    let text = id.to_string();
    match command {
        Command::Set(key) => ("SET", vec![name(key), text]),
        Command::Xadd(key) => ("XADD", vec![name(key), "*".into(), text, "value".into()]),
        Command::Mset(one, other) => ("MSET", vec![name(one), text.clone(), name(other), text]),
        Command::Get(_) | Command::Mget(..) => ("MGET", marked(command, id)),
        Command::Eval(key) => ("EVAL", vec!["script".into(), "1".into(), name(key), text]),
        Command::Echo => ("ECHO", vec![marker(id)]),
        Command::Fence => ("SCRIPT LOAD", vec![text]),
    }
}

/// The name of a key.
pub(super) fn name(key: u8) -> String {
    format!("key:{key}")
}

/// A name that only carries an ID.
pub(super) fn marker(id: Id) -> String {
    format!("id:{id}")
}

/// The keys of a read, and its ID.
fn marked(command: Command, id: Id) -> Vec<String> {
    let keys = command.keys().into_iter().map(name);
    keys.chain([marker(id)]).collect()
}

fn verdicts(commands: &[Command], first: Id, replies: Vec<Result<Frame>>) -> Vec<Verdict> {
    let replies = commands.iter().zip(first..).zip(replies);
    let verdict = |((command, id), reply): ((&Command, Id), _)| verdict(*command, id, reply);
    replies.map(verdict).collect()
}

/// Checks that a reply is the command's own.
fn verdict(command: Command, id: Id, reply: Result<Frame>) -> Verdict {
    let frame = match reply {
        Ok(frame) => frame,
        Err(error) => return failed(&error),
    };
    let own = match command {
        Command::Set(_) | Command::Mset(..) => (frame.as_str() == Some("OK")).then(Vec::new),
        Command::Xadd(_) | Command::Eval(_) | Command::Fence => {
            (frame.as_str() == Some(&id.to_string())).then(Vec::new)
        }
        Command::Echo => (frame.as_str() == Some(&marker(id))).then(Vec::new),
        Command::Get(_) | Command::Mget(..) => values(&frame, &marker(id)),
    };
    own.map_or_else(|| Verdict::Wrong(format!("{frame:?}")), Verdict::Done)
}

/// Returns the values of a read, if it is the one with this marker.
fn values(frame: &Frame, marker: &str) -> Option<Vec<Option<Id>>> {
    let items: Vec<FrameRef<'_>> = frame.items()?.collect();
    let (last, values) = items.split_last()?;
    (last.as_str() == Some(marker)).then_some(())?;
    let value = |value: &FrameRef<'_>| match value.is_null() {
        true => Some(None),
        false => Some(Some(value.as_str()?.parse().ok()?)),
    };
    values.iter().map(value).collect()
}

fn failed(error: &crate::Error) -> Verdict {
    Verdict::Failed {
        // Without an outcome, the error is about something ahead of the command.
        outcome: error.outcome().unwrap_or(Outcome::NotSent),
        kind: error.kind(),
        text: error.to_string(),
    }
}
