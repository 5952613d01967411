//! The files that flags ask for.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
};

use super::command::{Ended, Place, seq};

#[test]
fn nothing_is_opened_before_the_command_line_is_known_to_be_good() {
    for wrong in [
        &["--trace", "/nowhere/t"][..],
        &["--simulate", "--trace", "/nowhere/t"],
        &["--exec", "no-such-program"],
        &["--simulate", "--listen", "256.0.0.1:1"],
        &["--simulate", "--listen", "192.0.2.1:80"],
        &["--simulate", "--trace", "rest"],
        &["--simulate", "--trace", "new"],
    ] {
        let place = Place::new();
        place.write("in", seq(5));
        place.write("rest", "precious");
        let args = [&["run", "in", "--rest", "rest", "--dead", "new"], wrong].concat();
        place.run(&args).expect(2);
        assert_eq!((place.read("in"), place.read("rest").as_str()), (seq(5), "precious"), "{wrong:?}");
        assert!(!place.path("new").exists(), "{wrong:?}");
    }
    let place = Place::new();
    place.write("rest", "precious");
    place.run(&["run", "none", "--simulate", "--rest", "rest"]).expect(3);
    place.run(&["run", "redis+unix:///nowhere?list=k", "--simulate", "--trace", "rest"]).expect(3);
    assert_eq!(place.read("rest"), "precious");
}

#[test]
fn an_output_is_no_input_and_no_other_output_by_whatever_name() {
    let place = Place::new();
    place.write("in", seq(5));
    fs::create_dir(place.path("folder")).unwrap();
    symlink(place.path("in"), place.path("symbolic")).unwrap();
    fs::hard_link(place.path("in"), place.path("hard")).unwrap();
    for name in ["in", "./in", "folder/../in", "symbolic", "hard"] {
        for flag in ["--rest", "--dead", "--trace"] {
            place.run(&["run", "in", "--simulate", flag, name]).expect(2).says(&[flag, name, "the same file as in"]);
        }
        place.run(&["compare", "in", "--simulate", "--trace", name]).expect(2);
        let stdin = File::open(place.path("in")).unwrap();
        let mut command = place.command(&["run", "-", "--simulate", "--rest", name]);
        Ended::from(command.stdin(stdin).output().unwrap()).expect(2).says(&["standard input"]);
    }
    assert_eq!(place.read("in"), seq(5));
    place.write("out", "");
    symlink("out", place.path("other")).unwrap();
    for (args, stdout) in [(&["--dead", "out", "--rest", "other"][..], false), (&["--dead", "other"], true)] {
        let mut command = place.command(&[&["run", "in", "--simulate", "-q"], args].concat());
        if stdout {
            command.stdout(File::create(place.path("out")).unwrap());
        }
        Ended::from(command.output().unwrap()).expect(2).says(&["other", "the same file as"]);
    }
    // What is no file can take several.
    place.run(&["run", "in", "--simulate", "--dead", "/dev/null", "--rest", "/dev/null", "-q"]).expect(0);
}

#[test]
fn outputs_are_for_their_owner_alone_and_begin_empty() {
    let place = Place::new();
    place.write("in", "bad\n");
    place.write("old", "x".repeat(1000));
    let args = ["run", "in", "--simulate", "-q", "--dead", "dead", "--rest", "rest", "--trace", "old"];
    place.run(&args).expect(1);
    for name in ["dead", "rest"] {
        assert_eq!(fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(place.read("old").starts_with("{\"fourfold_trace\""), "{}", place.read("old"));
}
