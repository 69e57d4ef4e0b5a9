//! Line breaks in generated code and documentation.

/// Maximum width of a line, the `max_width` of rustfmt.toml.
const MAX_WIDTH: usize = 100;

/// Width of the indentation of a method and of `/// `.
const MARGIN: usize = 8;

/// Wraps Markdown to the width of a doc comment on a method. Leaves headings and code blocks as
/// they are.
pub(super) fn markdown(text: &str) -> String {
    let mut lines = Vec::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in text.lines().chain([""]) {
        let is_fence = line.starts_with("```");
        if in_code || is_fence || line.is_empty() || line.starts_with(['#', '-', '|']) {
            lines.extend(fill(&std::mem::take(&mut paragraph), MARGIN));
            lines.push(line.to_owned());
            in_code ^= is_fence;
        } else {
            paragraph.push(' ');
            paragraph.push_str(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// Breaks text at spaces outside of code spans into lines that fit with a margin.
pub(super) fn fill(text: &str, margin: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) + margin <= MAX_WIDTH => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Splits text at spaces outside of code spans.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_span = false;
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(span) if in_span => {
                span.push(' ');
                span.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        in_span ^= word.matches('`').count() % 2 == 1;
    }
    words
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{MARGIN, MAX_WIDTH, fill, markdown};

    #[test]
    fn lines_fit_and_keep_code_spans_whole() {
        let text = "A sentence with `code of two words`. ".repeat(9);
        let lines = fill(&text, MARGIN);
        assert_eq!(lines.join(" "), text.trim_end());
        assert!(lines.len() > 3, "{lines:?}");
        for line in lines {
            assert!(line.len() + MARGIN <= MAX_WIDTH, "{line}");
            assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        }
    }

    #[test]
    fn paragraphs_are_joined_but_headings_and_code_are_kept() {
        let text = "One\ntwo.\n\n# Examples\n\n```\nlet a = 1;\nlet b = 2;\n```";
        assert_eq!(markdown(text), text.replacen('\n', " ", 1));
    }
}
