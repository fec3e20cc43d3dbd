//! Scripts: inputs in, actions out.
