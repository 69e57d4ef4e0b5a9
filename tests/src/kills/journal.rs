//! The record of the commands that have run, from the MONITOR stream of the Redis behind the
//! server.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};

use super::Killed;
use super::tasks::{Commands, Told};
use crate::Redis;

/// Argument of the last command that the journal reads.
const LAST: &str = "end-of-journal";

/// Reads the MONITOR stream of a Redis.
#[derive(Debug)]
pub(super) struct Journal {
    reader: JoinHandle<Ran>,
}

/// What has run.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// How often each value was set.
    sets: HashMap<u64, usize>,
    /// How often each counter was incremented.
    increments: HashMap<String, usize>,
}

fn connect(redis: &Redis) -> TcpStream {
    let url = redis.url();
    let address = url.trim_start_matches("redis://");
    TcpStream::connect(address).expect("the Redis is there")
}

impl Journal {
    pub(super) fn of(redis: &Redis) -> Self {
        let mut stream = connect(redis);
        stream.write_all(b"MONITOR\r\n").expect("it is open");
        // Nothing that runs after this reply is missed.
        let mut ok = [0; 5];
        stream.read_exact(&mut ok).expect("it is open");
        assert_eq!(&ok, b"+OK\r\n");
        Self {
            reader: thread::spawn(|| Ran::read(BufReader::new(stream))),
        }
    }

    /// Ends the stream after what has run so far.
    pub(super) fn end(self, redis: &Redis) -> Ran {
        let mut stream = connect(redis);
        let last = format!("ECHO {LAST}\r\n");
        stream.write_all(last.as_bytes()).expect("it is open");
        self.reader.join().expect("it does not panic")
    }
}

impl Ran {
    /// Reads lines such as `+1700000000.123456 [0 127.0.0.1:1234] "SET" "key" "value"`.
    fn read(stream: impl BufRead) -> Self {
        let mut ran = Self::default();
        for line in stream.lines() {
            let line = line.expect("the stream is open");
            let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            match words[..] {
                ["SET", _, value] => {
                    let value = value.parse().expect("values are numbers");
                    *ran.sets.entry(value).or_default() += 1;
                }
                ["INCR", key] => *ran.increments.entry(key.to_owned()).or_default() += 1,
                ["ECHO", LAST] => return ran,
                _ => {}
            }
        }
        panic!("the stream has ended");
    }

    /// Compares what has run with what the callers were told.
    pub(super) fn compare(mut self, tasks: Vec<Commands>, killed: &mut Killed) {
        for task in tasks {
            for (value, told) in task.sets {
                let ran = self.sets.remove(&value).unwrap_or(0);
                let agrees = match told {
                    Told::Done(()) => ran == 1,
                    Told::NotSent => ran == 0,
                    Told::MayHaveRun => ran <= 1,
                    Told::Other(_) => false,
                };
                count(&told, killed);
                if let Told::MayHaveRun = told {
                    killed.have_run += ran;
                }
                if !agrees {
                    let fault = format!("SET {value} ran {ran} times: {told:?}");
                    killed.faults.push(fault);
                }
            }
            let ran = self.increments.remove(&task.counter).unwrap_or(0);
            compare_increments(&task.counter, &task.increments, ran, killed);
        }
        for (value, ran) in self.sets {
            (killed.faults).push(format!("SET {value} ran {ran} times, and nobody sent it"));
        }
    }
}

/// Counts have no identity, but those that were returned are distinct and ascending, and no more
/// have run than were sent.
fn compare_increments(key: &str, increments: &[Told<i64>], ran: usize, killed: &mut Killed) {
    let (mut last, mut done, mut in_doubt) = (0, 0, 0);
    for told in increments {
        count(told, killed);
        match told {
            Told::Done(count) => {
                if *count <= last {
                    (killed.faults).push(format!("INCR {key} returned {count} after {last}"));
                }
                last = *count;
                done += 1;
            }
            Told::MayHaveRun => in_doubt += 1,
            Told::NotSent => {}
            Told::Other(error) => killed.faults.push(format!("INCR {key}: {error}")),
        }
        if last > done + in_doubt {
            (killed.faults).push(format!("INCR {key} returned {last}, more than were sent"));
        }
    }
    let [done, in_doubt] = [done, in_doubt].map(|count| usize::try_from(count).unwrap_or(0));
    killed.have_run += ran.saturating_sub(done);
    if ran < done || ran > done + in_doubt {
        let fault = format!("INCR {key} ran {ran} times: {done} done, {in_doubt} in doubt");
        killed.faults.push(fault);
    }
}

fn count<T>(told: &Told<T>, killed: &mut Killed) {
    match told {
        Told::Done(_) => killed.delivered += 1,
        Told::NotSent => killed.not_sent += 1,
        _ => {}
    }
}
