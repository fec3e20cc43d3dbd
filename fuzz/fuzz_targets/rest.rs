//! libFuzzer on `gwanje_fuzzing::rest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::rest(data));
