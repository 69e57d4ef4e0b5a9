//! What must be true after a schedule, whatever has happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::caller::{Record, Verdict};
use super::plan::{Action, CallPlan, Command, Kind, Plan};
use super::world::{EXTRA, Id, Run, Seen, State};
use crate::{CommandOrder, ErrorKind, Outcome};

/// Resolution of timers, and what a task may take to notice that one has fired.
const SLACK: Duration = Duration::from_millis(5);

/// Most calls with writes in flight on a connection of a server that is known to be serial.
const WINDOW: usize = 2;

/// Commands that reach the server together, in order with others.
struct Unit<'a> {
    record: &'a Record,
    commands: Vec<(Id, Command)>,
    /// When the client took it: not before and not after these.
    polled: (u64, u64),
    /// When its commands have run, apart from those that the client cannot know of.
    runs: Vec<Run>,
    was_resent: bool,
    /// Whether it runs on a connection of its own, in no order with others.
    is_dedicated: bool,
}

/// Everything that is wrong with a schedule.
pub(super) fn faults(
    plan: &Plan,
    state: &State,
    records: &[Record],
    seen: &mut Seen,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut runs: BTreeMap<Id, Vec<Run>> = BTreeMap::new();
    for run in &state.runs {
        runs.entry(run.id).or_default().push(*run);
    }
    for record in records {
        check_deadline(plan, record, &mut faults);
        check_outcomes(record, &runs, state, seen, &mut faults);
    }
    for (id, runs) in runs.range(EXTRA..) {
        if runs.len() > 1 {
            faults.push(format!("extra write {id} ran {} times", runs.len()));
        }
    }
    let units: Vec<_> = records
        .iter()
        .flat_map(|record| units(record, &runs, state))
        .collect();
    seen.resent_reads += units.iter().filter(|unit| unit.was_resent).count() as u64;
    for (at, one) in units.iter().enumerate() {
        for other in &units[at + 1..] {
            check_order(plan, one, other, &mut faults);
            check_order(plan, other, one, &mut faults);
        }
        check_transact(one, &units, seen, &mut faults);
    }
    check_values(&units, &state.runs, &mut faults);
    if state.most_writes > WINDOW {
        let most = state.most_writes;
        faults.push(format!(
            "{most} calls with writes were in flight on a serial connection"
        ));
    }
    faults
}

/// Every future ends by its deadline.
fn check_deadline(plan: &Plan, record: &Record, faults: &mut Vec<String>) {
    let CallPlan {
        kind,
        timeout,
        cancel,
        ..
    } = &record.plan;
    let is_exact = matches!(
        kind,
        Kind::Single(_) | Kind::Pipeline(_) | Kind::Transaction(_)
    );
    // Deadlines that the client chooses grow with the work ahead. Those of a bulk start late.
    let loose = plan.setup.request_timeout * 8 + Duration::from_secs(300);
    let limit = timeout.filter(|_| is_exact).unwrap_or(loose);
    let limit = cancel.unwrap_or(limit).min(limit) + SLACK;
    if record.took > limit {
        let took = record.took;
        faults.push(format!(
            "a call took {took:?} instead of {limit:?}: {record:?}"
        ));
    }
}

