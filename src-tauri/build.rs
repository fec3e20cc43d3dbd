//! Tells Cargo how the window is bundled.

fn main() {
    tauri_build::build();
}
