//! Runs a program that reports tests as lines, and watches its progress.
//!
//! A line is `@@peers`, an event, the name of the test, and for a failure a message, separated by
//! tabs: `begin`, then `passed`, `failed`, or `skipped`. The last line is the event `end`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// How long a program may make no progress. The slowest test of Redis takes about 10 s.
const LIMIT: Duration = Duration::from_secs(45);

/// Name of a failure outside of the tests of a program.
pub(super) const OUTSIDE: &str = "(outside of tests)";

/// Number of lines that are shown if a program ends early.
const SHOWN: usize = 20;

/// Result of a test.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Passed,
    /// With the message.
    Failed(String),
    Skipped,
}

/// A test, by its name in the program.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// What a program has reported.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) tests: Vec<Test>,
    /// Why the program did not reach its end.
    pub(super) broken: Option<String>,
    running: Option<String>,
    finished: bool,
    /// How often each name has occurred.
    seen: BTreeMap<String, usize>,
}

impl Report {
    /// Processes a line. Returns whether it reports an event.
    fn read(&mut self, line: &str) -> bool {
        let Some(event) = line.strip_prefix("@@peers\t") else {
            return false;
        };
        let mut fields = event.splitn(3, '\t');
        let (event, name) = (fields.next().unwrap_or_default(), fields.next());
        let name = name.unwrap_or(OUTSIDE);
        let outcome = match event {
            "begin" => {
                self.running = Some(name.to_owned());
                return true;
            }
            "end" => {
                self.finished = true;
                return true;
            }
            "passed" => Outcome::Passed,
            "skipped" => Outcome::Skipped,
            _ => Outcome::Failed(fields.next().unwrap_or_default().replace("\\n", "\n")),
        };
        self.running = None;
        self.add(name, outcome);
        true
    }

    /// Adds a test. Another test of the same name gets a number.
    fn add(&mut self, name: &str, outcome: Outcome) {
        let count = self.seen.entry(name.to_owned()).or_default();
        *count += 1;
        let name = match *count {
            1 => name.to_owned(),
            count => format!("{name} #{count}"),
        };
        self.tests.push(Test { name, outcome });
    }

    /// Returns the test that is running, or what has ended.
    fn place(&self) -> String {
        match (&self.running, self.tests.last()) {
            (Some(name), _) => format!("in \"{name}\""),
            (None, Some(last)) => format!("after \"{}\"", last.name),
            (None, None) => "before the first test".to_owned(),
        }
    }
}

/// Runs a program to its end, or until it makes no progress.
pub(super) fn run(command: &mut Command) -> Result<Report> {
    let title = format!("{:?}", command.get_program());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {title}; is it installed?"))?;
    let (lines, received) = mpsc::channel();
    let stdout = child.stdout.take().context("no output")?;
    let stderr = child.stderr.take().context("no error output")?;
    let errors = lines.clone();
    thread::spawn(move || send_lines(stdout, &lines));
    thread::spawn(move || send_lines(stderr, &errors));

    let mut report = Report::default();
    let mut other = Vec::new();
    loop {
        match received.recv_timeout(LIMIT) {
            Ok(line) if report.read(&line) => {}
            Ok(line) => other.push(line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                let place = report.place();
                report.broken = Some(format!("hung for {LIMIT:?} {place}"));
                break;
            }
        }
    }
    let status = child.wait()?;
    if !report.finished && report.broken.is_none() {
        let shown = other.len().saturating_sub(SHOWN);
        let shown = other.get(shown..).unwrap_or_default().join("\n");
        let place = report.place();
        report.broken = Some(format!("{title} ended early {place}: {status}\n{shown}"));
    }
    Ok(report)
}

/// Sends each line of a stream, until it ends or nobody listens.
fn send_lines(stream: impl std::io::Read, lines: &mpsc::Sender<String>) {
    for line in BufReader::new(stream).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if lines.send(line).is_err() {
            return;
        }
    }
}
