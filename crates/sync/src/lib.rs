//! gwanje-sync
