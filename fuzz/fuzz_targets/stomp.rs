//! libFuzzer on `gwanje_fuzzing::stomp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::stomp(data));
