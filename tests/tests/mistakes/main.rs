//! Everyday mistakes, made against real servers. The guide's page of mistakes is the expected
//! result. With the environment variable `WRITE_MISTAKES` the test writes the page. The
//! texts of the operating system are those of Linux.

#![cfg(target_os = "linux")]

mod addresses;
mod arguments;
mod calls;
mod options;
mod peers;
mod replies;
mod table;

use std::path::Path;

use crate::table::Table;

const PAGE: &str = "../crates/swarm-keydb/src/guide/mistakes.md";

#[tokio::test]
async fn each_mistake_gets_the_error_that_the_guide_shows() {
    let mut tables = vec![
        addresses::table().await,
        options::table().await,
        peers::table().await,
        arguments::table().await,
        arguments::raw().await,
        replies::table().await,
        calls::connections().await,
        calls::limits().await,
        calls::subscriptions().await,
        calls::runtimes().await,
    ];
    let redis = replies::redis().await;
    let has_redis = redis.is_some();
    tables.extend(redis);
    let rows: usize = tables.iter().map(Table::len).sum();
    assert!(rows >= 60, "only {rows} mistakes");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    if std::env::var_os("WRITE_MISTAKES").is_some() {
        let (introduction, _) = page.split_once("\n# ").expect("a section");
        let tables: String = tables.iter().map(Table::to_string).collect();
        let introduction = introduction.trim_end();
        std::fs::write(&path, format!("{introduction}\n{tables}")).unwrap();
        return;
    }
    for table in &tables {
        for line in table.to_string().lines() {
            let shown = page.lines().any(|shown| shown == line);
            assert!(
                shown,
                "the guide does not show this; run the test with WRITE_MISTAKES=1:\n{line}"
            );
        }
    }
    if has_redis {
        let shown = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(
            shown, rows,
            "the guide shows mistakes that the test does not make"
        );
    }
}
