#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rehull_fuzz::run("terraform_stream", input));
