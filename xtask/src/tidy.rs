//! Rules specific to this repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{modules, pages, shell, width};

/// Workspace crates that each crate may depend on. Dev-dependencies are not restricted.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/swarm-resp", &[]),
    ("crates/swarm-transport", &["swarm-resp"]),
    ("crates/swarm-keydb", &["swarm-resp", "swarm-transport"]),
    ("crates/swarm-gateway", &["swarm-resp", "swarm-transport"]),
    ("xtask", &[]),
];

/// File names that do not describe a purpose.
const VAGUE: &[&str] = &[
    "utils.rs",
    "util.rs",
    "helpers.rs",
    "common.rs",
    "types.rs",
    "misc.rs",
    "manager.rs",
];

/// Maximum number of lines of a file; a longer file serves more than one purpose.
const MAX_LINES: usize = 500;

pub(crate) fn check() -> Result<()> {
    println!("── tidy");
    let mut faults = arrows()?;
    for path in shell::files("*.rs")? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        faults.extend(source_faults(&path, &text));
    }
    faults.extend(modules::faults()?);
    faults.extend(pages::faults()?);
    faults.extend(width::faults()?);
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "tidy: {} faults", faults.len());
    println!("── tidy: ok");
    Ok(())
}

fn source_faults(path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut fault = |what: &str| faults.push(format!("{}: {what}", path.display()));
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") {
        fault("the first line is not a `//!` sentence that describes the file");
    }
    if VAGUE.contains(&name.as_ref()) {
        fault("the name does not describe the purpose of the file");
    }
    let generated = path
        .components()
        .any(|part| part.as_os_str() == "generated");
    if text.lines().count() > MAX_LINES && !generated {
        fault("longer than 500 lines; split it by purpose");
    }
    for line in text.lines() {
        let code = line.trim_start_matches(['/', '!', ' ']);
        if code.starts_with("```ignore") || code.starts_with("```no_run") {
            fault("doc example is never run");
        }
        if line.trim_start().starts_with("#[ignore") {
            fault("ignored test");
        }
    }
    faults
}

/// Checks that dependencies between crates follow the layers.
fn arrows() -> Result<Vec<String>> {
    let members: BTreeSet<&str> = [
        "swarm-resp",
        "swarm-transport",
        "swarm-keydb",
        "swarm-gateway",
    ]
    .into();
    let mut faults = Vec::new();
    for (folder, allowed) in ARROWS {
        let path = Path::new(folder).join("Cargo.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
        for section in ["dependencies", "build-dependencies"] {
            let Some(toml::Value::Table(dependencies)) = manifest.get(section) else {
                continue;
            };
            for name in dependencies.keys() {
                if members.contains(name.as_str()) && !allowed.contains(&name.as_str()) {
                    faults.push(format!("{}: must not depend on {name}", path.display()));
                }
            }
        }
    }
    Ok(faults)
}
