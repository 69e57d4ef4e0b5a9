//! Runs the examples and compares what they print with what examples/README.md shows.

use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, command, output};

const PAGE: &str = "examples/README.md";

/// After so long an example hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What the quickstart counts, in the words of the shell.
const SHELL_COUNT: &str = "tr -cs 'A-Za-z' '\\n' < README.md | tr 'A-Z' 'a-z' | grep . \
                           | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | head -n 10";

/// An example, as the manifest lists it.
struct Example {
    name: String,
    /// The features that it needs beyond the default ones.
    features: Vec<String>,
}

impl Example {
    /// How a reader runs it.
    fn command(&self) -> String {
        let mut command = format!("cargo run --example {}", self.name);
        if !self.features.is_empty() {
            command += " --features ";
            command += &self.features.join(",");
        }
        command
    }
}

/// Runs all examples. With `update`, writes what they print into the page where it shows something else.
pub(crate) fn check(update: bool) -> Result<()> {
    println!("── examples");
    let examples = examples()?;
    build(&examples)?;
    let mut page = fs::read_to_string(PAGE).context(PAGE)?;
    for heading in headings(&page) {
        let known = examples.iter().any(|example| example.name == heading);
        ensure!(known, "{PAGE}: {heading} is no example of the manifest");
    }
    let mut faults = Vec::new();
    for example in &examples {
        let name = &example.name;
        let printed = run(name)?;
        ensure!(!printed.is_empty(), "{name} printed nothing");
        let shown = shown(&page, example)?;
        if !fits(&page[shown.clone()], &printed) {
            let expected = &page[shown.clone()];
            faults.push(format!(
                "── {name}: {PAGE} shows\n{expected}── it printed\n{printed}"
            ));
            if update {
                page.replace_range(shown, &printed);
            }
        }
        if name == "quickstart" {
            let readme = fs::read_to_string("README.md")?;
            let block = block(&readme, "text").context("README.md shows no output")?;
            ensure!(
                fits(&readme[block], &printed),
                "README.md shows another quickstart:\n{printed}"
            );
            compare_counts(&printed)?;
        }
    }
    if update {
        fs::write(PAGE, page)?;
    }
    faults.iter().for_each(|fault| println!("{fault}"));
    ensure!(
        update || faults.is_empty(),
        "{} examples print something else; `cargo xtask examples --update` writes it down",
        faults.len()
    );
    println!(
        "── examples: ok, {} of them print what {PAGE} shows",
        examples.len()
    );
    Ok(())
}

/// The examples that the manifest lists.
fn examples() -> Result<Vec<Example>> {
    let manifest: toml::Table = fs::read_to_string("examples/Cargo.toml")?.parse()?;
    let listed = manifest.get("example").and_then(toml::Value::as_array);
    let example = |entry: &toml::Value| {
        let features = entry
            .get("required-features")
            .and_then(toml::Value::as_array);
        Some(Example {
            name: entry.get("name")?.as_str()?.to_owned(),
            features: (features.into_iter().flatten())
                .filter_map(|feature| Some(feature.as_str()?.to_owned()))
                .collect(),
        })
    };
    let examples = listed.context("no examples")?.iter().map(example);
    examples
        .collect::<Option<_>>()
        .context("an example without a name")
}

/// Builds all of them once. What needs no feature needs no C compiler either.
fn build(examples: &[Example]) -> Result<()> {
    let tree = output(&mut command(
        "cargo",
        "tree --package swarm-examples --prefix none --edges all",
    ))?;
    ensure!(
        !tree.lines().any(|line| line.starts_with("cc v")),
        "the examples build C code without being asked to"
    );
    cargo(
        "build examples",
        "build --quiet --package swarm-examples --examples",
    )?;
    for example in examples
        .iter()
        .filter(|example| !example.features.is_empty())
    {
        let (name, features) = (&example.name, example.features.join(","));
        let build = format!(
            "build --quiet --package swarm-examples --example {name} --features {features}"
        );
        cargo(&format!("build {name}"), &build)?;
    }
    Ok(())
}

/// Runs an example on a gateway of its own, whatever the environment says, and answers what it printed.
fn run(name: &str) -> Result<String> {
    let mut command = Command::new(program(name)?);
    for variable in ["WS_URL", "TCP_URL", "HTTP_URL", "PASSWORD"] {
        command.env_remove(format!("SWARM_KEYDB_{variable}"));
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context(name.to_owned())?;
    let mut stdout = child.stdout.take().context("no output")?;
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        // Nobody listens any more when the time was up.
        let _ = done.send(read);
    });
    let Ok(printed) = finished.recv_timeout(LIMIT) else {
        child.kill()?;
        bail!("{name} is not done after {LIMIT:?}");
    };
    let status = child.wait()?;
    ensure!(status.success(), "{name} failed: {status}");
    printed.with_context(|| format!("what {name} printed"))
}

