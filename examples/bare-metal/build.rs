//! Tells the linker what memory the machine has.

use std::{env, fs, path::PathBuf};

/// QEMU's mps2-an386, a Cortex-M4 with plenty of memory.
const MPS2: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 4M  RAM : ORIGIN = 0x20000000, LENGTH = 4M }";

/// QEMU's microbit, a Cortex-M0 with 16 KB of memory.
const MICROBIT: &str = "MEMORY { FLASH : ORIGIN = 0x00000000, LENGTH = 256K  RAM : ORIGIN = 0x20000000, LENGTH = 16K }";

fn main() {
    let target = env::var("TARGET").expect("Cargo sets it");
    let memory = if target.starts_with("thumbv6m") { MICROBIT } else { MPS2 };
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it"));
    fs::write(folder.join("memory.x"), memory).expect("the folder is there to write in");
    println!("cargo:rustc-link-search={}", folder.display());
    for argument in ["-Tlink.x", "--nmagic"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
