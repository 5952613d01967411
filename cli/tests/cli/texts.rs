//! Help, completions and the man page.

use super::command::Place;

#[test]
fn what_is_said_stays_said() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}

#[test]
fn completions_and_man_page_know_every_command() {
    let place = Place::new();
    let mut texts: Vec<String> = vec![place.run(&["man"]).expect(0).stdout];
    for shell in ["bash", "zsh", "fish"] {
        texts.push(place.run(&["completions", shell]).expect(0).stdout);
    }
    for text in texts {
        for word in ["run", "compare", "push", "stats", "dead", "web", "max-concurrent", "listen", "exec"] {
            assert!(text.replace('\\', "").contains(word), "{word} is missing in {}", &text[..200]);
        }
    }
}

#[test]
fn what_is_not_there_yet_is_not_offered() {
    let place = Place::new();
    for args in [&["--help"][..], &["run", "--help"], &["compare", "--help"]] {
        let help = place.run(args).expect(0).stdout;
        assert!(!help.contains("stream="), "{args:?}");
        assert!(help.contains("Examples:") || args[0] == "compare");
    }
}
