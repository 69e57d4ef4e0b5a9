//! Keyspace notifications: which events are published, and where.

use bytes::Bytes;

use super::State;
use super::keyspace::{Class, Keyspace};
use super::table::Spec;

/// Parameter of CONFIG that selects events.
pub(super) const PARAMETER: &str = "notify-keyspace-events";

/// Letters of the classes.
const CLASSES: [(char, Class); 12] = [
    ('g', Class::GENERIC),
    ('$', Class::STRING),
    ('l', Class::LIST),
    ('s', Class::SET),
    ('h', Class::HASH),
    ('z', Class::SORTED_SET),
    ('x', Class::EXPIRED),
    ('e', Class::EVICTED),
    ('t', Class::STREAM),
    ('d', Class::MODULE),
    ('n', Class::NEW),
    ('m', Class::KEY_MISS),
];

/// Classes that `A` stands for: all but the last two.
const ALL: usize = CLASSES.len() - 2;

/// Which events are published, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) keyspace: bool,
    pub(super) keyevent: bool,
    classes: u32,
}

impl Flags {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut flags = Self::default();
        for letter in text.chars() {
            match letter {
                'K' => flags.keyspace = true,
                'E' => flags.keyevent = true,
                'A' => flags.classes |= Self::all(),
                letter => {
                    let (_, class) = CLASSES.iter().find(|(known, _)| *known == letter)?;
                    flags.classes |= class.0;
                }
            }
        }
        Some(flags)
    }

    fn all() -> u32 {
        CLASSES.iter().take(ALL).map(|(_, class)| class.0).sum()
    }

    /// Returns the flags as CONFIG GET shows them.
    pub(super) fn text(self) -> String {
        let mut text = String::new();
        let has = |class: Class| self.classes & class.0 != 0;
        if self.classes & Self::all() == Self::all() {
            text.push('A');
        } else {
            let classes = CLASSES
                .iter()
                .filter(|(_, class)| *class != Class::KEY_MISS);
            text.extend(classes.filter_map(|(letter, class)| has(*class).then_some(letter)));
        }
        let flags = [
            ('K', self.keyspace),
            ('E', self.keyevent),
            ('m', has(Class::KEY_MISS)),
        ];
        text.extend(
            flags
                .iter()
                .filter_map(|(letter, is_set)| is_set.then_some(letter)),
        );
        text
    }

    /// Returns the classes to record.
    pub(super) const fn published(self) -> u32 {
        match self.keyspace || self.keyevent {
            true => self.classes,
            false => 0,
        }
    }
}

/// Records the keys that a command reads and that do not exist.
pub(super) fn misses(keyspace: &mut Keyspace, spec: &Spec, args: &[Bytes]) {
    if !keyspace.publishes(Class::KEY_MISS) {
        return;
    }
    for key in spec.reads.keys(args) {
        if !keyspace.contains(key) {
            keyspace.notify(Class::KEY_MISS, "keymiss", key);
        }
    }
}

/// Publishes the events since the last call.
pub(super) fn publish(state: &mut State) {
    let notices = state.take_notices();
    if notices.is_empty() {
        return;
    }
    let flags = state.server.notifications;
    for (database, notice) in notices {
        state.server.publish_notice(database, &notice, flags);
    }
}
