//! A headless Chromium process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use super::devtools::DevTools;

/// Programs that may be Chromium.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Options of the program.
const OPTIONS: [&str; 11] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "about:blank",
];

/// The browser. Dropping it stops the process.
pub(super) struct Chromium {
    process: Child,
    profile: PathBuf,
    pub(super) devtools: Arc<DevTools>,
}

impl Chromium {
    /// Starts a browser with a new profile.
    pub(super) fn start() -> Result<Self> {
        let program = PROGRAMS.iter().find(|program| is_installed(program));
        let program = program.context("Chromium is not installed; install the package chromium")?;
        let folder = format!("target/browser/profile-{}", std::process::id());
        let profile = std::env::current_dir()?.join(folder);
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).context("cannot create a profile")?;
        let log = fs::File::create(Path::new("target/browser/chromium.log"))?;
        // Chromium reads the protocol from descriptor 3 and writes it to 4. No port is open, and no
        // WebSocket is needed.
        let redirect = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
        let mut process = Command::new("sh")
            .args(["-c", redirect, program])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(OPTIONS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let to = process.stdin.take().context("no pipe to Chromium")?;
        let from = process.stdout.take().context("no pipe from Chromium")?;
        let devtools = DevTools::connect(to, from);
        let chromium = Self {
            process,
            profile,
            devtools,
        };
        let version = chromium.devtools.browser("Browser.getVersion", json!({}))?;
        let version = version["product"].as_str().unwrap_or("unknown version");
        println!("browser: {version}");
        Ok(chromium)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends all of its processes; fails only if the browser has ended already.
        let _ = self.devtools.browser("Browser.close", json!({}));
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
