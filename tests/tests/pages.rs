//! Documentation checks: the Python migration guide is complete, and server guarantees are linked
//! where needed.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/from-python.md");

/// Methods of the SDK's API reference.
const METHODS: &str = "connect close get set delete exists expire pexpire ttl pttl keys scan type \
                       rename persist append \
    strlen incr incrby incrbyfloat decr decrby mget mset getset getrange setrange subscribe \
    psubscribe punsubscribe publish \
    xadd xlen xrange xrevrange xread xreadgroup xack xpending xclaim xtrim xgroup_create \
    xgroup_destroy xgroup_setid multi exec \
    discard watch unwatch transaction auth ping hello raw";

/// Arguments of the SDK's constructors.
const OPTIONS: &str = "ws_url http_url password reconnect reconnect_base_delay \
                       reconnect_max_delay request_timeout \
    http_fallback";

/// Returns the cells of each row of a table.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = PAGE.split_once(heading).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').skip(1).map(str::trim).collect())
        .collect()
}

/// Returns the code spans of a cell.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Returns the leading name of a code span.
fn name(code: &str) -> &str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_');
    &code[..end.unwrap_or(code.len())]
}

#[test]
fn every_method_has_a_counterpart_and_a_proof() {
    let rows = rows("## Methods");
    for method in METHODS.split_whitespace() {
        let row = rows
            .iter()
            .find(|cells| code(cells[0]).next().map(name) == Some(method));
        let row = row.unwrap_or_else(|| panic!("{method} has no row"));
        assert!(code(row[1]).next().is_some(), "{method} has no counterpart");
        assert!(code(row[3]).next().is_some(), "{method} has no proof");
    }
    assert_eq!(rows.len(), METHODS.split_whitespace().count());
}

#[test]
fn every_option_has_a_counterpart() {
    let rows = rows("## Options");
    let named: Vec<_> = rows
        .iter()
        .map(|cells| name(code(cells[0]).next().unwrap()))
        .collect();
    assert_eq!(named, OPTIONS.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_counterpart_exists() {
    let mut source = String::new();
    read(Path::new("../crates/swarm-keydb/src"), &mut source);
    let (methods, options) = (rows("## Methods"), rows("## Options"));
    let methods = methods.iter().map(|cells| cells[1]);
    for cell in methods.chain(options.iter().map(|cells| cells[2])) {
        for code in code(cell) {
            let last = code.split('(').next().unwrap_or_default();
            let method = last.rsplit("::").next().unwrap_or_default();
            let is_there = |end| source.contains(&format!("fn {method}{end}"));
            assert!(is_there("(") || is_there("<"), "{code} is no method");
        }
    }
}

/// Reads all Rust code below a folder.
fn read(folder: &Path, source: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            read(&path, source);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            source.push_str(&fs::read_to_string(path).expect("it is text"));
        }
    }
}

/// Returns the text of all pages of the guide.
fn guide() -> String {
    let folder = fs::read_dir("../crates/swarm-keydb/src/guide").unwrap();
    let pages = folder.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_option_is_in_the_guide() {
    let mut source = String::new();
    read(Path::new("../crates/swarm-keydb/src/options"), &mut source);
    let guide = guide();
    let mut options = 0;
    for item in source.split("    pub ").skip(1) {
        let signature = item.split('{').next().unwrap_or_default();
        let name = name(
            signature
                .trim_start_matches("const ")
                .trim_start_matches("fn "),
        );
        if signature.contains("fn ") && signature.contains("mut self") {
            options += 1;
            let link = format!("::{name})");
            assert!(guide.contains(&link), "the guide does not link to {name}");
        }
    }
    assert!(options > 25, "cannot parse the source: {options}");
}

#[test]
fn every_kind_of_error_has_a_predicate_and_a_row_in_the_guide() {
    let source = fs::read_to_string("../crates/swarm-keydb/src/error/kind.rs").unwrap();
    let page = fs::read_to_string("../crates/swarm-keydb/src/guide/mistakes.md").unwrap();
    let (_, kinds) = source.split_once("pub enum ErrorKind {").unwrap();
    let kinds = kinds.split("\n}").next().unwrap_or_default();
    let kinds: Vec<_> = kinds
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|line| !line.starts_with("//"))
        .collect();
    assert!(kinds.len() > 10, "cannot parse the source: {kinds:?}");
    for kind in kinds {
        let mut predicate = "fn is".to_owned();
        for c in kind.chars() {
            if c.is_uppercase() {
                predicate.push('_');
            }
            predicate.extend(c.to_lowercase());
        }
        assert!(source.contains(&format!("{predicate}(")), "{kind}");
        assert!(page.contains(&format!("| `{kind}` |")), "{kind} has no row");
    }
}

/// One page lists each server's guarantees. Every place that might suggest stronger ones links to
/// it.
#[test]
fn server_guarantees_are_linked_where_readers_could_expect_more() {
    let page = "guide::guarantees";
    for (path, items) in [
        ("client/transaction.rs", &["pub struct Transaction"][..]),
        ("client/transact.rs", &["pub async fn transact"]),
        ("client/exclusive.rs", &["pub async fn watch"]),
        ("commands/generated/pubsub.rs", &["fn publish"]),
        (
            "commands/generated/scripting.rs",
            &["fn eval", "fn evalsha"],
        ),
        (
            "commands/generated/strings.rs",
            &[
                "fn get",
                "fn set",
                "fn set_with",
                "fn setex",
                "fn mset",
                "fn msetnx",
                "fn incr",
                "fn incrby",
                "fn decr",
                "fn decrby",
            ],
        ),
    ] {
        let source = fs::read_to_string(Path::new("../crates/swarm-keydb/src").join(path)).unwrap();
        for item in items {
            let docs = docs_of(&source, item);
            assert!(docs.contains(page), "{path}: {item} does not link to it");
        }
    }
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/from-go.md",
        "docs/from-python.md",
        "docs/from-redis-rs.md",
        "docs/real-server.md",
        "examples/README.md",
        "crates/swarm-keydb/README.md",
        "crates/swarm-keydb/src/guide/commands.md",
        "crates/swarm-keydb/src/guide/delivery.md",
        "crates/swarm-keydb/src/guide/dialects.md",
        "crates/swarm-keydb/src/guide/handles.md",
        "crates/swarm-keydb/src/guide/start.md",
        "crates/swarm-keydb/src/guide/testing.md",
        "crates/swarm-keydb/src/guide/tuning.md",
    ] {
        let text = fs::read_to_string(Path::new("..").join(path)).unwrap();
        let links = [
            "guide/guarantees.md)",
            "guide/guarantees/)",
            "guide::guarantees)",
        ];
        let linked = links.iter().any(|link| text.contains(link));
        assert!(linked, "{path} does not link to it");
    }
}

/// Returns the doc comment of a Rust item.
fn docs_of(source: &str, item: &str) -> String {
    let mut docs = String::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("///") {
            docs.push_str(line);
        } else if (line.strip_prefix(item)).is_some_and(|rest| rest.starts_with(['(', '<'])) {
            return docs;
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    panic!("{item} is not there");
}
