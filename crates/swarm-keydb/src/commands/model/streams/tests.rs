//! Stream IDs, rejected arguments, and replies in the forms of all servers.

use std::time::Duration;

use swarm_resp::{Decoder, Frame, Request};

use super::super::super::StreamCommands;
use super::*;
use crate::command::{Blocking, Command, Executor};
use crate::request_reply::Retry;
use crate::server::Marks;

/// Returns commands unchanged.
struct Plain;

impl Executor for Plain {
    type Output<R> = Command<R>;

    fn execute<R>(&self, command: Command<R>) -> Command<R> {
        command
    }
}

fn frame(wire: &str) -> Frame {
    let wire = wire.replace(' ', "\r\n") + "\r\n";
    Decoder::new().decode_message(wire.into()).unwrap()
}

fn id(text: &str) -> StreamId {
    text.parse().unwrap()
}

#[test]
fn ids_are_sent_in_full_and_ordered_numerically() {
    for (text, full) in [("0", "0-0"), ("5", "5-0"), ("5-1", "5-1"), ("05-01", "5-1")] {
        let id = id(text);
        assert_eq!(id.to_string(), full);
        assert_eq!(Request::new("X", id), Request::new("X", full));
    }
    let max = "18446744073709551615-18446744073709551615";
    assert_eq!(Request::new("X", StreamId::MAX), Request::new("X", max));
    assert_eq!(id(max), StreamId::MAX);
    assert!(id("9-9") < id("10-0") && id("9-9") < id("9-10"));
    for text in [
        "", "-", "+", "5-", "-5", "+5", "5-+1", "5-1-1", "*", "$", ">", " 5", "(5",
    ] {
        assert_eq!(text.parse::<StreamId>(), Err(ParseStreamIdError), "{text}");
    }
    assert!("18446744073709551616".parse::<StreamId>().is_err());
}

#[test]
fn next_and_previous_return_none_at_the_ends() {
    assert_eq!(id("5-1").next(), Some(id("5-2")));
    assert_eq!(StreamId::new(5, u64::MAX).next(), Some(id("6-0")));
    assert_eq!(StreamId::MAX.next(), None);
    assert_eq!(id("5-1").previous(), Some(id("5-0")));
    assert_eq!(id("6-0").previous(), Some(StreamId::new(5, u64::MAX)));
    assert_eq!(StreamId::MIN.previous(), None);
    let time = std::time::UNIX_EPOCH + Duration::from_millis(1500);
    assert_eq!(StreamId::at(time), id("1500"));
    assert_eq!(id("1500-7").time(), Some(time));
}

#[test]
fn each_special_id_is_accepted_only_by_its_own_type() {
    assert_eq!("$".parse(), Ok(ReadAfter::Last));
    assert_eq!("5".parse(), Ok(ReadAfter::Id(id("5-0"))));
    assert_eq!(">".parse(), Ok(GroupRead::New));
    assert_eq!("0".parse(), Ok(GroupRead::Pending(StreamId::MIN)));
    assert_eq!("*".parse(), Ok(NewId::Auto));
    assert_eq!("7-*".parse(), Ok(NewId::AutoSequence(7)));
    assert_eq!("7".parse(), Ok(NewId::Explicit(id("7-0"))));
    assert!(">".parse::<ReadAfter>().is_err());
    assert!("$".parse::<GroupRead>().is_err());
    assert!("-*".parse::<NewId>().is_err());
    let error = Plain
        .xread([("a", "0"), ("b", ">")])
        .take_rejection()
        .unwrap();
    assert!(error.to_string().contains("not a stream ID"), "{error}");
}

