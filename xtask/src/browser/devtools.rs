//! DevTools protocol over the pipe of a Chromium process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// Time limit of a call that does not wait for the page.
const LIMIT: Duration = Duration::from_secs(30);

/// A reply or an event that belongs to a page.
enum Inbound {
    Reply(u64, Result<Value>),
    Event(String, Value),
}

/// Connection to the browser. Calls may be made from any thread.
pub(super) struct DevTools {
    pipe: Mutex<ChildStdin>,
    next: AtomicU64,
    routes: Mutex<Routes>,
}

/// Who receives what arrives.
#[derive(Default)]
struct Routes {
    calls: HashMap<u64, Sender<Inbound>>,
    pages: HashMap<String, Sender<Inbound>>,
}

impl DevTools {
    /// Connects to a browser that reads calls from one pipe and writes messages to the other.
    pub(super) fn connect(to: ChildStdin, from: impl Read + Send + 'static) -> Arc<Self> {
        let devtools = Arc::new(Self {
            pipe: Mutex::new(to),
            next: AtomicU64::new(1),
            routes: Mutex::default(),
        });
        let reader = devtools.clone();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut message = Vec::new();
            // A message ends with a zero byte.
            while from.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if let Ok(message) = serde_json::from_slice(&message) {
                    reader.route(message);
                }
                message.clear();
            }
            // Whoever waits learns that the browser has ended.
            *reader.routes() = Routes::default();
        });
        devtools
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn route(&self, mut message: Value) {
        let mut routes = self.routes();
        // A receiver that is gone has stopped waiting.
        if let Some(id) = message["id"].as_u64() {
            let reply = match message.get("error") {
                Some(error) => Err(anyhow!("{error}")),
                None => Ok(message["result"].take()),
            };
            if let Some(call) = routes.calls.remove(&id) {
                let _ = call.send(Inbound::Reply(id, reply));
            }
        } else if let Some(page) = message["sessionId"]
            .as_str()
            .and_then(|id| routes.pages.get(id))
        {
            let method = message["method"].as_str().unwrap_or_default().to_owned();
            let _ = page.send(Inbound::Event(method, message["params"].take()));
        }
    }

    /// Sends a call whose reply goes to a channel, and returns its number.
    fn send(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        to: Sender<Inbound>,
    ) -> Result<u64> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut call = json!({ "id": id, "method": method });
        call["params"] = params;
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        self.routes().calls.insert(id, to);
        let mut message = call.to_string().into_bytes();
        message.push(0);
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.write_all(&message).context("Chromium has ended")?;
        Ok(id)
    }

    fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let (sender, receiver) = mpsc::channel();
        self.send(session, method, params, sender)?;
        match receiver.recv_timeout(LIMIT) {
            Ok(Inbound::Reply(_, reply)) => reply.with_context(|| method.to_owned()),
            Ok(Inbound::Event(..)) => bail!("{method}: an event instead of a reply"),
            Err(RecvTimeoutError::Timeout) => bail!("{method}: no reply within {LIMIT:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("{method}: Chromium has ended"),
        }
    }

    /// Makes a call that concerns the whole browser.
    pub(super) fn browser(&self, method: &str, params: Value) -> Result<Value> {
        self.call(None, method, params)
    }

    /// Opens a tab in a window of its own.
    pub(super) fn page(self: &Arc<Self>) -> Result<Page> {
        let text = |value: &Value, key: &str| {
            let text = value[key].as_str().map(str::to_owned);
            text.with_context(|| format!("no {key} in {value}"))
        };
        let target = self.browser(
            "Target.createTarget",
            json!({ "url": "about:blank", "newWindow": true }),
        )?;
        let target = text(&target, "targetId")?;
        let params = json!({ "targetId": target, "flatten": true });
        let session = self.browser("Target.attachToTarget", params)?;
        let session = text(&session, "sessionId")?;
        let (sender, inbox) = mpsc::channel();
        self.routes().pages.insert(session.clone(), sender.clone());
        let page = Page {
            handle: Handle {
                devtools: self.clone(),
                session,
                target,
            },
            sender,
            inbox,
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.handle.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(page)
    }
}

/// What controls a tab, from any thread.
#[derive(Clone)]
pub(super) struct Handle {
    devtools: Arc<DevTools>,
    session: String,
    target: String,
}

