#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| monite_bridge::fuzz::run("bridge_import_ndjson", data));
