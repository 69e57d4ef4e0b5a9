//! Line width: no line of source, prose, or configuration exceeds the width configured for rustfmt.

use std::fs;

use anyhow::{Context, Result};

use crate::shell;

/// Returns the overlong lines of all files that are tracked or not ignored by git.
pub(crate) fn faults() -> Result<Vec<String>> {
    let max = max_width()?;
    let mut faults = Vec::new();
    for path in ["*.rs", "*.md", "*.toml"]
        .into_iter()
        .map(shell::files)
        .collect::<Result<Vec<_>>>()?
        .concat()
    {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let kind = path.extension().unwrap_or_default().to_string_lossy();
        let long =
            |(_, line): &(usize, &str)| line.chars().count() > max && !may_exceed(line, &kind);
        for (at, line) in text.lines().enumerate().filter(long) {
            let (path, at, width) = (path.display(), at + 1, line.chars().count());
            faults.push(format!("{path}:{at}: {width} columns, more than {max}"));
        }
    }
    Ok(faults)
}

/// Returns the `max_width` of rustfmt.toml.
fn max_width() -> Result<usize> {
    let table: toml::Table = fs::read_to_string("rustfmt.toml")?.parse()?;
    let width = table.get("max_width").and_then(toml::Value::as_integer);
    Ok(usize::try_from(
        width.context("rustfmt.toml has no max_width")?,
    )?)
}

/// Returns whether a line of a file with this extension cannot be broken: it contains a link, or is
/// a row of a Markdown table or a TOML value.
fn may_exceed(line: &str, extension: &str) -> bool {
    let line = line.trim_start();
    let text = line.trim_start_matches(['/', '!']).trim_start();
    let is_prose = extension == "md" || line.starts_with("//");
    let is_row = is_prose && text.starts_with('|') && text.ends_with('|');
    let is_value = extension == "toml" && !line.starts_with('#');
    is_row || is_value || is_prose && text.contains("](") || text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::may_exceed;

    #[test]
    fn only_links_table_rows_and_toml_values_may_exceed_the_width() {
        for (line, extension, allowed) in [
            ("| a | row |", "md", true),
            ("    /// | a | row |", "rs", true),
            ("let row = a | b |", "rs", false),
            ("see [the guide](guide.md)", "md", true),
            ("//! see [`get`](crate::Client)", "rs", true),
            ("# https://example.org", "toml", true),
            ("# a comment", "toml", false),
            ("description = \"a value\"", "toml", true),
            ("a sentence", "md", false),
            ("// a comment", "rs", false),
        ] {
            assert_eq!(may_exceed(line, extension), allowed, "{line}");
        }
    }
}
