//! Functions of the embedded store: what their libraries keep, and how they end.

use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_resp::Request;

use crate::client::show;
use crate::peer::{Listener, Peer};

const COUNTER: &str = "#!lua name=counter
local n = 0
local kept = {}
redis.register_function('add', function() n = n + 1 return n end)
redis.register_function('loop', function() n = n + 1 while true do pcall(function() end) end end)
redis.register_function('find', function() return string.find(('a'):rep(100000), '.-b') end)
redis.register_function('grow', function()
  local s = ('x'):rep(2 ^ 20)
  while true do kept[#kept + 1] = s .. #kept end
end)";

async fn call(peer: &mut Peer, words: &[&str]) -> String {
    peer.request(&Request::new("", words)).await;
    show(&peer.reply().await)
}

async fn counter(gateway: &Gateway) -> Peer {
    let mut peer = Peer::connect(gateway, Listener::Tcp).await;
    let loaded = call(&mut peer, &["FUNCTION", "LOAD", "REPLACE", COUNTER]).await;
    assert_eq!(loaded, "\"counter\"");
    assert_eq!(call(&mut peer, &["FCALL", "add", "0"]).await, "1");
    peer
}

/// Runs a function until other commands are rejected, and kills it. Returns its reply.
async fn run_and_kill(gateway: &Gateway, function: &str) -> String {
    let mut other = Peer::connect(gateway, Listener::Tcp).await;
    call(&mut other, &["CONFIG", "SET", "busy-reply-threshold", "20"]).await;
    let mut running = Peer::connect(gateway, Listener::Tcp).await;
    (running.request(&Request::new("", ["FCALL", function, "0"]))).await;
    while !other.call("GET k").await.starts_with("-BUSY ") {}
    assert_eq!(other.call("FUNCTION KILL").await, "\"OK\"");
    show(&running.reply().await)
}

#[tokio::test]
async fn a_killed_function_leaves_what_its_library_keeps() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = counter(&gateway).await;
    let ended = run_and_kill(&gateway, "loop").await;
    assert!(ended.starts_with("-ERR Script killed by user"), "{ended}");
    assert_eq!(peer.call("FCALL add 0").await, "3");
}

#[tokio::test]
async fn a_killed_function_that_looks_at_nothing_costs_what_its_library_keeps() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = counter(&gateway).await;
    let ended = run_and_kill(&gateway, "find").await;
    assert!(ended.starts_with("-ERR Script killed by user"), "{ended}");
    assert_eq!(peer.call("FCALL add 0").await, "1");
    assert_eq!(peer.call("FCALL add 0").await, "2");
}

#[tokio::test]
async fn a_library_that_uses_up_the_memory_can_be_replaced() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = counter(&gateway).await;
    let reply = peer.call("FCALL grow 0").await;
    assert!(reply.starts_with("-ERR not enough memory"), "{reply}");
    counter(&gateway).await;
    assert_eq!(peer.call("FCALL add 0").await, "2");
}

#[tokio::test]
async fn scripts_see_nothing_of_libraries() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut peer = counter(&gateway).await;
    for script in [
        "return type(n)",
        "return type(add)",
        "return rawget(_G, 'kept')",
    ] {
        let reply = call(&mut peer, &["EVAL", script, "0"]).await;
        let is_hidden = reply == "nil" || reply.contains("nonexistent global variable");
        assert!(is_hidden, "{script}: {reply}");
    }
    assert_eq!(peer.call("FCALL add 0").await, "2");
}

#[tokio::test]
async fn libraries_keep_their_variables_where_commands_are_interleaved() {
    let builder = Gateway::builder().dialect(Dialect::STANDARD.with(Quirk::TornWrites));
    let gateway = builder.start().await.unwrap();
    let mut first = counter(&gateway).await;
    let mut second = Peer::connect(&gateway, Listener::Tcp).await;
    for expected in (2..20).step_by(2) {
        let add = Request::new("", ["FCALL", "add", "0"]);
        first.request(&add).await;
        second.request(&add).await;
        let mut replies = [show(&first.reply().await), show(&second.reply().await)];
        replies.sort_by_key(|reply| reply.parse::<u32>().ok());
        assert_eq!(replies, [expected, expected + 1].map(|n| n.to_string()));
    }
}
