//! Mail to those who operate hubs, when something is wrong.

mod outbox;
mod post;
mod settings;

pub(crate) use post::keep_mailing;
pub use post::try_mail;
pub use settings::{MailLevel, MailSettings, Mailing};
