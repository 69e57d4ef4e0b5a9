//! Times contestants in turn in many short rounds and keeps the best, because noise only adds time.

use std::time::{Duration, Instant};

/// Runs once and returns the measured time and the number of frames.
pub type Round<'a> = Box<dyn FnMut() -> (Duration, usize) + 'a>;

/// Times `work` only.
pub fn timed<T>(frames: usize, work: impl FnOnce() -> T) -> (Duration, usize) {
    let start = Instant::now();
    let kept = work();
    let took = start.elapsed();
    drop(std::hint::black_box(kept));
    (took, frames)
}

/// The contestants of one task. The first is the baseline for the others.
pub struct Contest<'a> {
    title: String,
    contestants: Vec<(&'static str, Round<'a>)>,
}

impl<'a> Contest<'a> {
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            contestants: Vec::new(),
        }
    }

    pub fn enter(&mut self, name: &'static str, round: impl FnMut() -> (Duration, usize) + 'a) {
        self.contestants.push((name, Box::new(round)));
    }

    /// Runs a single contestant `rounds` times, for a profiler.
    pub fn profile(mut self, name: &str, rounds: usize) {
        for (_, round) in self
            .contestants
            .iter_mut()
            .filter(|(entered, _)| *entered == name)
        {
            for _ in 0..rounds {
                round();
            }
        }
    }

    /// Runs all contestants and prints nanoseconds per frame and the ratio to the first.
    pub fn run(mut self) -> Vec<(&'static str, f64)> {
        let mut best = vec![f64::INFINITY; self.contestants.len()];
        let deadline = Instant::now() + Duration::from_millis(400) * best.len() as u32;
        let mut rounds = 0;
        while Instant::now() < deadline || rounds < 5 {
            for ((_, round), best) in self.contestants.iter_mut().zip(&mut best) {
                let (took, frames) = round();
                *best = best.min(took.as_secs_f64() * 1e9 / frames as f64);
            }
            rounds += 1;
        }
        println!("\n{}", self.title);
        let names = self.contestants.iter().map(|(name, _)| *name);
        let results: Vec<_> = names.zip(best).collect();
        for (name, nanoseconds) in &results {
            let ratio = nanoseconds / results[0].1;
            println!("  {name:<34} {nanoseconds:>12.1} ns  {ratio:>8.2} x");
        }
        results
    }
}
