//! Runs contestants in turn in many short rounds, so that machine noise affects all of them alike.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tokio::runtime::Runtime;

use crate::contestant::Contestant;
use crate::option;
use crate::row::Row;

/// Total time per contestant.
const TIME: Duration = Duration::from_millis(2000);

/// Seconds per command.
#[derive(Clone, Copy)]
struct Round {
    wall: f64,
    /// CPU time of this process, across all threads.
    cpu: f64,
}

struct Entry<'a> {
    name: &'static str,
    work: Box<dyn Fn() + 'a>,
    rounds: Vec<Round>,
}

/// The contestants of one row. The first is the baseline for the others.
pub struct Contest<'a> {
    runtime: &'a Runtime,
    row: &'a Row,
    entries: Vec<Entry<'a>>,
}

impl<'a> Contest<'a> {
    pub fn new(runtime: &'a Runtime, row: &'a Row) -> Self {
        Self {
            runtime,
            row,
            entries: Vec::new(),
        }
    }

    pub fn enter<C: Contestant + 'a>(
        &mut self,
        name: &'static str,
        connect: impl Future<Output = C>,
    ) {
        let left_out = |names: String| names.split(',').all(|entered| entered != name);
        if option("--only").or(option("--among")).is_some_and(left_out) {
            return;
        }
        let (runtime, row) = (self.runtime, self.row);
        let contestant = runtime.block_on(connect);
        self.entries.push(Entry {
            name,
            work: Box::new(move || runtime.block_on(contestant.work(row))),
            rounds: Vec::new(),
        });
    }

    /// Runs a single contestant, for a profiler.
    pub fn profile(self, name: &str) {
        let rounds = option("--rounds").map_or(1, |n| n.parse().unwrap());
        for entry in self.entries.iter().filter(|entry| entry.name == name) {
            for _ in 0..rounds {
                (entry.work)();
            }
        }
    }

    /// Runs all contestants in turn and prints the table.
    pub fn run(mut self) {
        let total = self.row.total() as f64;
        // Warms up buffers and connections.
        self.entries.iter().for_each(|entry| (entry.work)());
        let end = Instant::now() + TIME * self.entries.len() as u32;
        let mut order: Vec<_> = (0..self.entries.len()).collect();
        while Instant::now() < end {
            // Shuffled, so that no contestant always inherits the state left behind by the same
            // other one.
            fastrand::shuffle(&mut order);
            for &at in &order {
                let entry = &mut self.entries[at];
                let (wall, cpu) = (Instant::now(), ProcessTime::now());
                (entry.work)();
                entry.rounds.push(Round {
                    wall: wall.elapsed().as_secs_f64() / total,
                    cpu: cpu.elapsed().as_secs_f64() / total,
                });
            }
        }
        self.print();
    }

    fn print(&self) {
        let Some(bound) = self.entries.first() else {
            return;
        };
        println!("\n{} ({} rounds)", self.row.title, bound.rounds.len());
        println!(
            "  {:<16} {:>9} {:>9} {:>11} {:>9} {:>9}",
            "", "best µs", "of bound", "median of", "CPU µs", "median"
        );
        for entry in &self.entries {
            let wall = best(entry.rounds.iter().map(|round| round.wall));
            let bound_wall = best(bound.rounds.iter().map(|round| round.wall));
            // Pairs rounds of the same turn.
            let pairs = bound.rounds.iter().zip(&entry.rounds);
            let ratio = median(pairs.map(|(bound, round)| bound.wall / round.wall));
            println!(
                "  {:<16} {:>9.2} {:>9.2} {:>11.2} {:>9.2} {:>9.2}",
                entry.name,
                wall * 1e6,
                bound_wall / wall,
                ratio,
                best(entry.rounds.iter().map(|round| round.cpu)) * 1e6,
                median(entry.rounds.iter().map(|round| round.cpu)) * 1e6,
            );
        }
    }
}

fn best(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
