//! Runs every fuzz target on its committed seeds for a limited time.

use anyhow::{Context, Result, ensure};

use crate::shell;

pub(crate) fn run(seconds: u32) -> Result<()> {
    let targets: Vec<String> = std::fs::read_dir("fuzz/fuzz_targets")
        .context("no fuzz targets")?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    ensure!(!targets.is_empty(), "no fuzz targets");
    for target in targets {
        let seeds = format!("fuzz/seeds/{target}");
        let mut command = shell::command("cargo", "fuzz run --fuzz-dir fuzz");
        command.args([&target, &format!("fuzz/corpus/{target}")]);
        if std::path::Path::new(&seeds).exists() {
            command.arg(seeds);
        }
        command.args(["--", &format!("-max_total_time={seconds}")]);
        // The sanitizer needs unstable flags, which this enables on the stable toolchain.
        command.env("RUSTC_BOOTSTRAP", "1");
        std::fs::create_dir_all(format!("fuzz/corpus/{target}"))?;
        shell::run(&format!("fuzz {target}"), &mut command)?;
    }
    Ok(())
}
