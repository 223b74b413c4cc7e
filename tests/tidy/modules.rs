//! Which module uses which: imports and paths, followed through what modules pass on by `pub use`.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Kind, Source, Token, Tree};

/// The names of a module from the crate's root on; the root itself has none.
type Place = Vec<String>;

/// Uses of one module by another: who, whom, and where.
pub type Uses = BTreeMap<(String, String), String>;

/// One name that a `use` brings in.
struct Import {
    path: Vec<String>,
    /// What it is called here; `*` for all there is.
    name: String,
    is_passed_on: bool,
    line: usize,
}

struct Module<'a> {
    file: &'a str,
    source: &'a Source,
    imports: Vec<Import>,
}

/// All modules of a crate.
pub struct Modules<'a> {
    modules: BTreeMap<Place, Module<'a>>,
    /// What their names begin with.
    prefix: &'a str,
}

impl<'a> Modules<'a> {
    /// The modules of the crate whose root is `src/lib.rs`.
    pub fn of(tree: &'a Tree) -> Modules<'a> {
        Modules::of_crate(tree, "")
    }

    /// The modules of the crate whose root is `NAME/src/lib.rs`, for a prefix `NAME/`.
    pub fn of_crate(tree: &'a Tree, prefix: &'a str) -> Modules<'a> {
        let mut modules = BTreeMap::new();
        for (file, source) in tree {
            let Some(place) = file.strip_prefix(prefix).and_then(place_of) else {
                continue;
            };
            let imports = imports(&source.code);
            let module = Module {
                file,
                source,
                imports,
            };
            modules.insert(place, module);
        }
        Modules { modules, prefix }
    }

    /// Which module uses which. What `mod.rs` only passes on isn't its own use.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (place, module) in &self.modules {
            let mut paths: Vec<(Vec<String>, usize)> = Vec::new();
            for import in &module.imports {
                let leads_inside = self
                    .resolve(place, &import.path)
                    .is_some_and(|(owner, _)| owner.starts_with(place));
                if !(import.is_passed_on && leads_inside) {
                    paths.push((import.path.clone(), import.line));
                }
            }
            paths.extend(paths_in(&module.source.code));
            for (path, line) in paths {
                let Some((owner, item)) = self.resolve(place, &path) else {
                    continue;
                };
                // A room that is imported as such is used by the paths that begin with its name.
                let is_a_room = item.is_none() && self.has_children(&owner);
                if owner != *place && !is_a_room {
                    let names = (self.name_of(place), self.name_of(&owner));
                    let at = format!("{}:{line}", module.file);
                    uses.entry(names).or_insert(at);
                }
            }
        }
        uses
    }

    fn name_of(&self, place: &[String]) -> String {
        if place.is_empty() {
            return format!("{}the root", self.prefix);
        }
        format!("{}{}", self.prefix, place.join("::"))
    }

    fn has_children(&self, place: &[String]) -> bool {
        self.modules
            .keys()
            .any(|other| other.len() > place.len() && other.starts_with(place))
    }

    /// The module that defines what a path means in a module, and the item's name if the path is
    /// not of the module itself. `None` for what is of another crate or a name inside the module.
    fn resolve(&self, place: &Place, path: &[String]) -> Option<(Place, Option<String>)> {
        self.resolve_from(place, path, 0)
    }

    fn resolve_from(
        &self,
        place: &Place,
        path: &[String],
        depth: usize,
    ) -> Option<(Place, Option<String>)> {
        assert!(depth < 20, "{path:?} leads in a circle");
        let (first, rest) = path.split_first()?;
        let mut start = place.clone();
        match first.as_str() {
            "crate" | "intercom_singer" => return self.walk(Place::new(), rest, depth),
            "self" => return self.walk(start, rest, depth),
            "super" => {
                start.pop()?;
                let ups = rest.iter().take_while(|name| *name == "super").count();
                start.truncate(start.len().saturating_sub(ups));
                return self.walk(start, &rest[ups..], depth);
            }
            _ => {}
        }
        start.push(first.clone());
        if self.modules.contains_key(&start) {
            return self.walk(start, rest, depth);
        }
        let module = self.modules.get(place)?;
        let import = module.imports.iter().find(|import| import.name == *first)?;
        if import.path[0] == *first {
            return None;
        }
        let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
        self.resolve_from(place, &whole, depth + 1)
    }

    fn walk(
        &self,
        mut at: Place,
        path: &[String],
        depth: usize,
    ) -> Option<(Place, Option<String>)> {
        for (index, name) in path.iter().enumerate() {
            let mut below = at.clone();
            below.push(name.clone());
            if self.modules.contains_key(&below) {
                at = below;
                continue;
            }
            let module = self.modules.get(&at)?;
            let passed_on = module
                .imports
                .iter()
                .find(|import| import.is_passed_on && import.name == *name);
            if let Some(import) = passed_on {
                let rest = path[index + 1..].iter();
                let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                return self.resolve_from(&at, &whole, depth + 1);
            }
            return Some((at, Some(name.clone())));
        }
        Some((at, None))
    }
}

