//! libFuzzer on `gwanje_fuzzing::foreign`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::foreign(data));
