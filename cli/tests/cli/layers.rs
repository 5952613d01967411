//! The order of the command's modules, as main.rs lists them: an import points up that list, never
//! down.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The modules that a file declares, in its order.
fn declared(source: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let modules = source.lines().filter(|line| !line.starts_with(' ') && line.ends_with(';')).map(words);
    modules
        .filter_map(|words| {
            let at = words.iter().position(|word| word == "mod")?;
            Some(words.get(at + 1)?.trim_end_matches(';').to_owned())
        })
        .collect()
}

/// The paths that a file imports or names: `crate::a::b` as `["crate", "a", "b"]`. Trees of `use`
/// are unfolded.
fn paths(source: &str) -> Vec<Vec<String>> {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ") else { continue };
        unfold(&[], statement[at + 4..].trim(), &mut found);
    }
    for at in code.match_indices("crate::").map(|(at, _)| at) {
        let path = code[at..].split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap_or_default();
        let path: Vec<String> = path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        // `crate::{` begins a tree, which is unfolded above.
        if path.len() > 1 {
            found.push(path);
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn unfold(prefix: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let Some(open) = tree.find('{') else {
        let parts = tree.split("::").map(|part| part.split_whitespace().next().unwrap_or_default().to_owned());
        found.push(prefix.iter().cloned().chain(parts).collect());
        return;
    };
    let head = tree[..open].trim_end_matches("::").split("::").map(str::to_owned);
    let prefix: Vec<String> = prefix.iter().cloned().chain(head).collect();
    let inside = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inside[start..at].trim();
                start = at + 1;
                if !part.is_empty() {
                    unfold(&prefix, part, found);
                }
            }
            _ => {}
        }
    }
}

/// Each file of a folder and its rooms, with its path as a module: `["handler", "post", "target"]`.
fn files(folder: &Path, module: &[String], all: &mut BTreeMap<Vec<String>, String>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = if name == "main" { Vec::new() } else { [module, &[name]].concat() };
        if path.is_dir() {
            files(&path, &inner, all);
        } else {
            // What tests import is no arrow of the program.
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap().to_owned();
            all.insert(inner, source);
        }
    }
}

/// A path from the crate's root: `super` and `self` resolved. `None` for another crate.
fn resolved(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut at = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        _ => return None,
    };
    for part in &path[1..] {
        if part == "super" {
            at.pop();
        } else {
            at.push(part.clone());
        }
    }
    Some(at)
}

/// Every arrow that does not point up.
fn arrows_back(all: &BTreeMap<Vec<String>, String>) -> Vec<String> {
    let mut back = Vec::new();
    for (module, source) in all {
        let mut imported = paths(source);
        imported.sort();
        for path in imported {
            let Some(target) = resolved(module, &path) else { continue };
            // The first place where the way to the target parts from the way to this module.
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            let order = declared(all.get(&module[..shared]).map_or("", String::as_str));
            let place = |of: &[String]| of.get(shared).and_then(|name| order.iter().position(|module| module == name));
            let is_back = match (place(module), place(&target)) {
                // From a room to the folder around it, or to something in that folder's own file.
                (Some(_), None) => true,
                (Some(from), Some(to)) => to >= from,
                (None, _) => false,
            };
            if is_back {
                back.push(format!("{} imports {}", module.join("::"), target.join("::")));
            }
        }
    }
    back.dedup();
    back
}

#[test]
fn no_import_points_back() {
    let mut all = BTreeMap::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    assert!(all.len() > 40, "{:?}", all.keys());
    let root = declared(&all[&Vec::new()]);
    assert!(root.starts_with(&["exit".to_owned()]) && root.ends_with(&["commands".to_owned()]), "{root:?}");
    assert_eq!(arrows_back(&all), [""; 0], "the order is {root:?}");
}

/// What is wrong with the command line is found before anything begins.
#[test]
fn nothing_is_wrong_usage_after_the_settings() {
    let mut all = BTreeMap::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut all);
    let late = ["runner", "commands", "observers", "shutdown", "progress"];
    for (module, source) in all.iter().filter(|(module, _)| module.first().is_some_and(|m| late.contains(&m.as_str())))
    {
        assert!(!source.contains("CliError::usage"), "{}", module.join("::"));
    }
}

#[test]
fn an_import_that_points_back_is_found() {
    let world = |files: &[(&str, &str)]| {
        files
            .iter()
            .map(|(path, source)| {
                (path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(), (*source).to_owned())
            })
            .collect::<BTreeMap<Vec<String>, String>>()
    };
    let root = ("", "mod low;\nmod high;\n");
    let room = "mod a;\npub(crate) mod b;\n";
    assert_eq!(arrows_back(&world(&[root, ("low", ""), ("high", "use crate::low::X;")])), [""; 0]);
    assert_eq!(arrows_back(&world(&[root, ("low", "use crate::high::X;"), ("high", "")])), ["low imports high::X"]);
    let nested = "use crate::{\n    low::X,\n    high::{self, Y},\n};";
    assert_eq!(arrows_back(&world(&[root, ("low", nested), ("high", "")])).len(), 2);
    assert_eq!(arrows_back(&world(&[root, ("low", "fn f() { crate::high::g() }")])), ["low imports high::g"]);
    let rooms = |a: &str, b: &str| arrows_back(&world(&[root, ("low", room), ("low::a", a), ("low::b", b)]));
    assert_eq!(rooms("", "use super::a::X;"), [""; 0]);
    assert_eq!(rooms("use super::b::X;", ""), ["low::a imports low::b::X"]);
    assert_eq!(rooms("use super::X;", ""), ["low::a imports low::X"]);
}
