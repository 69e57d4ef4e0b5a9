//! A table of mistakes, rendered as the guide shows it.

use std::fmt;
use std::future::Future;

use swarm_keydb::{Client, ClientOptions, Error, Outcome};
use swarm_tests::within;

/// The secret in every mistake that contains one. No error may show it.
pub(crate) const SECRET: &str = "s3cret";

/// Mistakes of one topic.
pub(crate) struct Table {
    title: &'static str,
    rows: Vec<String>,
}

impl Table {
    pub(crate) fn new(title: &'static str) -> Self {
        let rows = Vec::new();
        Self { title, rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds what a mistake results in. `mistake` is shown as code.
    #[track_caller]
    pub(crate) fn add<T>(&mut self, mistake: &str, result: Result<T, Error>) {
        let Err(error) = result else {
            panic!("{mistake}: no error");
        };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{mistake} shows a secret: {shown}");
        let outcome = match error.outcome() {
            None => "",
            Some(Outcome::NotSent) => "not sent",
            Some(Outcome::Rejected) => "rejected",
            Some(Outcome::Ran) => "ran",
            Some(Outcome::MayHaveRun) => "may have run",
        };
        let retry = if error.is_retryable() { "yes" } else { "no" };
        let (mistake, text) = (
            code(&without_spaces(mistake)),
            code(&without_ports(&error.to_string())),
        );
        let kind = error.kind();
        self.rows.push(format!(
            "| {mistake} | {text} | `{kind:?}` | {outcome} | {retry} |"
        ));
    }

    /// Runs a command that is a mistake.
    pub(crate) async fn run<T>(
        &mut self,
        mistake: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) {
        self.add(mistake, within(work).await);
    }

    /// Connects with options that are a mistake.
    pub(crate) async fn connect(&mut self, mistake: &str, options: impl Into<ClientOptions>) {
        self.run(mistake, Client::connect(options.into())).await;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n# {}\n", self.title)?;
        writeln!(f, "| mistake | error | kind | outcome | retryable |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

/// Removes the spaces that `stringify!` adds.
fn without_spaces(mistake: &str) -> String {
    let mistake = mistake.replace(" :: < ", "::<").replace(" > (", ">(");
    mistake.replace("> (", ">(").replacen(" (", "(", 1)
}

/// Returns a code span of a table's cell.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Replaces the ports of local addresses, which differ in each run.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("127.0.0.1:8765");
        result.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    result
}
