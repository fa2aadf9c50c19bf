#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| monite_sandbox::fuzz::run("webhook_create", data));
