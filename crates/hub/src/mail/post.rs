//! Mails what is due, in a task of its own: a mail server that hangs holds up nothing else.

use super::outbox::{Due, Outbox};
use super::settings::Mailing;
use crate::logged::{LogKept, LogLine};
use crate::meters::Meters;
use gwanje_wire::monitor::ErrorLevel;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a mail server may take for one mail, from the connection to its last word.
const SEND_WITHIN: Duration = Duration::from_secs(15);
/// Between two attempts at a mail that could not be sent.
const RETRY: Duration = Duration::from_secs(30);
/// Errors told in one mail; more follow in the next.
const TOLD_MAX: usize = 50;
/// The most characters of an error in the subject.
const SUBJECT_MAX: usize = 120;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Mails what the log says, and has said before, until it is aborted. It listens from this call on.
pub(crate) fn keep_mailing(
    mailing: Mailing,
    node: String,
    log: &LogKept,
    meters: Arc<Meters>,
) -> impl Future<Output = ()> + Send + use<> {
    let news = log.news();
    let mut outbox = Outbox::new(mailing.min_level, mailing.per);
    log.since(0).0.into_iter().rev().for_each(|line| outbox.hear(line));
    keep_sending(mailing, node, outbox, news, meters)
}

async fn keep_sending(
    mailing: Mailing,
    node: String,
    mut outbox: Outbox,
    mut news: broadcast::Receiver<LogLine>,
    meters: Arc<Meters>,
) {
    let transport = match transport(&mailing) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::error!(error, "nobody gets mail");
            return;
        }
    };
    let mut not_before = Instant::now();
    let mut failing = false;
    loop {
        let due_at = outbox.next_due().map(|due| due.max(not_before));
        tokio::select! {
            line = news.recv() => match line {
                Ok(line) => outbox.hear(line),
                Err(RecvError::Lagged(missed)) => outbox.missed += missed,
                Err(RecvError::Closed) => return,
            },
            () = sleep_until(due_at.unwrap_or_else(Instant::now)), if due_at.is_some() => {
                let now = Instant::now();
                let mut due = outbox.due(now);
                due.truncate(TOLD_MAX);
                let sent = send(&transport, &mailing, &node, &due, outbox.missed).await;
                meters.mailed(sent.is_ok());
                match sent {
                    Ok(()) => {
                        outbox.sent(&due, now);
                        failing = false;
                    }
                    Err(error) => {
                        not_before = Instant::now() + RETRY;
                        if !failing {
                            tracing::warn!(error, "a mail could not be sent; it is tried again");
                        }
                        failing = true;
                    }
                }
            }
        }
    }
}

fn transport(mailing: &Mailing) -> Result<Transport, String> {
    let builder = Transport::from_url(&mailing.smtp)
        .map_err(|error| format!("the mail server's address can't be used: {error}"))?;
    Ok(builder.timeout(Some(SEND_WITHIN)).build())
}

/// Whether the mail server answers and lets this hub in.
///
/// # Errors
/// What is wrong, in words.
pub async fn try_mail(mailing: &Mailing) -> Result<(), String> {
    let transport = transport(mailing)?;
    match timeout(SEND_WITHIN, transport.test_connection()).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("the mail server closes the connection at once".to_owned()),
        Ok(Err(error)) => Err(said(&error)),
        Err(_) => Err(late()),
    }
}

async fn send(
    transport: &Transport,
    mailing: &Mailing,
    node: &str,
    due: &[Due],
    missed: u64,
) -> Result<(), String> {
    let message = message(mailing, node, due, missed).map_err(|error| error.to_string())?;
    match timeout(SEND_WITHIN, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(said(&error)),
        Err(_) => Err(late()),
    }
}

/// With its cause, which says what went wrong.
fn said(error: &lettre::transport::smtp::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn late() -> String {
    format!("the mail server has not answered for {} s", SEND_WITHIN.as_secs())
}

fn message(mailing: &Mailing, node: &str, due: &[Due], missed: u64) -> Result<Message, lettre::error::Error> {
    let first = due.first().map_or("", |(line, _)| line.text.as_str());
    let mut subject: String =
        first.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_MAX).collect();
    if due.len() > 1 {
        _ = write!(subject, " (and {} more)", due.len() - 1);
    }
    let mut text = format!("Hub {node}:\r\n\r\n");
    for (line, count) in due {
        let level = match line.level {
            ErrorLevel::Error => "error",
            ErrorLevel::Warn => "warning",
        };
        let at = jiff::Timestamp::from_millisecond(line.at.0).unwrap_or_default();
        _ = write!(text, "{at:.0} {level}, {count} times: {}\r\n", line.text);
    }
    if missed > 0 {
        _ = write!(text, "\r\n{missed} more lines were too many to tell; the log has them.\r\n");
    }
    let mut mail =
        Message::builder().from(mailing.from.clone()).subject(format!("[gwanje {node}] {subject}"));
    for to in &mailing.to {
        mail = mail.to(to.clone());
    }
    mail.header(ContentType::TEXT_PLAIN).body(text)
}
