//! What stands where in a query: which keys hold conditions, expressions, names or values.
//!
//! Source: the MongoDB manual, pages of the stages, operators and commands. What is not in these
//! tables is taken as values.

/// What a part of a query is.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// A tree of values: keys stay, values are types.
    Typed,
    /// One value.
    Literal,
    /// A boolean stays.
    Flag,
    /// One of these words stays.
    Word(&'static [&'static str]),
    /// A short word or a small number of the kind that collations have.
    Setting,
    /// The name of a field or a collection.
    Name,
    /// Names in a list, or one.
    Names,
    /// A condition, as in `find`.
    Match,
    /// An expression.
    Expr,
    /// An expression for each field.
    Fields,
    /// A list of stages.
    Pipeline,
    /// Lists of stages under names.
    Pipelines,
    /// Fields and directions.
    Sort,
    Projection,
    /// An update with operators, a replacement or a pipeline.
    Update,
    /// A command's body.
    Command,
    /// A list whose items count once, in any order.
    Set(&'static Rule),
    /// A document with these keys; others are values.
    Parts(&'static [(&'static str, Rule)]),
    /// A document or something else.
    Or(&'static Rule, &'static Rule),
}

use Rule::*;

/// The rule of a key; values for those that are not known.
pub(super) fn rule_of(table: &'static [(&'static str, Rule)], key: &str) -> Rule {
    find(table, key).unwrap_or(Typed)
}

pub(super) fn find(table: &'static [(&'static str, Rule)], key: &str) -> Option<Rule> {
    table.iter().find(|(known, _)| *known == key).map(|(_, rule)| *rule)
}

/// The options that belong to the shape.
pub(super) const OPTIONS: &[(&str, Rule)] = &[
    ("sort", Sort),
    ("projection", Projection),
    ("fields", Projection),
    ("limit", Literal),
    ("skip", Literal),
    ("collation", COLLATION),
    ("hint", Sort),
    ("upsert", Flag),
    ("let", Fields),
    ("arrayFilters", Set(&Match)),
    ("min", Typed),
    ("max", Typed),
    ("key", Name),
    ("new", Flag),
    ("remove", Flag),
    ("returnDocument", Word(&["before", "after"])),
    ("fullDocument", Word(FULL_DOCUMENT)),
    ("fullDocumentBeforeChange", Word(FULL_DOCUMENT)),
];

const FULL_DOCUMENT: &[&str] = &["default", "updateLookup", "whenAvailable", "required", "off"];

const COLLATION: Rule = Parts(&[
    ("locale", Setting),
    ("caseLevel", Flag),
    ("caseFirst", Setting),
    ("strength", Setting),
    ("numericOrdering", Flag),
    ("alternate", Setting),
    ("maxVariable", Setting),
    ("normalization", Flag),
    ("backwards", Flag),
]);

pub(super) const STAGES: &[(&str, Rule)] = &[
    ("$match", Match),
    ("$project", Projection),
    ("$addFields", Fields),
    ("$set", Fields),
    ("$unset", Names),
    ("$group", Fields),
    ("$sort", Sort),
    ("$limit", Literal),
    ("$skip", Literal),
    ("$count", Name),
    ("$sortByCount", Expr),
    ("$replaceRoot", Parts(&[("newRoot", Expr)])),
    ("$replaceWith", Expr),
    ("$redact", Expr),
    ("$facet", Pipelines),
    (
        "$unwind",
        Or(
            &Parts(&[
                ("path", Expr),
                ("includeArrayIndex", Name),
                ("preserveNullAndEmptyArrays", Flag),
            ]),
            &Expr,
        ),
    ),
    (
        "$lookup",
        Parts(&[
            ("from", Name),
            ("localField", Name),
            ("foreignField", Name),
            ("let", Fields),
            ("pipeline", Pipeline),
            ("as", Name),
        ]),
    ),
    (
        "$graphLookup",
        Parts(&[
            ("from", Name),
            ("startWith", Expr),
            ("connectFromField", Name),
            ("connectToField", Name),
            ("as", Name),
            ("depthField", Name),
            ("restrictSearchWithMatch", Match),
        ]),
    ),
    ("$bucket", Parts(&[("groupBy", Expr), ("boundaries", Literal), ("output", Fields)])),
    ("$bucketAuto", Parts(&[("groupBy", Expr), ("output", Fields), ("granularity", Setting)])),
    ("$unionWith", Or(&Parts(&[("coll", Name), ("pipeline", Pipeline)]), &Name)),
    ("$out", Or(&Parts(&[("db", Name), ("coll", Name)]), &Name)),
    (
        "$merge",
        Or(
            &Parts(&[
                ("into", Or(&Parts(&[("db", Name), ("coll", Name)]), &Name)),
                ("on", Names),
                ("let", Fields),
                ("whenMatched", Or(&Pipeline, &Word(WHEN_MATCHED))),
                ("whenNotMatched", Word(WHEN_MATCHED)),
            ]),
            &Name,
        ),
    ),
    (
        "$geoNear",
        Parts(&[
            ("distanceField", Name),
            ("includeLocs", Name),
            ("key", Name),
            ("spherical", Flag),
            ("query", Match),
        ]),
    ),
    ("$setWindowFields", Parts(&[("partitionBy", Expr), ("sortBy", Sort), ("output", Typed)])),
];

const WHEN_MATCHED: &[&str] = &["replace", "keepExisting", "merge", "fail", "insert", "discard"];

