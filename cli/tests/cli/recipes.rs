//! The recipes in `docs/RECIPES.md`: each command is run, and prints what is shown below it.

use std::{env, path::Path, process::Command};

use super::command::{Ended, Place};

const RECIPES: &str = include_str!("../../../docs/RECIPES.md");

/// The blocks of code with their languages.
fn blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in RECIPES.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Runs a script where `fourfold` is on the PATH.
fn shell(place: &Place, script: &str) -> Ended {
    let bin = Path::new(env!("CARGO_BIN_EXE_fourfold")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), env::var("PATH").unwrap());
    let command =
        Command::new("sh").args(["-eu", "-c", script]).env("PATH", path).current_dir(place.path(".")).output();
    Ended::from(command.unwrap())
}

#[test]
fn each_recipe_prints_what_is_shown() {
    let blocks = blocks();
    let scripts: Vec<_> = blocks.windows(2).filter(|pair| pair[0].0 == "sh").collect();
    assert!(scripts.len() >= 8, "{}", scripts.len());
    for pair in scripts {
        let place = Place::new();
        for (name, text) in [("one.txt", "one\n"), ("two.txt", "two\n"), ("a b.txt", "a blank\n")] {
            place.write(name, text);
        }
        let ended = shell(&place, &pair[0].1);
        assert_eq!(
            (pair[1].0.as_str(), ended.stdout.as_str()),
            ("text", pair[1].1.as_str()),
            "{}\n{ended:#?}",
            pair[0].1
        );
    }
}

#[test]
fn the_command_lines_of_services_and_containers_are_right() {
    let place = Place::new();
    let of = |language: &str| blocks().into_iter().find(|(found, _)| found == language).unwrap().1;
    let unit = of("ini");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let words: Vec<String> = start.split(' ').skip(1).map(str::to_owned).collect();
    let image = of("dockerfile");
    let arguments = image.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    let arguments: Vec<String> = serde_json::from_str(arguments).unwrap();
    for arguments in [words, arguments] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // There is no server at port 1; that is the only thing that is wrong.
        place.run(&arguments).expect(3).says(&["cannot reach redis://127.0.0.1:1/0"]);
    }
}

#[test]
fn every_exit_code_is_explained_where_people_look() {
    let place = Place::new();
    for text in [RECIPES.to_owned(), place.run(&["man"]).expect(0).stdout, place.run(&["--help"]).expect(0).stdout] {
        for code in [0, 1, 2, 3, 4, 5, 129, 130, 131, 141, 143] {
            let is_there = text.split(|c: char| !c.is_ascii_digit()).any(|word| word == code.to_string());
            assert!(is_there, "{code} is missing in {text}");
        }
    }
}
