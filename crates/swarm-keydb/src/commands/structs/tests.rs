//! Tests of structs as hashes.

use std::error::Error as _;

use serde::{Deserialize, Serialize};
use swarm_resp::Frame;

use super::{StructCommands, StructError};
use crate::command::{Command, Executor};
use crate::error::Result;

/// Records a request, or replies with a frame.
struct Server(Frame);

impl Executor for Server {
    type Output<R> = (Vec<String>, Result<R>);

    fn execute<R>(&self, mut command: Command<R>) -> Self::Output<R> {
        let args = command.request();
        let args = args
            .args()
            .map(|arg| String::from_utf8_lossy(arg).into_owned());
        let result = match command.take_rejection() {
            Some(error) => Err(error),
            None => command.decode(self.0.clone()),
        };
        (args.collect(), result)
    }
}

fn sent(value: &impl Serialize) -> Vec<String> {
    let (args, result) = Server(Frame::integer(0)).hset_struct("k", value);
    result.unwrap();
    args
}

fn refused(value: &impl Serialize) -> String {
    let (_, result) = Server(Frame::integer(0)).hset_struct("k", value);
    result.unwrap_err().to_string()
}

fn hash(pairs: &[(&str, &str)]) -> Frame {
    Frame::build(|reply| {
        reply.array(|array| {
            for (name, value) in pairs {
                array.bulk(name.as_bytes());
                array.bulk(value.as_bytes());
            }
        });
    })
}

fn read<T: serde::de::DeserializeOwned>(pairs: &[(&str, &str)]) -> Result<Option<T>> {
    Server(hash(pairs)).hget_struct("k").1
}

/// Returns the source of an error, which names the field.
fn source(error: &crate::Error) -> StructError {
    let mut source = error.source();
    loop {
        let error = source.expect("a StructError");
        match error.downcast_ref::<StructError>() {
            Some(found) => return found.clone(),
            None => source = error.source(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Green,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Id(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    id: Id,
    #[serde(rename = "title")]
    name: String,
    price: f64,
    stock: i8,
    count: u8,
    color: Color,
    is_new: bool,
    letter: char,
    note: Option<String>,
    #[serde(default)]
    visits: u32,
    #[serde(skip)]
    cache: Vec<u8>,
}

fn item() -> Item {
    Item {
        id: Id(u64::MAX),
        name: "a\r\nb".to_owned(),
        price: 0.1,
        stock: -128,
        count: 255,
        color: Color::Green,
        is_new: true,
        letter: 'é',
        note: Some(String::new()),
        visits: 7,
        cache: Vec::new(),
    }
}

const PAIRS: [(&str, &str); 10] = [
    ("id", "18446744073709551615"),
    ("title", "a\r\nb"),
    ("price", "0.1"),
    ("stock", "-128"),
    ("count", "255"),
    ("color", "green"),
    ("is_new", "1"),
    ("letter", "é"),
    ("note", ""),
    ("visits", "7"),
];

#[test]
fn a_struct_is_stored_field_by_field_and_read_again() {
    let flat = PAIRS.iter().flat_map(|(name, value)| [*name, *value]);
    let expected: Vec<_> = ["HSET", "k"].into_iter().chain(flat).collect();
    assert_eq!(sent(&item()), expected);
    assert_eq!(sent(&Some(item())), expected);
    assert_eq!(read::<Item>(&PAIRS).unwrap(), Some(item()));
    // What the struct does not have is ignored, and what it has may be in any order.
    let mut pairs: Vec<_> = PAIRS.into_iter().rev().collect();
    pairs.push(("other", "x"));
    assert_eq!(read::<Item>(&pairs).unwrap(), Some(item()));
    assert_eq!(read::<Item>(&[]).unwrap(), None);
}

#[test]
fn a_field_that_is_none_is_removed_from_the_hash() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Person {
        name: Option<String>,
        age: Option<u8>,
    }
    let person = |name: Option<&str>, age| Person {
        name: name.map(str::to_owned),
        age,
    };
    let some = sent(&person(Some("ann"), None));
    assert_eq!(some[0], "EVAL");
    assert_eq!(some[2..], ["1", "k", "1", "age", "name", "ann"]);
    assert_eq!(sent(&person(None, None)), ["HDEL", "k", "name", "age"]);
    let found: Option<Person> = read(&[("name", "ann")]).unwrap();
    assert_eq!(found, Some(person(Some("ann"), None)));
}

#[test]
fn what_a_hash_cannot_hold_is_refused_with_the_name_of_the_field() {
    #[derive(Serialize)]
    struct Outer<T> {
        name: &'static str,
        tags: T,
    }
    #[derive(Serialize)]
    enum Shape {
        Circle(f64),
    }
    let with = |tags| Outer {
        name: "s3cret",
        tags,
    };
    let texts = [
        refused(&with(vec![1, 2])),
        refused(&Outer {
            name: "s3cret",
            tags: [("a", 1)],
        }),
        refused(&Outer {
            name: "s3cret",
            tags: Some(with(vec![1])),
        }),
        refused(&Outer {
            name: "s3cret",
            tags: Shape::Circle(1.5),
        }),
        refused(&Outer {
            name: "s3cret",
            tags: (),
        }),
    ];
    for text in texts {
        assert!(
            text.starts_with("HSET: field `tags`: it is a list"),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
    for text in [
        refused(&7),
        refused(&vec![("a", "b")]),
        refused(&std::collections::BTreeMap::from([("a", 1)])),
    ] {
        assert!(text.contains("not a struct with named fields"), "{text}");
    }
    #[derive(Serialize)]
    struct Empty {}
    assert!(refused(&Empty {}).contains("no fields"));
}

#[test]
fn a_hash_that_does_not_fit_is_an_error_that_names_the_field() {
    for (name, value) in [
        ("id", "-1"),
        ("stock", "200"),
        ("count", "256"),
        ("color", "s3cret"),
        ("is_new", "yes"),
        ("letter", "ab"),
        ("price", "cheap"),
    ] {
        let pairs = PAIRS.map(|pair| if pair.0 == name { (name, value) } else { pair });
        let error = read::<Item>(&pairs).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::UnexpectedReply);
        let source = source(&error);
        assert_eq!(source.field(), Some(name), "{source}");
        assert!(
            !format!("{error} {error:?} {source}").contains(value),
            "{source}"
        );
    }
    // `note` is an option, and `visits` has a default.
    let found = read::<Item>(&PAIRS[..8]).unwrap().unwrap();
    assert_eq!((found.note, found.visits), (None, 0));
    let error = read::<Item>(&PAIRS[1..]).unwrap_err();
    assert_eq!(
        source(&error).to_string(),
        "field `id`: the hash does not have it"
    );
    #[derive(Debug, Deserialize)]
    struct Nested {
        #[expect(dead_code, reason = "it cannot be read")]
        tags: Vec<u32>,
    }
    let error = read::<Nested>(&[("tags", "1")]).unwrap_err();
    assert_eq!(source(&error).field(), Some("tags"));
}
