//! A table of the configuration, read key by key. Every fault is collected with its line and column, so that one
//! `--check` shows all of them; a key that nobody asked for is a fault too. Never guesses: a value of the wrong type is a
//! fault, not a conversion.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Understands a text: `read` is given the whole document, and calls [`Section::finish`] on it and on each table in it.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse<T>(
    text: &str,
    read: impl FnOnce(Section<'_, '_>, &Faults<'_>) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let faults = Faults::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            faults.add(error.span().unwrap_or(0..0), "", error.message());
        }
        return Err(faults.into_problems());
    }
    let understood = read(Section::root(&faults, &document), &faults);
    let problems = faults.into_problems();
    match understood {
        Some(understood) if problems.is_empty() => Ok(understood),
        _ => Err(problems),
    }
}

/// One thing that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The key at fault, such as `source.ldap.poll`; empty when it is not about a key.
    pub key: String,
    /// What is wrong, and the way out.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// Collects what is wrong with one text.
#[derive(Debug)]
pub struct Faults<'t> {
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Faults<'t> {
    /// None yet.
    fn new(text: &'t str) -> Faults<'t> {
        Faults { text, found: RefCell::new(Vec::new()) }
    }

    /// Notes a fault at a place of the text.
    pub fn add(&self, at: Range<usize>, key: impl Into<String>, what: impl Display) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let problem = Problem { line, column, key: key.into(), what: what.to_string() };
        self.found.borrow_mut().push(problem);
    }

    /// Everything noted, in the order of the text.
    fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.found.into_inner();
        problems.sort_by_key(|p| (p.line, p.column));
        problems
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the text, in bytes.
    pub span: Range<usize>,
}

/// A key of a table.
#[derive(Debug)]
struct Key<'s, 't> {
    name: &'s str,
    span: Range<usize>,
    value: &'s Spanned<DeValue<'t>>,
    /// Whether anybody asked for it.
    seen: Cell<bool>,
}

/// A table that is being read. Each key is asked for by name; [`Section::finish`] reports the ones nobody asked for.
#[derive(Debug)]
pub struct Section<'s, 't> {
    faults: &'s Faults<'t>,
    path: String,
    span: Range<usize>,
    keys: Vec<Key<'s, 't>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'s, 't> Section<'s, 't> {
    /// The whole document.
    fn root(faults: &'s Faults<'t>, table: &'s Spanned<DeTable<'t>>) -> Section<'s, 't> {
        Section::new(faults, String::new(), table.span(), table.get_ref())
    }

    fn new(
        faults: &'s Faults<'t>,
        path: String,
        span: Range<usize>,
        table: &'s DeTable<'t>,
    ) -> Section<'s, 't> {
        let key = |(name, value): (&'s Spanned<DeString<'t>>, &'s Spanned<DeValue<'t>>)| Key {
            name: name.get_ref().as_ref(),
            span: name.span(),
            value,
            seen: Cell::new(false),
        };
        let keys = table.iter().map(key).collect();
        Section { faults, path, span, keys, asked: RefCell::new(Vec::new()) }
    }

    /// The full name of a key of this table.
    pub fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes a fault of the table as a whole.
    pub fn fault(&self, what: impl Display) {
        self.faults.add(self.span.clone(), self.path.clone(), what);
    }

    /// Notes a fault of one key.
    pub fn fault_at(&self, name: &str, span: Range<usize>, what: impl Display) {
        self.faults.add(span, self.key(name), what);
    }

    fn find(&self, name: &str) -> Option<&Key<'s, 't>> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether the key is there.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether the key is there and holds an empty list.
    pub fn is_empty(&self, name: &str) -> bool {
        self.find(name).and_then(|key| key.value.get_ref().as_array()).is_some_and(|items| items.is_empty())
    }

    fn value(&self, name: &'static str) -> Option<&'s Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().push(name);
        let key = self.find(name)?;
        key.seen.set(true);
        Some(key.value)
    }

    fn wrong_type(&self, name: &str, value: &Spanned<DeValue<'t>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.fault_at(name, value.span(), format_args!("expects {wanted}, not a value of type {found}"));
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(name, value, "true or false");
        }
        found
    }

    /// A text that means a `T`.
    pub fn parsed<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let value = self.value(name)?;
        self.one(name, value, &parse)
    }

    /// Like [`Section::parsed`]; its absence is a fault.
    pub fn required<T, E: Display>(
        &self,
        name: &'static str,
        way_out: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        if !self.has(name) {
            self.asked.borrow_mut().push(name);
            self.fault(format_args!("lacks `{name}`: {way_out}"));
            return None;
        }
        self.parsed(name, parse)
    }

    /// A list of texts that each mean a `T`; the good ones, faults noted for the others.
    pub fn list<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let value = self.value(name)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(name, value, "a list of texts, such as [\"a\", \"b\"]");
            return None;
        };
        Some(items.iter().filter_map(|item| self.one(name, item, &parse)).map(|at| at.value).collect())
    }

    fn one<T, E: Display>(
        &self,
        name: &str,
        value: &Spanned<DeValue<'t>>,
        parse: &impl Fn(&str) -> Result<T, E>,
    ) -> Option<At<T>> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(name, value, "a text in quotes");
            return None;
        };
        match parse(text) {
            Ok(good) => Some(At { value: good, span: value.span() }),
            Err(error) => {
                self.fault_at(name, value.span(), error);
                None
            }
        }
    }

    /// A table inside this one.
    pub fn table(&self, name: &'static str) -> Option<Section<'s, 't>> {
        let value = self.value(name)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(name, value, "a table");
            return None;
        };
        Some(Section::new(self.faults, self.key(name), value.span(), table))
    }

    /// The tables of `[[name]]`.
    pub fn tables(&self, name: &'static str) -> Vec<Section<'s, 't>> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(name, value, &format!("tables, each headed [[{name}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let path = format!("{}[{index}]", self.key(name));
                    tables.push(Section::new(self.faults, path, item.span(), table));
                }
                None => self.wrong_type(name, item, &format!("tables, each headed [[{name}]]")),
            }
        }
        tables
    }

    /// Every key of this table as a table of its own, for `[source.NAME]`.
    pub fn children(&self) -> Vec<(&'s str, Range<usize>, Section<'s, 't>)> {
        let mut tables = Vec::new();
        for Key { name, span, value, seen } in &self.keys {
            seen.set(true);
            match value.get_ref().as_table() {
                Some(table) => {
                    let section = Section::new(self.faults, self.key(name), span.clone(), table);
                    tables.push((*name, span.clone(), section));
                }
                None => self.wrong_type(name, value, &format!("a table, headed [{}]", self.key(name))),
            }
        }
        tables
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for Key { name, span, seen, .. } in &self.keys {
            if !seen.get() {
                let path = &self.path;
                let key = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                let known = asked.join(", ");
                self.faults.add(span.clone(), key, format_args!("unknown key; known here: {known}"));
            }
        }
    }
}
