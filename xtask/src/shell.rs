//! Runs external programs, printing a title for each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// Changes to the workspace root.
pub(crate) fn enter_workspace() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask has no parent")?;
    std::env::set_current_dir(root).context("cannot enter the workspace")
}

/// Returns a command whose arguments contain no spaces.
pub(crate) fn command(program: &str, args: &str) -> Command {
    let mut command = Command::new(program);
    command.args(args.split_ascii_whitespace());
    command
}

/// Runs a command and fails unless it succeeds.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<()> {
    println!("── {title}");
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("{title}: cannot run {command:?}"))?;
    ensure!(status.success(), "{title} failed: {status}");
    println!("── {title}: ok, {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

/// Runs cargo and fails unless it succeeds.
pub(crate) fn cargo(title: &str, args: &str) -> Result<()> {
    run(title, &mut command("cargo", args))
}

/// Runs a command and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} failed: {}\n{errors}",
        output.status
    );
    String::from_utf8(output.stdout).context("the output is not UTF-8")
}

/// Returns the files matching a pattern that are tracked or not ignored by git.
pub(crate) fn files(pattern: &str) -> Result<Vec<PathBuf>> {
    let list = format!("ls-files --cached --others --exclude-standard {pattern}");
    let files = output(&mut command("git", &list))?;
    let paths = files.lines().map(PathBuf::from);
    Ok(paths.filter(|path| path.exists()).collect())
}
