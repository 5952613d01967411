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
fn the_help_shows_how_every_kind_of_queue_is_named() {
    let place = Place::new();
    for args in [&["run", "--help"][..], &["push", "--help"], &["stats", "--help"], &["dead", "list", "--help"]] {
        let help = place.run(args).expect(0).stdout;
        assert!(help.contains("list=KEY") && help.contains("stream=KEY&group=GROUP"), "{args:?}: {help}");
    }
    for args in [&["--help"][..], &["run", "--help"]] {
        assert!(place.run(args).expect(0).stdout.contains("Examples:"), "{args:?}");
    }
}
