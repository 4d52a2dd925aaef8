//! Several paths, followed at once on the way down into a value.
//!
//! Each part of each path is a position. A set of positions says what may still come; it is a few
//! machine words, so that a step down allocates nothing.

use super::Step;

/// Paths below one field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Automaton {
    nodes: Vec<Node>,
    start: States,
    ends: States,
    operators: Operators,
}

/// What the operators on a way are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Operators {
    /// Keys as others are.
    #[default]
    Keys,
    /// Walked through, as lists are: `email` names the one in `{$or: [{email: 1}]}` too.
    Transparent,
}

#[derive(Clone, Debug)]
enum Node {
    Step(Step),
    /// Here a path ends: the value is named.
    End,
}

/// A set of positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct States([u64; WORDS]);

const WORDS: usize = 4;

/// There are too many paths below one field.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Automaton {
    /// All paths below one field have together at most so many parts, each path's end included.
    pub(crate) const POSITIONS_MAX: usize = 64 * WORDS;

    /// Without a path yet.
    pub(crate) fn new(operators: Operators) -> Self {
        Self { operators, ..Self::default() }
    }

    /// Does a way of names, such as `user.email`, lead from here to what a path names, into it, or to
    /// what holds it?
    pub(crate) fn meets(&self, from: States, way: &str) -> bool {
        if !self.taken(from, way).is_empty() {
            return true;
        }
        // Any depth alone is not on a path yet: `name` does not begin `**.email`.
        let mut still = from;
        let mut on = States::default();
        for part in way.split('.') {
            let before = (still, on);
            let mut both = still;
            both.add_all(on);
            still = self.stayed(still);
            on = self.stayed(on);
            on.add_all(self.taken(both, part));
            if is_item(part) {
                still.add_all(before.0);
                on.add_all(before.1);
            }
            if self.is_named(on) {
                return true;
            }
        }
        !on.is_empty()
    }

    /// Does a text hold a key of a path that is not one word: `e mail`?
    pub(crate) fn has_odd_key_in(&self, text: &str) -> bool {
        let is_in_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
        self.nodes.iter().any(|node| match node {
            Node::Step(Step::Key(key)) => !key.chars().all(is_in_word) && text.contains(&**key),
            _ => false,
        })
    }

    /// Adds a path.
    pub(crate) fn add(&mut self, steps: &[Step]) -> Result<(), TooMany> {
        let start = self.nodes.len();
        let end = start + steps.len();
        if end >= Self::POSITIONS_MAX {
            return Err(TooMany);
        }
        self.nodes.extend(steps.iter().cloned().map(Node::Step));
        self.nodes.push(Node::End);
        self.ends.insert(end);
        let mut states = self.start;
        self.enter(start, &mut states);
        self.start = states;
        Ok(())
    }

    /// Where all paths begin.
    pub(crate) const fn start(&self) -> States {
        self.start
    }

    /// Is the value named by a path?
    pub(crate) fn is_named(&self, states: States) -> bool {
        states.0.iter().zip(self.ends.0).any(|(states, ends)| states & ends != 0)
    }

    /// Does no path lead anywhere?
    pub(crate) fn is_nothing(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What may come below a key of a document. The key may be a way of its own, `user.email`.
    pub(crate) fn key(&self, from: States, key: &str) -> States {
        if from.is_empty() {
            return from;
        }
        let mut to = self.part(from, key);
        if self.operators == Operators::Transparent && key.starts_with('$') {
            to.add_all(from);
        }
        if key.contains('.') {
            let mut on = from;
            for part in key.split('.') {
                let through = on;
                on = self.part(on, part);
                if is_item(part) {
                    on.add_all(through);
                }
                // A path that ends on the way names what is below.
                if self.is_named(on) {
                    return on;
                }
            }
            to.add_all(on);
        }
        to
    }

    /// What may come below an item of a list: lists are walked through, and items have numbers.
    pub(crate) fn item(&self, from: States, index: usize) -> States {
        if from.is_empty() {
            return from;
        }
        let mut to = self.part(from, itoa::Buffer::new().format(index));
        to.add_all(from);
        to
    }

    fn part(&self, from: States, part: &str) -> States {
        let mut to = self.stayed(from);
        to.add_all(self.taken(from, part));
        to
    }

    /// Where the parts lead that stand for this key, or any.
    fn taken(&self, from: States, part: &str) -> States {
        let mut to = States::default();
        for position in from.iter() {
            match &self.nodes[position] {
                Node::Step(Step::Key(key)) if key == part => self.enter(position + 1, &mut to),
                Node::Step(Step::AnyKey) => self.enter(position + 1, &mut to),
                _ => {}
            }
        }
        to
    }

    /// What stays, whatever the key: any depth.
    fn stayed(&self, from: States) -> States {
        let mut to = States::default();
        for position in from.iter() {
            if let Node::Step(Step::AnyDepth) = &self.nodes[position] {
                self.enter(position, &mut to);
            }
        }
        to
    }

    /// Adds a position, and those that it may step over to.
    fn enter(&self, mut position: usize, states: &mut States) {
        states.insert(position);
        while let Some(Node::Step(Step::AnyDepth)) = self.nodes.get(position) {
            position += 1;
            states.insert(position);
        }
    }
}

/// Does the part of a key stand for items of a list: `0`, `$`, `$[]`, `$[name]`?
fn is_item(part: &str) -> bool {
    part == "$"
        || part.starts_with("$[")
        || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

impl States {
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    const fn insert(&mut self, position: usize) {
        self.0[position / 64] |= 1 << (position % 64);
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(place, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(place * 64 + bit)
            })
        })
    }
}
