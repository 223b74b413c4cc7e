//! What may be where: streams' names, other people's crates, the clock; and how long things may be.

use std::collections::BTreeMap;

use crate::source::{Kind, Token, Tree, closing};

/// A name of a stream where no stream may be named: in a text, or in the name of a type or variant.
/// Of a text that may name streams, `exceptions` has the file and how it begins.
pub fn streams_named(
    tree: &Tree,
    names: &[&str],
    homes: &[&str],
    exceptions: &[(&str, &str)],
) -> Vec<String> {
    let mut found = Vec::new();
    for (file, source) in tree {
        if homes.iter().any(|home| file.starts_with(home)) {
            continue;
        }
        for token in &source.code {
            let (words, shown) = match &token.kind {
                Kind::Text(text) => {
                    let is_excepted = |(excepted, beginning): &(&str, &str)| {
                        excepted == file && text.starts_with(beginning)
                    };
                    if exceptions.iter().any(is_excepted) {
                        continue;
                    }
                    (text.clone(), text)
                }
                Kind::Word(word) => (camel_words(word), word),
                _ => continue,
            };
            if let Some(name) = names.iter().find(|name| has_word(&words, name)) {
                let line = token.line;
                found.push(format!("{file}:{line}: {shown:?} names the stream {name}"));
            }
        }
    }
    found
}

/// `ActivityLogs` as `activity_logs`, for the names of types and variants; no word for all others.
fn camel_words(name: &str) -> String {
    if !name.starts_with(char::is_uppercase) || !name.contains(char::is_lowercase) {
        return String::new();
    }
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Whether a text holds a name with neither letters nor digits before and behind it.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + name.len()..].chars().next();
        let parts = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        parts(before) && parts(behind)
    })
}

/// A crate that is named outside its home: each with the paths where it may be known.
pub fn crates_away_from_home(tree: &Tree, homes: &[(&str, &[&str])]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, source) in tree {
        for (name, home) in homes {
            let is_home = home.iter().any(|home| file.starts_with(home));
            let used = source.code.windows(2).find(|tokens| {
                tokens[0].is_word(name) && (tokens[1].kind == Kind::Path || tokens[1].is_sign(';'))
            });
            if let Some(tokens) = used.filter(|_| !is_home) {
                let line = tokens[0].line;
                found.push(format!("{file}:{line}: knows {name}, as only {home:?} may"));
            }
        }
    }
    found
}

/// Calls of these functions, given by the last two names of their path, in other files than those
/// listed with a reason.
pub fn called(tree: &Tree, functions: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, source) in tree {
        if files.iter().any(|(allowed, _)| allowed == file) {
            continue;
        }
        for tokens in source.code.windows(3) {
            for (owner, function) in functions {
                let is_called = tokens[0].is_word(owner)
                    && tokens[1].kind == Kind::Path
                    && tokens[2].is_word(function);
                if is_called {
                    let line = tokens[0].line;
                    found.push(format!("{file}:{line}: {owner}::{function}"));
                }
            }
        }
    }
    found
}

/// Public types of one name in several files: two concepts under one word. `homes` hold types that are
/// named by others, and a name of `excepted` may be in so many files.
pub fn names_of_several(tree: &Tree, homes: &[&str], excepted: &[(&str, usize)]) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, source) in tree {
        if homes.iter().any(|home| file.starts_with(home)) {
            continue;
        }
        for tokens in source.code.windows(3) {
            let kinds = ["struct", "enum", "trait", "type"];
            let is_public = tokens[0].is_word("pub") || tokens[0].is_sign(')');
            let is_type = kinds.iter().any(|kind| tokens[1].is_word(kind));
            if let (true, Kind::Word(name)) = (is_public && is_type, &tokens[2].kind) {
                files.entry(name).or_default().push(file);
            }
        }
    }
    files.retain(|name, files| {
        let allowed = excepted.iter().find(|(other, _)| other == name);
        files.len() > allowed.map_or(1, |(_, files)| *files)
    });
    let told = |(name, files): (&str, Vec<&str>)| format!("{name}: {}", files.join(", "));
    files.into_iter().map(told).collect()
}

