//! Which module may import from which, read from the source of every package.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    modules::{Mention, ModulePath, Modules},
    root,
};

/// The top-level modules in the order of the root file; a blank line begins a row.
fn rows(root: &str) -> Vec<Vec<String>> {
    let mut rows = vec![Vec::new()];
    for line in root.lines().map(str::trim) {
        let declared = line.strip_suffix(';').and_then(|line| {
            let (visibility, name) = line.split_once("mod ")?;
            (visibility.is_empty() || visibility.starts_with("pub")).then_some(name)
        });
        if let Some(name) = declared {
            rows.last_mut().expect("there is always a row").push(name.to_owned());
        } else if line.is_empty() {
            rows.push(Vec::new());
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}

/// What a module imports, with the files that do.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// Arrows between the children of one module. What a parent takes from its children goes without saying.
fn arrows(modules: &Modules, parent: &ModulePath) -> Arrows {
    let mut arrows = Arrows::new();
    for mention in modules.mentions.iter().filter(|mention| !mention.in_test && !mention.is_macro) {
        let home = modules.home(&mention.to);
        let child = |path: &ModulePath| path.strip_prefix(&parent[..])?.first().cloned();
        if let (Some(from), Some(to)) = (child(&mention.from), child(&home))
            && from != to
        {
            arrows.entry((from, to)).or_default().insert(mention.file.clone());
        }
    }
    arrows
}

fn name(mention: &Mention) -> String {
    format!("{}: crate::{}", mention.file, mention.to.join("::"))
}

/// Imports of an item from the crate's root: a re-export hides the module that is imported from.
fn through_the_root(modules: &Modules) -> Vec<String> {
    let at_root = |mention: &&Mention| {
        let first = mention.to.first().is_some_and(|first| modules.paths.contains(std::slice::from_ref(first)));
        !mention.from.is_empty() && !mention.to.is_empty() && !first && !mention.is_macro
    };
    modules.mentions.iter().filter(at_root).map(name).collect()
}

/// Arrows that run back: to a module further down, or further right in the same row.
fn running_back(rows: &[Vec<String>], arrows: &Arrows) -> Vec<String> {
    let order: Vec<&String> = rows.iter().flatten().collect();
    let place = |name: &String| order.iter().position(|other| *other == name);
    let back = arrows.iter().filter(|((from, to), _)| place(from) <= place(to));
    back.map(|((from, to), files)| format!("{from} imports from {to}, which is above it ({files:?})")).collect()
}

/// The modules in the fewest rows that the arrows allow, and those that are left over since they stand in circles.
fn sorted(names: &BTreeSet<String>, arrows: &Arrows) -> (Vec<Vec<String>>, BTreeSet<String>) {
    let mut rows = Vec::new();
    let mut left = names.clone();
    loop {
        let needs = |name: &String| arrows.keys().any(|(from, to)| from == name && left.contains(to));
        let row: Vec<String> = left.iter().filter(|name| !needs(name)).cloned().collect();
        if row.is_empty() {
            break;
        }
        left.retain(|name| !row.contains(name));
        rows.push(row);
    }
    // What merely imports from a circle stands in none.
    loop {
        let needed = |name: &String| arrows.keys().any(|(from, to)| to == name && left.contains(from));
        let kept: BTreeSet<String> = left.iter().filter(|name| needed(name)).cloned().collect();
        if kept.len() == left.len() {
            return (rows, left);
        }
        left = kept;
    }
}

/// Circles among the children of any module, each with its arrows.
fn circles(modules: &Modules) -> Vec<String> {
    let mut found = Vec::new();
    for parent in &modules.paths {
        let is_child = |path: &&ModulePath| path.len() == parent.len() + 1 && path.starts_with(parent);
        let children = modules.paths.iter().filter(is_child).filter_map(|path| path.last().cloned()).collect();
        let arrows = arrows(modules, parent);
        let (_, circle) = sorted(&children, &arrows);
        if circle.is_empty() {
            continue;
        }
        let mut text = format!("circle in crate::{}:", parent.join("::"));
        for ((from, to), files) in arrows.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to))
        {
            write!(text, "\n    {from} → {to} {files:?}").expect("a text takes more text");
        }
        found.push(text);
    }
    found
}

fn shown(rows: &[Vec<String>], arrows: &Arrows) -> String {
    let mut text = String::new();
    for row in rows {
        for name in row {
            let below: Vec<&str> = arrows.keys().filter(|(from, _)| from == name).map(|(_, to)| to.as_str()).collect();
            writeln!(text, "    {name:<12} {}", below.join(" ")).expect("a text takes more text");
        }
        text.push('\n');
    }
    text
}

