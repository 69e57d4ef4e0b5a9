//! JSON values.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
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
        // The text of serde's error may quote the value.
        serde_json::to_vec(value).map(JsonText).map_err(|_| {
            Error::argument(
                "value cannot be serialized to JSON; check that the keys of its maps are strings \
                 or numbers, and that its Serialize returns no error",
            )
        })
    }
}

impl<T: DeserializeOwned> FromFrame for Json<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let unexpected = || ConvertError::new("JSON of the requested type", frame);
        let text = frame.as_bytes().ok_or_else(unexpected)?;
        let value = serde_json::from_slice(text);
        value
            .map(Self)
            .map_err(|error| unexpected().with_source(JsonError::of(&error)))
    }
}

/// Why a reply is not JSON of the requested type: the [source](std::error::Error::source) of the
/// [`Error`].
///
/// Contains serde's position and category, but not its message, which may quote the value.
///
/// # Examples
///
/// ```
/// use std::error::Error as _;
/// use swarm_keydb::{Client, Json, JsonError, JsonErrorCategory};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// client.set("ages", r#"[30, "unknown"]"#).await?;
/// let error = client.get_as::<Json<Vec<u8>>>("ages").await.unwrap_err();
/// let json: &JsonError = error.source().and_then(|source| source.downcast_ref()).unwrap();
/// assert_eq!(json.category(), JsonErrorCategory::Data);
/// assert_eq!((json.line(), json.column()), (1, 14));
/// assert_eq!(json.to_string(), "the JSON has another type at line 1, column 14");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    line: usize,
    column: usize,
    category: JsonErrorCategory,
}

/// Category of a [`JsonError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonErrorCategory {
    /// The text is not JSON.
    Syntax,
    /// The text is JSON of another type.
    Data,
    /// The text ends too early.
    Eof,
}

impl JsonError {
    fn of(error: &serde_json::Error) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
            category: match error.classify() {
                Category::Data => JsonErrorCategory::Data,
                Category::Eof => JsonErrorCategory::Eof,
                // Bytes in memory cause no I/O error.
                Category::Syntax | Category::Io => JsonErrorCategory::Syntax,
            },
        }
    }

    /// Returns the line of the error, counted from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the column of the error in bytes, counted from 1. Zero if the error precedes the
    /// first byte of the line.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// Returns what is wrong.
    pub const fn category(&self) -> JsonErrorCategory {
        self.category
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.category {
            JsonErrorCategory::Syntax => "the text is not JSON",
            JsonErrorCategory::Data => "the JSON has another type",
            JsonErrorCategory::Eof => "the JSON ends too early",
        };
        write!(f, "{what} at line {}, column {}", self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

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

impl fmt::Debug for JsonText {
    /// Shows the length, but not the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes)", self.0.len())
    }
}