/// Each reply goes to its caller, no write runs twice, and each error tells the truth.
fn check_outcomes(
    record: &Record,
    runs: &BTreeMap<Id, Vec<Run>>,
    state: &State,
    seen: &mut Seen,
    faults: &mut Vec<String>,
) {
    let mut fault = |what: &str, id: Id| {
        faults.push(format!("{what}: command {id} of {record:?}"));
    };
    let is_transact = matches!(record.plan.kind, Kind::Transact(_));
    let is_transaction = is_transact || matches!(record.plan.kind, Kind::Transaction(_));
    for (at, (id, command)) in commands(record).into_iter().enumerate() {
        let ran = runs.get(&id).map_or(0, Vec::len);
        let sent = state.sent.get(&id).map_or(0, Vec::len);
        if !command.only_reads() && ran > 1 {
            fault("a write ran twice", id);
        }
        // After a conflict, a transaction is sent again.
        if !command.only_reads() && sent > 1 && !is_transact {
            fault("a write was sent twice", id);
        }
        if ran > sent {
            fault("the server ran what it was not sent", id);
        }
        seen.fences += u64::from(command == Command::Fence && ran > 0);
        let Some(results) = &record.results else {
            seen.cancelled += 1;
            continue;
        };
        match &results[at] {
            Verdict::Done(_) => {
                seen.succeeded += 1;
                let known = runs.get(&id).into_iter().flatten();
                if known.filter(|run| !run.is_late).count() == 0 {
                    fault("success without a run", id);
                }
            }
            Verdict::Wrong(_) => fault("the reply is that of another command", id),
            Verdict::Unknown => {}
            Verdict::Failed {
                outcome,
                kind,
                text,
            } => {
                match outcome {
                    Outcome::NotSent if ran > 0 => fault("NotSent although it ran", id),
                    // Without its EXEC, a transaction does nothing.
                    Outcome::NotSent if sent > 0 && !is_transaction => {
                        fault("NotSent although it was sent", id);
                    }
                    Outcome::NotSent => seen.not_sent += 1,
                    Outcome::Rejected if ran > 0 => fault("Rejected although it ran", id),
                    Outcome::Rejected => seen.rejected += 1,
                    Outcome::MayHaveRun if sent == 0 => fault("MayHaveRun, but never sent", id),
                    Outcome::MayHaveRun => seen.may_have_run += 1,
                    Outcome::Ran => fault("an unusable reply", id),
                }
                let is_expected = matches!(
                    kind,
                    ErrorKind::Connection
                        | ErrorKind::Timeout
                        | ErrorKind::Server
                        | ErrorKind::Auth
                        | ErrorKind::Closed
                );
                if !is_expected || text.contains("runtime") {
                    fault("an error that nothing explains", id);
                }
            }
        }
    }
}

/// The commands of a call, with their IDs.
fn commands(record: &Record) -> Vec<(Id, Command)> {
    (record.plan.first..)
        .zip(record.plan.kind.commands())
        .collect()
}

fn units<'a>(record: &'a Record, runs: &BTreeMap<Id, Vec<Run>>, state: &State) -> Vec<Unit<'a>> {
    let commands = commands(record);
    let groups: Vec<Vec<_>> = match record.plan.kind {
        Kind::Bulk(_) => commands.into_iter().map(|command| vec![command]).collect(),
        _ => vec![commands],
    };
    let is_dedicated = matches!(record.plan.kind, Kind::Transact(_) | Kind::Exclusive(_));
    // A bulk queues its commands while there is capacity.
    let last = match record.plan.kind {
        Kind::Bulk(_) => record.ended,
        _ => record.polled,
    };
    let unit = |commands: Vec<(Id, Command)>| {
        // Of a read that was sent again, the last reply counts.
        let known = |(id, _): &(Id, Command)| {
            let runs = runs.get(id)?.iter().rev();
            runs.copied().find(|run| !run.is_late)
        };
        let times_sent = |(id, _): &(Id, Command)| state.sent.get(id).map_or(0, Vec::len);
        Unit {
            record,
            runs: commands.iter().filter_map(known).collect(),
            was_resent: commands.iter().any(|command| times_sent(command) > 1),
            commands,
            polled: (record.polled, last),
            is_dedicated,
        }
    };
    groups.into_iter().map(unit).collect()
}

impl fmt::Debug for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (polled, commands, results) = (self.polled.0, &self.commands, &self.record.results);
        write!(
            f,
            "call {polled} of {commands:?}, which ended as {results:?} and ran as"
        )?;
        for run in &self.runs {
            write!(f, " {} on {:x},", run.id, run.connection)?;
        }
        Ok(())
    }
}

impl Unit<'_> {
    /// Position of a command among the results of its call.
    fn position(&self, id: Id) -> usize {
        usize::try_from(id - self.record.plan.first).unwrap()
    }

    fn keys(&self) -> BTreeSet<u8> {
        let keys = self.commands.iter().flat_map(|(_, command)| command.keys());
        keys.collect()
    }

    fn is_fence(&self) -> bool {
        let mut commands = self.commands.iter();
        commands.any(|(_, command)| *command == Command::Fence)
    }

    fn only_reads(&self) -> bool {
        self.commands
            .iter()
            .all(|(_, command)| command.only_reads())
    }

    /// Whether the caller has got any reply.
    fn has_values(&self) -> bool {
        let results = self.record.results.as_ref();
        results.is_some_and(|all| all.iter().any(|one| matches!(one, Verdict::Done(_))))
    }

    fn ticks(&self) -> Option<(u64, u64)> {
        let ticks = self.runs.iter().map(|run| run.tick);
        Some((ticks.clone().min()?, ticks.max()?))
    }
}

