//! LATENCY HISTOGRAM: how long each command takes.

use std::time::Duration;

use fnv::FnvHashMap;
use swarm_resp::{Frame, FrameBuilder};

use super::super::call::{Call, Reply};
use super::super::table;
use super::integer;

/// The first bucket ends near 2^10 nanoseconds, the last one contains all times of a second and
/// more.
const FIRST: u32 = 10;
const BUCKETS: usize = 21;

/// Histograms by command.
#[derive(Debug, Default)]
pub(in super::super) struct Histograms(FnvHashMap<&'static str, Histogram>);

#[derive(Debug, Default)]
struct Histogram {
    /// Number of calls by their time. Empty while `latency-tracking` is off.
    buckets: [u64; BUCKETS],
    /// Time of all calls together, in nanoseconds.
    total: u64,
}

/// Returns the last nanosecond of a bucket. Redis stores times with 8 significant bits, so a bucket
/// also contains the times that are stored as the power of 2.
const fn end(bucket: u32) -> u64 {
    let power = 1_u64 << (FIRST + bucket);
    power + (power >> 7) - 1
}

impl Histograms {
    /// Returns the time that all calls of a command took, in microseconds.
    pub(in super::super) fn micros(&self, command: &str) -> u64 {
        self.0.get(command).map_or(0, |known| known.total / 1000)
    }

    /// Adds a call of a command, whose time is only added to the sum unless it `is_tracked`.
    pub(in super::super) fn add(
        &mut self,
        command: &'static str,
        took: Duration,
        is_tracked: bool,
    ) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let histogram = self.0.entry(command).or_default();
        histogram.total = histogram.total.saturating_add(nanos);
        if !is_tracked {
            return;
        }
        let mut buckets = histogram.buckets.iter_mut().zip(0..).peekable();
        while let Some((calls, bucket)) = buckets.next() {
            if nanos <= end(bucket) || buckets.peek().is_none() {
                *calls += 1;
                return;
            }
        }
    }

    pub(in super::super) fn clear(&mut self) {
        self.0.clear();
    }

    fn put(&self, map: &mut FrameBuilder, command: &str) {
        let Some(Histogram { buckets: calls, .. }) = self.0.get(command) else {
            return;
        };
        if calls.iter().all(|calls| *calls == 0) {
            return;
        }
        map.bulk(command.to_ascii_lowercase().as_bytes());
        map.map(|row| {
            row.bulk(b"calls");
            row.integer(integer(calls.iter().sum()));
            row.bulk(b"histogram_usec");
            row.map(|buckets| {
                let mut total = 0;
                for (bucket, calls) in (0..).zip(calls) {
                    total += calls;
                    if *calls > 0 {
                        buckets.integer(integer(end(bucket) / 1000));
                        buckets.integer(integer(total));
                    }
                }
            });
        });
    }
}

/// `LATENCY HISTOGRAM [command …]`. Commands that have not run are left out.
pub(super) fn histogram(call: &mut Call<'_>) -> Reply {
    let histograms = &call.server.histograms;
    let mut commands: Vec<&str> = Vec::new();
    match call.rest(2) {
        [] => commands.extend(table::all().map(|spec| spec.name)),
        wanted => {
            for name in wanted {
                let name = String::from_utf8_lossy(name).to_ascii_uppercase();
                if let Some(spec) = table::named(&name) {
                    commands.push(spec.name);
                    commands.extend(table::subcommands(spec).map(|sub| sub.name));
                }
            }
        }
    }
    Ok(Frame::build(|reply| {
        reply.map(|map| commands.iter().for_each(|name| histograms.put(map, name)));
    }))
}