#[test]
fn invalid_arguments_are_rejected_before_sending() {
    let zero = Duration::ZERO;
    let limit = Trim::maxlen(1).limit(1);
    let twice = XClaimOptions::new().idle(zero).time(std::time::UNIX_EPOCH);
    let rejections = [
        Plain.xadd("k", [("", ""); 0]).take_rejection(),
        Plain
            .xadd_with("k", [("f", "v")], XAddOptions::new().trim(limit))
            .take_rejection(),
        Plain.xtrim("k", limit).take_rejection(),
        Plain.xrange_count("k", .., 0).take_rejection(),
        Plain.xrange("k", ..StreamId::MIN).take_rejection(),
        Plain.xack("k", "g", Vec::new()).take_rejection(),
        Plain.xread([("k", "0"); 0]).take_rejection(),
        Plain
            .xread_with([("k", "0")], XReadOptions::new().block(zero))
            .take_rejection(),
        Plain
            .xread_with([("k", "0")], XReadOptions::new().count(0))
            .take_rejection(),
        Plain
            .xpending_with("k", "g", XPendingOptions::new().count(0))
            .take_rejection(),
        Plain
            .xclaim_with("k", "g", "c", zero, StreamId::MIN, twice)
            .take_rejection(),
        Plain.xautoclaim("k", "g", "c", zero, "-").take_rejection(),
        Plain.xgroup_create("k", "g", ">").take_rejection(),
    ];
    for (at, rejection) in rejections.into_iter().enumerate() {
        let error = rejection.unwrap_or_else(|| panic!("{at}"));
        assert_eq!(error.kind(), crate::ErrorKind::Argument, "{at}");
    }
}

#[test]
fn names_that_some_servers_reject_are_marked() {
    let consumer = XPendingOptions::new().consumer("a\nb");
    for (marks, mark) in [
        (
            Plain.xadd("", [("f", "v")]).builder.marks,
            Marks::EMPTY_NAME,
        ),
        (
            Plain.xack("k", "g\r", StreamId::MIN).builder.marks,
            Marks::LINE_BREAK,
        ),
        (
            Plain.xpending_with("k", "g", consumer).builder.marks,
            Marks::LINE_BREAK,
        ),
    ] {
        assert!(marks.contains(mark), "{marks:?} lack {mark:?}");
    }
}

#[test]
fn reads_declare_whether_they_block_and_may_be_retried() {
    let block = XReadOptions::new().block(Duration::from_secs(1));
    let read = Plain.xread_with([("k", "0")], block);
    assert_eq!(
        read.builder.blocking,
        Blocking::Read(Duration::from_secs(1))
    );
    assert_eq!(read.builder.retry, Retry::ReadOnly);
    let from_now_on = Plain.xread_with([("a", "0"), ("k", "$")], block.block_forever());
    assert_eq!(from_now_on.builder.blocking, Blocking::Read(Duration::MAX));
    assert_eq!(from_now_on.builder.retry, Retry::Never);
    let options = XReadGroupOptions::new().block_forever();
    let group = Plain.xreadgroup_with("g", "c", [("k", ">")], options);
    assert_eq!(group.builder.blocking, Blocking::Read(Duration::MAX));
    assert_eq!(group.builder.retry, Retry::Never);
    assert_eq!(Plain.xread([("k", "0")]).builder.blocking, Blocking::No);
    assert_eq!(
        Plain.xack("k", "g", StreamId::MIN).builder.retry,
        Retry::Never
    );
}

#[test]
fn entries_keep_order_and_duplicates_in_both_protocols() {
    let entry = "*2 $3 5-1 *6 $1 b $1 2 $1 a $1 1 $1 b $1 3";
    for wire in [
        format!("*1 *2 $1 k *1 {entry}"),
        format!("%1 $1 k *1 {entry}"),
    ] {
        let read = batches(&frame(&wire)).unwrap();
        let [StreamBatch { key, entries, .. }] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!((key.as_ref(), entries.len()), (&b"k"[..], 1));
        let fields = &entries[0].fields;
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, [b"b", b"a", b"b"]);
        assert_eq!(entries[0].get("b").unwrap(), "2");
        assert_eq!(entries[0].field_as::<i32>("a").unwrap(), Some(1));
        assert_eq!(entries[0].field_as::<i64>("c").unwrap(), None);
    }
    for null in ["*-1", "_", "$-1"] {
        assert_eq!(batches(&frame(null)).unwrap(), []);
        assert_eq!(entries(&frame(null)).unwrap(), []);
    }
}