const STATEMENT: Rule = Parts(&[
    ("q", Match),
    ("u", Update),
    ("filter", Match),
    ("updateMods", Update),
    ("c", Fields),
    ("multi", Flag),
    ("upsert", Flag),
    ("collation", COLLATION),
    ("hint", Sort),
    ("arrayFilters", Set(&Match)),
    ("sort", Sort),
    // Door A has the namespace, the server's command the place of it among several.
    ("insert", Name),
    ("update", Name),
    ("delete", Name),
    ("limit", Literal),
]);

/// The writes of a `bulk_write`.
pub(super) const WRITES: Rule = Set(&STATEMENT);

/// The parts of commands that are more than values, under whatever command they stand.
pub(super) const COMMAND: &[(&str, Rule)] = &[
    ("filter", Match),
    ("query", Match),
    ("pipeline", Pipeline),
    ("sort", Sort),
    ("projection", Projection),
    ("fields", Projection),
    ("collation", COLLATION),
    ("hint", Sort),
    ("let", Fields),
    ("updates", WRITES),
    ("deletes", WRITES),
    ("ops", WRITES),
    ("update", Update),
    ("upsert", Flag),
    ("new", Flag),
    ("remove", Flag),
    ("multi", Flag),
    ("key", Name),
    ("arrayFilters", Set(&Match)),
    ("explain", Command),
];

/// Parts of commands that say how they run, or who asks, not what they ask.
pub(super) const NOT_OF_SHAPE: &[&str] = &[
    "comment",
    "maxTimeMS",
    "readConcern",
    "writeConcern",
    "batchSize",
    "cursor",
    "$readPreference",
    "$db",
    "lsid",
    "$clusterTime",
    "txnNumber",
    "documents",
];

/// Commands whose table above holds. Of others the body is values.
pub(super) const KNOWN_COMMANDS: &[&str] = &[
    "find",
    "aggregate",
    "count",
    "distinct",
    "update",
    "delete",
    "insert",
    "findAndModify",
    "findandmodify",
    "bulkWrite",
    "explain",
];

/// Words that `$meta` takes.
pub(super) const META: &[&str] = &[
    "textScore",
    "indexKey",
    "searchScore",
    "searchHighlights",
    "geoNearDistance",
    "geoNearPoint",
    "recordId",
    "sortKey",
];

/// The names of BSON types that `$type` takes.
pub(super) const TYPES: &[&str] = &[
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
    "dbPointer",
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
];

/// The operators of expressions whose arguments are expressions; sorted.
pub(super) const EXPRESSIONS: &[&str] = &[
    "$abs",
    "$accumulator",
    "$acos",
    "$acosh",
    "$add",
    "$addToSet",
    "$allElementsTrue",
    "$and",
    "$anyElementTrue",
    "$arrayElemAt",
    "$arrayToObject",
    "$asin",
    "$asinh",
    "$atan",
    "$atan2",
    "$atanh",
    "$avg",
    "$binarySize",
    "$bitAnd",
    "$bitNot",
    "$bitOr",
    "$bitXor",
    "$bottom",
    "$bottomN",
    "$bsonSize",
    "$ceil",
    "$cmp",
    "$concat",
    "$concatArrays",
    "$cond",
    "$convert",
    "$cos",
    "$cosh",
    "$count",
    "$covariancePop",
    "$covarianceSamp",
    "$dateAdd",
    "$dateDiff",
    "$dateFromParts",
    "$dateFromString",
    "$dateSubtract",
    "$dateToParts",
    "$dateToString",
    "$dateTrunc",
    "$dayOfMonth",
    "$dayOfWeek",
    "$dayOfYear",
    "$degreesToRadians",
    "$divide",
    "$eq",
    "$exp",
    "$filter",
    "$first",
    "$firstN",
    "$floor",
    "$getField",
    "$gt",
    "$gte",
    "$hour",
    "$ifNull",
    "$in",
    "$indexOfArray",
    "$indexOfBytes",
    "$indexOfCP",
    "$isArray",
    "$isNumber",
    "$isoDayOfWeek",
    "$isoWeek",
    "$isoWeekYear",
    "$last",
    "$lastN",
    "$let",
    "$ln",
    "$log",
    "$log10",
    "$lt",
    "$lte",
    "$ltrim",
    "$map",
    "$max",
    "$maxN",
    "$median",
    "$mergeObjects",
    "$millisecond",
    "$min",
    "$minN",
    "$minute",
    "$mod",
    "$month",
    "$multiply",
    "$ne",
    "$not",
    "$objectToArray",
    "$or",
    "$percentile",
    "$pow",
    "$push",
    "$radiansToDegrees",
    "$rand",
    "$range",
    "$reduce",
    "$regexFind",
    "$regexFindAll",
    "$regexMatch",
    "$replaceAll",
    "$replaceOne",
    "$reverseArray",
    "$round",
    "$rtrim",
    "$second",
    "$setDifference",
    "$setEquals",
    "$setField",
    "$setIntersection",
    "$setIsSubset",
    "$setUnion",
    "$sin",
    "$sinh",
    "$size",
    "$slice",
    "$sortArray",
    "$split",
    "$sqrt",
    "$stdDevPop",
    "$stdDevSamp",
    "$strLenBytes",
    "$strLenCP",
    "$strcasecmp",
    "$substr",
    "$substrBytes",
    "$substrCP",
    "$subtract",
    "$sum",
    "$switch",
    "$tan",
    "$tanh",
    "$toBool",
    "$toDate",
    "$toDecimal",
    "$toDouble",
    "$toInt",
    "$toLong",
    "$toLower",
    "$toObjectId",
    "$toString",
    "$toUpper",
    "$top",
    "$topN",
    "$trim",
    "$trunc",
    "$tsIncrement",
    "$tsSecond",
    "$type",
    "$unsetField",
    "$week",
    "$year",
    "$zip",
];
