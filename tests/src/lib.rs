//! What the end-to-end, interop, fault and benchmark suites share.
