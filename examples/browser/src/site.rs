//! What the chat gets from its page's server and from the browser.

use js_sys::{Array, JSON, Math, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, Response, Storage};

use crate::view::window;

/// Key of the visitor's name in the browser.
const NAME: &str = "chat-name";

/// Names for new visitors.
const NAMES: [&str; 8] = [
    "Heron", "Otter", "Lynx", "Wren", "Badger", "Finch", "Marten", "Swift",
];

/// Where the gateway is.
pub(crate) struct Gateway {
    pub(crate) ws: String,
    /// Whether the page's server can restart it.
    pub(crate) can_restart: bool,
}

/// Returns the gateway in the address of the page (`?gateway=wss://…`), or the one that the page's
/// server runs.
pub(crate) async fn gateway() -> Result<Gateway, String> {
    let query = window().location().search().unwrap_or_default();
    let given = query.trim_start_matches('?').split('&');
    let given = given
        .filter_map(|pair| pair.strip_prefix("gateway="))
        .next();
    if let Some(ws) = given {
        let ws = js_sys::decode_uri_component(ws).map(String::from);
        return Ok(Gateway {
            ws: ws.map_err(|_| "the address of the gateway is malformed")?,
            can_restart: false,
        });
    }
    let failed = |_| "no gateway; add ?gateway=ws://… to the address".to_owned();
    let list = request("GET", "/gateways").await.map_err(failed)?;
    let list: Array = JSON::parse(&list).map_err(failed)?.unchecked_into();
    let ws = Reflect::get(&list.get(0), &"ws".into()).map_err(failed)?;
    Ok(Gateway {
        ws: ws.as_string().unwrap_or_default(),
        can_restart: true,
    })
}

/// Stops or starts the gateway.
pub(crate) async fn control(operation: &str) {
    let path = format!("/control/0/{operation}");
    if let Err(error) = request("POST", &path).await {
        web_sys::console::error_1(&error);
    }
}

async fn request(method: &str, url: &str) -> Result<String, JsValue> {
    let options = RequestInit::new();
    options.set_method(method);
    let response = JsFuture::from(window().fetch_with_str_and_init(url, &options)).await?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(response.status_text().into());
    }
    let text = JsFuture::from(response.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// Returns the name that the visitor had last time, or a new one.
pub(crate) fn saved_name() -> String {
    let saved = storage().and_then(|storage| storage.get_item(NAME).ok().flatten());
    saved.unwrap_or_else(|| {
        let number = Math::floor(Math::random() * 80.0) as usize;
        let name = NAMES[number % NAMES.len()];
        format!("{name} {}", 10 + number)
    })
}

pub(crate) fn save_name(name: &str) {
    if let Some(storage) = storage() {
        // Fails if the visitor forbids it.
        let _ = storage.set_item(NAME, name);
    }
}

/// Returns a name that no other page has.
pub(crate) fn unique() -> String {
    let part = || (Math::random() * f64::from(u32::MAX)) as u32;
    format!("{:08x}{:08x}", part(), part())
}
