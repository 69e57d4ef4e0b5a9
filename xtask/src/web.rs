//! Checks that the crates for browsers compile there, reach no clock or thread that panics there,
//! and that neither target compiles what only the other one needs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{command, output, run};

const TARGET: &str = "wasm32-unknown-unknown";

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

/// Paths of Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Compilers that can build for browsers.
enum Compiler {
    /// The toolchain in use has the target.
    Toolchain,
    /// Debian's compiler, which builds the standard library from its sources.
    Debian,
}

impl Compiler {
    fn find() -> Result<Self> {
        let libraries = format!("--print target-libdir --target {TARGET}");
        let libraries = output(&mut command("rustc", &libraries))?;
        if Path::new(libraries.trim()).exists() {
            return Ok(Self::Toolchain);
        }
        let sysroot = command(DEBIAN_RUSTC, "--print sysroot").output();
        let sysroot = sysroot
            .ok()
            .and_then(|found| String::from_utf8(found.stdout).ok());
        let sources = sysroot.map(|root| Path::new(root.trim()).join("lib/rustlib/src/rust"));
        if sources.is_some_and(|sources| sources.exists()) && Path::new(DEBIAN_CARGO).exists() {
            return Ok(Self::Debian);
        }
        bail!(
            "no compiler for {TARGET}; run `rustup target add {TARGET}`, or on Debian \
             `apt-get install rustc-web cargo-web rust-web-src`"
        )
    }

    /// Says what is used, and what it leaves out.
    const fn describe(&self) -> &'static str {
        match self {
            Self::Toolchain => "the toolchain's target, with clippy",
            Self::Debian => "Debian's compiler, which builds std, without clippy",
        }
    }

    fn check(&self, arguments: &str) -> Command {
        let options = format!("--target {TARGET} --target-dir target/web {arguments}");
        match self {
            Self::Toolchain => {
                let mut clippy = command("cargo", &format!("clippy {options} -- -D warnings"));
                clippy.env("CLIPPY_CONF_DIR", "xtask/web");
                clippy
            }
            Self::Debian => {
                let std = "-Z build-std=std,panic_abort";
                let mut check = command(DEBIAN_CARGO, &format!("check {std} {options}"));
                check
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTFLAGS", "-D warnings");
                check
            }
        }
    }
}

pub(crate) fn check() -> Result<()> {
    check_dependencies()?;
    let compiler = Compiler::find()?;
    println!("web: {}", compiler.describe());
    CRATES
        .iter()
        .try_for_each(|arguments| run(&format!("web {arguments}"), &mut compiler.check(arguments)))
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