/// Prints the layers of a package; everything that is wrong with them.
fn faults(main: &Path, in_order: bool) -> Vec<String> {
    let modules = Modules::read(main);
    let arrows = arrows(&modules, &ModulePath::new());
    let mut faults = through_the_root(&modules);
    faults.extend(circles(&modules));
    let rows = if in_order {
        let rows = rows(&fs::read_to_string(main).expect("the root file was just read"));
        faults.extend(running_back(&rows, &arrows));
        rows
    } else {
        let top = |path: &&ModulePath| path.len() == 1;
        sorted(&modules.paths.iter().filter(top).map(|path| path[0].clone()).collect(), &arrows).0
    };
    println!("{}, from the bottom to the top, each with what it imports:\n\n{}", main.display(), shown(&rows, &arrows));
    faults
}

#[track_caller]
fn check(main: &str, in_order: bool) {
    let faults = faults(&root().join(main), in_order);
    assert!(faults.is_empty(), "{main}:\n{}", faults.join("\n"));
}

#[test]
fn the_library_imports_from_below_only_and_by_module_path() {
    check("src/lib.rs", true);
}

#[test]
fn the_command_has_no_circle_of_modules() {
    check("cli/src/main.rs", false);
}

#[test]
fn the_page_s_module_has_no_circle_of_modules() {
    check("web/src/lib.rs", false);
}

#[test]
fn the_chores_have_no_circle_of_modules() {
    check("xtask/src/main.rs", false);
}

/// What is wrong with a library of these files.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    let modules = Modules::from_sources(&sources);
    let mut faults = through_the_root(&modules);
    faults.extend(circles(&modules));
    faults.extend(running_back(&rows(files[0].1), &arrows(&modules, &ModulePath::new())));
    faults
}

#[test]
fn an_arrow_that_runs_back_is_found_wherever_it_is_written() {
    let lib = ("lib.rs", "mod low;\nmod left;\n\npub mod high;\n");
    let high = ("high.rs", "use crate::low::Low;\npub struct High;");
    assert_eq!(found(&[lib, ("low.rs", ""), ("left.rs", "use crate::low::Low;"), high]), [""; 0]);
    for text in [
        "use crate::high::High;",
        "use crate::{left::{self}, high};",
        "fn f() { let _ = crate::high::High; }",
        "fn f() { call!(super::high::High); }",
        "mod inner { use super::super::high::High; }",
    ] {
        let faults = found(&[lib, ("low.rs", text), ("left.rs", ""), ("high.rs", "pub struct High;")]);
        assert!(faults.iter().any(|fault| fault.starts_with("low imports from high")), "{text}: {faults:?}");
    }
    let faults = found(&[lib, ("low.rs", "use crate::left::Left;"), ("left.rs", ""), high]);
    assert!(faults[0].starts_with("low imports from left"), "{faults:?}");
}

#[test]
fn comments_texts_and_tests_import_nothing() {
    let lib = ("lib.rs", "mod low;\nmod high;\n");
    for text in [
        "/// See [`crate::high::High`].\nfn f() { say(\"crate::high::High\") }",
        "#[cfg(test)]\nmod tests { use crate::high::High; }",
        "#[cfg(test)]\nuse crate::high::High;",
        "pub(in crate::low) fn f() {}",
    ] {
        assert_eq!(found(&[lib, ("low.rs", text), ("high.rs", "")]), [""; 0], "{text}");
    }
    // What follows a test is no test.
    let faults = found(&[lib, ("low.rs", "#[cfg(test)]\nmod tests {}\nuse crate::high::High;"), ("high.rs", "")]);
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn an_import_through_the_root_is_found() {
    let lib = ("lib.rs", "mod low;\nmod high;\npub use low::Low;\n");
    let faults = found(&[lib, ("low.rs", "pub struct Low;"), ("high.rs", "use crate::{low, Low};")]);
    assert_eq!(faults, ["high.rs: crate::Low"]);
}

#[test]
fn a_circle_is_found_behind_the_names_that_its_parent_gives_on() {
    let lib = ("lib.rs", "mod room;\n");
    let room = ("room.rs", "mod a;\nmod b;\npub use a::A;\npub use b::B;");
    let (a, b) = (("room/a.rs", "use super::B;\npub struct A;"), ("room/b.rs", "use crate::room::A;\npub struct B;"));
    let faults = found(&[lib, room, a, b]);
    assert!(faults.len() == 1 && faults[0].contains("a → b") && faults[0].contains("b → a"), "{faults:?}");
    assert_eq!(found(&[lib, room, a, ("room/b.rs", "pub struct B;")]), [""; 0]);
}
