//! Runs the examples and compares their output with examples/README.md.

mod page;
mod program;

use std::fs;
use std::ops::Range;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};

use self::page::{PATH, Place, Transport, block, fits};
use self::program::run;
use crate::gateway::Gateway;
use crate::shell::{cargo, command, output};

/// The quickstart's counts, computed by shell tools.
const SHELL_COUNT: &str = "tr -cs 'A-Za-z' '\\n' < README.md | tr 'A-Z' 'a-z' | grep . \
                           | head -n 50 | LC_ALL=C sort | uniq -c \
                           | LC_ALL=C sort -k1,1nr -k2,2 | head -n 5";

/// Number of examples that run concurrently against a slow server, where they mostly wait.
const AT_ONCE: usize = 6;

/// Server that the examples connect to.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Server {
    /// A gateway that behaves like SwarmKeyDb with default settings, including slow writes
    Upstream,
}

impl Server {
    fn dialect(self) -> &'static str {
        match self {
            Self::Upstream => "upstream,nagle,cr-lf",
        }
    }
}

/// An example listed in the manifest.
struct Example {
    name: String,
    /// Required features in addition to the default ones.
    features: Vec<String>,
}

impl Example {
    /// Returns the command that the page shows.
    fn command(&self) -> String {
        let mut command = format!("cargo run --example {}", self.name);
        if !self.features.is_empty() {
            command += " --features ";
            command += &self.features.join(",");
        }
        command
    }
}

/// Runs all examples on the embedded gateway. With `update`, writes their output to the page.
pub(crate) fn check(update: bool) -> Result<()> {
    println!("── examples");
    let examples = examples()?;
    build(&examples)?;
    let mut page = fs::read_to_string(PATH).context(PATH)?;
    for heading in page::headings(&page) {
        let known = examples.iter().any(|example| example.name == heading);
        ensure!(
            known,
            "{PATH}: section {heading} has no example in the manifest"
        );
    }
    let mut faults = Vec::new();
    for example in &examples {
        let name = &example.name;
        page::place(&page, name)?;
        let printed = run(name, &[])?;
        ensure!(!printed.is_empty(), "{name} printed nothing");
        let shown = shown(&page, example)?;
        if !fits(&page[shown.clone()], &printed) {
            faults.push(fault(name, &page[shown.clone()], &printed));
            if update {
                page.replace_range(shown, &printed);
            }
        }
        if name == "quickstart" {
            let readme = fs::read_to_string("README.md")?;
            let block = block(&readme, "text").context("README.md has no output block")?;
            ensure!(
                fits(&readme[block], &printed),
                "README.md shows different quickstart output:\n{printed}"
            );
            compare_counts(&printed)?;
        }
    }
    if update {
        fs::write(PATH, page)?;
    }
    faults.iter().for_each(|fault| println!("{fault}"));
    ensure!(
        update || faults.is_empty(),
        "output of {} examples has changed; run `cargo xtask examples --update`",
        faults.len()
    );
    println!(
        "── examples: ok, output of {} examples matches {PATH}",
        examples.len()
    );
    Ok(())
}

