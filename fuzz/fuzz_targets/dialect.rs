//! libFuzzer on `gwanje_fuzzing::dialect`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::dialect(data));
