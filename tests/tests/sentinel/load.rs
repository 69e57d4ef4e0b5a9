//! Failovers under load: no acknowledged write of a synchronous pair is lost, none is doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use swarm_keydb::{Client, ClientOptions, Error, Outcome, State};
use swarm_tests::{Sentinels, free_address, within, within_secs};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::LOOK;

/// Timeout of every command.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How much longer a call may take on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

/// Tasks that write over the shared connection, and those that wait for replicas.
const TASKS: usize = 16;
const SYNCHRONOUS: usize = 8;

/// Number of failovers: all of them with `cargo xtask failover`.
fn failovers() -> usize {
    let number = std::env::var("SWARM_SENTINEL_FAILOVERS");
    number.map_or(2, |number| number.parse().unwrap())
}

/// What the tasks share.
struct Load {
    client: Client,
    stop: AtomicBool,
    /// When a server has first replied READONLY since the last failover.
    readonly: Mutex<BTreeMap<String, Instant>>,
    faults: Mutex<Vec<String>>,
}

/// How the writes of a list ended.
#[derive(Debug, Default)]
struct Writes {
    list: String,
    /// The server has replied.
    done: usize,
    /// All replicas have them.
    synchronous: BTreeSet<u64>,
    /// They cannot have run.
    not_run: BTreeSet<u64>,
    may_have_run: usize,
    slowest: Duration,
}

impl Load {
    fn fault(&self, what: String) {
        self.faults.lock().unwrap().push(what);
    }

    /// Records how a write ended.
    fn note<T>(
        &self,
        writes: &mut Writes,
        number: u64,
        begun: Instant,
        result: Result<T, Error>,
    ) -> Option<T> {
        let took = begun.elapsed();
        writes.slowest = writes.slowest.max(took);
        if took > TIMEOUT + SLACK {
            self.fault(format!("{} {number}: ended after {took:?}", writes.list));
        }
        let error = match result {
            Ok(result) => {
                writes.done += 1;
                return Some(result);
            }
            Err(error) => error,
        };
        match error.outcome() {
            Some(Outcome::NotSent | Outcome::Rejected) => {
                writes.not_run.insert(number);
            }
            Some(_) => writes.may_have_run += 1,
            None => self.fault(format!("{} {number}: {error}", writes.list)),
        }
        if error.is_code("READONLY") {
            let server = error.address().unwrap_or_default().to_owned();
            let mut servers = self.readonly.lock().unwrap();
            let first = *servers.entry(server.clone()).or_insert_with(Instant::now);
            drop(servers);
            if begun > first {
                self.fault(format!("{server} had said READONLY and got another write"));
            }
        }
        None
    }

