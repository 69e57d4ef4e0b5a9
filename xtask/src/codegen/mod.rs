//! Generates code, tests, and a reference page from the command specification.

mod coverage;
mod facts;
mod family;
mod handles;
mod method;
mod spec;
mod wire;
mod wrap;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

const HANDLES: &str = "crates/swarm-keydb/src/handles/generated";
const SPEC: &str = "crates/swarm-keydb/spec";
const GENERATED: &str = "crates/swarm-keydb/src/commands/generated";
/// The table of facts, where both the transports and the client can read it.
const FACTS: &str = "crates/swarm-transport/src/facts/generated/mod.rs";

/// The page of the guide that lists all commands.
const COMMANDS: &str = "crates/swarm-keydb/src/guide/commands.md";

/// Writes the generated files, or checks that they are up to date.
pub(crate) fn run(check: bool) -> Result<()> {
    println!("── codegen");
    let spec = spec::read(Path::new(SPEC))?;
    let (families, facts) = (&spec.families, facts::Table::new(&spec)?);
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for family in families {
        let path = Path::new(GENERATED).join(format!("{}.rs", family.module));
        files.push((path, format(&family::emit(family))?));
    }
    files.push((
        Path::new(GENERATED).join("mod.rs"),
        format(&family::emit_index(families))?,
    ));
    files.push((
        Path::new(GENERATED).join("wire.rs"),
        format(&wire::emit(families))?,
    ));
    let folder = Path::new(HANDLES);
    for handle in &handles::HANDLES {
        let path = folder.join(format!("{}.rs", handle.module));
        files.push((path, format(&handles::emit(handle, families))?));
    }
    files.push((folder.join("mod.rs"), format(&handles::emit_index())?));
    files.push((PathBuf::from(FACTS), format(&facts.emit()?)?));
    let table = coverage::emit(&spec, &facts)?;
    files.push((PathBuf::from(COMMANDS), table));
    for (path, text) in &files {
        let current = fs::read_to_string(path).unwrap_or_default();
        if current == *text {
            continue;
        }
        ensure!(
            !check,
            "{} is out of date; run `cargo xtask codegen`",
            path.display()
        );
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(path, text).with_context(|| path.display().to_string())?;
        println!("wrote {}", path.display());
    }
    println!("── codegen: ok");
    Ok(())
}

fn format(code: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path", "rustfmt.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt")?;
    rustfmt
        .stdin
        .take()
        .context("no input")?
        .write_all(code.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    ensure!(
        output.status.success(),
        "rustfmt refuses the generated code:\n{code}"
    );
    String::from_utf8(output.stdout).context("not UTF-8")
}
