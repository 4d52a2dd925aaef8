//! Random documents and queries over few names and few values, so that they often meet.

use fastrand::Rng;
use mongowatch::bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc,
    oid::ObjectId, spec::BinarySubtype,
};

pub(crate) struct Generator {
    pub(crate) rng: Rng,
    /// Documents whose values the queries ask for.
    pub(crate) seen: Vec<Document>,
    /// How a path begins: in random documents, or in those that look like records.
    pub(crate) paths: &'static [&'static str],
}

pub(crate) const PATHS: &[&str] = &[
    "a", "a", "b", "b", "c", "a.b", "a.b", "a.c", "b.a", "a.0", "a.1", "b.0", "a.b.c", "a.0.b",
    "a.b.0", "a.0.0", "c.1.0", "a.00", "b.1.a", "a.b.1.c", "a.é", "c.-1", "a.0.1", "b.b.b",
];
pub(crate) const RECORD_PATHS: &[&str] = &[
    "Operation",
    "DB",
    "Duration",
    "MatchedCount",
    "Filter",
    "Filter.a",
    "Filter.$or.a",
    "Filter.$or",
    "Filter.a.$gt",
    "Filter.$and.0.a.$in",
    "Filter.a.$in",
    "Options.sort.a",
    "Labels.team",
    "Filter.$or.1.b",
    "ErrorCode",
];
const NAMES: &[&str] = &["a", "a", "b", "b", "c", "0", "1", "00", "é"];
const TEXTS: &[&str] =
    &["", "a", "A", "ab", "é", "news\n", "news", "10", "\u{1f600}", "a\0b", "_x 1", "k"];
const DECIMALS: &[&str] = &[
    "0",
    "-0",
    "1",
    "1.0",
    "1.00",
    "10E-1",
    "NaN",
    "Infinity",
    "-Infinity",
    "0.1",
    "1E+3",
    "1000",
    "9223372036854775807",
    "9223372036854775808",
    "1E-6176",
    "9.999999999999999999999999999999999E+6144",
    "2.5",
    "-3",
    "0.1000000000000000055511151231257827",
    "-0.1000000000000000055511151231257827",
    "1.5",
    "-2.5",
    "1E+6111",
    "3.7",
];
const DOUBLES: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    1.5,
    -1.0,
    0.1,
    2.5,
    3.7,
    1e3,
    1e300,
    5e-324,
    -0.1,
    0.2,
    1e16,
    -1e16,
    9007199254740993.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    7.0,
    -3.0,
    20.0,
];
const LONGS: &[i64] = &[
    0,
    1,
    -1,
    2,
    3,
    7,
    10,
    1000,
    9007199254740993,
    9007199254740992,
    i64::MAX,
    i64::MIN,
    -3,
    20,
    54,
];
const INTS: &[i32] = &[0, 1, -1, 2, 3, 5, 7, 10, 54, 1000, i32::MAX, i32::MIN, 20];
const TYPES: &[&str] = &[
    "double",
    "string",
    "object",
    "array",
    "binData",
    "undefined",
    "objectId",
    "bool",
    "date",
    "null",
    "regex",
    "javascript",
    "symbol",
    "javascriptWithScope",
    "int",
    "timestamp",
    "long",
    "decimal",
    "minKey",
    "maxKey",
    "number",
    "strin",
    "Number",
];
const REGEXES: &[(&str, &str)] = &[
    ("^a", ""),
    ("a", "i"),
    ("^news$", ""),
    (r"^\w+$", ""),
    (r"\d", ""),
    ("b$", "m"),
    (".", "s"),
    ("", ""),
    ("^(a|n)", "x"),
    (r"\bx", ""),
    ("é", "i"),
    ("K", "i"),
];

