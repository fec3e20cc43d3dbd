//! gwanje-engine
