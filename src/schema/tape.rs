//! A record as the validator sees it: a list of its values that points into its text.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::str::FromStr as _;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object, cmp};
use serde_json::{Number, Value};

use super::effort::steps;
use super::entries::{Entry, EntryKind, narrow};
use crate::json::strings::unquoted;
use crate::json::surrogates;

/// From this many members on, those of an object are looked up by a table of their names.
const MANY_MEMBERS: u32 = 48;

/// The representation's name to `jsonschema`.
#[derive(Debug)]
pub struct Tape;

/// A record laid out.
#[derive(Debug)]
pub struct Layout<'a> {
    entries: &'a [Entry],
    text: &'a str,
    /// Where the values of large objects are, by the object's place and their names.
    tables: RefCell<HashMap<u32, HashMap<Cow<'a, str>, u32>>>,
}

impl<'a> Layout<'a> {
    /// `entries` are those of `text`.
    pub fn new(entries: &'a [Entry], text: &'a str) -> Self {
        Self {
            entries,
            text,
            tables: RefCell::default(),
        }
    }

    /// How many values and keys it has.
    pub fn length(&self) -> usize {
        self.entries.len()
    }

    /// Whether a string's or key's content is this.
    #[inline]
    fn is_called(&self, entry: &Entry, content: &str) -> bool {
        let (start, end) = (entry.start as usize, entry.end as usize);
        match entry.kind {
            EntryKind::Plain => {
                end - start == content.len() + 2
                    && self.text.as_bytes()[start + 1..end - 1] == *content.as_bytes()
            }
            EntryKind::Bare => self.text[start..end] == *content,
            _ => unquoted(&self.text[start..end]).is_some_and(|unquoted| unquoted == content),
        }
    }

    /// The whole value.
    pub fn root(&'a self) -> TapeNode<'a> {
        TapeNode {
            layout: self,
            index: 0,
        }
    }
}

/// One value of a record.
#[derive(Clone, Copy, Debug)]
pub struct TapeNode<'a> {
    layout: &'a Layout<'a>,
    index: u32,
}

impl<'a> TapeNode<'a> {
    #[inline]
    fn entry(&self) -> &'a Entry {
        &self.layout.entries[self.index as usize]
    }

    /// Every look into a container is a step for each that it holds.
    #[inline]
    fn container(&self, kind: EntryKind) -> Option<Container<'a>> {
        let entry = self.entry();
        if entry.kind != kind {
            return None;
        }
        steps(entry.length as usize + 1);
        Some(Container(*self))
    }

    #[inline]
    fn at(self, index: u32) -> Self {
        Self { index, ..self }
    }

    fn raw(&self) -> &'a str {
        let entry = self.entry();
        &self.layout.text[entry.start as usize..entry.end as usize]
    }

    /// Whether a string's or key's content is this.
    fn is(&self, content: &str) -> bool {
        self.layout.is_called(self.entry(), content)
    }

    /// A string's or key's content.
    fn content(&self) -> Cow<'a, str> {
        let raw = self.raw();
        match self.entry().kind {
            EntryKind::Bare => Cow::Borrowed(raw),
            EntryKind::Plain => Cow::Borrowed(&raw[1..raw.len() - 1]),
            _ => unquoted(raw).unwrap_or_default(),
        }
    }
}

fn value_of(text: &str, is_bare: bool) -> Value {
    if is_bare {
        return Value::String(text.to_owned());
    }
    surrogates::parse(text).unwrap_or_default()
}

/// What a single string is laid out in.
#[derive(Default)]
pub struct StringBuffer {
    text: String,
    entries: Vec<Entry>,
}

impl Json for Tape {
    type Node<'a> = TapeNode<'a>;
    type PreparedKey = String;
    type StringBuffer = StringBuffer;

    // A lookup walks the members, so one walk is never dearer than two lookups.
    const KEYS_PER_LOOKUP: usize = 1 << 16;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut StringBuffer,
        string: &str,
        f: impl FnOnce(TapeNode<'_>) -> T,
    ) -> T {
        buffer.text.clear();
        buffer.text.push_str(string);
        buffer.entries.clear();
        buffer.entries.push(Entry {
            kind: EntryKind::Bare,
            start: 0,
            end: narrow(string.len()),
            next: 1,
            length: 0,
        });
        f(Layout::new(&buffer.entries, &buffer.text).root())
    }
}

