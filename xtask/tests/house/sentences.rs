//! The first sentences of public items: on docs.rs each stands alone in a list.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    items::{Item, Kind, items},
    root,
};

/// Words with which a sentence begins that cannot stand alone: prepositions, pronouns without a noun, conjunctions.
const FRAGMENTS: &[&str] = &[
    "after", "also", "among", "and", "as", "at", "because", "before", "behind", "beside", "besides", "between", "but",
    "by", "for", "from", "he", "here", "how", "if", "in", "instead", "into", "it", "its", "like", "not", "of", "on",
    "only", "or", "over", "she", "since", "so", "such", "than", "that", "their", "them", "then", "there", "these",
    "they", "this", "those", "through", "till", "to", "under", "unless", "until", "upon", "what", "whatever", "when",
    "where", "wherever", "which", "while", "who", "whoever", "whom", "whose", "why", "with", "within", "without",
];

/// Words that end as participles do and are none.
const NO_PARTICIPLES: &[&str] = &[
    "anything",
    "bed",
    "embed",
    "everything",
    "feed",
    "hundred",
    "kind",
    "need",
    "nothing",
    "red",
    "seed",
    "setting",
    "settings",
    "something",
    "speed",
    "string",
    "thing",
    "things",
    "timing",
    "timings",
];

/// Participles that do not end as most do.
const PARTICIPLES: &[&str] = &[
    "begun", "broken", "built", "chosen", "cut", "done", "drawn", "dropped", "found", "given", "gone", "held", "kept",
    "known", "left", "lost", "made", "met", "read", "run", "said", "seen", "sent", "set", "shown", "spent", "taken",
    "told", "thrown", "woken", "written",
];

/// Why a first sentence cannot stand alone, if it cannot.
fn fault(kind: Kind, sentence: &str) -> Option<&'static str> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let first = words.first()?.trim_matches(|sign: char| !sign.is_alphanumeric() && sign != '`').to_lowercase();
    if words.len() < 4 {
        return Some("fewer than four words");
    }
    if FRAGMENTS.contains(&first.as_str()) {
        return Some("begins with a preposition, a pronoun or a conjunction");
    }
    let participle = first.len() > 4 && (first.ends_with("ed") || first.ends_with("ing"));
    if PARTICIPLES.contains(&first.as_str()) || participle && !NO_PARTICIPLES.contains(&first.as_str()) {
        return Some("begins with a participle");
    }
    let verb = first.ends_with('s') && !first.ends_with("ss") && !["always", "perhaps", "sometimes"].contains(&&*first);
    if kind == Kind::Function && !verb {
        return Some("a function's begins with a verb in the third person");
    }
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// Whether a file is a module that the library hides from its documentation.
fn is_hidden(file: &Path) -> bool {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    file.parent() == Some(&root().join("src")) && library.contains(&format!("#[doc(hidden)]\npub mod {name};"))
}

#[test]
fn every_first_sentence_of_a_public_item_stands_alone() {
    let mut sources = Vec::new();
    for folder in ["src", "web/src"] {
        files(&root().join(folder), &mut sources);
    }
    sources.retain(|path| !is_hidden(path));
    let (mut count, mut faults) = (0, Vec::new());
    for file in sources {
        let relative = file.strip_prefix(root()).unwrap().display().to_string();
        for Item { kind, name, sentence } in items(&fs::read_to_string(&file).unwrap()) {
            count += 1;
            if let Some(fault) = fault(kind, &sentence) {
                faults.push(format!("{relative}: {name}: {sentence} ({fault})"));
            }
        }
    }
    assert!(count > 300, "found only {count} public items");
    assert!(faults.is_empty(), "{} first sentences do not stand alone:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn fragments_are_told_from_sentences() {
    for (kind, sentence) in [
        (Kind::Function, "Sets the maximum number of attempts in flight."),
        (Kind::Thing, "The last attempt; the first is number 1."),
        (Kind::Thing, "Settings of a run, checked."),
        (Kind::Thing, "Whether the run has ended."),
    ] {
        assert_eq!(fault(kind, sentence), None, "{sentence}");
    }
    for (kind, sentence) in [
        (Kind::Thing, "By this pattern."),
        (Kind::Function, "With so many permits at once."),
        (Kind::Thing, "How."),
        (Kind::Thing, "Given back to the source."),
        (Kind::Thing, "So many tasks as fit."),
        (Kind::Function, "The number of tasks in flight."),
        (Kind::Thing, "Held by a worker at the end."),
    ] {
        assert!(fault(kind, sentence).is_some(), "{sentence}");
    }
}
