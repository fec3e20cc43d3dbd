//! Frames that are lost on purpose on their way to a socket.

/// Decides of each frame to each socket whether it is lost. A hub loses none; a drill may, so that people see what their
/// boards make of it.
pub trait FrameLoss: Send + Sync {
    /// Whether the next frame to one socket is lost.
    fn loses_next(&self) -> bool;
}

/// No frame is lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLoss;

impl FrameLoss for NoLoss {
    fn loses_next(&self) -> bool {
        false
    }
}
