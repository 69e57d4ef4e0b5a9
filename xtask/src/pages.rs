//! Rules for Markdown pages: links resolve, and the tests and source files that they name exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell;

/// Titles of table columns that name tests: of those that show a claim, and of those that fail if a
/// step is forgotten.
const PROOF: [&str; 2] = ["proven by", "caught by"];

/// Returns the faults of all pages that are tracked or not ignored by git.
pub(crate) fn faults() -> Result<Vec<String>> {
    let pages = shell::files("*.md")?;
    let tests = tests()?;
    let sources = shell::files("*.rs")?;
    let mut faults = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let prose = without_code(&text);
        let mut fault = |what: String| faults.push(format!("{}: {what}", page.display()));
        for link in links(&prose) {
            if let Some(what) = broken(page, link) {
                fault(what);
            }
        }
        for source in sources_named(&prose) {
            if !sources.iter().any(|path| path.ends_with(source)) {
                fault(format!("names a missing file: `{source}`"));
            }
        }
        for name in proofs(&prose) {
            if !tests.contains(name) {
                fault(format!("names a missing test: `{name}`"));
            }
        }
    }
    Ok(faults)
}

/// Returns a page without its fenced code blocks.
fn without_code(text: &str) -> String {
    let mut in_code = false;
    let mut prose = String::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if !fence && !in_code {
            prose.push_str(line);
        }
        prose.push('\n');
        in_code ^= fence;
    }
    prose
}

/// Returns the code spans that name source files.
fn sources_named(prose: &str) -> impl Iterator<Item = &str> {
    let spans = prose.split('`').skip(1).step_by(2);
    spans.filter(|span| span.ends_with(".rs") && !span.contains([' ', '*', '<']))
}

/// Returns the targets of a page's links.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let ends = prose.match_indices("](");
    ends.filter_map(|(at, mark)| prose.get(at + mark.len()..)?.split_once(')'))
        .map(|(target, _)| target)
}

/// Returns why a link is broken. Web links and Rust items are checked elsewhere.
fn broken(page: &Path, link: &str) -> Option<String> {
    let is_item = link.contains("::") || link.ends_with("()") || link.starts_with("swarm_");
    if is_item || link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap_or(Path::new("")).join(file),
    };
    if !target.exists() {
        return Some(format!("broken link to {link}"));
    }
    let text = fs::read_to_string(&target).unwrap_or_default();
    let found = anchor.is_empty() || headings(&text).any(|heading| heading == anchor);
    (!found).then(|| format!("no such heading: {link}"))
}

/// Returns the anchors of a page's headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    })
}

/// Returns the tests that a page's tables name.
fn proofs(prose: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut column = None;
    for line in prose.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if cells.len() < 3 {
            column = None;
        } else if let Some(at) = cells.iter().position(|cell| PROOF.contains(cell)) {
            column = Some(at);
        } else if let Some(cell) = column.and_then(|at: usize| cells.get(at)) {
            let code = cell.split('`').skip(1).step_by(2);
            names.extend(code.filter(|code| !code.starts_with("cargo ")));
        }
    }
    names
}

/// Returns the names of all tests, and of the methods checked by the command suite.
fn tests() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for path in shell::files("*.rs")? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut lines = text.lines().map(str::trim_start);
        while let Some(line) = lines.next() {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                let name = lines.find_map(|line| line.split_once("fn ")?.1.split('(').next());
                names.extend(name.map(str::to_owned));
            }
        }
        if path.starts_with("tests/src/checks") {
            // A check begins with the list of its methods, which may span several lines.
            let lists = text.split("\n    [").skip(1);
            let lists = lists.filter_map(|rest| rest.split(']').next());
            let methods = lists.flat_map(|list| list.split('"').skip(1).step_by(2));
            names.extend(methods.map(str::to_owned));
        }
    }
    Ok(names)
}
