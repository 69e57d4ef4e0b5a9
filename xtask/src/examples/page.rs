//! Parses examples/README.md: the command, output, and supported servers of each example.

use std::ops::Range;

use anyhow::{Context, Result, bail};

pub(super) const PATH: &str = "examples/README.md";

/// Where an example can run, according to the table at the top of the page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On any server, over these transports.
    Over(Vec<Transport>),
    /// On gateways that it starts in front of a server's TCP port.
    InFront,
    /// On a server that it starts itself.
    Own,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Ws,
    Tcp,
    Http,
}

impl Transport {
    pub(super) const ALL: [Self; 3] = [Self::Ws, Self::Tcp, Self::Http];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }

    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Tcp => "redis",
            Self::Http => "http",
        }
    }
}

/// Returns where an example can run.
pub(super) fn place(page: &str, name: &str) -> Result<Place> {
    let start = format!("| [{name}](#{name}) |");
    let row = page
        .lines()
        .find(|line| line.starts_with(&start))
        .with_context(|| format!("{PATH}: no table row begins with {start}"))?;
    let cell = row.trim_end_matches([' ', '|']).rsplit('|').next();
    match cell.unwrap_or_default().trim() {
        "in front of tcp" => Ok(Place::InFront),
        "its own server" => Ok(Place::Own),
        names => {
            let transports = names.split(", ").map(|name| {
                let known = Transport::ALL
                    .into_iter()
                    .find(|known| known.name() == name);
                known.with_context(|| format!("{PATH}: {start} unknown transport `{name}`"))
            });
            transports.collect::<Result<_>>().map(Place::Over)
        }
    }
}

/// Returns the examples that have a section.
pub(super) fn headings(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| line.strip_prefix("## "))
}

/// Returns the section of an example.
pub(super) fn section(page: &str, name: &str) -> Result<Range<usize>> {
    let heading = format!("\n## {name}\n");
    let Some(start) = page.find(&heading) else {
        bail!("{PATH} has no section `## {name}`");
    };
    let start = start + heading.len();
    let length = page[start..].find("\n## ").map(|end| end + 1);
    Ok(start..length.map_or(page.len(), |length| start + length))
}

/// Returns the content of the first fenced block in a language.
pub(super) fn block(text: &str, language: &str) -> Option<Range<usize>> {
    let fence = format!("```{language}\n");
    let start = text.find(&fence)? + fence.len();
    let end = start + text[start..].find("```")?;
    Some(start..end)
}

/// Returns whether output matches the page. Ignores ports, times, and the server's name; a line `…`
/// matches any number of lines.
pub(super) fn fits(expected: &str, found: &str) -> bool {
    let masked = |text: &str| text.lines().map(mask).collect::<Vec<_>>();
    lines_fit(&masked(expected), &masked(found))
}

fn lines_fit(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line.trim() == "…" => {
            (0..=found.len()).any(|skipped| lines_fit(rest, &found[skipped..]))
        }
        Some((line, rest)) => found
            .split_first()
            .is_some_and(|(first, others)| first == line && lines_fit(rest, others)),
    }
}

/// Masks what differs between runs: the server's name, local ports, and times such as `1.5ms`.
fn mask(line: &str) -> String {
    if let Some((before, _)) = line.split_once("Connect to ") {
        return format!("{before}Connect to SERVER");
    }
    let mut masked = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        masked += before;
        let end = from
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let unit = ["ns", "µs", "ms", "s"]
            .into_iter()
            .find(|unit| after.starts_with(unit));
        let is_time = number.contains('.') && unit.is_some();
        let is_port = masked.ends_with("127.0.0.1:");
        masked += if is_time {
            "TIME"
        } else if is_port {
            "PORT"
        } else {
            number
        };
        rest = if is_time {
            &after[unit.map_or(0, str::len)..]
        } else {
            after
        };
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_each_time_is_masked_and_nothing_else() {
        assert_eq!(
            mask("1. Connect to a server at ws://127.0.0.1:40123/"),
            "1. Connect to SERVER"
        );
        assert_eq!(mask("at ws://127.0.0.1:40123/"), "at ws://127.0.0.1:PORT/");
        assert_eq!(mask("727 INCRs in 35.5ms"), "727 INCRs in TIME");
        assert_eq!(mask("3600s left of 1.25"), "3600s left of 1.25");
    }

    #[test]
    fn an_ellipsis_stands_for_lines_and_the_rest_must_be_there() {
        assert!(fits("a\n …\nd\n", "a\nb\nc\nd\n"));
        assert!(fits("a 127.0.0.1:1\n", "a 127.0.0.1:2\n"));
        assert!(!fits("a\n…\nd\n", "a\nb\nc\n"));
        assert!(!fits("a\n", "a\nb\n"));
    }

    #[test]
    fn the_table_says_where_an_example_runs() {
        let page = "| [a](#a) | x | ws, http |\n| [b](#b) | x | in front of tcp |\n\
                    | [c](#c) | x | wss |\n";
        let over = Place::Over(vec![Transport::Ws, Transport::Http]);
        assert_eq!(place(page, "a").unwrap(), over);
        assert_eq!(place(page, "b").unwrap(), Place::InFront);
        assert!(place(page, "c").is_err());
        assert!(place(page, "d").is_err());
    }
}
