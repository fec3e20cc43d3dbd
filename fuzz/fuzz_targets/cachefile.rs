//! libFuzzer on `gwanje_fuzzing::cache_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gwanje_fuzzing::cache_file(data));
