//! Replies to decode.

/// Concatenated frames of one shape.
pub struct Corpus {
    pub name: &'static str,
    pub wire: Vec<u8>,
    /// End of each frame.
    pub ends: Vec<usize>,
    /// Whether RESP2 supports all of the corpus's types.
    pub is_resp2: bool,
    /// Whether RESP3 does; its null differs.
    pub is_resp3: bool,
}

impl Corpus {
    fn new(name: &'static str, frames: &[String]) -> Self {
        let (mut wire, mut ends) = (Vec::new(), Vec::new());
        // Pseudorandom order, the same in every run, so that branch predictors cannot learn it.
        let mut state: usize = 1;
        // Enough to time, and small enough for the second-level cache.
        while wire.len() < 64 << 10 || ends.len() < 8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let frame = &frames[(state >> 33) % frames.len()];
            wire.extend_from_slice(frame.as_bytes());
            ends.push(wire.len());
        }
        Self {
            name,
            wire,
            ends,
            is_resp2: !frames.iter().any(|frame| frame.starts_with(['%', '_'])),
            is_resp3: !frames.iter().any(|frame| frame.starts_with("$-1")),
        }
    }

    /// Iterates over the frames.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.wire[start..*end])
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn array_of(count: usize, len: usize) -> String {
    format!("*{count}\r\n{}", bulk(&"x".repeat(len)).repeat(count))
}

fn xrange(entries: usize) -> String {
    let mut wire = format!("*{entries}\r\n");
    for n in 0..entries {
        let id = bulk(&format!("{}-0", 1_700_000_000_000 + n));
        let fields = ["temperature", "21.5", "humidity", "40"].map(bulk).concat();
        wire += &format!("*2\r\n{id}*4\r\n{fields}");
    }
    wire
}

fn map(pairs: usize) -> String {
    let pair = |n| bulk(&format!("field:{n:02}")) + &bulk("a value of 20 bytes.");
    format!("%{pairs}\r\n{}", (0..pairs).map(pair).collect::<String>())
}

/// Returns the corpora that are decoded from complete buffers.
pub fn all() -> Vec<Corpus> {
    let strings = |frames: &[&str]| {
        frames
            .iter()
            .map(|frame| (*frame).to_owned())
            .collect::<Vec<_>>()
    };
    let common = [
        "+OK\r\n",
        ":1000\r\n",
        "$5\r\nhello\r\n",
        "$16\r\n0123456789abcdef\r\n",
    ];
    let resp2 = [&common[..], &["$-1\r\n", "-ERR no such key\r\n"]].concat();
    let resp3 = [&common[..], &["_\r\n", "#t\r\n"]].concat();
    vec![
        Corpus::new("small replies, RESP2", &strings(&resp2)),
        Corpus::new("small replies, RESP3", &strings(&resp3)),
        Corpus::new("bulk of 1 KiB", &[bulk(&"x".repeat(1 << 10))]),
        Corpus::new("bulk of 64 KiB", &[bulk(&"x".repeat(64 << 10))]),
        Corpus::new("array of 100 x 16 B", &[array_of(100, 16)]),
        Corpus::new("XRANGE of 100", &[xrange(100)]),
        Corpus::new("RESP3 map of 50", &[map(50)]),
        Corpus::new("array of 20,000 x 16 B", &[array_of(20_000, 16)]),
    ]
}

/// Returns the input that arrives in packet-sized chunks.
pub fn dribbled() -> Vec<u8> {
    array_of(20_000, 16).into_bytes()
}

/// Size of those chunks.
pub const CHUNK: usize = 1400;
