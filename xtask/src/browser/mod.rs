//! Pages that use the client in a browser: serves the example, and tests and measures in Chromium.

mod bench;
mod build;
mod chat;
mod chromium;
mod devtools;
mod site;
mod suite;

use std::net::{Ipv4Addr, SocketAddr};
use std::{fs, io};

use anyhow::{Result, ensure};

use self::build::{Page, PageCrate};
use self::site::Site;
use crate::gateway::Gateway;
use crate::shell::{cargo, command, run};
use crate::wasm::Compiler;

/// The example, in Rust and HTML.
const CHAT: PageCrate = PageCrate {
    folder: "examples/browser",
    library: "swarm_browser_chat",
};

/// Tests and benchmarks that run in a page.
const SUITE: PageCrate = PageCrate {
    folder: "tests/browser",
    library: "swarm_browser_tests",
};

/// Maximum size of the example's module after gzip, in KiB. The goal is 300; other compilers than
/// that of this repository's toolchain file need a little more.
const MAX_SIZE: u64 = 305;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run the tests in headless Chromium, only those whose names contain a text if one is given
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    pub(crate) test: Option<String>,
    /// Use the example in headless Chromium while its gateway restarts, and keep screenshots
    #[arg(long, conflicts_with = "test")]
    chat: bool,
    /// Compare the client with plain JavaScript in headless Chromium
    #[arg(long, conflicts_with_all = ["test", "chat"])]
    bench: bool,
    /// Address and port that serve the example; a free port by default
    #[arg(long, default_value_t = free_port())]
    address: SocketAddr,
}

impl Options {
    /// Runs all tests.
    pub(crate) fn all_tests() -> Self {
        Self {
            test: Some(String::new()),
            chat: false,
            bench: false,
            address: free_port(),
        }
    }
}

fn free_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(crate) fn browser(options: &Options) -> Result<()> {
    println!("── browser");
    fs::create_dir_all("target/browser")?;
    let compiler = Compiler::find()?;
    println!("compiler: {}", compiler.describe());
    cargo("build gateway", "build --quiet --package swarm-gateway")?;
    if options.bench {
        return bench::run(&SUITE.build(&compiler, "speed")?);
    }
    if options.chat {
        return check_chat(&compiler);
    }
    let Some(filter) = &options.test else {
        return serve(&CHAT.build(&compiler, "release")?, options.address);
    };
    let is_all = filter.is_empty();
    if is_all {
        lint(&compiler)?;
    }
    suite::run(&SUITE.build(&compiler, "dev")?, filter)?;
    if is_all {
        check_chat(&compiler)?;
    }
    println!("── browser: ok");
    Ok(())
}

fn check_chat(compiler: &Compiler) -> Result<()> {
    let page = CHAT.build(compiler, "release")?;
    check_size(&page)?;
    chat::check(&page)
}

/// Checks the crates of pages, which are not members of the workspace.
fn lint(compiler: &Compiler) -> Result<()> {
    for page in [CHAT, SUITE] {
        let folder = page.folder;
        let format = format!("fmt --manifest-path {folder}/Cargo.toml --check");
        cargo(&format!("format {folder}"), &format)?;
        if *compiler == Compiler::Toolchain {
            let mut clippy = page.cargo(compiler, "clippy", "--no-deps -- -D warnings")?;
            run(&format!("clippy {folder}"), &mut clippy)?;
        }
    }
    Ok(())
}

/// Checks dependencies of these crates as those of the workspace.
pub(crate) fn deny() -> Result<()> {
    let config = std::env::current_dir()?.join("deny.toml");
    for PageCrate { folder, .. } in [CHAT, SUITE] {
        let mut deny = command(
            "cargo",
            &format!("deny --manifest-path {folder}/Cargo.toml"),
        );
        deny.arg("--config").arg(&config);
        deny.args(["check", "bans", "licenses", "sources"]);
        run(&format!("deny {folder}"), &mut deny)?;
    }
    Ok(())
}

fn check_size(page: &Page) -> Result<()> {
    let size = page.gzipped()?;
    println!("size of {}: {size} bytes gzipped", CHAT.folder);
    ensure!(
        size <= MAX_SIZE << 10,
        "{} is larger than {MAX_SIZE} KiB",
        CHAT.folder
    );
    Ok(())
}

/// Serves the example beside a gateway until the program is stopped.
fn serve(page: &Page, address: SocketAddr) -> Result<()> {
    check_size(page)?;
    let gateways = [Gateway::with_control("standard")?];
    let site = Site::start(address, page.folders.clone(), &gateways)?;
    println!("\nThe chat is at {}", site.url);
    println!("Its gateway is at {}", gateways[0].url("ws")?);
    println!("Press Enter to stop.");
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}
