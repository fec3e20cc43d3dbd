//! What whoever has the cache file is asked to do.

use crate::gathered::Melted;
use gwanje_model::CenterId;
use std::path::PathBuf;

/// One thing to do; `T` is what else the same thread does, in the same order.
#[derive(Debug)]
pub enum Job<T> {
    /// Use this file from now on.
    Open(PathBuf),
    /// Write, as one transaction.
    Write(Melted),
    /// Read a center.
    Restore(CenterId),
    /// Forget a center.
    Wipe(CenterId),
    /// Audit a center.
    Audit(CenterId),
    /// Nothing of the cache's.
    Other(T),
}