/// Of two calls that must be in order, the one that was polled first has run first.
fn check_order(plan: &Plan, first: &Unit<'_>, second: &Unit<'_>, faults: &mut Vec<String>) {
    if first.is_dedicated || second.is_dedicated || first.polled.1 >= second.polled.0 {
        return;
    }
    let (Some((_, ran)), Some((then, _))) = (first.ticks(), second.ticks()) else {
        return;
    };
    let is_fence = first.is_fence() || second.is_fence();
    // A write that waits for `transact` holds back no call on other keys.
    let has_holds = || {
        let kinds = plan.steps.iter().map(|step| &step.action);
        kinds.into_iter().any(
            |action| matches!(action, Action::Call(call) if matches!(call.kind, Kind::Transact(_))),
        )
    };
    let all = plan.setup.order == CommandOrder::All && !has_holds();
    let meets = !first.keys().is_disjoint(&second.keys());
    let are_reads = first.only_reads() && second.only_reads();
    // A read that was sent again may see later writes, and so may one whose value nobody gets.
    let is_exempt = first.only_reads() && (first.was_resent || !first.has_values());
    if !(is_fence || all || meets) || are_reads && !is_fence || is_exempt || ran < then {
        return;
    }
    faults.push(format!("{second:?} has overtaken {first:?}"));
}

/// While a transaction watches a key, no other call of the client writes it.
fn check_transact(
    transact: &Unit<'_>,
    units: &[Unit<'_>],
    seen: &mut Seen,
    faults: &mut Vec<String>,
) {
    let Kind::Transact(key) = transact.record.plan.kind else {
        return;
    };
    let set = transact.commands[2].0;
    let Some(end) = transact.runs.iter().find(|run| run.id == set) else {
        return;
    };
    let watches = |run: &&Run| run.id == transact.commands[0].0;
    let Some(start) = transact.runs.iter().find(watches) else {
        return;
    };
    seen.transacts += 1;
    for unit in units {
        let is_shared = !matches!(unit.record.plan.kind, Kind::Exclusive(_));
        let is_other = unit.record.polled != transact.record.polled;
        for (id, command) in &unit.commands {
            let writes = !command.only_reads() && command.keys().contains(&key);
            let ran = unit.runs.iter().find(|run| run.id == *id);
            let is_between = ran.is_some_and(|run| start.tick < run.tick && run.tick < end.tick);
            if is_shared && is_other && writes && is_between {
                faults.push(format!("{unit:?} ran within {transact:?}"));
            }
        }
    }
}

/// A read returns the value of the last write that was polled before it, or of a later one.
fn check_values(units: &[Unit<'_>], runs: &[Run], faults: &mut Vec<String>) {
    let place: BTreeMap<Id, usize> = (runs.iter().enumerate())
        .map(|(at, run)| (run.id, at))
        .collect();
    for read in units.iter().filter(|unit| !unit.is_dedicated) {
        let Some(results) = &read.record.results else {
            continue;
        };
        for (id, command) in &read.commands {
            let Some(Verdict::Done(values)) = results.get(read.position(*id)) else {
                continue;
            };
            for (key, value) in command.keys().into_iter().zip(values) {
                let newest = newest_before(read, key, units, &place);
                let seen = value.and_then(|id| place.get(&id));
                if value.is_some() && seen.is_none() {
                    faults.push(format!("a value that nobody wrote: {read:?}"));
                }
                if newest.as_ref() > seen {
                    faults.push(format!("{read:?} has a stale value of key {key}"));
                }
            }
        }
    }
}

/// Returns the place of the last write of a key whose reply had arrived before a read was polled.
fn newest_before(
    read: &Unit<'_>,
    key: u8,
    units: &[Unit<'_>],
    place: &BTreeMap<Id, usize>,
) -> Option<usize> {
    let mut newest = None;
    for unit in units
        .iter()
        .filter(|unit| unit.record.ended < read.polled.0)
    {
        let Some(results) = &unit.record.results else {
            continue;
        };
        for (id, command) in &unit.commands {
            let writes = !command.only_reads() && command.keys().contains(&key);
            let result = results.get(unit.position(*id));
            if writes && matches!(result, Some(Verdict::Done(_))) {
                newest = newest.max(place.get(id).copied());
            }
        }
    }
    newest
}
