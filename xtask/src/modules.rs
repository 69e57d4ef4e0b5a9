//! Checks which modules of a crate use which, and that no circle is left unexplained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// The crates whose modules are checked.
const CRATES: &[&str] = &[
    "crates/swarm-resp",
    "crates/swarm-transport",
    "crates/swarm-keydb",
    "crates/swarm-gateway",
];

/// The crate whose top-level modules form layers.
const LAYERED: &str = "crates/swarm-keydb";

/// Which top-level modules of the client each of them may use.
const LAYERS: &[(&str, &[&str])] = &[
    // What an application holds.
    (
        "handles",
        &["blocking", "client", "cluster", "commands", "error"],
    ),
    (
        "cluster",
        &[
            "client",
            "command",
            "commands",
            "error",
            "failure",
            "key",
            "options",
            "pubsub",
            "request_reply",
            "runtime",
            "server",
            "status",
        ],
    ),
    (
        "blocking",
        &[
            "client",
            "command",
            "commands",
            "credentials",
            "error",
            "key",
            "options",
            "pubsub",
            "status",
            "runtime",
        ],
    ),
    (
        "client",
        &[
            "command",
            "commands",
            "connection",
            "credentials",
            "error",
            "failure",
            "key",
            "options",
            "pubsub",
            "request_reply",
            "server",
            "status",
            "runtime",
        ],
    ),
    // Commands as values.
    (
        "commands",
        &["command", "error", "key", "request_reply", "server"],
    ),
    (
        "command",
        &["error", "failure", "key", "request_reply", "server"],
    ),
    // The protocols over a connection.
    (
        "pubsub",
        &[
            "command",
            "connection",
            "credentials",
            "error",
            "failure",
            "key",
            "request_reply",
            "server",
            "runtime",
        ],
    ),
    (
        "request_reply",
        &[
            "connection",
            "credentials",
            "effect",
            "failure",
            "options",
            "pool",
            "server",
            "status",
            "runtime",
        ],
    ),
    ("pool", &["runtime"]),
    // The connection.
    (
        "connection",
        &[
            "credentials",
            "error",
            "failure",
            "options",
            "server",
            "runtime",
        ],
    ),
    ("options", &["credentials", "error", "server"]),
    // Values that all of the above use.
    ("error", &["failure", "status"]),
    ("json", &["error"]),
    ("status", &["credentials", "failure", "runtime"]),
    ("runtime", &[]),
    ("failure", &["runtime", "server"]),
    ("credentials", &[]),
    ("effect", &[]),
    ("key", &[]),
    ("server", &[]),
];

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// The section of the architecture page that explains circles.
const SECTION: &str = "## Circles";

/// A module path without `crate`: empty for the crate root.
type Module = Vec<String>;

/// Which modules use which, with one file as evidence.
type Uses = BTreeMap<(Module, Module), PathBuf>;

/// The same between the modules of one folder.
type FolderUses = BTreeMap<(String, String), PathBuf>;

/// Crate, folder and modules.
type Circle = (String, String, Vec<String>);

/// Describes every arrow and every circle that is not allowed.
pub(crate) fn faults() -> Result<Vec<String>> {
    let explained = explained_circles()?;
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for krate in CRATES {
        let folders = by_folder(&uses(krate)?);
        for (folder, uses) in &folders {
            for circle in circles(uses) {
                let row = (krate_name(krate), folder.join("::"), circle.clone());
                if !explained.contains(&row) {
                    faults.push(describe(&row, uses));
                }
                seen.insert(row);
            }
        }
        if *krate == LAYERED {
            let top = folders.get(&Module::new());
            faults.extend(top.into_iter().flat_map(layer_faults));
        }
    }
    let stale = explained.difference(&seen);
    faults.extend(stale.map(|(krate, folder, circle)| {
        format!(
            "{ARCHITECTURE}: `{krate}` `{folder}` has no circle of {}",
            circle.join(", ")
        )
    }));
    Ok(faults)
}

fn krate_name(krate: &str) -> String {
    krate.trim_start_matches("crates/").to_owned()
}

fn describe((krate, folder, circle): &Circle, uses: &FolderUses) -> String {
    let mut text = format!(
        "{krate}: `{folder}`: circle of `{}`; break it, or add a row to \"{SECTION}\" in \
         {ARCHITECTURE}",
        circle.join("`, `"),
    );
    for ((from, to), place) in uses {
        if circle.contains(from) && circle.contains(to) {
            text.push_str(&format!("\n    {from} uses {to}: {}", place.display()));
        }
    }
    text
}

/// The uses between the top-level modules of the client that [`LAYERS`] does not allow.
fn layer_faults(uses: &FolderUses) -> Vec<String> {
    let allowed = |from: &str| LAYERS.iter().find(|(module, _)| *module == from);
    let mut faults = Vec::new();
    for ((from, to), place) in uses {
        match allowed(from) {
            None => faults.push(format!("{LAYERED}: module `{from}` has no row in LAYERS")),
            Some((_, allowed)) if !allowed.contains(&to.as_str()) => {
                faults.push(format!("{}: `{from}` must not use `{to}`", place.display()));
            }
            Some(_) => {}
        }
    }
    faults
}

