//! What the deployed server was measured to do, and what the gateway does that stands for it.

use std::time::Duration;

use super::Report;
use super::load::{Commands, Load, Mix, Outcome, Rest};
use super::{raw_http, swarm};
use crate::server::{Queue, Upstream};

/// Factor within which the gateway must be.
const FACTOR: f64 = 1.3;

/// How an expectation is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The server waits: the number follows from its 100 ms alone.
    Waiting,
    /// The processor works: the number follows the machine, and is shown but not judged.
    Machine,
}

/// A line of the table measured on the deployed server.
struct Expected {
    clients: usize,
    tasks: usize,
    mix: Mix,
    queue: Queue,
    warm_up: f32,
    time: f32,
    /// Commands a second.
    rate: (f64, Bound),
    /// Median in milliseconds.
    median: (f64, Bound),
}

const SET: Expected = Expected {
    clients: 1,
    tasks: 64,
    mix: Mix::Set,
    queue: Queue::Shipped,
    // Until each task's command has waited for those of all others.
    warm_up: 6.6,
    time: 2.0,
    rate: (10.0, Bound::Waiting),
    median: (6400.0, Bound::Waiting),
};

const TABLE: [Expected; 11] = [
    SET,
    Expected {
        clients: 8,
        warm_up: 1.0,
        rate: (80.0, Bound::Waiting),
        median: (800.0, Bound::Waiting),
        ..SET
    },
    Expected {
        clients: 64,
        warm_up: 0.5,
        rate: (850.0, Bound::Waiting),
        median: (102.0, Bound::Waiting),
        ..SET
    },
    Expected {
        clients: 128,
        tasks: 128,
        warm_up: 0.5,
        rate: (2030.0, Bound::Waiting),
        median: (101.0, Bound::Waiting),
        ..SET
    },
    Expected {
        clients: 512,
        tasks: 512,
        warm_up: 0.5,
        rate: (7700.0, Bound::Machine),
        median: (36.0, Bound::Machine),
        ..SET
    },
    Expected {
        mix: Mix::SetThenNine,
        // The end of the first round, in which all tasks are at their SET.
        warm_up: 5.4,
        time: 0.9,
        rate: (10.0, Bound::Waiting),
        median: (6400.0, Bound::Waiting),
        ..SET
    },
    Expected {
        clients: 64,
        mix: Mix::SetThenNine,
        warm_up: 0.5,
        rate: (5280.0, Bound::Waiting),
        median: (1.8, Bound::Machine),
        ..SET
    },
    Expected {
        mix: Mix::SetThenGet,
        // The mean of the times of SETs that end within 2.9 and 5.9 s is 4.4 s.
        warm_up: 2.9,
        time: 3.0,
        median: (4400.0, Bound::Waiting),
        ..SET
    },
    Expected {
        clients: 8,
        mix: Mix::SetThenGet,
        warm_up: 1.0,
        rate: (50_000.0, Bound::Machine),
        median: (0.9, Bound::Machine),
        ..SET
    },
    Expected {
        queue: Queue::Off,
        warm_up: 0.5,
        time: 1.5,
        rate: (38_000.0, Bound::Machine),
        median: (1.5, Bound::Machine),
        ..SET
    },
    Expected {
        clients: 8,
        queue: Queue::Off,
        warm_up: 0.5,
        time: 1.5,
        rate: (53_000.0, Bound::Machine),
        median: (0.7, Bound::Machine),
        ..SET
    },
];

impl Expected {
    const fn load(&self) -> Load {
        Load {
            mix: self.mix,
            tasks: self.tasks,
            warm_up: Duration::from_millis((self.warm_up * 1e3) as u64),
            time: Duration::from_millis((self.time * 1e3) as u64),
        }
    }

    fn print(&self, title: &str, outcome: &Outcome, report: &mut Report) {
        let mut missed = Vec::new();
        let mut column = |name: &str, (expected, bound): (f64, Bound), measured: f64| {
            let ratio = measured / expected;
            let is_within = (1.0 / FACTOR..=FACTOR).contains(&ratio);
            if bound == Bound::Waiting && !is_within {
                missed.push(format!("{name} {ratio:.2}"));
            }
            let machine = match bound {
                Bound::Waiting => ' ',
                Bound::Machine => '*',
            };
            format!("{expected:>9.1} {measured:>9.1} {ratio:>5.2}{machine}")
        };
        let rate = column("rate", self.rate, outcome.rate());
        let median = column("p50", self.median, outcome.quantile(0.5));
        let failed = match outcome.failed {
            0 => String::new(),
            failed => format!(" {failed} failed"),
        };
        report.line(&format!("{title:<46} {rate}  {median}{failed}"), &missed);
    }
}

async fn measure<C: Commands>(handles: Vec<C>, load: Load) -> Outcome {
    load.run(&handles, Rest::Drop).await
}

pub async fn run(report: &mut Report) {
    println!(
        "\nThe gateway against the deployed server, over WebSocket (* follows the machine)\n  \
         {:<46} {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}",
        "", "commands/s", "measured", "ratio", "p50 ms", "measured", "ratio"
    );
    for expected in &TABLE {
        // Fresh, so that commands of the line before wait for nobody.
        let gateway = Upstream::start(expected.queue);
        let clients = swarm::many(&gateway.ws, expected.clients).await;
        let outcome = measure(clients, expected.load()).await;
        let title = format!(
            "{} tasks {}, {} clients{}",
            expected.tasks,
            expected.mix.name(),
            expected.clients,
            match expected.queue {
                Queue::Shipped => "",
                Queue::Off => ", no queue",
            }
        );
        expected.print(&title, &outcome, report);
    }
    let gateway = Upstream::start(Queue::Shipped);
    let sockets = (0..64).map(|_| raw_http::connect(&gateway.http));
    let sockets = futures_util::future::join_all(sockets).await;
    let raw = Expected {
        clients: 64,
        warm_up: 0.5,
        rate: (618.0, Bound::Waiting),
        median: (106.0, Bound::Waiting),
        ..SET
    };
    let outcome = measure(sockets, raw.load()).await;
    raw.print("64 tasks SET, 64 raw HTTP connections", &outcome, report);
}
