//! Checks that the crates for browsers compile there, reach no clock or thread that panics there,
//! and that neither target compiles what only the other one needs.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{command, output, run};
use crate::wasm::{Compiler, TARGET};

/// What is built for browsers, with a folder of its own, so that it rebuilds nothing else.
const CRATES: &[&str] = &[
    "-p swarm-resp",
    "-p swarm-transport --no-default-features --features ws",
    "-p swarm-transport --no-default-features --features web",
    "-p swarm-keydb --no-default-features --features web,cache,json",
];

/// Crates that only a browser needs.
const WEB: &[&str] = &[
    "gloo-timers",
    "js-sys",
    "send_wrapper",
    "wasm-bindgen",
    "wasm-bindgen-futures",
    "web-sys",
    "web-time",
];

/// Crates that a browser cannot use.
const NATIVE: &[&str] = &[
    "hyper",
    "mio",
    "rustls",
    "socket2",
    "tokio-tungstenite",
    "tungstenite",
];

/// Returns the command that checks crates.
fn checking(compiler: &Compiler, arguments: &str) -> Result<Command> {
    let arguments = format!("--target-dir target/web {arguments}");
    Ok(match compiler {
        Compiler::Toolchain => {
            let mut clippy = compiler.cargo("clippy", &format!("{arguments} -- -D warnings"))?;
            clippy.env("CLIPPY_CONF_DIR", "xtask/web");
            clippy
        }
        Compiler::Debian => {
            let mut check = compiler.cargo("check", &arguments)?;
            check.env("RUSTFLAGS", "-D warnings");
            check
        }
    })
}

pub(crate) fn check() -> Result<()> {
    check_dependencies()?;
    let compiler = Compiler::find()?;
    println!("web: {}", compiler.describe());
    CRATES.iter().try_for_each(|arguments| {
        let mut checking = checking(&compiler, arguments)?;
        run(&format!("web {arguments}"), &mut checking)
    })
}

/// Checks which crates each target depends on.
fn check_dependencies() -> Result<()> {
    let native = output(&mut command("rustc", "--print host-tuple"))?;
    for package in ["swarm-transport", "swarm-keydb"] {
        let tree = dependencies(&format!("-p {package} --all-features"), native.trim())?;
        exclude(&tree, WEB).with_context(|| format!("{package} on {native}"))?;
    }
    for arguments in CRATES {
        let tree = dependencies(arguments, TARGET)?;
        exclude(&tree, NATIVE).with_context(|| format!("{arguments} in a browser"))?;
    }
    Ok(())
}

/// Returns the names of all crates that are compiled in.
fn dependencies(arguments: &str, target: &str) -> Result<String> {
    let tree =
        format!("tree --quiet --edges normal --prefix none --format {{p}} --target {target}");
    output(&mut command("cargo", &format!("{tree} {arguments}")))
}

fn exclude(tree: &str, unwanted: &[&str]) -> Result<()> {
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        ensure!(!unwanted.contains(&name), "{name} is compiled in");
    }
    Ok(())
}
