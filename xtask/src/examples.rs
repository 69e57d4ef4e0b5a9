//! Runs the examples and compares what they print.

use anyhow::{Context, Result, ensure};

use crate::shell::{command, output};

/// What the quickstart counts, in the words of the shell.
const SHELL_COUNT: &str = "tr -cs 'A-Za-z' '\\n' < README.md | tr 'A-Z' 'a-z' | grep . \
                           | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | head -n 10";

pub(crate) fn check() -> Result<()> {
    println!("── examples");
    for name in names()? {
        println!("── example {name}");
        let run = format!("run --quiet --package swarm-examples --example {name}");
        let printed = output(&mut command("cargo", &run))?;
        print!("{printed}");
        ensure!(!printed.is_empty(), "{name} printed nothing");
        if name == "quickstart" {
            compare_counts(&printed)?;
        }
    }
    println!("── examples: ok, quickstart counts what tr, sort and uniq count");
    Ok(())
}

/// The examples that the manifest lists.
fn names() -> Result<Vec<String>> {
    let manifest: toml::Table = std::fs::read_to_string("examples/Cargo.toml")?.parse()?;
    let examples = manifest
        .get("example")
        .and_then(toml::Value::as_array)
        .context("no examples")?;
    let name = |example: &toml::Value| Some(example.get("name")?.as_str()?.to_owned());
    examples
        .iter()
        .map(name)
        .collect::<Option<_>>()
        .context("an example without a name")
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