/// The groups of modules that use each other, in a circle or several.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let mut used_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (user, used) in uses.keys() {
        used_by.entry(user).or_default().insert(used);
    }
    // All that is used through others, too.
    loop {
        let mut grown = used_by.clone();
        for found in grown.values_mut() {
            let further = found.iter().filter_map(|used| used_by.get(used));
            let further: BTreeSet<&str> = further.flatten().copied().collect();
            found.extend(further);
        }
        if grown == used_by {
            break;
        }
        used_by = grown;
    }
    let reaches = |from: &str, to: &str| used_by.get(from).is_some_and(|found| found.contains(to));
    let circles: BTreeSet<BTreeSet<String>> = used_by
        .keys()
        .filter(|name| reaches(name, name))
        .map(|name| {
            let others = used_by.keys();
            others
                .filter(|other| reaches(name, other) && reaches(other, name))
                .map(|other| (*other).to_owned())
                .collect()
        })
        .collect();
    circles.into_iter().collect()
}

/// Uses that lead from a floor to one above it; floors are given from the ground up, each by the
/// rooms on it, where `::*` stands for all that is inside a room. Modules that no floor has are
/// named, too.
pub fn upward(uses: &Uses, floors: &[&[&str]]) -> Vec<String> {
    let is_on = |name: &str, room: &str| match room.strip_suffix("::*") {
        Some(room) => name
            .strip_prefix(room)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
        None => name == room,
    };
    let floor_of = |name: &str| {
        floors
            .iter()
            .position(|rooms| rooms.iter().any(|room| is_on(name, room)))
    };
    let mut found = Vec::new();
    for ((user, used), at) in uses {
        match (floor_of(user), floor_of(used)) {
            (Some(low), Some(high)) if low < high => {
                found.push(format!("{at}: {user} uses {used}, which is above it"));
            }
            (Some(_), Some(_)) => {}
            (of_user, _) => {
                let stranger = if of_user.is_none() { user } else { used };
                found.push(format!("{at}: {stranger} is on no floor"));
            }
        }
    }
    found
}

fn place_of(file: &str) -> Option<Place> {
    let inside = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    if inside == "lib" {
        return Some(Place::new());
    }
    Some(inside.split('/').map(str::to_owned).collect())
}

fn imports(code: &[Token]) -> Vec<Import> {
    let mut imports = Vec::new();
    for at in 0..code.len() {
        if !code[at].is_word("use") {
            continue;
        }
        // `use` also stands in `impl Trait + use<'a>`.
        if code.get(at + 1).is_some_and(|next| next.is_sign('<')) {
            continue;
        }
        let is_passed_on = at > 0
            && (code[at - 1].is_word("pub")
                || (code[at - 1].is_sign(')')
                    && code[..at - 1]
                        .iter()
                        .rev()
                        .take(4)
                        .any(|token| token.is_word("pub"))));
        let mut place = at + 1;
        let mut found = Vec::new();
        use_tree(code, &mut place, &[], &mut found);
        imports.extend(found.into_iter().map(|(path, name)| Import {
            path,
            name,
            is_passed_on,
            line: code[at].line,
        }));
    }
    imports
}

/// Reads one branch of a `use`: a path that ends in a name, in `as` another, in `*` or in more
/// branches between braces.
fn use_tree(
    code: &[Token],
    at: &mut usize,
    before: &[String],
    found: &mut Vec<(Vec<String>, String)>,
) {
    let mut path = before.to_vec();
    loop {
        match &code[*at].kind {
            Kind::Word(word) => path.push(word.clone()),
            Kind::Sign('{') => {
                *at += 1;
                while !code[*at].is_sign('}') {
                    use_tree(code, at, &path, found);
                    if code[*at].is_sign(',') {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            Kind::Sign('*') => {
                *at += 1;
                found.push((path, "*".to_owned()));
                return;
            }
            other => panic!("{other:?} in a use in line {}", code[*at].line),
        }
        *at += 1;
        if code[*at].kind != Kind::Path {
            break;
        }
        *at += 1;
    }
    if path.len() > 1 && path.ends_with(&["self".to_owned()]) {
        path.pop();
    }
    let mut name = path[path.len() - 1].clone();
    if code[*at].is_word("as") {
        if let Kind::Word(other) = &code[*at + 1].kind {
            name.clone_from(other);
        }
        *at += 2;
    }
    found.push((path, name));
}

/// The paths of more than one name outside of `use`, with their lines.
fn paths_in(code: &[Token]) -> Vec<(Vec<String>, usize)> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if code[at].is_word("use") && !code.get(at + 1).is_some_and(|next| next.is_sign('<')) {
            while !code[at].is_sign(';') {
                at += 1;
            }
            continue;
        }
        let mut path = Vec::new();
        let line = code[at].line;
        let is_first = at == 0 || code[at - 1].kind != Kind::Path;
        while let Some(Kind::Word(word)) = code.get(at).map(|token| &token.kind) {
            path.push(word.clone());
            at += 1;
            if code.get(at).is_none_or(|token| token.kind != Kind::Path) {
                break;
            }
            at += 1;
        }
        if path.len() > 1 && is_first {
            paths.push((path, line));
        } else if path.is_empty() {
            at += 1;
        }
    }
    paths
}
