//! The modules of a package and the paths by which they name each other, read from its source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path from the crate's root; the root itself is empty.
pub(crate) type ModulePath = Vec<String>;

/// A path in the source, from the module that names it.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub(crate) from: ModulePath,
    /// Absolute segments: modules first, then the item.
    pub(crate) to: Vec<String>,
    pub(crate) file: String,
    /// Code that only tests compile.
    pub(crate) in_test: bool,
    pub(crate) is_macro: bool,
}

/// Everything that a package's source says about its modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    pub(crate) paths: BTreeSet<ModulePath>,
    pub(crate) mentions: Vec<Mention>,
    /// What a `use` brings into a module: the name there, and the absolute path behind it.
    imports: BTreeMap<(ModulePath, String), Vec<String>>,
}

impl Modules {
    /// Reads every file below `root`'s folder; `root` is `lib.rs` or `main.rs`.
    pub(crate) fn read(root: &Path) -> Self {
        let folder = root.parent().expect("a file lies in a folder");
        let mut files = Vec::new();
        collect(folder, &mut files);
        let mut sources = Vec::new();
        for file in files {
            let relative = file.strip_prefix(folder).expect("it was found there").to_path_buf();
            let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            sources.push((relative, text));
        }
        Self::from_sources(&sources)
    }

    pub(crate) fn from_sources(sources: &[(PathBuf, String)]) -> Self {
        let mut modules = Self::default();
        for (file, _) in sources {
            modules.paths.insert(module_of(file));
        }
        let mut test_only = BTreeSet::new();
        for (file, text) in sources {
            let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let mut scan = Scan { modules: &mut modules, test_only: &mut test_only, file: file.display().to_string() };
            scan.tokens(tokens, &module_of(file), false);
        }
        for mention in &mut modules.mentions {
            mention.in_test |= test_only.iter().any(|module| mention.from.starts_with(module));
        }
        modules
    }

