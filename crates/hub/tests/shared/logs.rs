//! What a hub has to say while it is tested: to standard error, which is shown of tests that fail.

/// From now on warnings and errors are shown.
pub fn show() {
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr);
    // The first of a process sets it for all.
    _ = lines.try_init();
}
