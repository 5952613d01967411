//! The public items of a file, with the first sentences of their docs.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    /// A type, a field, a variant, a constant, a module: something with a name.
    Thing,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) sentence: String,
}

/// The first sentence of a text in Markdown: to the first stop, or the end of its paragraph.
fn first_sentence(doc: &str) -> String {
    let paragraph: Vec<&str> =
        doc.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph
        .match_indices(". ")
        .map(|(at, _)| at)
        .find(|at| !["e.g", "i.e", "etc"].iter().any(|short| paragraph[..*at].ends_with(short)));
    paragraph[..end.map_or(paragraph.len(), |end| end + 1)].to_owned()
}

/// Public items of a file, with their first sentences.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let tokens: TokenStream = text.parse().expect("the compiler reads it as well");
    let mut items = Vec::new();
    collect(tokens, Place::Module, &mut items);
    items
}

/// What a list of tokens is the inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Module,
    /// What a public trait has is public.
    Trait,
    Variants,
    Fields,
    /// What a public variant has is public.
    VariantFields,
}

impl Place {
    /// Whether commas end its items.
    fn is_list(self) -> bool {
        matches!(self, Self::Variants | Self::Fields | Self::VariantFields)
    }
}

fn collect(tokens: TokenStream, place: Place, items: &mut Vec<Item>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let (doc, hidden, length) = attributes(&tokens[at..]);
        at += length;
        let end = end_of_item(&tokens[at..], place) + at;
        if !hidden {
            item(&tokens[at..end], doc, place, items);
        }
        at = end.max(at + 1);
    }
}

/// The text of the doc attributes at the beginning, whether the item is hidden or for tests, and how many tokens they take.
fn attributes(tokens: &[TokenTree]) -> (String, bool, usize) {
    let (mut doc, mut hidden, mut at) = (String::new(), false, 0);
    while let Some(TokenTree::Punct(sign)) = tokens.get(at)
        && sign.as_char() == '#'
    {
        let inner = matches!(tokens.get(at + 1), Some(TokenTree::Punct(sign)) if sign.as_char() == '!');
        let Some(TokenTree::Group(group)) = tokens.get(at + 1 + usize::from(inner)) else { break };
        let parts: Vec<TokenTree> = group.stream().into_iter().collect();
        match parts.as_slice() {
            [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(text)] if name == "doc" && !inner => {
                doc += &unquoted(&text.to_string());
                doc.push('\n');
            }
            _ => hidden |= ["doc(hidden)", "cfg(test)"].contains(&group.stream().to_string().replace(' ', "").as_str()),
        }
        at += 2 + usize::from(inner);
    }
    (doc, hidden, at)
}

fn unquoted(literal: &str) -> String {
    let text = literal.trim_start_matches('r').trim_matches('#');
    text.trim_start_matches('"').trim_end_matches('"').replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\")
}

/// How many tokens the item at the beginning has.
fn end_of_item(tokens: &[TokenTree], place: Place) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(sign) if place.is_list() => sign.as_char() == ',',
        TokenTree::Punct(sign) => sign.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !place.is_list(),
        _ => false,
    };
    // A comma within angle brackets ends no field.
    let (mut depth, mut previous) = (0_i32, ' ');
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Punct(sign) = token {
            match sign.as_char() {
                '<' => depth += 1,
                '>' if previous != '-' && previous != '=' => depth -= 1,
                _ => {}
            }
            previous = sign.as_char();
        } else {
            previous = ' ';
        }
        if depth <= 0 && ends(token) {
            return at + 1;
        }
    }
    tokens.len()
}

/// Notes an item if it is public, and what is in it.
fn item(tokens: &[TokenTree], doc: String, place: Place, items: &mut Vec<Item>) {
    let words: Vec<String> = tokens.iter().map(ToString::to_string).collect();
    let restricted = words.get(1).is_some_and(|word| word.starts_with('('));
    let is_public = words.first().is_some_and(|word| word == "pub") && !restricted;
    let body = tokens.iter().rev().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let keywords = ["fn", "struct", "enum", "trait", "const", "static", "type", "mod", "use", "impl", "union"];
    let keyword = words
        .iter()
        .find(|word| keywords.contains(&word.as_str()) && *word != "const")
        .or_else(|| words.iter().find(|word| *word == "const"));
    let keyword = keyword.map_or("", String::as_str);
    let name = |after: &str| words.iter().skip_while(|word| *word != after).nth(1).cloned().unwrap_or_default();
    let mut note = |kind, name: String| {
        let sentence = first_sentence(&doc);
        if !sentence.is_empty() {
            items.push(Item { kind, name, sentence });
        }
    };
    match place {
        Place::Fields if is_public => note(Kind::Thing, words[1].clone()),
        Place::VariantFields => note(Kind::Thing, words.first().cloned().unwrap_or_default()),
        Place::Variants => {
            note(Kind::Thing, words.first().cloned().unwrap_or_default());
            if let Some(body) = body {
                collect(body, Place::VariantFields, items);
            }
        }
        Place::Fields => {}
        Place::Module | Place::Trait => {
            let is_public = is_public || place == Place::Trait;
            let implements = keyword == "impl" && words.iter().any(|word| word == "for");
            match keyword {
                _ if implements => {}
                "fn" if is_public => note(Kind::Function, name("fn")),
                "impl" => body.into_iter().for_each(|body| collect(body, Place::Module, items)),
                "mod" => body.into_iter().for_each(|body| collect(body, Place::Module, items)),
                "use" | "" | "fn" => {}
                _ if !is_public => {}
                keyword => {
                    note(Kind::Thing, name(keyword));
                    let inside = match keyword {
                        "enum" => Some(Place::Variants),
                        "struct" => Some(Place::Fields),
                        "trait" => Some(Place::Trait),
                        _ => None,
                    };
                    if let (Some(inside), Some(body)) = (inside, body) {
                        collect(body, inside, items);
                    }
                }
            }
        }
    }
}

#[test]
fn public_items_are_found_with_their_first_sentences() {
    let text = r#"
        //! The module's own.
        /// Gives a number. And more.
        pub fn number() -> u64 { 1 }
        /// Not for the public.
        pub(crate) fn hidden() {}
        /// A thing of
        /// two lines.
        ///
        /// Further paragraphs.
        #[derive(Debug)]
        pub struct Thing<A, B> {
            /// The map of both.
            pub map: Map<A, B>,
            /// Private.
            other: u8,
        }
        impl<A, B> Thing<A, B> {
            /// Returns the inside, e.g. a map. More.
            pub const fn inside(&self) -> Map<A, B> { loop {} }
        }
        impl Trait for u8 {
            /// Nobody reads this.
            fn act(&self) {}
        }
        /// The choice of one.
        pub enum Choice {
            /// The first of both.
            First,
            /// The second of both.
            Second {
                /// The number of it.
                number: u8,
            },
        }
        /// The way to act.
        pub trait Trait {
            /// Acts on its own.
            fn act(&self);
        }
        #[doc(hidden)]
        pub fn secret() {}
        #[cfg(test)]
        mod tests { /// Tests.
            pub fn helper() {} }
    "#;
    let found: Vec<_> = items(text).into_iter().map(|item| format!("{}: {}", item.name, item.sentence)).collect();
    assert_eq!(
        found,
        [
            "number: Gives a number.",
            "Thing: A thing of two lines.",
            "map: The map of both.",
            "inside: Returns the inside, e.g. a map.",
            "Choice: The choice of one.",
            "First: The first of both.",
            "Second: The second of both.",
            "number: The number of it.",
            "Trait: The way to act.",
            "act: Acts on its own.",
        ]
    );
}