impl<'a> Node<'a, Tape> for TapeNode<'a> {
    type Object = Container<'a>;
    type Array = Container<'a>;
    type Number = TapeNumber<'a>;

    fn as_object(&self) -> Option<Container<'a>> {
        self.container(EntryKind::Object)
    }

    fn as_array(&self) -> Option<Container<'a>> {
        self.container(EntryKind::Array)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        Node::is_string(self).then(|| self.content())
    }

    fn as_number(&self) -> Option<TapeNumber<'a>> {
        (self.entry().kind == EntryKind::Number).then(|| TapeNumber(self.raw()))
    }

    fn as_boolean(&self) -> Option<bool> {
        (self.entry().kind == EntryKind::Boolean).then(|| self.raw() == "true")
    }

    fn is_null(&self) -> bool {
        self.entry().kind == EntryKind::Null
    }

    fn is_number(&self) -> bool {
        self.entry().kind == EntryKind::Number
    }

    fn json_type(&self) -> JsonType {
        match self.entry().kind {
            EntryKind::Null => JsonType::Null,
            EntryKind::Boolean => JsonType::Boolean,
            EntryKind::Number => JsonType::Number,
            EntryKind::Plain | EntryKind::Escaped | EntryKind::Bare => JsonType::String,
            EntryKind::Array => JsonType::Array,
            EntryKind::Object => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => Node::is_null(self),
            Value::Bool(expected) => self.as_boolean() == Some(*expected),
            Value::String(expected) => Node::is_string(self) && self.is(expected),
            Value::Number(expected) => self
                .as_number()
                .is_some_and(|number| cmp::equal_numbers(&number, expected)),
            Value::Array(expected) => self.as_array().is_some_and(|array| {
                Array::len(&array) == expected.len()
                    && array
                        .elements()
                        .zip(expected)
                        .all(|(element, expected)| element.equals_value(expected))
            }),
            Value::Object(_) => {
                self.as_object().is_some() && cmp::equal(&self.to_value(), expected)
            }
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        let entry = self.entry();
        steps((entry.next - self.index) as usize);
        Cow::Owned(value_of(self.raw(), entry.kind == EntryKind::Bare))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        // The address tells a string node's own list from the record's.
        let address = std::ptr::from_ref(self.entry()).addr();
        Some(NodeIdentity::tagged(address, self.index))
    }
}

/// An array's elements or an object's members.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a>(TapeNode<'a>);

impl<'a> Container<'a> {
    fn children(self) -> Children<'a> {
        Children {
            container: self.0,
            next: self.0.index + 1,
            end: self.0.entry().next,
        }
    }

    /// A member of a large object: walking all of them for each of many names takes too long.
    fn look_up(self, name: &str) -> Option<TapeNode<'a>> {
        let mut tables = self.0.layout.tables.borrow_mut();
        let table = tables.entry(self.0.index).or_insert_with(|| {
            let members = Members(self.children());
            // As in a tree the last one wins where a key is there twice.
            members.map(|(name, value)| (name, value.index)).collect()
        });
        table.get(name).map(|index| self.0.at(*index))
    }
}

/// The entries right below a container, keys among them.
#[derive(Debug)]
pub struct Children<'a> {
    container: TapeNode<'a>,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = TapeNode<'a>;

    fn next(&mut self) -> Option<TapeNode<'a>> {
        if self.next >= self.end {
            return None;
        }
        let child = self.container.at(self.next);
        self.next = child.entry().next;
        Some(child)
    }
}

/// An object's members.
#[derive(Debug)]
pub struct Members<'a>(Children<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, TapeNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?;
        let value = self.0.next()?;
        Some((key.content(), value))
    }
}

impl<'a> Object<'a, Tape> for Container<'a> {
    type Node = TapeNode<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.0.entry().length as usize
    }

    fn get(&self, key: &String) -> Option<TapeNode<'a>> {
        let object = self.0.entry();
        if object.length >= MANY_MEMBERS {
            return self.look_up(key);
        }
        // Written out, since most of a check is spent here.
        let layout = self.0.layout;
        let mut found = None;
        let mut at = self.0.index + 1;
        while at < object.next {
            let name = &layout.entries[at as usize];
            // The last one wins where a key is there twice, as in a tree.
            if layout.is_called(name, key) {
                found = Some(name.next);
            }
            at = layout.entries[name.next as usize].next;
        }
        found.map(|index| self.0.at(index))
    }

    fn members(&self) -> Members<'a> {
        Members(self.children())
    }
}

impl<'a> Array<'a, Tape> for Container<'a> {
    type Node = TapeNode<'a>;
    type ElementsIter = Children<'a>;

    fn len(&self) -> usize {
        self.0.entry().length as usize
    }

    fn elements(&self) -> Children<'a> {
        self.children()
    }
}

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
pub struct TapeNumber<'a>(&'a str);

impl JsonNumber for TapeNumber<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(Number::from_str(self.0).unwrap_or_else(|_| Number::from(0)))
    }

    fn is_integer(&self) -> bool {
        self.is_written_as_integer() || {
            let number = self.to_number();
            JsonNumber::is_integer(&*number)
        }
    }

    fn is_written_as_integer(&self) -> bool {
        !self
            .0
            .bytes()
            .any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }
}
