//! Serves a page, tells it where its gateways are, and lets it control them.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::devtools::Handle;
use crate::gateway::Gateway;

/// Time limit of a read and a write.
const LIMIT: Duration = Duration::from_secs(60);

/// Maximum size of a request.
const MAX_REQUEST: u64 = 1 << 20;

/// A server of files. Its threads end with the program.
pub(super) struct Site {
    pub(super) url: String,
    tab: Arc<Mutex<Option<Handle>>>,
}

/// What the threads share.
struct Shared {
    /// Folders with files; the first that has a file serves it.
    folders: Vec<PathBuf>,
    /// Where pages find the gateways.
    gateways: Value,
    /// Control doors of the gateways.
    doors: Vec<String>,
    tab: Arc<Mutex<Option<Handle>>>,
}

impl Site {
    /// Serves files from folders. Pages may control the gateways.
    pub(super) fn start(
        address: SocketAddr,
        folders: Vec<PathBuf>,
        gateways: &[Gateway],
    ) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| address.to_string())?;
        let url = format!("http://{}/", listener.local_addr()?);
        let urls = gateways.iter().map(|gateway| {
            let (ws, http) = (gateway.url("ws")?, gateway.url("http")?);
            anyhow::Ok(json!({ "dialect": gateway.dialect(), "ws": ws, "http": http }))
        });
        let doors = gateways.iter().map(|gateway| {
            let door = gateway.control()?;
            let door = door.strip_prefix("http://").context("no HTTP")?;
            anyhow::Ok(door.trim_end_matches('/').to_owned())
        });
        let tab = Arc::default();
        let shared = Arc::new(Shared {
            folders,
            gateways: urls.collect::<Result<_>>()?,
            doors: doors.collect::<Result<_>>()?,
            tab: Arc::clone(&tab),
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                // A client that goes away concerns nobody else.
                thread::spawn(move || shared.serve(stream).ok());
            }
        });
        Ok(Self { url, tab })
    }

    /// Lets the page control the tab that shows it.
    pub(super) fn attach(&self, tab: Handle) {
        *self.tab.lock().unwrap_or_else(PoisonError::into_inner) = Some(tab);
    }
}

/// A request, as far as this server looks at it.
struct Request {
    method: String,
    path: String,
    query: String,
    is_own_page: bool,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Result<Self> {
        let mut reader = BufReader::new(stream.take(MAX_REQUEST));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().context("no target")?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (mut length, mut is_own_page, mut is_loopback) = (0, false, false);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().context("content-length")?,
                "sec-fetch-site" => is_own_page = value == "same-origin",
                // Another name may belong to a page of somebody else (DNS rebinding).
                "host" => is_loopback = ["127.0.0.1", "localhost"].contains(&host(value)),
                _ => {}
            }
        }
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        Ok(Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            is_own_page: is_own_page && is_loopback,
            body,
        })
    }
}

/// Returns a host without its port.
fn host(value: &str) -> &str {
    value.rsplit_once(':').map_or(value, |(host, _)| host)
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        let request = Request::read(&stream)?;
        let path = request.path.as_str();
        if path == "/gateways" {
            let list = self.gateways.to_string();
            return respond(&mut stream, "200 OK", "application/json", list.as_bytes());
        }
        if path.starts_with("/control/") || path.starts_with("/tab/") {
            // Pages of other sites must not stop anything.
            if request.method != "POST" || !request.is_own_page {
                return respond(&mut stream, "403 Forbidden", "text/plain", b"");
            }
            return match path.strip_prefix("/control/") {
                Some(rest) => self.control(&mut stream, rest, &request),
                None => self.tab(&mut stream, path, &request),
            };
        }
        match self.file(path) {
            Some((kind, content)) => respond(&mut stream, "200 OK", kind, &content),
            None => respond(&mut stream, "404 Not Found", "text/plain", b"not found"),
        }
    }

    fn file(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        let path = path.trim_start_matches('/');
        let path = Path::new(if path.is_empty() { "index.html" } else { path });
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !path.components().all(is_plain) {
            return None;
        }
        let kind = match path.extension()?.to_str()? {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            _ => return None,
        };
        let mut files = self.folders.iter().map(|folder| folder.join(path));
        Some((kind, files.find_map(|file| fs::read(file).ok())?))
    }

    /// Forwards a request to the control door of a gateway: `0/restart`, `1/faults`. Its method is
    /// in the query, because all requests are posts.
    fn control(&self, stream: &mut TcpStream, rest: &str, request: &Request) -> Result<()> {
        let (number, path) = rest.split_once('/').context("no operation")?;
        let door = number.parse().ok().and_then(|n: usize| self.doors.get(n));
        let door = door.context("no such gateway")?;
        let method = match request.query.as_str() {
            method @ ("GET" | "PUT" | "DELETE") => method,
            _ => "POST",
        };
        let mut forwarded = TcpStream::connect(door)?;
        forwarded.set_read_timeout(Some(LIMIT))?;
        let length = request.body.len();
        write!(
            forwarded,
            "{method} /{path} HTTP/1.1\r\nhost: {door}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        )?;
        forwarded.write_all(&request.body)?;
        io::copy(&mut forwarded, stream)?;
        Ok(())
    }

    /// Answers first, because a frozen page receives nothing. The page waits for the events of its
    /// document: `freeze`, `resume`, `visibilitychange`, `offline`, `online`.
    fn tab(&self, stream: &mut TcpStream, path: &str, request: &Request) -> Result<()> {
        let tab = self.tab.lock().unwrap_or_else(PoisonError::into_inner);
        let tab = tab.clone().context("no tab is attached")?;
        let time = Duration::from_millis(request.query.parse().context("no time")?);
        respond(stream, "200 OK", "text/plain", b"")?;
        let state = |state| tab.call("Page.setWebLifecycleState", json!({ "state": state }));
        let offline = |is_offline: bool| {
            let params = json!({
                "offline": is_offline,
                "latency": 0,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            });
            tab.call("Network.emulateNetworkConditions", params)
        };
        match path {
            "/tab/freeze" => {
                state("frozen")?;
                thread::sleep(time);
                state("active")?;
                // A page that was frozen is hidden until it comes to the front.
                tab.behind_another(|| ())?;
            }
            "/tab/hide" => tab.behind_another(|| thread::sleep(time))?,
            "/tab/offline" => {
                offline(true)?;
                thread::sleep(time);
                offline(false)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The policies isolate the page, and thereby make its clock precise.
fn respond(stream: &mut TcpStream, status: &str, kind: &str, content: &[u8]) -> Result<()> {
    let length = content.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nconnection: close\r\n\
         cross-origin-opener-policy: same-origin\r\n\
         cross-origin-embedder-policy: require-corp\r\n\r\n"
    )?;
    stream.write_all(content)?;
    Ok(())
}