/// Files with more lines than that, but for these.
pub fn long_files(tree: &Tree, most: usize, excepted: &[(&str, &str)]) -> Vec<String> {
    tree.iter()
        .filter(|(file, source)| {
            source.lines > most && !excepted.iter().any(|(other, _)| other == file)
        })
        .map(|(file, source)| format!("{file}: {} lines", source.lines))
        .collect()
}

/// Functions of more lines than that, signature included, but for these: file, name, reason.
pub fn long_functions(tree: &Tree, most: usize, excepted: &[(&str, &str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, source) in tree {
        for (name, first, last) in functions(&source.all) {
            let lines = last - first + 1;
            let is_excepted = excepted
                .iter()
                .any(|(other, function, _)| other == file && *function == name);
            if lines > most && !is_excepted {
                found.push(format!("{file}:{first}: {name} has {lines} lines"));
            }
        }
    }
    found
}

/// Every function with a body: its name, its first line and its last.
fn functions(tokens: &[Token]) -> Vec<(&str, usize, usize)> {
    let mut functions = Vec::new();
    for (start, pair) in tokens.windows(2).enumerate() {
        let Kind::Word(name) = &pair[1].kind else {
            continue;
        };
        if !pair[0].is_word("fn") {
            continue;
        }
        let mut at = start + 2;
        while !matches!(tokens[at].kind, Kind::Sign('{' | ';')) {
            at = match tokens[at].kind {
                Kind::Sign('(' | '[') => closing(tokens, at) + 1,
                _ => at + 1,
            };
        }
        if tokens[at].is_sign('{') {
            let last = tokens[closing(tokens, at)].line;
            functions.push((name.as_str(), pair[0].line, last));
        }
    }
    functions
}

/// Figures of a table of results that miss the bar behind them without being marked for it, or are
/// marked and don't.
pub fn misses_unmarked(results: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in results.lines().enumerate() {
        for cell in line.split('|') {
            for (at, opening) in cell.match_indices("(bar: ") {
                let behind = &cell[at + opening.len()..];
                let (bar, rest) = behind.split_once(')').expect("a bar ends");
                let is_marked = rest.starts_with(" **missed**");
                if is_missed(&cell[..at], bar) != is_marked {
                    found.push(format!(
                        "line {}: {} (bar: {bar})",
                        number + 1,
                        cell[..at].trim()
                    ));
                }
            }
        }
    }
    found
}

/// Whether the last figure of a text misses a bar: what is `at most `, or in `MiB`, must not be more, all
/// others not less.
fn is_missed(text: &str, bar: &str) -> bool {
    let is_number_part = |letter: char| letter.is_ascii_digit() || letter == '.';
    let end = text.rfind(is_number_part).expect("a figure before its bar") + 1;
    let start = text[..end]
        .rfind(|letter| !is_number_part(letter))
        .map_or(0, |at| at + 1);
    let figure: f64 = text[start..end].parse().expect("a figure is a number");
    let bar: f64 = bar.parse().expect("a bar is a number");
    if text[end..].contains("MiB") || text[end..].contains("at most") {
        figure > bar
    } else {
        figure < bar
    }
}

/// Places of the repository that a document names between backticks and that aren't there.
pub fn places_missing(document: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    const TOPS: [&str; 7] = [
        "src/",
        "tests/",
        "simulators/",
        "examples/",
        "benches/",
        "fuzz/",
        "docs/",
    ];
    let quoted = document.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| TOPS.iter().any(|top| text.starts_with(top)))
        .filter(|text| !text.contains([' ', '*', '{', '<']) && !is_there(text))
        .map(str::to_owned)
        .collect()
}

/// Lines that a document's `diff` shows as added to files and that these don't have. What a `…` stands
/// for isn't looked for.
pub fn lines_missing(document: &str, text_of: impl Fn(&str) -> String) -> Vec<String> {
    let mut found = Vec::new();
    let (mut is_diff, mut file, mut text) = (false, "", String::new());
    for line in document.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_diff = language == "diff";
        } else if let Some(path) = line.strip_prefix("--- a/").filter(|_| is_diff) {
            (file, text) = (path, text_of(path));
        } else if let Some(added) = line.strip_prefix('+').filter(|_| is_diff)
            && !added.contains('…')
            && !text.lines().any(|line| line == added)
        {
            found.push(format!("{file} has no line {added:?}"));
        }
    }
    found
}
