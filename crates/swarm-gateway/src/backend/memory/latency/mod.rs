//! LATENCY: commands that took longer than `latency-monitor-threshold`, and how long each command
//! takes.

mod histogram;
mod report;

use std::collections::{BTreeMap, VecDeque};

use swarm_resp::{Frame, FrameBuilder};

use super::call::{Call, Reply, count};
use super::help;
use super::reject::Reject;
use super::table::{Run, Spec, data, spec};

pub(super) use histogram::Histograms;

#[rustfmt::skip]
pub(super) static COMMANDS: &[Spec] = &[
    spec("LATENCY", -2, Run::Container),
    data("LATENCY|DOCTOR", 2, report::doctor),
    data("LATENCY|GRAPH", 3, report::graph),
    data("LATENCY|HELP", 2, help::help),
    data("LATENCY|HISTOGRAM", -2, histogram::histogram),
    data("LATENCY|HISTORY", 3, history),
    data("LATENCY|LATEST", 2, latest),
    data("LATENCY|RESET", -2, reset),
];

/// Number of samples of an event.
const SAMPLES: usize = 160;

/// Samples by event.
#[derive(Debug, Default)]
pub(super) struct Latency(BTreeMap<&'static str, Series>);

/// The latest samples of an event, at most one for each second.
#[derive(Debug, Default)]
struct Series {
    samples: VecDeque<Sample>,
    /// Highest latency ever.
    most: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Seconds since the Unix epoch.
    time: i64,
    /// Milliseconds.
    latency: u64,
}

impl Sample {
    fn put(self, reply: &mut FrameBuilder) {
        reply.integer(self.time);
        reply.integer(integer(self.latency));
    }
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Latency {
    /// Adds a sample, or raises the one of the same second.
    pub(super) fn add(&mut self, event: &'static str, time: i64, latency: u64) {
        let series = self.0.entry(event).or_default();
        series.most = series.most.max(latency);
        if let Some(last) = series.samples.back_mut()
            && last.time == time
        {
            last.latency = last.latency.max(latency);
            return;
        }
        if series.samples.len() == SAMPLES {
            series.samples.pop_front();
        }
        series.samples.push_back(Sample { time, latency });
    }

    /// Returns the samples of an event.
    fn named(&self, event: &[u8]) -> Option<(&'static str, &Series)> {
        let is_it = |(name, _): &(&&str, _)| name.as_bytes() == event;
        let (name, series) = self.0.iter().find(is_it)?;
        Some((name, series))
    }
}

/// `LATENCY HISTORY event`.
fn history(call: &mut Call<'_>) -> Reply {
    let series = call.server.latency.named(call.arg(2));
    let samples = series.map(|(_, series)| &series.samples);
    Ok(Frame::build(|reply| {
        reply.array(|rows| {
            for sample in samples.into_iter().flatten() {
                rows.array(|row| sample.put(row));
            }
        });
    }))
}

fn latest(call: &mut Call<'_>) -> Reply {
    let events = &call.server.latency.0;
    Ok(Frame::build(|reply| {
        reply.array(|rows| {
            for (name, series) in events {
                if let Some(last) = series.samples.back() {
                    rows.array(|row| {
                        row.bulk(name.as_bytes());
                        last.put(row);
                        row.integer(integer(series.most));
                    });
                }
            }
        });
    }))
}

/// `LATENCY RESET [event …]`.
fn reset(call: &mut Call<'_>) -> Reply {
    let events = &mut call.server.latency.0;
    let before = events.len();
    match call.args.get(2..) {
        None | Some([]) => events.clear(),
        Some(wanted) => events.retain(|name, _| !wanted.iter().any(|event| event == name)),
    }
    Ok(count(before - events.len()))
}

/// Error for an event without samples.
fn no_samples(event: &[u8]) -> Reject {
    Reject::quoting(&[b"ERR No samples available for event '", event, b"'"])
}
