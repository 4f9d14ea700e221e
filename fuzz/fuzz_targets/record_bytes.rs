#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eshm_fuzz_replay::checked(eshm_fuzz_replay::record_bytes::run, bytes));