    /// Appends numbers to a list, one after the other.
    async fn append(&self, task: usize) -> Writes {
        let mut writes = Writes {
            list: format!("list {task}"),
            ..Writes::default()
        };
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            let result = self.client.rpush(&writes.list, number).await;
            self.note(&mut writes, number, begun, result);
            sleep(Duration::from_millis(1)).await;
        }
        writes
    }

    /// Appends numbers to a list, and waits until all replicas have them.
    async fn append_synchronously(&self, task: usize, replicas: u64) -> Writes {
        let mut writes = Writes {
            list: format!("synchronous {task}"),
            ..Writes::default()
        };
        let mut numbers = 0..;
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(exclusive) = self.client.exclusive().await else {
                continue;
            };
            // Until the connection is lost.
            for number in numbers.by_ref() {
                let begun = Instant::now();
                let result = exclusive.rpush(&writes.list, number).await;
                if self.note(&mut writes, number, begun, result).is_none() {
                    break;
                }
                let received = exclusive.wait(replicas, Duration::from_millis(500)).await;
                match received {
                    Ok(received) if received >= replicas => {
                        writes.synchronous.insert(number);
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
        writes
    }

    /// Compares a list with how its writes ended.
    async fn check(&self, client: &Client, writes: &Writes) {
        let list: Vec<u64> = within(client.lrange(&writes.list, ..))
            .await
            .unwrap()
            .iter()
            .map(|number| std::str::from_utf8(number).unwrap().parse().unwrap())
            .collect();
        let name = &writes.list;
        if !list.is_sorted_by(|one, next| one < next) {
            self.fault(format!(
                "{name}: a write is doubled or out of order: {list:?}"
            ));
        }
        let list: BTreeSet<_> = list.into_iter().collect();
        let lost: Vec<_> = writes.synchronous.difference(&list).collect();
        if !lost.is_empty() {
            self.fault(format!("{name}: all replicas had {lost:?}"));
        }
        let run: Vec<_> = writes.not_run.intersection(&list).collect();
        if !run.is_empty() {
            self.fault(format!("{name}: {run:?} have run"));
        }
    }
}

/// Fails over and kills in turn. Every replica must have a synchronous write, because the sentinels
/// may choose any.
async fn fail_over_under_load(replicas: usize) {
    let failovers = failovers();
    let Some(mut servers) = within_secs(30, Sentinels::start(replicas)).await else {
        return;
    };
    // One sentinel leads to the others.
    let url = servers.url_of(&[0]);
    let url = url.replace("://", &format!("://{},", free_address().await));
    let options = ClientOptions::new(url).request_timeout(TIMEOUT);
    let client = within(Client::connect(options)).await.unwrap();
    let load = Arc::new(Load {
        client: client.clone(),
        stop: AtomicBool::new(false),
        readonly: Mutex::default(),
        faults: Mutex::default(),
    });
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let load = Arc::clone(&load);
        tasks.spawn(async move { load.append(task).await });
    }
    for task in 0..SYNCHRONOUS {
        let load = Arc::clone(&load);
        tasks.spawn(async move { load.append_synchronously(task, replicas as u64).await });
    }
    let mut switches = Vec::new();
    for failover in 0..failovers {
        within_secs(60, servers.agree()).await;
        load.readonly.lock().unwrap().clear();
        let killed = match failover % 2 {
            0 => Some(within_secs(60, servers.kill()).await),
            _ => {
                within_secs(60, servers.fail_over()).await;
                None
            }
        };
        let begun = Instant::now();
        let primary = servers.servers()[servers.primary().await].clone();
        within(async {
            while client.stats().server.as_deref() != Some(&*primary)
                || client.state() != State::Connected
            {
                sleep(LOOK).await;
            }
        })
        .await;
        switches.push(begun.elapsed());
        if let Some(killed) = killed {
            servers.revive(killed).await;
        }
        if failover == 0 {
            // Two of three still agree, and the client knows them.
            servers.kill_sentinel(0);
        }
    }
    within_secs(60, servers.agree()).await;
    load.stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    while let Some(writes) = within(tasks.join_next()).await {
        all.push(writes.unwrap());
    }
    let primary = &servers.servers()[servers.primary().await];
    let server = within(Client::connect(&**primary)).await.unwrap();
    for writes in &all {
        load.check(&server, writes).await;
    }
    let sum = |count: fn(&Writes) -> usize| all.iter().map(count).sum::<usize>();
    let slowest = all.iter().map(|writes| writes.slowest).max().unwrap();
    let faults = load.faults.lock().unwrap();
    println!(
        "{failovers} failovers of a primary with {replicas} replicas: {} writes acknowledged, {} \
         of them by all replicas, {} not run, {} may have run; slowest {slowest:?}; the client \
         followed after {switches:?}; {} moves, {} faults",
        sum(|writes| writes.done),
        sum(|writes| writes.synchronous.len()),
        sum(|writes| writes.not_run.len()),
        sum(|writes| writes.may_have_run),
        client.stats().moves,
        faults.len(),
    );
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(client.stats().moves >= failovers as u64);
    for writes in &all {
        assert!(writes.done > failovers, "{writes:?}");
    }
    assert!(sum(|writes| writes.synchronous.len()) > SYNCHRONOUS * failovers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failovers_of_a_pair_lose_no_synchronous_write() {
    fail_over_under_load(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failovers_of_a_primary_with_two_replicas_lose_no_synchronous_write() {
    fail_over_under_load(2).await;
}
