//! What must hold before a release: complete packages, every set of features, the lowest versions asked for, semver.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, command, output, run};

/// The crates that are published, in the order of their dependencies.
const PUBLISHED: &[&str] = &[
    "swarm-resp",
    "swarm-transport",
    "swarm-gateway",
    "swarm-keydb",
];

/// What the registry and its users look for in a manifest.
const FIELDS: &[&str] = &[
    "description",
    "license",
    "repository",
    "documentation",
    "readme",
    "keywords",
    "categories",
    "rust-version",
];

/// Files without which a package is incomplete.
const FILES: &[&str] = &["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Packs every crate as for the registry, builds it from its package alone, and looks at what is in there.
pub(crate) fn package() -> Result<()> {
    for entry in fs::read_dir("crates")? {
        let name = entry?.file_name();
        ensure!(
            PUBLISHED.iter().any(|known| name == *known),
            "crates/{} is not among those that are published",
            name.display()
        );
    }
    forget_unpacked()?;
    // The registry is handed nothing. All at once, so that each is built against the others' packages.
    let publish = format!("publish --dry-run --allow-dirty --locked {}", selection());
    cargo("package", &publish)?;
    PUBLISHED.iter().try_for_each(|name| inspect(name))
}

/// To build one package against another, cargo unpacks that into its home, and there takes what it finds for the same as long
/// as the version is. So what an earlier run left is thrown away.
fn forget_unpacked() -> Result<()> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let Some(home) = cargo_home.or_else(|| Some(env::home_dir()?.join(".cargo"))) else {
        return Ok(());
    };
    let Ok(registries) = fs::read_dir(home.join("registry/src")) else {
        return Ok(());
    };
    for registry in registries {
        let registry = registry?;
        // One that lies in a folder has no host, by which the others' names begin.
        if !registry.file_name().to_string_lossy().starts_with('-') {
            continue;
        }
        for name in PUBLISHED {
            let unpacked = registry.path().join(format!("{name}-{}", version(name)?));
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked).with_context(|| unpacked.display().to_string())?;
            }
        }
    }
    Ok(())
}

/// Looks at an unpacked package, whose manifest holds what it inherited.
fn inspect(name: &str) -> Result<()> {
    let version = version(name)?;
    let folder = Path::new("target/package").join(format!("{name}-{version}"));
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let package = manifest.get("package").context("no [package]")?;
    for field in FIELDS {
        ensure!(
            package.get(field).is_some(),
            "{name}: its manifest has no `{field}`"
        );
    }
    let mut docs = Some(package);
    for key in ["metadata", "docs", "rs", "all-features"] {
        docs = docs.and_then(|table| table.get(key));
    }
    ensure!(
        docs.and_then(toml::Value::as_bool) == Some(true),
        "{name}: docs.rs would not show all features"
    );
    for file in FILES {
        ensure!(
            folder.join(file).is_file(),
            "{name}: {file} is not in its package"
        );
    }
    Ok(())
}

/// Lints the published crates with every set of their features.
pub(crate) fn features() -> Result<()> {
    let args = format!(
        "hack clippy --locked --feature-powerset --exclude-features default {} -- -D warnings",
        selection()
    );
    cargo("features", &args)
}

/// Builds the published crates with the lowest versions of their dependencies that the manifests allow.
///
/// In a workspace of their own: the lock file is another, and what the tests and tasks ask for must not raise versions.
pub(crate) fn minimal_versions() -> Result<()> {
    let mirror = Path::new("target/minimal-versions");
    if mirror.exists() {
        fs::remove_dir_all(mirror)?;
    }
    fs::create_dir_all(mirror)?;
    let mut manifest: toml::Table = fs::read_to_string("Cargo.toml")?.parse()?;
    let workspace = manifest
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut)
        .context("no [workspace]")?;
    workspace.retain(|key, _| key != "default-members" && key != "exclude");
    workspace.insert("members".to_owned(), vec!["crates/*"].into());
    fs::write(mirror.join("Cargo.toml"), manifest.to_string())?;
    link(&fs::canonicalize("crates")?, &mirror.join("crates"))?;
    let inside = |args: &str| {
        let mut command = command("cargo", args);
        command.current_dir(mirror);
        command
    };
    // The stable toolchain hides the flag. Only the lock file is made with it: build scripts would take it for a
    // nightly one.
    let mut resolve = inside("generate-lockfile -Z direct-minimal-versions");
    run(
        "minimal versions: resolve",
        resolve.env("RUSTC_BOOTSTRAP", "1"),
    )?;
    let check = format!("check --all-features {}", selection());
    let mut check = inside(&check);
    run(
        "minimal versions",
        check.env("CARGO_TARGET_DIR", fs::canonicalize("target")?),
    )
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    std::os::unix::fs::symlink(from, to).context("cannot mirror the workspace")
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    bail!("the workspace is mirrored by symbolic links")
}

/// Compares the public API with that of the last release.
pub(crate) fn semver() -> Result<()> {
    let tags = output(&mut command("git", "tag --list v[0-9]* --sort=-v:refname"))?;
    let Some(last) = tags.lines().next() else {
        println!("── semver: no release is tagged, so there is nothing to compare with");
        return Ok(());
    };
    if output(&mut command("cargo", "semver-checks --version")).is_err() {
        bail!("{last} is tagged, so semver needs `cargo install cargo-semver-checks --locked`");
    }
    let args = format!(
        "semver-checks --all-features --baseline-rev {last} {}",
        selection()
    );
    cargo(&format!("semver since {last}"), &args)
}

fn selection() -> String {
    let flags = PUBLISHED.iter().map(|name| format!("-p {name}"));
    flags.collect::<Vec<_>>().join(" ")
}

fn version(name: &str) -> Result<String> {
    let id = output(&mut command("cargo", &format!("pkgid -p {name}")))?;
    let (_, version) = id
        .trim()
        .rsplit_once(['@', '#'])
        .context("a package id without a version")?;
    Ok(version.to_owned())
}
