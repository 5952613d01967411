//! The programs in the README run in an empty project, with the dependencies that the README says to add and no others.
#![cfg(feature = "smol")]

use std::{error::Error, fmt::Write, fs, path::Path, process::Command};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A program of the README, and the commands above it.
struct Program {
    adds: Vec<String>,
    code: String,
}

/// Collects each block of Rust with a `main`, together with all lines `$ cargo add …` that stand before it.
fn programs(readme: &str) -> Vec<Program> {
    let (mut adds, mut programs) = (Vec::new(), Vec::new());
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let language = line.strip_prefix("```").unwrap_or_default();
        if !matches!(language, "console" | "rust") {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match language {
            "console" => {
                adds.extend(block.iter().filter_map(|line| Some(line.strip_prefix("$ cargo add ")?.to_owned())))
            }
            _ => {
                let code = block.join("\n");
                if code.contains("fn main()") {
                    programs.push(Program { adds: adds.clone(), code });
                }
            }
        }
    }
    programs
}

/// The manifest of an empty project after these commands. The last one about a package counts.
fn manifest(adds: &[String]) -> String {
    let mut dependencies = std::collections::BTreeMap::new();
    for add in adds {
        let mut words = add.split_whitespace();
        let mut names = Vec::new();
        let mut features = String::new();
        while let Some(word) = words.next() {
            match word {
                "--features" => {
                    let list = words.next().expect("a list of features");
                    features = list.split(',').map(|feature| format!("{feature:?}, ")).collect();
                }
                name => names.push(name),
            }
        }
        for name in names {
            let place = if name == "fourfold" { format!("path = {ROOT:?}") } else { "version = \"*\"".to_owned() };
            dependencies.insert(name, format!("{{ {place}, features = [{features}] }}"));
        }
    }
    let mut manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
        [profile.dev]\ndebug = false\n\n[dependencies]\n"
        .to_owned();
    for (name, dependency) in dependencies {
        writeln!(manifest, "{name} = {dependency}").expect("text goes to memory");
    }
    manifest
}

fn run(program: &Program) -> Result<(), Box<dyn Error>> {
    let project = tempfile::tempdir()?;
    fs::create_dir(project.path().join("src"))?;
    fs::write(project.path().join("src/main.rs"), &program.code)?;
    fs::write(project.path().join("Cargo.toml"), manifest(&program.adds))?;
    // The versions that this repository was built with: they are there without a network.
    let lock = Path::new(ROOT).join("Cargo.lock");
    if lock.exists() {
        fs::copy(lock, project.path().join("Cargo.lock"))?;
    }
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(project.path())
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme"))
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{:?}\n{told}", program.adds).into()) }
}

#[test]
fn the_programs_of_the_readme_run_in_an_empty_project() -> Result<(), Box<dyn Error>> {
    let programs = programs(&fs::read_to_string(Path::new(ROOT).join("README.md"))?);
    let with_clock = |program: &&Program| program.adds.iter().any(|add| add.contains("smol"));
    assert_eq!((programs.len(), programs.iter().filter(with_clock).count()), (2, 1), "one without a clock, one with");
    programs.iter().try_for_each(run)
}

#[test]
fn the_readme_in_chinese_has_the_same_programs() -> Result<(), Box<dyn Error>> {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|name| {
        let readme = fs::read_to_string(Path::new(ROOT).join(name)).expect("it is there");
        programs(&readme).into_iter().map(|program| (program.adds, program.code)).collect::<Vec<_>>()
    });
    assert_eq!(chinese, english);
    Ok(())
}

#[test]
fn the_advice_is_that_of_the_patterns() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for pattern in fourfold::Pattern::ALL {
        let row = format!("| `{pattern}` | {} |\n", pattern.advice());
        assert!(readme.contains(&row), "{row} is missing");
    }
}
