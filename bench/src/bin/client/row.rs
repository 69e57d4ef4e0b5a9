//! Workloads: the rows of the table.

use swarm_resp::Request;

/// A number of commands, issued by tasks that share one connection.
pub struct Row {
    pub title: &'static str,
    pub wire: Wire,
    pub work: Work,
    pub tasks: usize,
    /// Commands per task or pipeline.
    pub commands: usize,
    /// Size of the value in bytes.
    pub value: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Tcp,
    WebSocket,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Alternating SET and GET, each awaited before the next.
    SetAndGet,
    /// GET, each awaited before the next.
    Get,
    /// GETs in one pipeline.
    Pipeline,
    /// GETs as concurrently polled futures.
    Joined,
}

impl Row {
    /// Returns the maximum number of commands in flight.
    pub const fn window(&self) -> usize {
        match self.work {
            Work::SetAndGet | Work::Get => self.tasks,
            Work::Pipeline | Work::Joined => self.commands,
        }
    }

    /// Returns the alternating requests, for contestants that do not encode.
    pub fn requests(&self) -> [Request; 2] {
        let get = Request::new("GET", "key");
        match self.work {
            Work::SetAndGet => [Request::new("SET", ("key", vec![b'x'; self.value])), get],
            Work::Get | Work::Pipeline | Work::Joined => [get.clone(), get],
        }
    }

    pub const fn total(&self) -> usize {
        self.tasks * self.commands
    }
}

const SHARED: Row = Row {
    title: "TCP: 64 tasks share one connection, GET and SET of 64 B",
    wire: Wire::Tcp,
    work: Work::SetAndGet,
    tasks: 64,
    commands: 25,
    value: 64,
};

const ALONE: Row = Row {
    title: "TCP: one task, one command after another, GET and SET of 64 B",
    tasks: 1,
    commands: 100,
    ..SHARED
};

const PIPELINE: Row = Row {
    title: "TCP: pipelines of 1,000 GET of 64 B",
    work: Work::Pipeline,
    tasks: 1,
    commands: 1000,
    ..SHARED
};

const JOINED: Row = Row {
    title: "TCP: 1,000 futures of GET of 64 B joined",
    work: Work::Joined,
    ..PIPELINE
};

const LARGE: Row = Row {
    title: "TCP: GET of 1 MiB, one after another",
    work: Work::Get,
    tasks: 1,
    commands: 10,
    value: 1 << 20,
    ..SHARED
};

pub const ROWS: [Row; 9] = [
    SHARED,
    ALONE,
    PIPELINE,
    JOINED,
    LARGE,
    Row {
        title: "WebSocket: 64 tasks share one connection, GET and SET of 64 B",
        wire: Wire::WebSocket,
        ..SHARED
    },
    Row {
        title: "WebSocket: one task, one command after another, GET and SET of 64 B",
        wire: Wire::WebSocket,
        ..ALONE
    },
    Row {
        title: "WebSocket: pipelines of 1,000 GET of 64 B",
        wire: Wire::WebSocket,
        ..PIPELINE
    },
    Row {
        title: "WebSocket: 1,000 futures of GET of 64 B joined",
        wire: Wire::WebSocket,
        ..JOINED
    },
];
