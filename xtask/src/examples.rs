//! Runs the examples and compares what they print.

use anyhow::{Context, Result, ensure};

use crate::shell::{command, output};

/// What the quickstart counts, in the words of the shell.
const SHELL_COUNT: &str = "tr -cs 'A-Za-z' '\\n' < README.md | tr 'A-Z' 'a-z' | grep . \
                           | LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | head -n 10";

pub(crate) fn check() -> Result<()> {
    println!("── examples");
    let printed = output(&mut command("cargo", "run --quiet --example quickstart"))?;
    print!("{printed}");
    let counted = output(command("sh", "-c").arg(SHELL_COUNT))?;
    let expected: Vec<_> = counted.lines().map(words).collect::<Result<_>>()?;
    let found: Vec<_> = (printed.lines())
        .filter(|line| line.starts_with("    "))
        .map(words)
        .collect::<Result<_>>()?;
    ensure!(
        expected.len() == 10,
        "the shell counted {} words",
        expected.len()
    );
    ensure!(
        expected == found,
        "quickstart and the shell count differently:\n{expected:?}\n{found:?}"
    );
    println!("── examples: ok, quickstart counts what tr, sort and uniq count");
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
