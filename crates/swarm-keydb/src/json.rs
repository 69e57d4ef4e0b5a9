//! JSON values.

use serde::Serialize;
use serde::de::DeserializeOwned;
use swarm_resp::{Arg, ArgSink, ConvertError, FrameRef, FromFrame, ToArg, ToArgs};

use crate::error::{Error, Result};

/// Value that is stored as JSON.
///
/// # Examples
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use swarm_keydb::{Client, Json};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct User {
///     name: String,
///     age: u8,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let ann = User { name: "Ann".to_owned(), age: 30 };
/// client.set("user:1", Json::text(&ann)?).await?;
/// let Some(Json(found)) = client.get_as::<Json<User>>("user:1").await? else { panic!("gone") };
/// assert_eq!(found, ann);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Json<T>(pub T);

impl Json<()> {
    /// Serializes a value to JSON text, for use as an argument.
    ///
    /// # Errors
    ///
    /// Kind [`Argument`](crate::ErrorKind::Argument) if JSON cannot represent the value, such as a
    /// map whose keys are not strings.
    pub fn text(value: &(impl Serialize + ?Sized)) -> Result<JsonText> {
        serde_json::to_vec(value).map(JsonText).map_err(|error| {
            Error::argument(format!("value cannot be serialized to JSON: {error}"))
        })
    }
}

impl<T: DeserializeOwned> FromFrame for Json<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let text = frame.as_bytes().unwrap_or_default();
        let value = serde_json::from_slice(text);
        value
            .map(Self)
            .map_err(|_| ConvertError::new("JSON of the requested type", frame))
    }
}

/// JSON text, created by [`Json::text`].
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(Vec<u8>);

impl ToArg for JsonText {
    fn to_arg(&self) -> Arg<'_> {
        Arg::new(&self.0)
    }
}

impl ToArgs for JsonText {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(&self.0);
    }
}

impl std::fmt::Debug for JsonText {
    /// Shows the length, but not the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonText({} bytes)", self.0.len())
    }
}