/// Runs each example against a server, over every transport that the page's table lists for it.
pub(crate) fn check_against(server: Server) -> Result<()> {
    let dialect = server.dialect();
    println!("── examples against {dialect}");
    let examples = examples()?;
    build(&examples)?;
    cargo("build gateway", "build --quiet --package swarm-gateway")?;
    let start = Instant::now();
    let page = fs::read_to_string(PATH).context(PATH)?;
    let mut jobs = Vec::new();
    for example in &examples {
        match page::place(&page, &example.name)? {
            Place::Over(transports) => {
                jobs.extend(
                    transports
                        .into_iter()
                        .map(|transport| (example, Some(transport))),
                );
            }
            Place::InFront => jobs.push((example, None)),
            Place::Own => {}
        }
    }
    let count = jobs.len();
    let jobs = Mutex::new(jobs.into_iter());
    let next = || jobs.lock().ok()?.next();
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((example, transport)) = next() {
                    let Err(error) = run_against(dialect, &page, example, transport) else {
                        continue;
                    };
                    if let Ok(mut faults) = faults.lock() {
                        faults.push(error);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().map_err(|_| anyhow!("a run panicked"))?;
    faults.iter().for_each(|fault| println!("{fault:#}"));
    ensure!(faults.is_empty(), "{} of {count} runs failed", faults.len());
    println!(
        "── examples against {dialect}: ok, output of {count} runs matches {PATH}, {:.1} s",
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

/// Runs an example over one transport, or in front of the server's TCP port if `transport` is
/// `None`.
fn run_against(
    dialect: &str,
    page: &str,
    example: &Example,
    transport: Option<Transport>,
) -> Result<()> {
    let start = Instant::now();
    let gateway = Gateway::start(dialect)?;
    let variable = match transport {
        Some(Transport::Ws) => "SWARM_KEYDB_WS_URL",
        Some(Transport::Tcp) | None => "SWARM_KEYDB_TCP_URL",
        Some(Transport::Http) => "SWARM_KEYDB_HTTP_URL",
    };
    let url = gateway.url(transport.unwrap_or(Transport::Tcp).scheme())?;
    let over = transport.map_or("in front of tcp", Transport::name);
    let name = format!("{}, {over}", example.name);
    let printed = run(&example.name, &[(variable, url)]).context(name.clone())?;
    let expected = &page[shown(page, example)?];
    ensure!(
        fits(expected, &printed),
        "{}",
        fault(&name, expected, &printed)
    );
    println!("{name}: {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

fn fault(name: &str, expected: &str, printed: &str) -> String {
    format!("── {name}: expected by {PATH}\n{expected}── actual\n{printed}")
}

/// Returns the examples listed in the manifest.
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
    examples.collect::<Option<_>>().context("unnamed example")
}

/// Builds all examples. Those without features must build without a C compiler.
fn build(examples: &[Example]) -> Result<()> {
    let tree = output(&mut command(
        "cargo",
        "tree --package swarm-examples --prefix none --edges all",
    ))?;
    ensure!(
        !tree.lines().any(|line| line.starts_with("cc v")),
        "the examples build C code by default"
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

/// Returns the range of the page that shows the output of an example. Also checks that the page and
/// the source show the command.
fn shown(page: &str, example: &Example) -> Result<Range<usize>> {
    let Example { name, .. } = example;
    let section = page::section(page, name)?;
    let start = section.start;
    let section = &page[section];

    let command = example.command();
    let run = block(section, "sh").map(|block| section[block].trim_end() == command);
    ensure!(
        run == Some(true),
        "{PATH}, {name}: the `sh` block must be: {command}"
    );
    let path = format!("examples/{name}.rs");
    let source = fs::read_to_string(&path).with_context(|| path.clone())?;
    let mut intro = source.lines().take_while(|line| line.starts_with("//!"));
    ensure!(
        intro.any(|line| line.contains(&format!("`{command}`"))),
        "{path}: the doc comment must contain `{command}`"
    );

    let block = block(section, "text")
        .with_context(|| format!("{PATH}, {name}: no `text` block with the output"))?;
    Ok(start + block.start..start + block.end)
}

fn compare_counts(printed: &str) -> Result<()> {
    let counted = output(command("sh", "-c").arg(SHELL_COUNT))?;
    let expected: Vec<_> = counted.lines().map(words).collect::<Result<_>>()?;
    let lines = printed.lines().filter(|line| line.starts_with("    "));
    let found: Vec<_> = lines.map(words).collect::<Result<_>>()?;
    ensure!(
        expected.len() == 5,
        "the shell found {} words",
        expected.len()
    );
    ensure!(
        expected == found,
        "quickstart and shell counts differ:\n{expected:?}\n{found:?}"
    );
    Ok(())
}

/// Parses a count and a word.
fn words(line: &str) -> Result<(u64, String)> {
    let mut words = line.split_ascii_whitespace();
    let count = words.next().context("missing count")?.parse()?;
    Ok((count, words.next().context("missing word")?.to_owned()))
}