#[test]
fn deleted_entries_are_apart_from_the_others() {
    let wire = "*1 *2 $1 k *2 *2 $3 5-1 *-1 *2 $3 5-2 *2 $1 f $1 v";
    let read = batches(&frame(wire)).unwrap();
    assert_eq!(read[0].deleted, [id("5-1")]);
    assert_eq!(read[0].entries.len(), 1);
    assert_eq!(read[0].entries[0].get("f").unwrap(), "v");
    assert!(
        entries(&frame("*1 *2 $3 5-1 *-1")).is_err(),
        "XRANGE lists no deleted entries"
    );
    // Encoding of older servers.
    let old = "*2 $3 0-0 *2 $-1 *2 $3 5-2 *2 $1 f $1 v";
    let page = auto_claim(&frame(old)).unwrap();
    assert_eq!(page.entries[0].id, id("5-2"));
    assert_eq!((page.entries.len(), page.deleted.len()), (1, 0));
    assert_eq!(claimed(&frame("*1 $-1")).unwrap(), []);
    let page = auto_claim(&frame("*3 $3 0-0 *0 *1 $3 5-1")).unwrap();
    assert_eq!(page.deleted, [id("5-1")]);
}

#[test]
fn claimed_ids_are_decoded_from_ids_and_from_whole_entries() {
    let ids = [id("5-1"), id("5-2")];
    assert_eq!(claimed_ids(&frame("*2 $3 5-1 $3 5-2")).unwrap(), ids);
    let whole = "*2 *2 $3 5-1 *2 $1 f $1 v *2 $3 5-2 *2 $1 f $1 v";
    assert_eq!(claimed_ids(&frame(whole)).unwrap(), ids);
    assert!(claimed_ids(&frame("*1 $1 x")).is_err());
}

#[test]
fn next_start_is_none_once_claiming_makes_no_progress() {
    let page = |next: &str, entries: &[&str]| AutoClaim {
        next: id(next),
        entries: (entries.iter())
            .map(|text| StreamEntry {
                id: id(text),
                fields: StreamFields::default(),
            })
            .collect(),
        deleted: Vec::new(),
    };
    // Redis: the first entry not examined; 0-0 at the end.
    assert_eq!(
        page("3-0", &["1-0", "2-0"]).next_start(id("0-0")),
        Some(id("3-0"))
    );
    assert_eq!(page("0-0", &["3-0"]).next_start(id("3-0")), None);
    // SwarmKeyDb: the last entry examined, claimed or not, even on the last page.
    assert_eq!(page("3-0", &["2-0", "3-0"]).next_start(id("2-0")), None);
    assert_eq!(page("3-0", &[]).next_start(id("2-0")), Some(id("3-0")));
    assert_eq!(page("3-0", &[]).next_start(id("3-0")), None);
    assert_eq!(page("0-0", &[]).next_start(id("0-0")), None);
    let last = "18446744073709551615-18446744073709551615";
    assert_eq!(page(last, &[last]).next_start(id("0-0")), None);
}

#[test]
fn pending_summaries_are_decoded_with_and_without_entries() {
    let none = pending_summary(&frame("*4 :0 $-1 $-1 *-1")).unwrap();
    assert_eq!(none, PendingSummary::default());
    assert_eq!(pending_summary(&frame("*4 :0 $-1 $-1 *0")).unwrap(), none);
    // Redis sends counts as text, SwarmKeyDb as integers.
    for count in ["$1 2", ":2"] {
        let wire = format!("*4 :2 $3 5-1 $3 5-2 *1 *2 $3 ann {count}");
        let summary = pending_summary(&frame(&wire)).unwrap();
        assert_eq!(summary.consumers, [("ann".into(), 2)]);
        assert_eq!(
            (summary.first, summary.last),
            (Some(id("5-1")), Some(id("5-2")))
        );
    }
    let listed = pending_entries(&frame("*1 *4 $3 5-1 $3 ann :1500 :2")).unwrap();
    assert_eq!(listed[0].idle, Duration::from_millis(1500));
    assert_eq!(
        (listed[0].delivered, &listed[0].consumer[..]),
        (2, &b"ann"[..])
    );
}