impl Handle {
    pub(super) fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.devtools.call(Some(&self.session), method, params)
    }

    /// Brings the tab to the front.
    pub(super) fn activate(&self) -> Result<()> {
        let params = json!({ "targetId": self.target });
        self.devtools.browser("Target.activateTarget", params)?;
        Ok(())
    }

    /// Opens another tab in front of this one, calls a function, and closes the other tab.
    pub(super) fn behind_another(&self, during: impl FnOnce()) -> Result<()> {
        let params = json!({ "url": "about:blank" });
        let other = self.devtools.browser("Target.createTarget", params)?;
        self.devtools
            .browser("Target.activateTarget", other.clone())?;
        during();
        self.devtools.browser("Target.closeTarget", other)?;
        self.activate()
    }
}

/// A tab, which is closed when it is dropped.
pub(super) struct Page {
    pub(super) handle: Handle,
    sender: Sender<Inbound>,
    inbox: Receiver<Inbound>,
}

impl Page {
    /// Loads a page, and waits until it has loaded. Returns what it wrote to the console.
    pub(super) fn open(&self, url: &str) -> Result<Vec<String>> {
        let deadline = Instant::now() + LIMIT;
        let params = json!({ "url": url });
        let call = self.send("Page.navigate", params)?;
        let mut console = Vec::new();
        let mut is_loaded = false;
        let mut is_started = false;
        while !(is_loaded && is_started) {
            match self.receive(deadline)? {
                Inbound::Reply(id, reply) if id == call => {
                    let reply = reply?;
                    let error = reply["errorText"].as_str();
                    anyhow::ensure!(error.is_none(), "{url}: {}", error.unwrap_or_default());
                    is_started = true;
                }
                Inbound::Reply(..) => {}
                Inbound::Event(method, _) if method == "Page.loadEventFired" => is_loaded = true,
                Inbound::Event(method, params) => console.extend(line(&method, &params)),
            }
        }
        Ok(console)
    }

    /// Evaluates an expression and awaits its promise. Lines of the console go to `console`.
    ///
    /// An exception that nobody catches ends the wait: a future that has panicked never completes.
    pub(super) fn evaluate(
        &self,
        expression: &str,
        limit: Duration,
        console: &mut Vec<String>,
    ) -> Result<Value> {
        let deadline = Instant::now() + limit;
        let params = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
        });
        let call = self.send("Runtime.evaluate", params)?;
        loop {
            match self.receive(deadline)? {
                Inbound::Reply(id, reply) if id == call => {
                    let mut reply = reply?;
                    let exception = &reply["exceptionDetails"];
                    if !exception.is_null() {
                        bail!("{}", thrown(exception));
                    }
                    return Ok(reply["result"]["value"].take());
                }
                Inbound::Reply(..) => {}
                Inbound::Event(method, params) => {
                    console.extend(line(&method, &params));
                    if method == "Runtime.exceptionThrown" {
                        bail!("the page has failed");
                    }
                }
            }
        }
    }

    fn send(&self, method: &str, params: Value) -> Result<u64> {
        let session = Some(self.handle.session.as_str());
        let devtools = &self.handle.devtools;
        devtools.send(session, method, params, self.sender.clone())
    }

    fn receive(&self, deadline: Instant) -> Result<Inbound> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.inbox.recv_timeout(left) {
            Ok(inbound) => Ok(inbound),
            Err(RecvTimeoutError::Timeout) => bail!("the page did not finish in time"),
            Err(RecvTimeoutError::Disconnected) => bail!("Chromium has ended"),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let Handle {
            devtools,
            session,
            target,
        } = &self.handle;
        devtools.routes().pages.remove(session);
        // Fails only if the browser has ended.
        let _ = devtools.browser("Target.closeTarget", json!({ "targetId": target }));
    }
}

/// Returns the line of the console that an event is, if it is one.
fn line(method: &str, params: &Value) -> Option<String> {
    match method {
        "Runtime.consoleAPICalled" => {
            let args = params["args"].as_array()?.iter();
            let texts = args.map(|arg| match &arg["value"] {
                Value::Null => arg["description"].as_str().unwrap_or_default().to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            });
            let texts: Vec<_> = texts.collect();
            let kind = params["type"].as_str().unwrap_or_default();
            Some(format!("{kind}: {}", texts.join(" ")))
        }
        "Runtime.exceptionThrown" => Some(thrown(&params["exceptionDetails"])),
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            Some(format!(
                "{}: {} {}",
                text("level"),
                text("text"),
                text("url")
            ))
        }
        _ => None,
    }
}

/// Describes an exception.
fn thrown(details: &Value) -> String {
    let exception = &details["exception"];
    let description = exception["description"].as_str();
    let text = description.or(exception["value"].as_str());
    let text = text.or(details["text"].as_str()).unwrap_or("unknown");
    format!("exception: {text}")
}
