//! LATENCY DOCTOR and LATENCY GRAPH, in Redis' words.

use std::fmt::Write;

use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::{Sample, Series, no_samples};

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this \
    Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order \
    to enable it. If we weren't in a deep space mission I'd suggest to take a look at \
    https://redis.io/topics/latency-monitor.\n";

const NOTHING: &str = "Dave, no latency spike was observed during the lifetime of this Redis \
    instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a \
    stress pill, and think things over.\n";

const INTRODUCTION: &str = "Dave, I have observed latency spikes in this Redis instance. You don't \
    mind talking about it, do you Dave?\n\n";

const INSPECT: &str = "- Check your Slow Log to understand what are the commands you are running \
    which are too slow to execute. Please check https://redis.io/commands/slowlog for more \
    information.\n";

const SCHEDULER: &str = "- The system is slow to execute Redis code paths not containing system \
    calls. This usually means the system does not provide Redis CPU time to run for long periods. \
    You should try to:\n  1) Lower the system load.\n  2) Use a computer / VM just for Redis if \
    you are running other software in the same system.\n  3) Check if you have a \"noisy \
    neighbour\" problem.\n  4) Check with 'redis-cli --intrinsic-latency 100' what is the \
    intrinsic latency in your system.\n  5) Check if the problem is allocator-related by \
    recompiling Redis with MALLOC=libc, if you are using Jemalloc. However this may create \
    fragmentation problems.\n";

const LARGE_OBJECTS: &str = "- Deleting, expiring or evicting (because of maxmemory policy) large \
    objects is a blocking operation. If you have very large objects that are often deleted, \
    expired, or evicted, try to fragment those objects into multiple smaller objects.\n";

/// Width of a graph.
const COLUMNS: usize = 80;
/// Number of lines of a graph without its labels.
const ROWS: usize = 4;
/// Characters of a graph, from low to high.
const LEVELS: [u8; 3] = *b"_o#";

/// Writes to a text, which cannot fail.
macro_rules! put {
    ($text:expr, $($part:tt)*) => {{
        let _ = write!($text, $($part)*);
    }};
}

/// Writes a line about an event.
fn put_summary(text: &mut String, number: usize, name: &str, series: &Series, now: i64) {
    let samples = || series.samples.iter();
    let length = series.samples.len().max(1) as u64;
    let average = samples().map(|sample| sample.latency).sum::<u64>() / length;
    let distances = samples().map(|sample| sample.latency.abs_diff(average));
    let deviation = distances.sum::<u64>() / length;
    let oldest = samples().map(|sample| sample.time).min().unwrap_or(now);
    let period = match now.saturating_sub(oldest) {
        0 => 1,
        period => period,
    };
    put!(
        text,
        "{number}. {name}: {length} latency spikes (average {average}ms, mean deviation \
         {deviation}ms, period {:.2} sec). Worst all time event {}ms.\n",
        period as f64 / length as f64,
        series.most
    );
}

/// `LATENCY DOCTOR`.
pub(super) fn doctor(call: &mut Call<'_>) -> Reply {
    let limits = call.server.config.recording();
    let events = &call.server.latency.0;
    let text = match (limits.latency_millis, events.is_empty()) {
        (0, true) => DISABLED.to_owned(),
        (_, true) => NOTHING.to_owned(),
        (threshold, false) => {
            let mut text = INTRODUCTION.to_owned();
            for (number, (name, series)) in (1..).zip(events) {
                put_summary(&mut text, number, name, series, call.now / 1000);
            }
            text.push_str("\nI have a few advices for you:\n\n");
            let wanted = threshold.saturating_mul(1000);
            let has = |name: &str| events.contains_key(name);
            match limits.slow_micros {
                _ if !has("command") => {}
                None => put!(
                    text,
                    "- There are latency issues with potentially slow commands you are using. Try \
                     to enable the Slow Log Redis feature using the command 'CONFIG SET \
                     slowlog-log-slower-than {wanted}'. If the Slow log is disabled Redis is not \
                     able to log slow commands execution for you.\n"
                ),
                Some(slow) if slow / 1000 > threshold => put!(
                    text,
                    "- Your current Slow Log configuration only logs events that are slower than \
                     your configured latency monitor threshold. Please use 'CONFIG SET \
                     slowlog-log-slower-than {wanted}'.\n"
                ),
                Some(_) => {}
            }
            if has("command") {
                text.push_str(INSPECT);
            }
            if has("fast-command") {
                text.push_str(SCHEDULER);
            }
            if has("command") {
                text.push_str(LARGE_OBJECTS);
            }
            text
        }
    };
    Ok(Frame::build(|reply| {
        reply.verbatim(*b"txt", text.as_bytes());
    }))
}

/// Returns how long ago something happened.
fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Returns the height of a sample in steps, of which each line has as many as there are levels.
fn height(sample: Sample, low: u64, high: u64) -> usize {
    let steps = LEVELS.len() * ROWS;
    let range = (high - low).max(1) as f64;
    let steps_up = ((sample.latency - low) as f64 * steps as f64).trunc() / range;
    (steps_up as usize).min(steps - 1)
}

/// Draws samples as columns of characters above their labels, which are written downwards.
fn draw(text: &mut String, samples: &[Sample], low: u64, high: u64, now: i64) {
    for row in 0..ROWS {
        for sample in samples {
            let below = (ROWS - row - 1) * LEVELS.len();
            let level = height(*sample, low, high).checked_sub(below);
            let character = level.map_or(b' ', |level| *LEVELS.get(level).unwrap_or(&b'|'));
            text.push(character.into());
        }
        text.push('\n');
    }
    let labels: Vec<_> = samples
        .iter()
        .map(|sample| ago(now - sample.time))
        .collect();
    let blank = " ".repeat(samples.len());
    text.push_str(&blank);
    text.push('\n');
    let longest = labels.iter().map(String::len).max().unwrap_or(0);
    for at in 0..longest {
        let letters = labels.iter().map(|label| label.as_bytes().get(at));
        text.extend(letters.map(|letter| char::from(*letter.unwrap_or(&b' '))));
        text.push('\n');
    }
}

/// `LATENCY GRAPH event`.
pub(super) fn graph(call: &mut Call<'_>) -> Reply {
    let event = call.arg(2);
    let (name, series) = (call.server.latency.named(event)).ok_or_else(|| no_samples(event))?;
    let samples: Vec<_> = series.samples.iter().copied().collect();
    let latencies = || samples.iter().map(|sample| sample.latency);
    let (low, high) = (
        latencies().min().unwrap_or(0),
        latencies().max().unwrap_or(0),
    );
    let most = series.most;
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {most} ms)\n");
    text.push_str(&"-".repeat(COLUMNS));
    text.push('\n');
    for (at, part) in samples.chunks(COLUMNS).enumerate() {
        if at > 0 {
            text.push('\n');
        }
        draw(&mut text, part, low, high, call.now / 1000);
    }
    Ok(Frame::build(|reply| {
        reply.verbatim(*b"txt", text.as_bytes());
    }))
}
