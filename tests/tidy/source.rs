//! Rust text as tokens: enough of the language to tell code from comments, text and tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One token and the line it is on, counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A name or a keyword.
    Word(String),
    /// What stands between quotes, of any kind of text.
    Text(String),
    /// `::`.
    Path,
    /// Any other sign.
    Sign(char),
    /// A number, a character or a lifetime: nothing that a rule asks for.
    Other,
}

impl Token {
    /// Whether it is that name or keyword.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(name) if name == word)
    }

    /// Whether it is that sign.
    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// One file.
pub struct Source {
    /// How many lines it has, tests and comments included.
    pub lines: usize,
    /// All of its tokens.
    pub all: Vec<Token>,
    /// Those that are in the program: what is under `#[cfg(test)]` or in a file `tests.rs` left out.
    pub code: Vec<Token>,
}

/// Files by their path in the repository.
pub type Tree = BTreeMap<String, Source>;

impl Source {
    pub fn of(path: &str, text: &str) -> Source {
        let all = tokens(text);
        let is_test = path.ends_with("/tests.rs");
        Source {
            lines: text.lines().count(),
            code: if is_test {
                Vec::new()
            } else {
                without_tests(&all)
            },
            all,
        }
    }
}

/// A tree that is made up.
pub fn tree_of(files: &[(&str, &str)]) -> Tree {
    let file = |&(path, text): &(&str, &str)| (path.to_owned(), Source::of(path, text));
    files.iter().map(file).collect()
}

/// The Rust files of these directories of the repository.
pub fn read(directories: &[&str]) -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left: Vec<_> = directories.iter().map(|name| root.join(name)).collect();
    let mut tree = Tree::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let inside = path.strip_prefix(root).unwrap();
            let parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
            let text = fs::read_to_string(&path).unwrap();
            let name = parts.join("/");
            let source = Source::of(&name, &text);
            tree.insert(name, source);
        }
    }
    assert!(!tree.is_empty(), "{directories:?} hold Rust files");
    tree
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, kind) = match first {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            _ if rest.starts_with("/*") => (comment(rest), None),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            _ if rest.starts_with("::") => (2, Some(Kind::Path)),
            '\'' => (character_or_lifetime(rest), Some(Kind::Other)),
            _ if text_opening(rest).is_some() => {
                let (length, inside) = quoted(rest);
                (length, Some(Kind::Text(inside.to_owned())))
            }
            _ if first.is_alphabetic() || first == '_' => {
                let length = word(rest);
                (length, Some(Kind::Word(rest[..length].to_owned())))
            }
            _ if first.is_ascii_digit() => (number(rest), Some(Kind::Other)),
            sign => (sign.len_utf8(), Some(Kind::Sign(sign))),
        };
        tokens.extend(kind.map(|kind| Token { kind, line }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

fn word(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(text.len())
}

fn number(text: &str) -> usize {
    let whole = word(text);
    // `1.5`, but neither `0..5` nor `1.max(2)`.
    let after = text[whole..].strip_prefix('.');
    match after {
        Some(digits) if digits.starts_with(|first: char| first.is_ascii_digit()) => {
            whole + 1 + word(digits)
        }
        _ => whole,
    }
}

/// A comment between `/*` and `*/`, with those inside it.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest.chars().next().expect("a comment ends").len_utf8();
        }
        if depth == 0 {
            return at;
        }
    }
}

fn character_or_lifetime(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let (_, first) = letters.next().expect("a quote is followed");
    let (second_at, second) = letters.next().expect("a file doesn't end here");
    if first == '\\' {
        // After what is escaped, which may be a quote.
        let from = second_at + second.len_utf8();
        return from + text[from..].find('\'').expect("a character ends") + 1;
    }
    if second == '\'' {
        return second_at + 1;
    }
    1 + word(&text[1..])
}

/// The number of letters before the quote of a text, and its hashes where it is a raw one.
fn text_opening(text: &str) -> Option<(usize, Option<usize>)> {
    let marks = text.find(|letter| !matches!(letter, 'b' | 'c' | 'r'))?;
    let is_raw = text[..marks].ends_with('r');
    let after = &text[marks..];
    let hashes = after.find(|letter| letter != '#')?;
    if marks > 2 || !after[hashes..].starts_with('"') || (!is_raw && hashes > 0) {
        return None;
    }
    Some((marks + hashes, is_raw.then_some(hashes)))
}

/// The length of a text with all that opens and closes it, and what is inside.
fn quoted(text: &str) -> (usize, &str) {
    let (before, raw) = text_opening(text).expect("a text begins");
    let inside = &text[before + 1..];
    let end = match raw {
        Some(hashes) => inside.find(&format!("\"{}", "#".repeat(hashes))),
        None => inside
            .char_indices()
            .scan(false, |escaped, (at, letter)| {
                let ends = letter == '"' && !*escaped;
                *escaped = letter == '\\' && !*escaped;
                Some(ends.then_some(at))
            })
            .find_map(|end| end),
    };
    let end = end.expect("a text ends");
    let length = before + 1 + end + 1 + raw.unwrap_or(0);
    (length, &inside[..end])
}

fn without_tests(all: &[Token]) -> Vec<Token> {
    let mut code = Vec::new();
    let mut at = 0;
    while at < all.len() {
        if is_for_tests(&all[at..]) {
            at = item_end(all, at);
        } else {
            code.push(all[at].clone());
            at += 1;
        }
    }
    code
}

/// Whether `#[cfg(test)]` stands here.
fn is_for_tests(tokens: &[Token]) -> bool {
    let [hash, open, cfg, _, test, _, close, ..] = tokens else {
        return false;
    };
    hash.is_sign('#')
        && open.is_sign('[')
        && cfg.is_word("cfg")
        && test.is_word("test")
        && close.is_sign(']')
}

/// Where the item ends that begins here, with its attributes: behind its `;` or its block.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while tokens[at].is_sign('#') {
        at = closing(tokens, at + 1) + 1;
    }
    while at < tokens.len() {
        match tokens[at].kind {
            Kind::Sign(';') => return at + 1,
            Kind::Sign('{') => return closing(tokens, at) + 1,
            Kind::Sign('(' | '[') => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

/// Where the bracket is closed that opens at this place.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("the bracket of line {} is never closed", tokens[open].line)
}

#[test]
fn code_is_told_from_comments_text_and_tests() {
    let text = r##"
        /// fn a "b" /* c */
        use one::two; // three
        const T: &str = r#"four " { five"#; /* six /* seven */ "eight" */
        fn nine<'a>(ten: &'a str) -> char { if ten == "eleven \" {" { '{' } else { '\'' } }
        #[cfg(test)]
        #[allow(unused)]
        mod tests { fn twelve() { let s = [0; 3]; } }
        fn thirteen() -> f64 { 1.5e3 + 0..2 }
    "##;
    let source = Source::of("src/a.rs", text);
    let words: Vec<&str> = source
        .code
        .iter()
        .filter_map(|token| match &token.kind {
            Kind::Word(word) => Some(word.as_str()),
            _ => None,
        })
        .collect();
    let expected = "use one two const T str fn nine ten str char if ten else fn thirteen f64";
    assert_eq!(words.join(" "), expected);
    let texts: Vec<&str> = source
        .code
        .iter()
        .filter_map(|token| match &token.kind {
            Kind::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["four \" { five", "eleven \\\" {"]);
    assert_eq!(source.code.last().map(|token| token.line), Some(9));
}