/// Reads the circles that the architecture page explains: rows of crate, folder, modules, reason.
fn explained_circles() -> Result<BTreeSet<Circle>> {
    let page = fs::read_to_string(ARCHITECTURE).context(ARCHITECTURE)?;
    let section = page.split(SECTION).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    Ok(rows
        .filter_map(|row| {
            let mut cells = row.trim_matches('|').split('|').map(str::trim);
            let mut words = || {
                let cell = cells.next()?;
                let words = cell.split(',').map(|word| word.trim().trim_matches('`'));
                Some(words.map(str::to_owned).collect::<Vec<_>>())
            };
            let (krate, folder, mut circle) = (words()?.pop()?, words()?.pop()?, words()?);
            circle.sort();
            Some((krate, folder, circle))
        })
        .collect())
}

/// The uses of one crate, outside of tests.
fn uses(krate: &str) -> Result<Uses> {
    let root = Path::new(krate).join("src");
    let mut sources = BTreeMap::new();
    for path in shell::files("*.rs")? {
        let Ok(inside) = path.strip_prefix(&root) else {
            continue;
        };
        let module = module_of(inside);
        if module.iter().any(|part| part == "tests") || inside.starts_with("bin") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        sources.insert(module, (path, code_of(&text)));
    }
    let modules: BTreeSet<_> = sources.keys().cloned().collect();
    let mut uses = Uses::new();
    for (module, (path, code)) in &sources {
        for target in targets(module, code) {
            let found = (0..=target.len())
                .rev()
                .map(|len| target[..len].to_vec())
                .find(|prefix| modules.contains(prefix));
            if let Some(found) = found
                && found != *module
            {
                uses.entry((module.clone(), found))
                    .or_insert_with(|| path.clone());
            }
        }
    }
    Ok(uses)
}

fn module_of(inside: &Path) -> Module {
    let mut module: Module = inside
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let last = module.last().map(String::as_str);
    if last == Some("mod") || (module.len() == 1 && last == Some("lib")) {
        module.pop();
    }
    module
}

/// A source without comments, texts and its inline tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        if line.starts_with("//") {
            ""
        } else {
            line.split(" // ").next().unwrap_or("")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a module names by a path that begins with `crate`, `super` or `self`.
fn targets(module: &Module, code: &str) -> Vec<Module> {
    let mut targets = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if !continues_a_word(code, at) {
            tree(&[], &code[at + "crate::".len()..], &mut targets);
        }
    }
    for (at, _) in code.match_indices("super::") {
        if continues_a_word(code, at) || code[..at].ends_with("super::") {
            continue;
        }
        let (mut base, mut rest) = (module.clone(), &code[at..]);
        while let Some(after) = rest.strip_prefix("super::") {
            base.pop();
            rest = after;
        }
        tree(&base, rest, &mut targets);
    }
    targets
}

fn continues_a_word(code: &str, at: usize) -> bool {
    code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
        && !code[..at].ends_with(' ')
}

/// The paths of a use tree.
fn tree(base: &[String], rest: &str, targets: &mut Vec<Module>) {
    if let Some(group) = rest.strip_prefix('{') {
        let (mut depth, mut start) = (1_usize, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && c == ',') {
                let item = group[start..at].trim();
                if !item.is_empty() {
                    tree(base, item, targets);
                }
                start = at + 1;
            }
            if depth == 0 {
                return;
            }
        }
        return;
    }
    let word: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let mut path = base.to_vec();
    let after = &rest[word.len()..];
    path.push(word);
    match after.strip_prefix("::") {
        Some(after) => tree(&path, after, targets),
        None => targets.push(path),
    }
}

/// The uses between the modules of each folder.
fn by_folder(uses: &Uses) -> BTreeMap<Module, FolderUses> {
    let mut folders: BTreeMap<Module, FolderUses> = BTreeMap::new();
    for ((from, to), place) in uses {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
            folders
                .entry(from[..shared].to_vec())
                .or_default()
                .entry((a.clone(), b.clone()))
                .or_insert_with(|| place.clone());
        }
    }
    folders
}

/// The groups of modules each of which uses, by way of others, each other one.
fn circles(edges: &FolderUses) -> Vec<Vec<String>> {
    let names: BTreeSet<&String> = edges.keys().flat_map(|(a, b)| [a, b]).collect();
    let reach = |from: &String| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(at) = todo.pop() {
            for (_, to) in edges.keys().filter(|(a, _)| *a == at) {
                if seen.insert(to.clone()) {
                    todo.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = names.iter().map(|name| (*name, reach(name))).collect();
    let mut circles = BTreeSet::new();
    for (name, others) in &reached {
        let circle: Vec<String> = others
            .iter()
            .filter(|other| reached[other].contains(*name))
            .cloned()
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}