#[test]
fn unknown_info_fields_are_ignored() {
    for head in ["*6", "%3"] {
        let wire = format!("{head} $4 name $1 c $6 future *1 :1 $8 inactive :-1");
        let info = consumers_info(&frame(&format!("*1 {wire}"))).unwrap();
        assert_eq!((&info[0].name[..], info[0].inactive), (&b"c"[..], None));
    }
    let group = groups_info(&frame("*1 *4 $3 lag $-1 $12 entries-read :3")).unwrap();
    assert_eq!((group[0].lag, group[0].entries_read), (None, Some(3)));
    let stream = stream_info(&frame("*4 $11 first-entry $-1 $6 length :0")).unwrap();
    assert_eq!(stream, StreamInfo::default());
}

/// Catches numbers that SwarmKeyDb truncates to 32 bits: COUNT 4294967297 would return one entry
/// there.
#[test]
fn counts_and_timeouts_are_capped_at_the_server_maximum() {
    let words = |args: &dyn Fn() -> Request| {
        let text = |arg: &[u8]| String::from_utf8_lossy(arg).into_owned();
        args().args().map(text).collect::<Vec<_>>()
    };
    let (most, longest) = ("2147483647", "4294967294");
    for count in [1 << 31, u64::MAX] {
        let read = XReadOptions::new().count(count).block(Duration::MAX);
        let expected = ["X", "COUNT", most, "BLOCK", longest];
        assert_eq!(words(&|| Request::new("X", read)), expected);
        let read = XReadGroupOptions::new()
            .count(count)
            .block(Duration::from_millis(1 << 32));
        assert_eq!(words(&|| Request::new("X", read)), expected);
        let pending = XPendingOptions::new().count(count);
        assert_eq!(words(&|| Request::new("X", &pending)).last().unwrap(), most);
        let scan = super::super::ScanOptions::new().count(count);
        assert_eq!(words(&|| Request::new("X", &scan)).last().unwrap(), most);
        let range = Plain.xrange_count("s", .., count);
        let sent: Vec<_> = range
            .builder
            .request
            .written()
            .map(<[u8]>::to_vec)
            .collect();
        assert_eq!(sent.last().unwrap(), most.as_bytes());
    }
}

/// Catches keys, names, and values in logs.
#[test]
fn debug_of_replies_and_options_shows_no_key_name_or_value() {
    let text = || bytes::Bytes::from_static(b"s3cret");
    let fields = frame("*2 $6 s3cret $6 s3cret")
        .convert::<StreamFields>()
        .unwrap();
    let entry = StreamEntry {
        id: id("1-1"),
        fields: fields.clone(),
    };
    let group = GroupInfo {
        name: text(),
        ..GroupInfo::default()
    };
    let consumer = ConsumerInfo {
        name: text(),
        ..ConsumerInfo::default()
    };
    let summary = PendingSummary {
        consumers: vec![(text(), 1)],
        ..PendingSummary::default()
    };
    let (idle, consumer_name) = (Duration::ZERO, text());
    let pending = PendingEntry {
        id: id("1-1"),
        consumer: consumer_name,
        idle,
        delivered: 1,
    };
    let info = StreamInfo {
        first_entry: Some(entry.clone()),
        ..StreamInfo::default()
    };
    let batch = StreamBatch {
        key: text(),
        entries: vec![entry.clone()],
        deleted: vec![],
    };
    let claimed = AutoClaim {
        next: id("0-0"),
        entries: vec![entry.clone()],
        deleted: vec![],
    };
    let page = super::super::ScanPage {
        cursor: 0,
        keys: vec![text()],
    };
    let scan = super::super::ScanOptions::new().matching("s3cret");
    let options = XPendingOptions::new().consumer("s3cret");
    let shown = format!(
        "{fields:?}{entry:?}{group:?}{consumer:?}{summary:?}{pending:?}{info:?}{batch:?}{claimed:?}\
         {page:?}{scan:?}{options:?}"
    );
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(!shown.contains("115, 51"), "{shown}");
}