    /// The module in which the item of a path is written, through as many re-exports as there are.
    pub(crate) fn home(&self, to: &[String]) -> ModulePath {
        let mut to = to.to_vec();
        for _ in 0..8 {
            let depth = (0..=to.len()).rev().find(|depth| self.paths.contains(&to[..*depth])).unwrap_or(0);
            let (module, item) = to.split_at(depth);
            let Some(behind) = item.first().and_then(|name| self.imports.get(&(module.to_vec(), name.clone()))) else {
                return module.to_vec();
            };
            to = [behind, &item[1..]].concat();
        }
        panic!("{to:?} leads from one re-export to the next")
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

fn module_of(file: &Path) -> ModulePath {
    let mut path: ModulePath = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(path.last().map(String::as_str), Some("lib" | "main" | "mod")) {
        path.pop();
    }
    path
}

struct Scan<'a> {
    modules: &'a mut Modules,
    test_only: &'a mut BTreeSet<ModulePath>,
    file: String,
}

impl Scan<'_> {
    fn tokens(&mut self, tokens: TokenStream, module: &ModulePath, in_test: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // From an attribute `cfg(test)` to the end of its item.
        let mut item_in_test = false;
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            let in_test = in_test || item_in_test;
            if let Some((attribute, length)) = attribute(rest) {
                item_in_test |= is_cfg_test(attribute);
                at += length;
                continue;
            }
            match &rest[0] {
                TokenTree::Ident(word) if word == "mod" && ident(rest, 1).is_some() => {
                    let child = [module.clone(), vec![ident(rest, 1).expect("just seen")]].concat();
                    if in_test {
                        self.test_only.insert(child.clone());
                    }
                    if let Some(TokenTree::Group(body)) = rest.get(2) {
                        self.tokens(body.stream(), &child, in_test);
                    }
                    item_in_test = false;
                    at += 3;
                }
                TokenTree::Ident(word) if word == "pub" => {
                    let restricted = matches!(rest.get(1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    at += if restricted { 2 } else { 1 };
                }
                TokenTree::Ident(word) if word == "use" => {
                    let length = rest.iter().position(|token| is_punct(token, ';')).unwrap_or(rest.len());
                    self.use_tree(&rest[1..length], &[], module, in_test);
                    item_in_test = false;
                    at += length + 1;
                }
                TokenTree::Ident(word)
                    if ["crate", "self", "super"].iter().any(|name| word == name) && is_path(rest, 1) =>
                {
                    let (segments, length) = segments(rest);
                    let is_macro = rest.get(length).is_some_and(|token| is_punct(token, '!'));
                    self.mention(&segments, module, in_test, is_macro);
                    at += length;
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), module, in_test);
                    item_in_test &= group.delimiter() != Delimiter::Brace;
                    at += 1;
                }
                token => {
                    item_in_test &= !is_punct(token, ';');
                    at += 1;
                }
            }
        }
    }

    /// `a::{b, c as d}`: each of its paths by itself.
    fn use_tree(&mut self, tokens: &[TokenTree], prefix: &[String], module: &ModulePath, in_test: bool) {
        let tokens = if is_path(tokens, 0) { &tokens[2..] } else { tokens };
        let (mut path, length) = segments(tokens);
        path.splice(0..0, prefix.iter().cloned());
        let rest = &tokens[length..];
        let rest = if is_path(rest, 0) { &rest[2..] } else { rest };
        if let Some(TokenTree::Group(group)) = rest.first() {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for part in inner.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty()) {
                self.use_tree(part, &path, module, in_test);
            }
            return;
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let Some(absolute) = self.absolute(&path, module) else { return };
        let renamed = ident(rest, 0).filter(|word| word == "as").and_then(|_| ident(rest, 1));
        if let Some(name) = renamed
            .or_else(|| path.last().cloned())
            .filter(|_| !matches!(rest.first(), Some(token) if is_punct(token, '*')))
        {
            self.modules.imports.insert((module.clone(), name), absolute.clone());
        }
        self.push(absolute, module, in_test, false);
    }

    fn mention(&mut self, segments: &[String], module: &ModulePath, in_test: bool, is_macro: bool) {
        if let Some(to) = self.absolute(segments, module) {
            self.push(to, module, in_test, is_macro);
        }
    }

    fn push(&mut self, to: Vec<String>, module: &ModulePath, in_test: bool, is_macro: bool) {
        self.modules.mentions.push(Mention { from: module.clone(), to, file: self.file.clone(), in_test, is_macro });
    }

    /// Segments from the crate's root; none for a path into another crate.
    fn absolute(&self, segments: &[String], module: &ModulePath) -> Option<Vec<String>> {
        let mut base = match segments.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => module.clone(),
            name => {
                let child = [module.clone(), vec![name.to_owned()]].concat();
                return self.modules.paths.contains(&child).then(|| [module.clone(), segments.to_vec()].concat());
            }
        };
        let mut rest = segments;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = more;
        }
        base.extend_from_slice(rest);
        Some(base)
    }
}

/// `#[…]` or `#![…]`: what is inside, and how many tokens it is long.
fn attribute(tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    if !is_punct(tokens.first()?, '#') {
        return None;
    }
    let inner = usize::from(tokens.get(1).is_some_and(|token| is_punct(token, '!')));
    match tokens.get(1 + inner)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some((group.stream(), 2 + inner)),
        _ => None,
    }
}

/// `cfg(test)`, alone or with other conditions, but not `cfg(not(test))`.
fn is_cfg_test(attribute: TokenStream) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text.starts_with("cfg(") && text.split(['(', ')', ',']).any(|word| word == "test") && !text.contains("not(test)")
}

/// Identifiers with `::` between them, and how many tokens they take.
fn segments(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut found = Vec::new();
    let mut length = 0;
    while let Some(name) = ident(tokens, length) {
        found.push(name);
        length += 1;
        if !is_path(tokens, length) || ident(tokens, length + 2).is_none() {
            break;
        }
        length += 2;
    }
    (found, length)
}

fn ident(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at)? {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    tokens.len() > at + 1 && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':')
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}