/// Cargo puts the programs beside this one.
fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program lies nowhere")?;
    Ok(folder.join("examples").join(name))
}

/// The examples that the page has sections of.
fn headings(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| line.strip_prefix("## "))
}

/// Where the page shows what an example prints. The page and the example itself say how it is run.
fn shown(page: &str, example: &Example) -> Result<Range<usize>> {
    let Example { name, .. } = example;
    let heading = format!("\n## {name}\n");
    let start = page
        .find(&heading)
        .with_context(|| format!("{PAGE} has no section `## {name}`"))?;
    let start = start + heading.len();
    let section = &page[start..];
    let section = &section[..section.find("\n## ").map_or(section.len(), |end| end + 1)];

    let command = example.command();
    let run = block(section, "sh").map(|block| section[block].trim_end() == command);
    ensure!(
        run == Some(true),
        "{PAGE}, {name}: show how it is run, in a block of `sh`: {command}"
    );
    let path = format!("examples/{name}.rs");
    let source = fs::read_to_string(&path).with_context(|| path.clone())?;
    let intro = source.lines().take_while(|line| line.starts_with("//!"));
    ensure!(
        intro
            .clone()
            .any(|line| line.contains(&format!("`{command}`"))),
        "{path}: the head does not say how it is run: `{command}`"
    );

    let block = block(section, "text")
        .with_context(|| format!("{PAGE}, {name}: show what it prints, in a block of `text`"))?;
    Ok(start + block.start..start + block.end)
}

/// What stands in the first fenced block of a language.
fn block(text: &str, language: &str) -> Option<Range<usize>> {
    let fence = format!("```{language}\n");
    let start = text.find(&fence)? + fence.len();
    let end = start + text[start..].find("```")?;
    Some(start..end)
}

/// Whether a text is as expected, but for ports, times and what `…` stands for: any number of lines.
fn fits(expected: &str, found: &str) -> bool {
    let masked = |text: &str| text.lines().map(mask).collect::<Vec<_>>();
    lines_fit(&masked(expected), &masked(found))
}

fn lines_fit(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line.trim() == "…" => {
            (0..=found.len()).any(|skipped| lines_fit(rest, &found[skipped..]))
        }
        Some((line, rest)) => found
            .split_first()
            .is_some_and(|(first, others)| first == line && lines_fit(rest, others)),
    }
}

/// A line without what differs each time: the port of this machine's address, and a time such as `1.5ms`.
fn mask(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        masked += before;
        let end = from
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let unit = ["ns", "µs", "ms", "s"]
            .into_iter()
            .find(|unit| after.starts_with(unit));
        let is_time = number.contains('.') && unit.is_some();
        let is_port = masked.ends_with("127.0.0.1:");
        masked += if is_time {
            "TIME"
        } else if is_port {
            "PORT"
        } else {
            number
        };
        rest = if is_time {
            &after[unit.map_or(0, str::len)..]
        } else {
            after
        };
    }
    masked + rest
}

fn compare_counts(printed: &str) -> Result<()> {
    let counted = output(command("sh", "-c").arg(SHELL_COUNT))?;
    let expected: Vec<_> = counted.lines().map(words).collect::<Result<_>>()?;
    let lines = printed.lines().filter(|line| line.starts_with("    "));
    let found: Vec<_> = lines.map(words).collect::<Result<_>>()?;
    ensure!(
        expected.len() == 10,
        "the shell counted {} words",
        expected.len()
    );
    ensure!(
        expected == found,
        "quickstart and the shell count differently:\n{expected:?}\n{found:?}"
    );
    Ok(())
}

/// A count and a word.
fn words(line: &str) -> Result<(u64, String)> {
    let mut words = line.split_ascii_whitespace();
    let count = words.next().context("a line without a count")?.parse()?;
    Ok((
        count,
        words.next().context("a line without a word")?.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_each_time_is_masked_and_nothing_else() {
        assert_eq!(mask("at ws://127.0.0.1:40123/"), "at ws://127.0.0.1:PORT/");
        assert_eq!(mask("727 INCRs in 35.5ms"), "727 INCRs in TIME");
        assert_eq!(mask("3600s left of 1.25"), "3600s left of 1.25");
    }

    #[test]
    fn an_ellipsis_stands_for_lines_and_the_rest_must_be_there() {
        assert!(fits("a\n …\nd\n", "a\nb\nc\nd\n"));
        assert!(fits("a 127.0.0.1:1\n", "a 127.0.0.1:2\n"));
        assert!(!fits("a\n…\nd\n", "a\nb\nc\n"));
        assert!(!fits("a\n", "a\nb\n"));
    }
}
