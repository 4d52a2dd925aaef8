//! Texts out of bytes: each byte is a decision, so that an engine that changes bytes changes the text.

/// Decisions; when the bytes are used up, always the first choice.
pub(crate) struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A number below this one, or 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let one = usize::from(self.byte());
        let number = if n > 256 { one << 8 | usize::from(self.byte()) } else { one };
        number % n.max(1)
    }

    pub(crate) fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len())]
    }

    /// True one time out of so many.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// The bytes that are left, as text.
    pub(crate) fn rest(&mut self) -> String {
        String::from_utf8_lossy(std::mem::take(&mut self.bytes)).into_owned()
    }

    /// A text: of any bytes, of tokens in any order, or one of the seeds with some changes.
    pub(crate) fn text(&mut self, seeds: &[&str], tokens: &[&str]) -> String {
        match self.byte() % 8 {
            0 => self.rest(),
            1 | 2 => {
                let mut text = String::new();
                while !self.is_done() {
                    text.push_str(self.pick(tokens));
                    if self.one_in(3) {
                        text.push(' ');
                    }
                }
                text
            }
            _ => {
                let mut text = self.pick(seeds).to_owned();
                let n_changes = self.below(6);
                for _ in 0..n_changes {
                    text = self.changed(text, seeds, tokens);
                }
                text
            }
        }
    }

    /// The text with one change.
    fn changed(&mut self, mut text: String, seeds: &[&str], tokens: &[&str]) -> String {
        let range = self.range(&text);
        match self.byte() % 8 {
            0 => text.replace_range(range, ""),
            1 => {
                let twice = text[range.clone()].repeat(2);
                text.replace_range(range, &twice);
            }
            2 | 3 => text.insert_str(range.start, self.pick(tokens)),
            4 => text.replace_range(range, self.pick(tokens)),
            5 => {
                let other = self.pick(seeds);
                let part = self.range(other);
                text.insert_str(range.start, &other[part]);
            }
            6 => text.insert_str(range.start, self.pick(ODD)),
            // Half of a text is what an editor that died leaves.
            _ => text.truncate(range.start),
        }
        text
    }

    /// Some characters of the text, most often a few.
    fn range(&mut self, text: &str) -> std::ops::Range<usize> {
        let start = self.below(text.len() + 1);
        let length = if self.one_in(8) { self.below(text.len() + 1) } else { self.below(12) };
        let boundary =
            |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let start = boundary(start).unwrap_or(0);
        start..boundary(start + length).unwrap_or(start).max(start)
    }
}

/// Characters that programs stumble over.
const ODD: &[&str] = &[
    "\0",
    "\u{1b}[31m",
    "\u{feff}",
    "\u{2028}",
    "\u{202e}",
    "é",
    "e\u{301}",
    "\u{1f600}",
    "ß",
    "İ",
    "\r",
    "\r\n",
    "\t",
    "\u{a0}",
    "\\",
    "\u{7f}",
    "\u{10ffff}",
    "'",
    "\"",
    "`",
];
