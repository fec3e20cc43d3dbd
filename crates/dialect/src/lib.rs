//! What a foreign server's rows and messages mean, as a *dialect file* says. No IO, no clock.
//!
//! A foreign server knows no revisions: a list of rows by REST, and events on a socket that may be lost, late or doubled.
//! [`Dialect::parse`] reads the file (TOML) or says in which line and column it is wrong, and why. [`RowReader`] turns the
//! server's JSON into [`ForeignRow`]s, and these into deliveries. How rows are ordered, compared and proven is in `sync`;
//! the guide for integrators is `docs/dialects.md`.

mod dialect;
mod error;
mod event;
mod field;
mod parse;
mod path;
mod row;
mod scalar;
mod secret;
mod time;

pub use dialect::{
    ClockSource, Dialect, FollowedCenter, Pages, PlainPing, RequestAuth, Server, SnapshotRule, Socket,
    SocketIo, SocketIoEmit, Stomp, WebSocket,
};
pub use error::{DialectError, MissingVariable};
pub use event::{EventRule, Means};
pub use field::Field;
pub use path::JsonPath;
pub use row::{ForeignId, ForeignRow, Incomplete, RowError, RowFlaw, RowIdentity, RowReader, StatusRead};
pub use secret::{Secret, SecretJson};
pub use time::{TimeFormat, Zone};
