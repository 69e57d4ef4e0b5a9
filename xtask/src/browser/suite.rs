//! Runs the tests of a page, each in a page of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::build::Page;
use super::chromium::Chromium;
use super::free_port;
use super::site::Site;
use crate::gateway::Gateway;

/// Time limit of a test.
const LIMIT: Duration = Duration::from_secs(60);

/// The upstream server's dialect, with a write queue that a browser's tests can wait for.
const UPSTREAM: &str = "upstream,nagle,cr-lf,-write-queue";

/// Runs the tests whose names contain a text.
pub(super) fn run(page: &Page, filter: &str) -> Result<()> {
    let standard = Gateway::with_control("standard")?;
    // Without HTTP, a client can only fall back to the gateway behind it.
    let front = Gateway::in_front_of(&standard)?;
    let gateways = [standard, Gateway::with_control(UPSTREAM)?, front];
    let site = Site::start(free_port(), page.folders.clone(), &gateways)?;
    let chromium = Chromium::start()?;
    let tab = chromium.devtools.page()?;
    tab.open(&site.url)?;
    let names = tab.evaluate("ready.then(() => suite.names())", LIMIT, &mut Vec::new())?;
    let names = names.as_array().context("the page lists no tests")?;
    let names = names.iter().filter_map(|name| name.as_str());
    let names: Vec<_> = names.filter(|name| name.contains(filter)).collect();
    println!("running {} tests", names.len());
    ensure!(!names.is_empty(), "no test has a name with {filter:?}");
    let start = Instant::now();
    let mut failed = Vec::new();
    for name in &names {
        let start = Instant::now();
        let mut console = Vec::new();
        let result = test(&chromium, &site, name, &mut console);
        let time = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("test {name} ... ok, {time:.1} s"),
            Err(error) => {
                println!("test {name} ... FAILED, {time:.1} s: {error:#}");
                console.iter().for_each(|line| println!("    {line}"));
                failed.push(*name);
            }
        }
    }
    let time = start.elapsed().as_secs_f32();
    let (all, failures) = (names.len(), failed.len());
    ensure!(
        failed.is_empty(),
        "{failures} of {all} tests failed: {}",
        failed.join(", ")
    );
    println!("{all} tests passed in {time:.1} s");
    Ok(())
}

/// Runs a test in a tab of its own.
fn test(chromium: &Chromium, site: &Site, name: &str, console: &mut Vec<String>) -> Result<()> {
    let tab = chromium.devtools.page()?;
    site.attach(tab.handle.clone());
    console.extend(tab.open(&site.url)?);
    let call = format!("ready.then(() => suite.run({name:?}))");
    tab.evaluate(&call, LIMIT, console)?;
    Ok(())
}
