//! Every host runs to its end; what comes of the run, it asserts itself.

use std::{
    path::Path,
    process::{Command, Output},
};

fn run(program: &str) -> Output {
    Command::new(program).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[test]
fn the_run_comes_to_the_same_in_every_host() {
    let hosts = [
        env!("CARGO_BIN_EXE_calloop"),
        env!("CARGO_BIN_EXE_embassy"),
        env!("CARGO_BIN_EXE_frame_loop"),
        env!("CARGO_BIN_EXE_glib"),
        env!("CARGO_BIN_EXE_monoio"),
        env!("CARGO_BIN_EXE_no_runtime"),
        env!("CARGO_BIN_EXE_smol"),
        env!("CARGO_BIN_EXE_tokio"),
    ];
    for host in hosts {
        let output = run(host);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{host} ended with {}: {told}", output.status);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.is_empty() && said.lines().all(|line| line.ends_with(": 39 done, 1 dead")), "{host}: {said}");
    }
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let programs = std::fs::read_dir(programs).expect("there are programs").count();
    assert_eq!(hosts.len(), programs, "a host is not run");
}
