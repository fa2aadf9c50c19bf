#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| monite::fuzz::run("client_webhook", data));
