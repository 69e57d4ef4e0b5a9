//! Release checks: packages, feature combinations, minimum dependency versions, and semver.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, command, output, run};

/// Published crates in dependency order.
const PUBLISHED: &[&str] = &[
    "swarm-resp",
    "swarm-transport",
    "swarm-gateway",
    "swarm-keydb",
];

/// Manifest fields required for publishing.
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

/// Files that every package must contain.
const FILES: &[&str] = &["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Packages every crate, builds it from the package alone, and inspects the contents.
pub(crate) fn package() -> Result<()> {
    for entry in fs::read_dir("crates")? {
        let name = entry?.file_name();
        ensure!(
            PUBLISHED.iter().any(|known| name == *known),
            "crates/{} is missing from PUBLISHED",
            name.display()
        );
    }
    forget_unpacked()?;
    // A dry run publishes nothing. All crates at once, so that each is built against the others'
    // packages.
    let publish = format!("publish --dry-run --allow-dirty --locked {}", selection());
    cargo("package", &publish)?;
    PUBLISHED.iter().try_for_each(|name| inspect(name))
}

/// Removes packages that an earlier run unpacked into Cargo's home. Cargo unpacks a package to
/// build others against it, and reuses the unpacked one as long as the version is the same.
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
        // Registry folders of local packages have no host name, so their names begin with a dash.
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

/// Inspects an unpacked package, whose manifest contains the inherited fields.
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
            "{name}: no `{field}` in the manifest"
        );
    }
    let mut docs = Some(package);
    for key in ["metadata", "docs", "rs", "all-features"] {
        docs = docs.and_then(|table| table.get(key));
    }
    ensure!(
        docs.and_then(toml::Value::as_bool) == Some(true),
        "{name}: docs.rs does not build with all features"
    );
    for file in FILES {
        ensure!(
            folder.join(file).is_file(),
            "{name}: {file} is not in the package"
        );
    }
    Ok(())
}

/// Lints the published crates with each of their features, every pair of them, and none. All
/// features together are linted elsewhere. Three that only fail together would be a surprise, and
/// every combination would take a third of CI's time.
///
/// A crate is linted by one thread most of the time, so the client, which takes half of the work,
/// is linted beside the others, in a folder of its own.
pub(crate) fn features() -> Result<()> {
    let (client, others): (Vec<&str>, Vec<&str>) =
        PUBLISHED.iter().partition(|name| **name == "swarm-keydb");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| combinations(&client, " --target-dir target/features"));
        combinations(&others, "")?;
        client
            .join()
            .unwrap_or_else(|_| bail!("features: panicked"))
    })
}

/// Lints some crates with combinations of their features.
fn combinations(names: &[&str], folder: &str) -> Result<()> {
    let packages: String = names.iter().map(|name| format!(" -p {name}")).collect();
    let args = format!(
        "hack clippy --locked --feature-powerset --depth 2 --exclude-features \
         default{packages}{folder} -- -D warnings"
    );
    cargo(&format!("features{packages}"), &args)
}

/// Builds the published crates with the minimum dependency versions that their manifests allow.
///
/// Uses a separate workspace with its own lock file, so that dependencies of tests and tasks do not
/// raise versions.
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
    // Enables the unstable flag on the stable toolchain, for the lock file only: build scripts
    // would otherwise detect a nightly toolchain.
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
    bail!("mirroring the workspace requires symbolic links")
}

/// Compares the public API with that of the last release.
pub(crate) fn semver() -> Result<()> {
    let tags = output(&mut command("git", "tag --list v[0-9]* --sort=-v:refname"))?;
    let Some(last) = tags.lines().next() else {
        println!("── semver: skipped, no release is tagged");
        return Ok(());
    };
    if output(&mut command("cargo", "semver-checks --version")).is_err() {
        bail!("{last} is tagged; run `cargo install cargo-semver-checks --locked`");
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
        .context("package ID has no version")?;
    Ok(version.to_owned())
}
