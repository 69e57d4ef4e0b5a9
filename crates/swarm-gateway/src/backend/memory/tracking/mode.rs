//! Options of CLIENT TRACKING.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::number;
use super::super::reject::Reject;

/// Tracking options of a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Mode {
    /// Broadcast mode: notifies of keys with these prefixes, whether or not they were read.
    pub(super) broadcast: Option<BTreeSet<Bytes>>,
    /// NOLOOP: ignores the client's own changes.
    pub(super) no_loop: bool,
    /// Remembers keys only after `CLIENT CACHING YES` (OPTIN), or not after `CLIENT CACHING NO`
    /// (OPTOUT).
    pub(super) opt_in: bool,
    pub(super) opt_out: bool,
    /// CLIENT CACHING has made an exception for the next command.
    pub(super) caching: bool,
    /// Client that receives the invalidations.
    pub(super) redirect: Option<u64>,
    /// The client of REDIRECT was gone when it should have received an invalidation.
    pub(super) is_broken: bool,
    /// Also sends plain arrays in RESP2, as deployed servers do.
    pub(super) in_resp2: bool,
}

impl Mode {
    /// Parses the arguments after ON or OFF. `exists` returns whether there is a client with an ID.
    pub(super) fn parse(mut args: &[Bytes], exists: impl Fn(u64) -> bool) -> Result<Self, Reject> {
        let mut mode = Self::default();
        let (mut broadcast, mut prefixes) = (false, Vec::new());
        while let Some((option, rest)) = args.split_first() {
            args = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"REDIRECT", [_, ..]) if mode.redirect.is_some() => {
                    let text = "ERR A client can only redirect to a single other client";
                    return Err(Reject::text(text));
                }
                (b"REDIRECT", [id, rest @ ..]) => {
                    let id = u64::try_from(number::integer(id)?).ok();
                    mode.redirect = Some(id.filter(|id| exists(*id)).ok_or(Reject::text(
                        "ERR The client ID you want redirect to does not exist",
                    ))?);
                    rest
                }
                (b"PREFIX", [prefix, rest @ ..]) => {
                    prefixes.push(Bytes::copy_from_slice(prefix));
                    rest
                }
                (b"BCAST", _) => {
                    broadcast = true;
                    rest
                }
                (b"NOLOOP", _) => {
                    mode.no_loop = true;
                    rest
                }
                (b"OPTIN", _) => {
                    mode.opt_in = true;
                    rest
                }
                (b"OPTOUT", _) => {
                    mode.opt_out = true;
                    rest
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        if !prefixes.is_empty() && !broadcast {
            return Err(Reject::text(
                "ERR PREFIX option requires BCAST mode to be enabled",
            ));
        }
        if broadcast {
            let mut known: BTreeSet<_> = prefixes.iter().cloned().collect();
            if known.is_empty() {
                known.insert(Bytes::new());
            }
            mode.broadcast = Some(known);
        }
        mode.check(&prefixes)?;
        Ok(mode)
    }

    fn check(&self, prefixes: &[Bytes]) -> Result<(), Reject> {
        if self.broadcast.is_some() && (self.opt_in || self.opt_out) {
            return Err(Reject::text(
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ));
        }
        if self.opt_in && self.opt_out {
            return Err(Reject::text(
                "ERR You can't specify both OPTIN mode and OPTOUT mode",
            ));
        }
        for (at, one) in prefixes.iter().enumerate() {
            let mut others = prefixes.iter().skip(at + 1);
            if let Some(other) = others.find(|other| overlap(one, other)) {
                return Err(overlapping(one, b"another provided", other));
            }
        }
        Ok(())
    }

    /// Adds the prefixes of a client that is tracking already, if it may switch to this mode.
    pub(super) fn after(mut self, before: &Self) -> Result<Self, Reject> {
        if self.broadcast.is_some() != before.broadcast.is_some() {
            return Err(Reject::text(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
                 and then re-enabling it with a different mode.",
            ));
        }
        if self.opt_in && before.opt_out || self.opt_out && before.opt_in {
            return Err(Reject::text(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, \
                 and then re-enabling it with a different mode.",
            ));
        }
        if let (Some(prefixes), Some(known)) = (&mut self.broadcast, &before.broadcast) {
            // The empty prefix stands for none.
            for one in prefixes.iter().filter(|one| !one.is_empty()) {
                if let Some(other) = known.iter().find(|other| overlap(one, other)) {
                    return Err(overlapping(one, b"an existing", other));
                }
            }
            prefixes.extend(known.iter().cloned());
        }
        Ok(self)
    }

    /// Options that deployed servers apply regardless of the request: every key written by others.
    pub(super) fn of_everything() -> Self {
        Self {
            broadcast: Some([Bytes::new()].into()),
            no_loop: true,
            in_resp2: true,
            ..Self::default()
        }
    }

    /// Returns whether keys that the client reads are remembered.
    pub(super) fn remembers(&self) -> bool {
        self.broadcast.is_none() && (!self.opt_in && !self.opt_out || self.opt_in == self.caching)
    }

    /// Returns the words that CLIENT TRACKINGINFO shows.
    pub(super) fn words(&self) -> Vec<&'static str> {
        let words = [
            ("on", true),
            ("bcast", self.broadcast.is_some()),
            ("optin", self.opt_in),
            ("caching-yes", self.opt_in && self.caching),
            ("optout", self.opt_out),
            ("caching-no", self.opt_out && self.caching),
            ("noloop", self.no_loop),
            ("broken_redirect", self.is_broken),
        ];
        let words = words.into_iter().filter(|(_, is_set)| *is_set);
        words.map(|(word, _)| word).collect()
    }
}

fn overlap(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn overlapping(one: &[u8], which: &[u8], other: &[u8]) -> Reject {
    Reject::quoting(&[
        b"ERR Prefix '",
        one,
        b"' overlaps with ",
        which,
        b" prefix '",
        other,
        b"'. Prefixes for a single client must not overlap.",
    ])
}
