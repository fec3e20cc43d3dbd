//! The model hub: the wire contract restated as simply as it can be said.
