//! Tests of the client in a page. `cargo xtask browser --test` runs each of them in a page of its
//! own.

mod bench;
mod contract;
mod data;
mod delivery;
mod gateway;
mod outages;
mod seed;
mod settings;
mod tab;
mod time;

use std::future::Future;
use std::pin::Pin;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

type Test = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

/// Lists tests with their names.
macro_rules! tests {
    ($($module:ident: $($test:ident),+;)+) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($test)),
            || Box::pin($module::$test()),
        )),+),+]
    };
}

use self::contract::{http, ws};

const ALL: &[Test] = tests![
    ws:
        replies_reach_64_concurrent_senders,
        values_of_every_size_pass,
        ten_thousand_requests_in_one_burst,
        a_flushed_request_arrives_though_nobody_receives,
        abandoned_polls_lose_nothing,
        a_peer_that_leaves_ends_the_transport,
        closing_delivers_what_was_started,
        dropping_ends_the_connection,
        a_peer_that_does_not_read_stops_the_sender,
        errors_of_the_server_are_replies,
        each_dial_is_a_connection_of_its_own;
    http:
        replies_reach_64_concurrent_senders,
        values_of_every_size_pass,
        ten_thousand_requests_in_one_burst,
        a_flushed_request_arrives_though_nobody_receives,
        abandoned_polls_lose_nothing,
        a_peer_that_leaves_ends_the_transport,
        closing_delivers_what_was_started,
        dropping_ends_the_connection,
        a_peer_that_does_not_read_stops_the_sender,
        errors_of_the_server_are_replies,
        each_dial_is_a_connection_of_its_own;
    seed:
        quickstart,
        keys_and_values,
        subscriptions,
        streams_and_groups,
        transactions,
        errors_and_raw_commands;
    data:
        values_that_are_not_utf_8,
        pipelines,
        a_thousand_concurrent_commands,
        transactions_with_watch,
        scans,
        commands_over_fetch,
        upstream_dialect;
    delivery:
        a_subscription_over_a_restart,
        patterns_and_unsubscribing,
        a_consumer_over_a_restart,
        a_consumer_takes_over;
    outages:
        ten_thousand_cancellations,
        commands_wait_for_a_restart,
        reads_are_retried_and_writes_are_not,
        timeouts_shift_no_reply,
        fallback_over_fetch,
        a_gateway_that_is_down_at_first,
        closing;
    tab:
        a_frozen_page_times_nobody_out,
        a_subscription_of_a_frozen_page,
        a_page_in_the_background,
        a_page_that_is_offline;
    settings:
        addresses_that_a_page_cannot_have,
        options_that_a_page_cannot_have,
        connections_of_a_page;
];

/// Reports panics to the console. Runs when the page has loaded.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
    }));
}

/// Returns the names of all tests.
#[wasm_bindgen]
pub fn names() -> Vec<String> {
    ALL.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Runs a test. The promise never resolves if it panics, which is an uncaught exception.
#[wasm_bindgen]
pub fn run(name: &str) -> js_sys::Promise {
    let test = ALL.iter().find(|(known, _)| *known == name);
    let test = test.map(|(_, test)| test());
    future_to_promise(async move {
        test.expect("the test exists").await;
        Ok(JsValue::UNDEFINED)
    })
}
