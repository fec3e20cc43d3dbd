//! What a hub measures of itself, for Prometheus. Labels are bounded: routes by their templates, codes and methods by lists.

use gwanje_wire::ErrorCode;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bounds of what takes a commit or the way of a frame, seconds.
const FINE: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Bounds of what takes a request, seconds.
const COARSE: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const METADATA: Metadata<'static> = Metadata::new("gwanje_hub", Level::INFO, None);

const COMMIT: &str = "gwanje_hub_commit_seconds";
const FRAME_DELAY: &str = "gwanje_hub_frame_delay_seconds";
const REQUEST: &str = "gwanje_hub_request_seconds";
const FRAMES: &str = "gwanje_hub_frames_total";
const COMMANDS: &str = "gwanje_hub_commands_total";
const REFUSALS: &str = "gwanje_hub_refusals_total";
const SOCKETS: &str = "gwanje_hub_sockets";
const SOCKETS_OPENED: &str = "gwanje_hub_sockets_opened_total";
const READY: &str = "gwanje_hub_ready";
const DRAINING: &str = "gwanje_hub_draining";
const RSS: &str = "gwanje_hub_resident_bytes";
const CPU: &str = "gwanje_hub_cpu_percent";
const NODES: &str = "gwanje_hub_nodes";
const LOGGED: &str = "gwanje_hub_log_lines_total";
const MAILS: &str = "gwanje_hub_mails_total";

/// The measurements of one hub.
pub struct Meters {
    recorder: PrometheusRecorder,
    commit: Histogram,
    frame_delay: Histogram,
    frames: Counted,
    commands: Counted,
    sockets_opened: Counter,
    sockets: Gauge,
    ready: Gauge,
    draining: Gauge,
    rss: Gauge,
    cpu: Gauge,
    nodes: Gauge,
}

/// A counter that can be read again.
struct Counted {
    shown: Counter,
    count: AtomicU64,
}

impl Counted {
    fn add(&self, more: u64) {
        self.shown.increment(more);
        self.count.fetch_add(more, Ordering::Relaxed);
    }
}

/// What a report of a node says of its process, beside what is counted.
#[derive(Debug, Clone, Copy)]
pub struct NodeGauges {
    /// Connections that are open.
    pub sockets: u64,
    /// Whether requests should be sent.
    pub ready: bool,
    /// Whether it is being emptied.
    pub draining: bool,
    /// Memory, bytes.
    pub rss_bytes: u64,
    /// Of one core.
    pub cpu_percent: f64,
    /// Hubs that are known, itself among them.
    pub nodes: u64,
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

impl Meters {
    /// Nothing is measured yet.
    #[must_use]
    pub fn new() -> Self {
        let recorder = recorder();
        let counter = |name: &'static str| recorder.register_counter(&Key::from_static_name(name), &METADATA);
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        let histogram =
            |name: &'static str| recorder.register_histogram(&Key::from_static_name(name), &METADATA);
        let counted = |name| Counted { shown: counter(name), count: AtomicU64::new(0) };
        describe(&recorder);
        let meters = Self {
            commit: histogram(COMMIT),
            frame_delay: histogram(FRAME_DELAY),
            frames: counted(FRAMES),
            commands: counted(COMMANDS),
            sockets_opened: counter(SOCKETS_OPENED),
            sockets: gauge(SOCKETS),
            ready: gauge(READY),
            draining: gauge(DRAINING),
            rss: gauge(RSS),
            cpu: gauge(CPU),
            nodes: gauge(NODES),
            recorder,
        };
        // Shown from the start: what is counted for the first time must not look like what was never counted.
        for code in ErrorCode::ALL {
            meters.refusals(code).increment(0);
        }
        for level in ["warn", "error"] {
            meters.labelled(LOGGED, "level", level).increment(0);
        }
        for outcome in ["sent", "failed"] {
            meters.labelled(MAILS, "outcome", outcome).increment(0);
        }
        meters.frames.add(0);
        meters.commands.add(0);
        meters.sockets_opened.increment(0);
        meters
    }

    /// A transaction of commands took so long.
    pub fn committed(&self, took: Duration) {
        self.commit.record(took);
    }

    /// So many commands were decided.
    pub fn decided(&self, commands: usize) {
        self.commands.add(commands as u64);
    }

    /// A frame was handed to so many sockets, so long after its first commit.
    pub fn framed(&self, sockets: usize, delay: Option<Duration>) {
        self.frames.add(sockets as u64);
        if let Some(delay) = delay.filter(|_| sockets > 0) {
            self.frame_delay.record(delay);
        }
    }

    /// A connection was opened.
    pub fn socket_opened(&self) {
        self.sockets_opened.increment(1);
    }

