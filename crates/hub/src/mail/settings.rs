//! What the configuration says of error mail.

use lettre::message::Mailbox;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// The shortest time between two mails of the same error: shorter ones tell people nothing more.
const PER_MIN: Duration = Duration::from_secs(1);

/// From which level on mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailLevel {
    /// Warnings, too.
    Warn,
    /// Errors alone.
    #[default]
    Error,
}

impl MailLevel {
    /// The level of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "warn" => Some(Self::Warn),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// `[mail]` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MailSettings {
    /// The mail server: `host`, `host:port`, `smtp://user:password@host:port` or `smtps://…`. Empty: no mail.
    pub smtp: String,
    /// Whom mails are from.
    pub from: String,
    /// Who gets them; several with commas between them.
    pub to: String,
    /// From which level on.
    pub min_level: MailLevel,
    /// The same error is told once in this time, with a count: `10m`, `1h`.
    pub per: String,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            smtp: String::new(),
            from: String::new(),
            to: String::new(),
            min_level: MailLevel::default(),
            per: "10m".to_owned(),
        }
    }
}

/// The same, read.
#[derive(Clone)]
pub struct Mailing {
    /// With its scheme.
    pub(crate) smtp: String,
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) min_level: MailLevel,
    pub(crate) per: Duration,
}

impl fmt::Debug for Mailing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Mailing").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl MailSettings {
    /// What is to be done; none: nobody gets mail.
    ///
    /// # Errors
    /// The key that can't be used, and why.
    pub fn mailing(&self) -> Result<Option<Mailing>, (&'static str, String)> {
        if self.smtp.is_empty() {
            return Ok(None);
        }
        let has_scheme = self.smtp.contains("://");
        let smtp = if has_scheme { self.smtp.clone() } else { format!("smtp://{}", self.smtp) };
        let known = ["smtp://", "smtps://"].iter().any(|scheme| smtp.starts_with(scheme));
        let url =
            url::Url::parse(&smtp).ok().filter(|url| known && url.host_str().is_some_and(|h| !h.is_empty()));
        if url.is_none() {
            // It may hold a password: it is not said again.
            return Err(("smtp", "it is no mail server such as smtp://mail.example:25".to_owned()));
        }
        let from = mailbox("from", &self.from)?;
        let to = self.to.split(',').map(|one| mailbox("to", one)).collect::<Result<_, _>>()?;
        let per = self.per.parse::<jiff::SignedDuration>().ok().and_then(|per| Duration::try_from(per).ok());
        let Some(per) = per.filter(|per| *per >= PER_MIN) else {
            return Err(("per", format!("{:?} is no time such as 10m, of a second or more", self.per)));
        };
        Ok(Some(Mailing { smtp, from, to, min_level: self.min_level, per }))
    }
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, (&'static str, String)> {
    let text = text.trim();
    text.parse().map_err(|_| (key, format!("{text:?} is no address such as hub@example.com")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            smtp: "127.0.0.1:2525".into(),
            from: "Gwanje <hub@example.com>".into(),
            to: "a@example.com, b@example.com".into(),
            ..MailSettings::default()
        }
    }

    #[test]
    fn without_a_server_nobody_gets_mail() {
        assert!(MailSettings::default().mailing().unwrap().is_none());
        let mailing = settings().mailing().unwrap().unwrap();
        assert_eq!(mailing.smtp, "smtp://127.0.0.1:2525");
        assert_eq!((mailing.to.len(), mailing.per), (2, Duration::from_secs(600)));
    }

    #[test]
    fn what_cannot_be_used_is_said_with_its_key_and_without_a_password() {
        for (wrong, key) in [
            (MailSettings { smtp: "http://u:s3cret@mail".into(), ..settings() }, "smtp"),
            (MailSettings { smtp: "smtp://".into(), ..settings() }, "smtp"),
            (MailSettings { from: "nobody".into(), ..settings() }, "from"),
            (MailSettings { to: "a@example.com,".into(), ..settings() }, "to"),
            (MailSettings { per: "soon".into(), ..settings() }, "per"),
            (MailSettings { per: "0s".into(), ..settings() }, "per"),
        ] {
            let (said, what) = wrong.mailing().unwrap_err();
            assert_eq!(said, key, "{what}");
            assert!(!what.contains("s3cret"), "{what}");
        }
    }
}
