//! Facts about commands: effects on the connection, blocking, and positions of keys.
//!
//! [`facts`] looks a request up in one table, which `cargo xtask codegen` generates from the
//! command specification. The table is part of this crate because a transport needs it to
//! decide which requests it can carry; the client reads the same rows.
//!
//! ```
//! use swarm_resp::Request;
//! use swarm_transport::facts::{Access, Session, facts};
//!
//! let request = Request::new("mset", ["a", "1", "b", "2"]);
//! let mset = facts(&request.view().args());
//! assert_eq!(mset.access, Access::Write);
//! assert_eq!(mset.session, Session::Unchanged);
//! let keys = mset.keys(&request.view().args());
//! assert!(keys.contains(1) && keys.contains(3) && !keys.contains(2));
//! ```

mod generated;
mod positions;
#[cfg(test)]
mod tests;

use swarm_resp::RequestArgs;

use generated::TABLE;
pub use positions::{Place, Positions};

/// Facts about one command. Methods take the arguments if the result depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Name and subcommand in capitals. The subcommand is empty if the row applies to the command
    /// as a whole, and both are empty for an unknown command.
    pub words: (&'static str, &'static str),
    /// What the command reads or changes on the server.
    pub access: Access,
    /// What the command changes on its connection.
    pub session: Session,
    /// Whether the reply may wait for an event.
    pub blocking: Blocking,
    /// Whether the command works without a session, such as over HTTP.
    pub stateless: bool,
    /// How many keys the command writes.
    pub writes: Writes,
    /// Whether the command runs code, whose reply and effect follow no rule.
    pub script: bool,
    /// Whether the reply may repeat text that SwarmKeyDb does not escape.
    pub fenced: bool,
    /// Whether the command acts in several steps, so that an error may follow after some of them.
    pub steps: bool,
    /// Whether the reply may be a list that begins with arbitrary text.
    pub texts: bool,
    order: Order,
    keys: &'static [Place],
    names: &'static [Place],
    options: Options,
}

/// What a command reads or changes on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Reads keys or the server's state.
    Read,
    /// Writes keys.
    Write,
    /// Changes something other than keys: a setting, a user, a message to deliver.
    Act,
    /// Changes only its connection.
    Session,
}

/// What a command changes on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Session {
    /// Nothing.
    Unchanged,
    /// The database, the name or a mode.
    State,
    /// Whether the connection is open (`QUIT`). SwarmKeyDb drops earlier commands that it has not
    /// answered yet.
    End,
    /// The identity that the server checks permissions for (`AUTH`).
    Login,
    /// The protocol version (`HELLO`).
    Protocol,
    /// Whether commands are queued (`MULTI`, `EXEC`, `DISCARD`).
    Transaction,
    /// Which keys are watched (`WATCH`, `UNWATCH`).
    Watch,
    /// The order of replies: the server sends frames that answer no request, or leaves requests
    /// unanswered.
    Unordered,
}

/// Whether the reply to a command may wait for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocking {
    /// The server replies at once.
    Never,
    /// The reply may wait.
    Always,
    /// The reply may wait if this option is given.
    With(&'static str),
}

/// How many keys a command writes. Does not apply to commands that only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Writes {
    /// A fixed number.
    Fixed(u32),
    /// Each of its keys.
    EachKey,
    /// One key, and once more for its time to live, if there is one (`SET`).
    ValueAndTtl,
}

/// Which other commands a command stays in order with, if a client sends commands over several
/// connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// No command: its effect and its reply do not depend on commands that are not awaited.
    Nothing,
    /// Commands that name one of its keys.
    Keys,
    /// Commands that publish to its channel, the first argument.
    Channel,
    /// Every command, because it may read or change anything (`FLUSHALL`).
    Everything,
}

/// Options among the arguments of a command, used to distinguish a keyword from an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Options {
    /// Position of the first option.
    at: u8,
    /// Each option and how many values follow it. [`ALL`] marks the last one.
    words: &'static [(&'static str, u8)],
}

/// All arguments that follow.
const ALL: u8 = u8::MAX;

/// Returns the facts about the command of a request, or [`Facts::UNKNOWN`] if the table does not
/// contain the command. Ignores case.
pub fn facts(args: &RequestArgs<'_>) -> &'static Facts {
    let mut words = args.clone();
    let first = words.next().unwrap_or_default();
    named(first, words.next().unwrap_or_default())
}

/// Returns the facts about a command by its name and its first argument, which matters only if it
/// is a subcommand.
pub fn named(first: &[u8], second: &[u8]) -> &'static Facts {
    let mut capitals = [0; 24];
    let Some(upper) = capitals.get_mut(..first.len()) else {
        return &Facts::UNKNOWN;
    };
    upper.copy_from_slice(first);
    upper.make_ascii_uppercase();
    let start = TABLE.partition_point(|row| row.words.0.as_bytes() < &*upper);
    // Rows of subcommands precede the row of the command itself.
    let mut rows = TABLE
        .iter()
        .skip(start)
        .take_while(|row| row.words.0.as_bytes() == upper);
    let is_row = |row: &&Facts| {
        row.words.1.is_empty() || second.eq_ignore_ascii_case(row.words.1.as_bytes())
    };
    rows.find(is_row).unwrap_or(&Facts::UNKNOWN)
}

