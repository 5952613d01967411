//! The glue between WebAssembly and JavaScript: what the command `wasm-bindgen` does, in the version of Cargo.lock.
//!
//! A package of its own, for it takes half a minute to build, which only those who build the page should wait for.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, name, output] = arguments.as_slice() else {
        eprintln!("usage: xtask-bindgen INPUT.wasm NAME OUTPUT_FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name(name).typescript(true).omit_default_module_path(false);
    match bindgen.web(true).and_then(|bindgen| bindgen.generate(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
