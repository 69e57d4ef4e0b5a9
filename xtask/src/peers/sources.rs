//! Fetches the suites and what they need into `target/peers`. Nothing of them is committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::server::REDIS_VERSION;
use crate::shell;

/// SHA-256 of the archive of Redis in Debian's source package.
const REDIS_SHA: &str = "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982";

const REDIS_PY_VERSION: &str = "8.1.0";
const REDIS_PY_SHA: &str = "6e1a19beef9225c83efd689c7e6b7da2d5215b1f42cd13b7fc3714d0a09c7b25";

/// Makes a folder of `target/peers` with `fetch`, unless it was made for the same `version`.
fn cached(name: &str, version: &str, fetch: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = std::env::current_dir()?.join("target/peers").join(name);
    let stamp = folder.join(".version");
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == version) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    println!("fetching {name}");
    fetch(&folder).with_context(|| format!("cannot fetch {name} for `cargo xtask peers`"))?;
    fs::write(stamp, version)?;
    Ok(folder)
}

/// Runs a command, whose output is shown only if it fails.
fn quietly(command: &mut Command) -> Result<()> {
    shell::output(command).map(drop)
}

fn check_sum(file: &Path, expected: &str) -> Result<()> {
    let sum = shell::output(Command::new("sha256sum").arg(file))?;
    let sum = sum.split_whitespace().next().unwrap_or_default();
    let file = file.display();
    ensure!(
        sum == expected,
        "{file} has the SHA-256 {sum}, not {expected}"
    );
    Ok(())
}

fn unpack(archive: &Path, folder: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    quietly(tar.arg("-xzf").arg(archive).arg("-C").arg(folder))
}

/// Returns the folder of Redis' sources, from the distribution's source package.
pub(super) fn redis() -> Result<PathBuf> {
    let folder = cached("redis", REDIS_SHA, |folder| {
        let archive = format!("redis_{REDIS_VERSION}.orig.tar.gz");
        download_redis(folder)?;
        let archive = folder.join(archive);
        ensure!(
            archive.exists(),
            "the distribution's source package is not Redis {REDIS_VERSION}"
        );
        check_sum(&archive, REDIS_SHA)?;
        unpack(&archive, folder)
    })?;
    Ok(folder.join(format!("redis-{REDIS_VERSION}")))
}

/// Downloads the source package of the configured mirrors, without changing the configuration.
fn download_redis(folder: &Path) -> Result<()> {
    let parts = folder.join("apt/sources");
    for path in [
        "apt/sources",
        "apt/lists/partial",
        "apt/cache/archives/partial",
    ] {
        fs::create_dir_all(folder.join(path))?;
    }
    let system = Path::new("/etc/apt/sources.list.d");
    let listed = fs::read_dir(system).into_iter().flatten().flatten();
    let mut files: Vec<_> = listed.map(|entry| entry.path()).collect();
    files.push("/etc/apt/sources.list".into());
    for file in files {
        let (Ok(text), Some(name)) = (fs::read_to_string(&file), file.file_name()) else {
            continue;
        };
        let line = |line: &str| match line.split_once(' ') {
            Some(("Types:", _)) => "Types: deb-src".to_owned(),
            Some(("deb", rest)) => format!("deb-src {rest}"),
            _ => line.to_owned(),
        };
        let lines: Vec<_> = text.lines().map(line).collect();
        fs::write(parts.join(name), lines.join("\n") + "\n")?;
    }
    let apt = |action: &[&str]| {
        let mut command = Command::new("apt-get");
        command.current_dir(folder).arg("-q").args(action);
        for (option, value) in [
            ("Dir::Etc::SourceList", "/dev/null".into()),
            ("Dir::Etc::SourceParts", parts.clone()),
            ("Dir::State::Lists", folder.join("apt/lists")),
            ("Dir::Cache", folder.join("apt/cache")),
        ] {
            command
                .arg("-o")
                .arg(format!("{option}={}", value.display()));
        }
        quietly(&mut command)
    };
    apt(&["update"])?;
    apt(&["source", "--download-only", "redis"])?;
    Ok(fs::remove_dir_all(folder.join("apt"))?)
}

/// Returns the folder of redis-py's sources, and a Python with what its tests need.
pub(super) fn redis_py() -> Result<(PathBuf, PathBuf)> {
    let requirements = "tests/peers/python/requirements.txt";
    let pinned = fs::read_to_string(requirements)?;
    let python = cached("python", &pinned, |folder| {
        quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        quietly(pip.args(["--requirement", requirements]))
    })?
    .join("bin/python");
    let folder = cached("redis-py", REDIS_PY_SHA, |folder| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps"]);
        pip.args([
            "--disable-pip-version-check",
            "--no-binary",
            "redis",
            "--dest",
        ]);
        quietly(pip.arg(folder).arg(format!("redis=={REDIS_PY_VERSION}")))?;
        let archive = folder.join(format!("redis-{REDIS_PY_VERSION}.tar.gz"));
        check_sum(&archive, REDIS_PY_SHA)?;
        unpack(&archive, folder)
    })?;
    Ok((folder.join(format!("redis-{REDIS_PY_VERSION}")), python))
}

/// Returns a folder with our scripts and the clients that they use.
pub(super) fn node() -> Result<PathBuf> {
    let ours = Path::new("tests/peers/node");
    let lock = fs::read_to_string(ours.join("package-lock.json"))?;
    let folder = cached("node", &lock, |folder| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(ours.join(file), folder.join(file))?;
        }
        let mut npm = Command::new("npm");
        npm.args([
            "ci",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]);
        quietly(npm.current_dir(folder))
    })?;
    // The scripts find the clients beside themselves.
    for entry in fs::read_dir(ours)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            let Some(name) = path.file_name() else {
                bail!("{} has no name", path.display());
            };
            fs::copy(&path, folder.join(name))?;
        }
    }
    Ok(folder)
}
