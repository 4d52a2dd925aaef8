//! What is written: YAML as a person would write it, with comments.

use super::remark::Remark;

/// Lines are filled up to so many letters.
const WIDTH: usize = 100;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// On the line of its key, as it is written.
    Line(String),
    /// On lines of its own.
    Block(Block),
}

/// A map or a list, with comments in between.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Comment(String),
    Remark(Remark),
    Entry(String, Yaml),
    Item(Yaml),
}

impl Yaml {
    /// A word that needs no quotes: a number, a field, one of our own words.
    pub(super) fn word(word: impl ToString) -> Self {
        Self::Line(word.to_string())
    }

    /// Any text.
    pub(super) fn text(text: &str) -> Self {
        Self::Line(scalar(text))
    }

    /// A list on one line.
    pub(super) fn list(items: impl IntoIterator<Item = String>) -> Self {
        Self::Line(format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", ")))
    }

    /// A map on one line.
    pub(super) fn map<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, String)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| format!("{}: {value}", key.as_ref()));
        Self::Line(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
    }
}

impl Block {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn comment(&mut self, comment: impl Into<String>) {
        self.0.push(Part::Comment(comment.into()));
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        self.0.push(Part::Remark(remark));
    }

    pub(super) fn remarks(&mut self, remarks: impl IntoIterator<Item = Remark>) {
        self.0.extend(remarks.into_iter().map(Part::Remark));
    }

    pub(super) fn entry(&mut self, key: &str, value: Yaml) {
        self.0.push(Part::Entry(scalar(key), value));
    }

    /// The same, unless there is nothing to be said.
    pub(super) fn block(&mut self, key: &str, block: Self) {
        if !block.is_empty() {
            self.entry(key, Yaml::Block(block));
        }
    }

    pub(super) fn item(&mut self, value: Yaml) {
        self.0.push(Part::Item(value));
    }

    /// An item that is a map with one key.
    pub(super) fn keyed(&mut self, key: &str, value: Yaml) {
        let mut map = Self::new();
        map.entry(key, value);
        self.item(Yaml::Block(map));
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many entries or items it has, without comments.
    pub(super) fn n_values(&self) -> usize {
        self.0.iter().filter(|part| matches!(part, Part::Entry(..) | Part::Item(_))).count()
    }

    /// All remarks in it, in their order.
    pub(super) fn all_remarks<'a>(&'a self, found: &mut Vec<&'a Remark>) {
        for part in &self.0 {
            match part {
                Part::Remark(remark) => found.push(remark),
                Part::Entry(_, Yaml::Block(block)) | Part::Item(Yaml::Block(block)) => {
                    block.all_remarks(found);
                }
                _ => {}
            }
        }
    }

    /// Has it more values than our reader takes, or nearly so?
    pub(super) fn is_too_long(&self) -> bool {
        const VALUES_MAX: usize = 15_000;
        self.n_all_values() > VALUES_MAX
    }

    /// How many keys and values there are in all of it, counted generously.
    fn n_all_values(&self) -> usize {
        let of_value = |value: &Yaml| match value {
            Yaml::Line(line) => 1 + line.matches([',', ':']).count(),
            Yaml::Block(block) => 1 + block.n_all_values(),
        };
        let of_part = |part: &Part| match part {
            Part::Entry(_, value) => 1 + of_value(value),
            Part::Item(value) => of_value(value),
            Part::Comment(_) | Part::Remark(_) => 1,
        };
        self.0.iter().map(of_part).sum()
    }

    /// The text.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out
    }

    fn write(&self, indent: usize, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Comment(comment) => write_comment(comment, indent, out),
                Part::Remark(remark) => {
                    write_comment(&remark.comment(), indent, out);
                    for line in remark.quoted() {
                        write_line(&format!("  {line}"), indent, out);
                    }
                }
                Part::Entry(key, value) => {
                    margin(indent, out);
                    write_entry(key, value, indent, out);
                }
                Part::Item(Yaml::Line(line)) => {
                    margin(indent, out);
                    out.push_str("- ");
                    out.push_str(line);
                    out.push('\n');
                }
                Part::Item(Yaml::Block(block)) => block.write_item(indent, out),
            }
        }
    }

    /// A map as an item: comments before its first key stand before the item.
    fn write_item(&self, indent: usize, out: &mut String) {
        let is_entry = |part: &Part| matches!(part, Part::Entry(..));
        let first = self.0.iter().position(is_entry).unwrap_or(self.0.len());
        let (before, rest) = self.0.split_at(first);
        Self(before.to_vec()).write(indent, out);
        margin(indent, out);
        out.push_str("- ");
        match rest {
            [Part::Entry(key, value), rest @ ..] => {
                write_entry(key, value, indent + 2, out);
                Self(rest.to_vec()).write(indent + 2, out);
            }
            _ => out.push_str("{}\n"),
        }
    }
}

fn margin(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_entry(key: &str, value: &Yaml, indent: usize, out: &mut String) {
    out.push_str(key);
    out.push(':');
    match value {
        Yaml::Line(line) => {
            out.push(' ');
            out.push_str(line);
            out.push('\n');
        }
        Yaml::Block(block) => {
            out.push('\n');
            let is_list = block.0.iter().any(|part| matches!(part, Part::Item(_)));
            block.write(if is_list { indent } else { indent + 2 }, out);
        }
    }
}

/// Writes a comment, filling lines with its words.
fn write_comment(comment: &str, indent: usize, out: &mut String) {
    let mut line = String::new();
    for word in comment.split(' ') {
        let length = indent + 3 + line.chars().count() + word.chars().count();
        if !line.trim().is_empty() && length > WIDTH {
            write_line(&line, indent, out);
            "  ".clone_into(&mut line);
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    write_line(&line, indent, out);
}

fn write_line(line: &str, indent: usize, out: &mut String) {
    margin(indent, out);
    out.push('#');
    if !line.is_empty() {
        out.push(' ');
    }
    out.extend(line.chars().map(|letter| if is_printed(letter) { letter } else { '?' }));
    out.push('\n');
}

/// May the letter stand in YAML as it is, without ending a line?
fn is_printed(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as a scalar: without quotes where it stays a text, and never with a variable in it.
pub(super) fn scalar(text: &str) -> String {
    let text = text.replace("${", "$${");
    if !text.chars().all(is_printed) {
        return double_quoted(&text);
    }
    if is_plain(&text) { text } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Is it a text without quotes too, on a line and in a flow list?
fn is_plain(text: &str) -> bool {
    /// What YAML 1.1 or 1.2 takes for something else.
    const WORDS: &[&str] = &["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_first = |letter: char| letter.is_ascii_alphabetic() || matches!(letter, '/' | '_');
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "/_.-".contains(letter);
    text.starts_with(is_first)
        && text.chars().all(is_letter)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if is_printed(letter) => out.push(letter),
            letter => out.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    out.push('"');
    out
}
