//! libFuzzer on `gwanje_fuzzing::socketio`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::socketio(data));