impl Generator {
    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.rng.usize(..items.len())].clone()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    pub(crate) fn document(&mut self, id: i32) -> Document {
        let mut document = doc! { "_id": id };
        for name in ["a", "b", "c"] {
            if !self.one_in(5) {
                let value = self.value(3);
                document.insert(name, value);
            }
        }
        document
    }

    /// A document that looks like a record, with a filter that holds operators.
    pub(crate) fn record(&mut self, id: i32) -> Document {
        let filter = match self.rng.u8(..5) {
            0 => doc! { "a": self.value(1) },
            1 => {
                doc! { "a": { "$gt": self.value(0) }, "b": { "$in": [self.value(0), self.value(0)] } }
            }
            2 => doc! { "$or": [{ "a": self.value(0) }, { "b": self.value(1) }] },
            3 => {
                doc! { "$and": [{ "a": { "$in": [self.value(0), self.value(0)] } }, { "$expr": true }] }
            }
            _ => doc! {},
        };
        let mut document = doc! {
            "_id": id, "Operation": self.pick(&["find", "update_one", "news"]), "DB": self.pick(TEXTS), "Filter": filter,
        };
        if !self.one_in(3) {
            document.insert("Duration", self.pick(DOUBLES));
            document.insert("MatchedCount", self.pick(LONGS));
        }
        if self.one_in(2) {
            document.insert("Options", doc! { "sort": { "a": self.pick(&[1, -1]) } });
            document.insert("Labels", doc! { "team": self.value(1) });
            document.insert("ErrorCode", self.pick(INTS));
        }
        document
    }

    pub(crate) fn value(&mut self, depth: usize) -> Bson {
        let kind = self.rng.u8(..if depth == 0 { 24 } else { 36 });
        match kind {
            0..=3 => Bson::Int32(self.pick(INTS)),
            4..=5 => Bson::Int64(self.pick(LONGS)),
            6..=7 => Bson::Double(self.pick(DOUBLES)),
            8 => Bson::Decimal128(self.pick(DECIMALS).parse::<Decimal128>().unwrap()),
            9..=11 => Bson::String(self.pick(TEXTS).to_owned()),
            12..=13 => Bson::Null,
            14 => Bson::Boolean(self.rng.bool()),
            15 => Bson::DateTime(DateTime::from_millis(self.pick(&[
                0,
                -1,
                1,
                -86_400_000,
                1_700_000_000_000,
            ]))),
            16 => Bson::Binary(self.binary()),
            17 => Bson::ObjectId(ObjectId::from_bytes([self.rng.u8(..3); 12])),
            18 => Bson::Timestamp(Timestamp {
                time: 1 + self.rng.u32(..2),
                increment: self.rng.u32(..3),
            }),
            19 => Bson::Symbol(self.pick(&["a", "ab", "", "k"]).to_owned()),
            20 => self.regex(),
            21 => self.pick(&[Bson::MinKey, Bson::MaxKey]),
            22 => Bson::JavaScriptCode(self.pick(&["a", "b"]).to_owned()),
            23 if self.rng.bool() => Bson::Undefined,
            23 => Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
                code: self.pick(&["a", "b"]).to_owned(),
                scope: self.inner(0),
            }),
            24..=29 => {
                let n = self.rng.usize(..4);
                Bson::Array((0..n).map(|_| self.value(depth - 1)).collect())
            }
            _ => Bson::Document(self.inner(depth - 1)),
        }
    }

    fn inner(&mut self, depth: usize) -> Document {
        let n = self.rng.usize(..4);
        (0..n).map(|_| (self.pick(NAMES).to_owned(), self.value(depth))).collect()
    }

    fn binary(&mut self) -> Binary {
        let length = self.pick(&[0, 1, 1, 2, 3, 9, 17]);
        let subtype =
            self.pick(&[BinarySubtype::Generic, BinarySubtype::Generic, BinarySubtype::Md5]);
        Binary { subtype, bytes: (0..length).map(|_| self.pick(&[0, 1, 7, 128, 255])).collect() }
    }

    fn regex(&mut self) -> Bson {
        let (pattern, options) = self.pick(REGEXES);
        #[cfg(not(feature = "bson-3"))]
        let regex = Regex { pattern: pattern.to_owned(), options: options.to_owned() };
        #[cfg(feature = "bson-3")]
        let regex =
            Regex { pattern: pattern.try_into().unwrap(), options: options.try_into().unwrap() };
        Bson::RegularExpression(regex)
    }

    /// A value to ask for: often one that a document has.
    fn wanted(&mut self) -> Bson {
        if self.rng.bool() && !self.seen.is_empty() {
            let document = &self.seen[self.rng.usize(..self.seen.len())];
            let skipped = self.rng.usize(..document.len());
            if let Some((key, value)) = document.iter().nth(skipped)
                && key != "_id"
            {
                let mut value = value.clone();
                // Go down a step or two.
                for _ in 0..self.rng.usize(..3) {
                    let inner: Vec<Bson> = match &value {
                        Bson::Array(items) => items.clone(),
                        Bson::Document(document) => document.values().cloned().collect(),
                        _ => break,
                    };
                    if inner.is_empty() {
                        break;
                    }
                    value = self.pick(&inner);
                }
                return value;
            }
        }
        self.value(2)
    }

    pub(crate) fn query(&mut self, depth: usize) -> Document {
        let mut query = Document::new();
        for _ in 0..1 + self.rng.usize(..2) {
            if depth > 0 && self.one_in(4) {
                let name = self.pick(&["$and", "$or", "$nor"]);
                let n = 1 + self.rng.usize(..3);
                let parts: Vec<Document> = (0..n).map(|_| self.query(depth - 1)).collect();
                query.insert(name, parts);
            } else {
                let path = self.pick(self.paths);
                let condition = self.condition(depth);
                query.insert(path, condition);
            }
        }
        query
    }

    fn condition(&mut self, depth: usize) -> Bson {
        if self.one_in(5) {
            return self.wanted();
        }
        Bson::Document(self.operators(depth))
    }

    fn operators(&mut self, depth: usize) -> Document {
        let mut operators = Document::new();
        for _ in 0..1 + self.rng.usize(..8) / 6 {
            let (name, value) = self.operator(depth);
            operators.insert(name, value);
            if name == "$regex" && self.rng.bool() {
                operators.insert("$options", self.pick(&["", "i", "im", "x", "s"]));
            }
        }
        operators
    }

    fn operator(&mut self, depth: usize) -> (&'static str, Bson) {
        match self.rng.u8(..if depth == 0 { 30 } else { 38 }) {
            0..=9 => {
                let name = self.pick(&["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]);
                (name, self.wanted())
            }
            10..=13 => {
                let name = self.pick(&["$in", "$nin"]);
                let n = self.pick(&[0, 1, 2, 3, 12]);
                (name, Bson::Array((0..n).map(|_| self.wanted()).collect()))
            }
            14..=15 => {
                let value = self.pick(&[
                    true.into(),
                    false.into(),
                    0.into(),
                    1.into(),
                    Bson::Null,
                    "".into(),
                ]);
                ("$exists", value)
            }
            16..=18 => ("$type", self.types()),
            19..=20 => {
                let (pattern, _) = self.pick(REGEXES);
                if self.rng.bool() { ("$regex", pattern.into()) } else { ("$regex", self.regex()) }
            }
            21..=22 => (
                "$size",
                self.pick(&[
                    0.into(),
                    1.into(),
                    2.into(),
                    Bson::Double(3.0),
                    (-1).into(),
                    Bson::Double(1.5),
                    "1".into(),
                ]),
            ),
            23..=24 => {
                let (divisor, remainder) = (self.number(), self.number());
                ("$mod", Bson::Array(vec![divisor, remainder]))
            }
            25..=29 => {
                let name =
                    self.pick(&["$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear"]);
                (name, self.bits())
            }
            30..=31 => {
                let n = self.rng.usize(..3);
                ("$all", Bson::Array((0..n).map(|_| self.wanted()).collect()))
            }
            32 => {
                let parts: Vec<Document> = (0..1 + self.rng.usize(..2))
                    .map(|_| doc! { "$elemMatch": self.element(depth - 1) })
                    .collect();
                ("$all", parts.into())
            }
            33..=35 => ("$elemMatch", self.element(depth - 1).into()),
            _ => {
                let value =
                    if self.one_in(4) { self.regex() } else { self.operators(depth - 1).into() };
                ("$not", value)
            }
        }
    }

    fn element(&mut self, depth: usize) -> Document {
        if self.rng.bool() { self.operators(depth) } else { self.inner_query(depth) }
    }

    fn inner_query(&mut self, depth: usize) -> Document {
        let paths = std::mem::replace(
            &mut self.paths,
            &["a", "b", "c", "0", "1", "a.b", "a.0", "0.a", "b.1"],
        );
        let query = self.query(depth);
        self.paths = paths;
        query
    }

    fn types(&mut self) -> Bson {
        match self.rng.u8(..4) {
            0 => Bson::Int32(self.pick(&[
                1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, -1, 127, 20, 0,
            ])),
            1 => Bson::Array((0..self.rng.usize(..3)).map(|_| self.pick(TYPES).into()).collect()),
            _ => self.pick(TYPES).into(),
        }
    }

    fn number(&mut self) -> Bson {
        match self.rng.u8(..6) {
            0..=2 => Bson::Int32(self.pick(&[0, 1, 2, 3, 5, -2, 7])),
            3 => Bson::Int64(self.pick(LONGS)),
            4 => Bson::Double(self.pick(DOUBLES)),
            _ => self.value(0),
        }
    }

    fn bits(&mut self) -> Bson {
        match self.rng.u8(..5) {
            0..=1 => {
                let n = self.rng.usize(..3);
                Bson::Array(
                    (0..n)
                        .map(|_| Bson::Int32(self.pick(&[0, 1, 2, 5, 31, 63, 64, 70, 130, -1])))
                        .collect(),
                )
            }
            2 => Bson::Binary(self.binary()),
            3 => Bson::Int32(self.pick(&[0, 1, 3, 7, 54, -1])),
            _ => self.number(),
        }
    }

    /// A query of an expression.
    pub(crate) fn expression_query(&mut self) -> Document {
        let expression = self.expression(3);
        match self.rng.u8(..5) {
            0 => doc! { "$or": [{ "$expr": expression }, self.query(0)] },
            1 => doc! { "$nor": [{ "$expr": expression }] },
            _ => doc! { "$expr": expression },
        }
    }

    fn expression(&mut self, depth: usize) -> Bson {
        if depth == 0 || self.one_in(4) {
            return match self.rng.u8(..10) {
                0..=5 => {
                    let path = self.pick(self.paths);
                    format!("${path}").into()
                }
                6 => {
                    self.pick(&["$$ROOT.a", "$$CURRENT.b", "$$ROOT", "$", "$a.", "$$a", "a"]).into()
                }
                7 => doc! { "$literal": self.wanted() }.into(),
                8 => Bson::Int32(self.pick(INTS)),
                _ => self.value(0),
            };
        }
        let (name, least, most) = self.pick(FUNCTIONS);
        let n = self.rng.usize(least..=most);
        let mut arguments: Vec<Bson> = (0..n).map(|_| self.expression(depth - 1)).collect();
        if matches!(
            name,
            "$size" | "$strLenCP" | "$concat" | "$toLower" | "$toUpper" | "$strLenBytes"
        ) {
            // These fail often: ask first.
            let kind = if name == "$size" { "array" } else { "string" };
            for argument in &mut arguments {
                let is_right = doc! { "$eq": [{ "$type": argument.clone() }, kind] };
                let other: Bson =
                    if name == "$size" { Bson::Array(Vec::new()) } else { "x".into() };
                *argument = doc! { "$cond": [is_right, argument.clone(), other] }.into();
            }
        }
        if matches!(
            name,
            "$add" | "$subtract" | "$multiply" | "$divide" | "$mod" | "$abs" | "$ceil" | "$floor"
        ) {
            for argument in &mut arguments {
                let of = doc! { "$type": argument.clone() };
                let is_right = doc! { "$in": [of, ["int", "long", "double", "null"]] };
                *argument =
                    doc! { "$cond": { "if": is_right, "then": argument.clone(), "else": 3 } }
                        .into();
            }
        }
        if name == "$in" || name == "$arrayElemAt" {
            let place = usize::from(name == "$in");
            let argument = arguments[place].clone();
            arguments[place] =
                doc! { "$cond": [{ "$isArray": [argument.clone()] }, argument, [1, 2, "a"]] }
                    .into();
            if name == "$arrayElemAt" {
                arguments[1] = self.pick(&[0, 1, -1, 5]).into();
            }
        }
        match name {
            "object" => doc! { "b": arguments[0].clone() }.into(),
            "array" => Bson::Array(arguments),
            _ if n == 1 && self.rng.bool() => doc! { name: arguments[0].clone() }.into(),
            _ => doc! { name: arguments }.into(),
        }
    }
}

const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("$eq", 2, 2),
    ("$ne", 2, 2),
    ("$gt", 2, 2),
    ("$gte", 2, 2),
    ("$lt", 2, 2),
    ("$lte", 2, 2),
    ("$cmp", 2, 2),
    ("$eq", 2, 2),
    ("$gt", 2, 2),
    ("$lt", 2, 2),
    ("$and", 0, 3),
    ("$or", 0, 3),
    ("$not", 1, 1),
    ("$add", 1, 3),
    ("$subtract", 2, 2),
    ("$multiply", 1, 3),
    ("$divide", 2, 2),
    ("$mod", 2, 2),
    ("$abs", 1, 1),
    ("$ceil", 1, 1),
    ("$floor", 1, 1),
    ("$ifNull", 2, 3),
    ("$cond", 3, 3),
    ("$in", 2, 2),
    ("$size", 1, 1),
    ("$arrayElemAt", 2, 2),
    ("$isArray", 1, 1),
    ("$type", 1, 1),
    ("$isNumber", 1, 1),
    ("$concat", 0, 3),
    ("$toLower", 1, 1),
    ("$toUpper", 1, 1),
    ("$strLenCP", 1, 1),
    ("$strLenBytes", 1, 1),
    ("object", 1, 1),
    ("array", 0, 2),
];