    /// A request was answered. The route is a template of the router, never a path.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = vec![
            Label::from_static_parts("method", method),
            Label::new("route", route.to_owned()),
            Label::from_static_parts("status", class(status)),
        ];
        self.recorder.register_histogram(&Key::from_parts(REQUEST, labels), &METADATA).record(took);
    }

    /// Something was refused with that code.
    pub fn refused(&self, code: ErrorCode) {
        self.refusals(code).increment(1);
    }

    /// A line was logged at `warn` or `error`.
    pub fn logged(&self, level: &'static str, lines: u64) {
        self.labelled(LOGGED, "level", level).increment(lines);
    }

    /// A mail was sent, or was not.
    pub fn mailed(&self, sent: bool) {
        self.labelled(MAILS, "outcome", if sent { "sent" } else { "failed" }).increment(1);
    }

    /// Takes in what was seen of the process.
    pub fn set(&self, node: NodeGauges) {
        let flag = |set: bool| if set { 1.0 } else { 0.0 };
        self.sockets.set(node.sockets as f64);
        self.ready.set(flag(node.ready));
        self.draining.set(flag(node.draining));
        self.rss.set(node.rss_bytes as f64);
        self.cpu.set(node.cpu_percent);
        self.nodes.set(node.nodes as f64);
    }

    /// How many frames and commands there were since the start.
    #[must_use]
    pub fn frames_and_commands(&self) -> (u64, u64) {
        let read = |counted: &Counted| counted.count.load(Ordering::Relaxed);
        (read(&self.frames), read(&self.commands))
    }

    /// Takes measurements out of their queues, so that these stay small between two askings.
    pub fn upkeep(&self) {
        self.recorder.handle().run_upkeep();
    }

    /// As Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        self.recorder.handle().render()
    }

    fn refusals(&self, code: ErrorCode) -> Counter {
        self.labelled(REFUSALS, "code", code.as_str())
    }

    fn labelled(&self, name: &'static str, label: &'static str, value: &'static str) -> Counter {
        let key = Key::from_parts(name, vec![Label::from_static_parts(label, value)]);
        self.recorder.register_counter(&key, &METADATA)
    }
}

/// Only bounds that are no bounds are refused.
#[expect(clippy::expect_used, reason = "the bounds are constants, and a test makes a recorder")]
fn recorder() -> PrometheusRecorder {
    let of = |name: &str| Matcher::Full(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(of(COMMIT), &FINE)
        .and_then(|builder| builder.set_buckets_for_metric(of(FRAME_DELAY), &FINE))
        .and_then(|builder| builder.set_buckets_for_metric(of(REQUEST), &COARSE))
        .expect("bounds")
        .build_recorder()
}

fn describe(recorder: &PrometheusRecorder) {
    let name = KeyName::from_const_str;
    for (key, what) in [
        (COMMIT, "From the begin of a transaction of commands to the word that it is on disk"),
        (
            FRAME_DELAY,
            "From a commit (of another hub: from hearing of it) to the buffers of the sockets that follow",
        ),
        (REQUEST, "From a request to its answer, by method, route and class of status"),
    ] {
        recorder.describe_histogram(name(key), Some(Unit::Seconds), what.into());
    }
    for (key, what) in [
        (FRAMES, "Frames handed to sockets"),
        (COMMANDS, "Commands decided"),
        (REFUSALS, "Requests and events refused, by code"),
        (SOCKETS_OPENED, "Connections opened"),
        (LOGGED, "Lines logged as warnings and errors"),
        (MAILS, "Mails to operators, sent and failed"),
    ] {
        recorder.describe_counter(name(key), Some(Unit::Count), what.into());
    }
    for (key, unit, what) in [
        (SOCKETS, Unit::Count, "Connections open"),
        (READY, Unit::Count, "1 while requests should be sent here"),
        (DRAINING, Unit::Count, "1 while it is being emptied"),
        (RSS, Unit::Bytes, "Memory that the process holds"),
        (CPU, Unit::Percent, "Of one core"),
        (NODES, Unit::Count, "Hubs that this one knows, itself among them"),
    ] {
        recorder.describe_gauge(name(key), Some(unit), what.into());
    }
}

/// The method of a request as a label.
#[must_use]
pub fn method_label(method: &axum::http::Method) -> &'static str {
    use axum::http::Method;
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_told_and_methods_of_anybodys_making_are_one_label() {
        let meters = Meters::new();
        meters.committed(Duration::from_millis(3));
        meters.framed(40, Some(Duration::from_millis(7)));
        meters.framed(0, Some(Duration::from_secs(9)));
        meters.decided(2);
        meters.refused(ErrorCode::Conflict);
        meters.answered("GET", "/api/v1/centers/{center}/head", 200, Duration::from_millis(2));
        let text = meters.text();
        for line in [
            "gwanje_hub_commit_seconds_bucket{le=\"0.0025\"} 0",
            "gwanje_hub_commit_seconds_bucket{le=\"0.005\"} 1",
            "gwanje_hub_frame_delay_seconds_count 1",
            "gwanje_hub_frames_total 40",
            "gwanje_hub_commands_total 2",
            "gwanje_hub_refusals_total{code=\"conflict\"} 1",
            "gwanje_hub_refusals_total{code=\"not-found\"} 0",
            "route=\"/api/v1/centers/{center}/head\"",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert_eq!(meters.frames_and_commands(), (40, 2));
        assert_eq!(method_label(&"BREW".parse().unwrap()), "other");
    }
}
