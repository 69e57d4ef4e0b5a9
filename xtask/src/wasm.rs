//! Compilers for wasm32-unknown-unknown, the target of pages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{command, output};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Paths of Debian's packages `rustc-web`, `cargo-web` and `rust-web-src`.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Compilers that can build for browsers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// The toolchain in use has the target.
    Toolchain,
    /// Debian's compiler, which builds the standard library from its sources.
    Debian,
}

impl Compiler {
    pub(crate) fn find() -> Result<Self> {
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
    pub(crate) const fn describe(&self) -> &'static str {
        match self {
            Self::Toolchain => "the toolchain's target, with clippy",
            Self::Debian => "Debian's compiler, which builds std, without clippy",
        }
    }

    /// Returns Cargo with a subcommand, such as `build`.
    pub(crate) fn cargo(&self, subcommand: &str, args: &str) -> Result<Command> {
        let args = format!("{subcommand} --target {TARGET} {args}");
        Ok(match self {
            Self::Toolchain => command("cargo", &args),
            Self::Debian => {
                let mut cargo = command(DEBIAN_CARGO, &args);
                cargo
                    .args(["-Z", "build-std=std,panic_abort"])
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
                cargo
            }
        })
    }
}

/// Returns the linker of the toolchain in use, because Debian's compiler has none for the target.
fn linker() -> Result<PathBuf> {
    let root = output(&mut command("rustc", "--print sysroot"))?;
    let host = output(&mut command("rustc", "--print host-tuple"))?;
    let folder = Path::new(root.trim()).join("lib/rustlib").join(host.trim());
    let linker = folder.join("bin/rust-lld");
    ensure!(linker.is_file(), "{} is missing", linker.display());
    linker.canonicalize().context("no linker")
}