/// All rows of the table, sorted by command.
pub fn all() -> &'static [Facts] {
    TABLE
}

impl Facts {
    /// Facts about commands that the table does not contain: assumed to write the key in the first
    /// argument and not to change the connection. Callers that need certainty check [`is_known`](Self::is_known).
    pub const UNKNOWN: Self = Self::new("", "", Access::Write)
        .names(&[Place::at(1)])
        .writing(Writes::Fixed(1))
        .texts();

    /// Whether the table contains the command.
    pub const fn is_known(&self) -> bool {
        !self.words.0.is_empty()
    }

    /// Whether a request with these arguments may wait for an event before the server replies.
    pub fn blocks(&self, args: &RequestArgs<'_>) -> bool {
        match self.blocking {
            Blocking::Never => false,
            Blocking::Always => true,
            Blocking::With(option) => self.options.find(args, option).is_some(),
        }
    }

    /// Whether a connection is certainly the same after the command.
    pub const fn keeps_session(&self) -> bool {
        self.is_known() && matches!(self.session, Session::Unchanged)
    }

    /// Which commands a request with these arguments stays in order with.
    ///
    /// [`Order::Keys`] only if the request names a key. A script without keys, and a write whose
    /// keys are unknown, stay in order with every command; a read without keys, with none.
    pub fn order(&self, args: &RequestArgs<'_>) -> Order {
        match self.order {
            Order::Keys if self.keys(args).count() > 0 => Order::Keys,
            Order::Keys if self.script => Order::Everything,
            Order::Keys => match self.access {
                Access::Read => Order::Nothing,
                _ => Order::Everything,
            },
            order => order,
        }
    }

    /// Positions of the keys in a request. Position 0 is the command's name.
    pub fn keys(&self, args: &RequestArgs<'_>) -> Positions {
        Positions::of(self.keys, self.options, args)
    }

    /// Positions of further names that the server may repeat in an error: subcommands, groups,
    /// consumers, digests.
    pub fn names_in(&self, args: &RequestArgs<'_>) -> Positions {
        Positions::of(self.names, self.options, args)
    }

    /// Where the keys are, whatever the arguments.
    pub const fn key_places(&self) -> &'static [Place] {
        self.keys
    }

    const fn new(first: &'static str, second: &'static str, access: Access) -> Self {
        Self {
            words: (first, second),
            access,
            session: Session::Unchanged,
            blocking: Blocking::Never,
            stateless: true,
            writes: Writes::Fixed(0),
            script: false,
            fenced: false,
            steps: false,
            texts: false,
            order: Order::Keys,
            keys: &[],
            names: &[],
            options: Options { at: 1, words: &[] },
        }
    }

    const fn at(mut self, keys: &'static [Place]) -> Self {
        self.keys = keys;
        self
    }

    const fn names(mut self, names: &'static [Place]) -> Self {
        self.names = names;
        self
    }

    const fn options(mut self, at: u8, words: &'static [(&'static str, u8)]) -> Self {
        self.options = Options { at, words };
        self
    }

    const fn writing(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    const fn session(mut self, session: Session) -> Self {
        self.session = session;
        self.stateless = false;
        self
    }

    const fn stateful(mut self) -> Self {
        self.stateless = false;
        self
    }

    const fn blocking(mut self, blocking: Blocking) -> Self {
        self.blocking = blocking;
        self
    }

    const fn script(mut self) -> Self {
        self.script = true;
        self
    }

    const fn order_by(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    const fn fenced(mut self) -> Self {
        self.fenced = true;
        self
    }

    const fn steps(mut self) -> Self {
        self.steps = true;
        self
    }

    const fn texts(mut self) -> Self {
        self.texts = true;
        self
    }
}

impl Options {
    /// Position of an option in a request, if it is given. If it is given several times, the last
    /// one counts, as in Redis.
    fn find(self, args: &RequestArgs<'_>, option: &str) -> Option<usize> {
        let mut args = args.clone().enumerate().skip(self.at.into());
        let mut found = None;
        while let Some((at, arg)) = args.next() {
            let is = |word: &str| arg.eq_ignore_ascii_case(word.as_bytes());
            if is(option) {
                found = Some(at);
            }
            let values = self.words.iter().find(|(word, _)| is(word));
            match values.map_or(0, |(_, values)| *values) {
                0 => {}
                ALL => return found,
                values => {
                    args.nth(usize::from(values) - 1);
                }
            }
        }
        found
    }
}
