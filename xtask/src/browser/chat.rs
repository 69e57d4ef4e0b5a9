//! Two visitors use the chat in Chromium while its gateway restarts. Keeps screenshots.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::build::Page;
use super::chromium::Chromium;
use super::devtools;
use super::free_port;
use super::site::Site;
use crate::gateway::Gateway;
use crate::shell::command;

/// Where the screenshots are.
const SHOTS: &str = "target/browser";

/// Time limit of what a page shows.
const LIMIT: Duration = Duration::from_secs(30);

/// What a visitor does in a page.
const SCRIPT: &str = r#"
    window.type = (field, text) => {
        const input = document.getElementById(field);
        input.value = text;
        input.dispatchEvent(new Event("change"));
        input.form.requestSubmit();
    };
    window.shows = (text) => document.getElementById("messages").innerText.includes(text);
    window.state = () => document.getElementById("status").dataset.state;
    window.eventually = (condition) => new Promise((done) => {
        const look = () => condition() ? done() : setTimeout(look, 20);
        look();
    });
"#;

/// A message that would be a script if it was HTML.
const HOSTILE: &str = "<img src=x onerror=\"document.title='hacked'\"> & <b>bold</b>";

/// A visitor with a window.
struct Visitor {
    tab: devtools::Page,
    device: &'static str,
}

impl Visitor {
    fn enter(
        chromium: &Chromium,
        url: &str,
        device: &'static str,
        is_dark: bool,
        size: (u32, u32),
    ) -> Result<Self> {
        let tab = chromium.devtools.page()?;
        let is_phone = device == "phone";
        let metrics = json!({
            "width": size.0,
            "height": size.1,
            "deviceScaleFactor": if is_phone { 2 } else { 1 },
            "mobile": is_phone,
        });
        tab.handle
            .call("Emulation.setDeviceMetricsOverride", metrics)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        tab.handle.call("Emulation.setEmulatedMedia", media)?;
        let console = tab.open(url)?;
        console.iter().for_each(|line| println!("{device}: {line}"));
        let visitor = Self { tab, device };
        visitor.run(SCRIPT)?;
        visitor.sees("state() === 'connected'")?;
        visitor.sees("document.querySelectorAll('#rooms button').length >= 3")?;
        Ok(visitor)
    }

    fn run(&self, script: &str) -> Result<Value> {
        let mut console = Vec::new();
        let result = self.tab.evaluate(script, LIMIT, &mut console);
        result.with_context(|| format!("{script}\n{}", console.join("\n")))
    }

    fn types(&self, field: &str, text: &str) -> Result<()> {
        self.run(&format!("type({field:?}, {text:?})"))?;
        Ok(())
    }

    /// Waits until a condition holds on the page.
    fn sees(&self, condition: &str) -> Result<()> {
        let seen = self.run(&format!("eventually(() => {condition})"));
        let device = self.device;
        seen.with_context(|| format!("the {device} does not see: {condition}"))?;
        Ok(())
    }

    fn sees_text(&self, text: &str) -> Result<()> {
        self.sees(&format!("shows({text:?})"))
    }

    fn screenshot(&self, name: &str) -> Result<()> {
        self.tab.handle.activate()?;
        let shot = self.tab.handle.call("Page.captureScreenshot", json!({}))?;
        let data = shot["data"].as_str().context("no picture")?;
        let path = format!("{SHOTS}/chat-{}-{name}.png", self.device);
        let mut decoder = command("base64", "--decode");
        let decoder = decoder
            .stdin(Stdio::piped())
            .stdout(fs::File::create(&path)?);
        let mut decoder = decoder.spawn().context("cannot run base64")?;
        let mut stdin = decoder.stdin.take().context("no pipe")?;
        stdin.write_all(data.as_bytes())?;
        drop(stdin);
        ensure!(decoder.wait()?.success(), "base64 failed");
        println!("screenshot: {path}");
        Ok(())
    }
}

/// Sends a request to a gateway or its control door.
fn post(url: &str, path: &str, body: &Value) -> Result<()> {
    let address = url.strip_prefix("http://").context("no HTTP")?;
    let address = address.trim_end_matches('/');
    let body = body.to_string();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    Ok(())
}

/// Chats before, during and after a restart, and checks that nothing is missing or doubled.
pub(super) fn check(page: &Page) -> Result<()> {
    println!("── chat");
    let gateways = [Gateway::with_control("standard")?];
    let site = Site::start(free_port(), page.folders.clone(), &gateways)?;
    let [gateway] = &gateways;
    let chromium = Chromium::start()?;
    let ann = Visitor::enter(&chromium, &site.url, "desktop", false, (1180, 760))?;
    ann.types("name", "Ann")?;
    let ben = Visitor::enter(&chromium, &site.url, "phone", true, (390, 780))?;
    ben.types("name", "Ben")?;
    ann.types("text", "Good morning! Has anybody tried the new gateway?")?;
    ben.sees_text("Good morning!")?;
    ben.types(
        "text",
        "Yes, it runs on my laptop, and this page on my phone.",
    )?;
    ann.sees_text("on my phone")?;
    ann.types("text", HOSTILE)?;
    ben.sees_text(HOSTILE)?;
    ben.types("text", "Nice try :)")?;
    for visitor in [&ann, &ben] {
        visitor.sees_text("Nice try")?;
        visitor.sees("!document.querySelector('#messages img, #messages b')")?;
        visitor.sees("document.title === 'Swarm chat'")?;
        visitor.sees("document.querySelectorAll('#people li').length === 2")?;
        visitor.screenshot("1-before")?;
    }
    let door = gateway.control()?;
    post(door, "/stop", &json!({}))?;
    for visitor in [&ann, &ben] {
        visitor.sees("state() === 'reconnecting'")?;
        visitor.sees_text("The connection is lost.")?;
    }
    ben.types("text", "Written while the gateway is down.")?;
    ben.sees_text("sending…")?;
    for visitor in [&ann, &ben] {
        visitor.screenshot("2-during")?;
    }
    post(door, "/start", &json!({}))?;
    // Nobody is subscribed yet, so only the history has this message.
    let fields = [
        "token",
        "other-1",
        "author",
        "Cleo",
        "text",
        "You have missed this.",
    ];
    let args = [&["chat:history:lobby", "*"], &fields[..]].concat();
    let command = json!({ "cmd": "XADD", "args": args });
    post(gateway.url("http")?, "/cmd", &command)?;
    for visitor in [&ann, &ben] {
        visitor.sees("state() === 'connected'")?;
        visitor.sees_text("You have missed this.")?;
        visitor.sees_text("Written while the gateway is down.")?;
        visitor.sees_text("Reconnected.")?;
        visitor.sees("!shows('reading the history')")?;
        visitor.sees("document.querySelectorAll('.post').length === 6")?;
        visitor.sees("document.querySelectorAll('.pending, .failed').length === 0")?;
        visitor.screenshot("3-after")?;
    }
    println!("── chat: ok");
    Ok(())
}
