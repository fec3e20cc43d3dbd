//! gwanje-cache
