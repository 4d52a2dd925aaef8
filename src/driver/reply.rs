//! What a server's reply says: counts, batches, cursor, failed writes.

use mongodb::bson::{Bson, Document, RawDocumentBuf};

use crate::record::{Counts, ErrorInfo, WriteError};

/// A reply, reduced to what a record keeps.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Reply {
    pub(super) counts: Counts,
    /// Documents in the batch, if the reply is one of a cursor.
    pub(super) returned: Option<u64>,
    /// The cursor's id; 0 when it is exhausted.
    pub(super) cursor_id: Option<i64>,
    /// Ids of documents that an upsert inserted.
    pub(super) upserted_ids: Vec<Bson>,
    /// What failed although the reply says `ok: 1`.
    pub(super) error: Option<ErrorInfo>,
    /// Did single writes fail, and not the command?
    pub(super) some_failed: bool,
    /// May the driver send the command again although the reply says `ok: 1`?
    pub(super) is_retryable: bool,
    pub(super) bytes: Option<u64>,
}

impl Reply {
    /// Reads the reply to a command.
    ///
    /// Source: MongoDB manual, "Database Commands", section Output of each command.
    pub(super) fn read(command: &str, reply: &Document) -> Self {
        let mut read = Self {
            error: write_failure(reply),
            is_retryable: is_retryable(reply),
            ..Self::default()
        };
        read.some_failed = read.error.as_ref().is_some_and(|error| !error.write_errors.is_empty());
        let n = count(reply, "n");
        match command {
            "insert" => read.counts.inserted = n,
            "delete" => read.counts.deleted = n,
            "update" => {
                let upserted = reply.get_array("upserted").map_or(&[][..], Vec::as_slice);
                let ids = upserted.iter().filter_map(|entry| entry.as_document()?.get("_id"));
                read.upserted_ids = ids.cloned().collect();
                let n_upserted = upserted.len() as u64;
                read.counts.upserted = (n_upserted > 0).then_some(n_upserted);
                read.counts.matched = n.map(|n| n.saturating_sub(n_upserted));
                read.counts.modified = count(reply, "nModified");
            }
            "findAndModify" | "findandmodify" => read.find_and_modify(reply),
            "bulkWrite" => read.bulk_write(reply),
            "count" => read.counts.matched = n,
            "distinct" => {
                read.counts.matched =
                    reply.get_array("values").ok().map(|values| values.len() as u64);
            }
            _ => {}
        }
        if let Ok(cursor) = reply.get_document("cursor") {
            let batch = cursor.get_array("firstBatch").or_else(|_| cursor.get_array("nextBatch"));
            read.returned = batch.ok().map(|batch| batch.len() as u64);
            read.cursor_id = cursor.get_i64("id").ok();
        }
        read
    }

    /// The summary of a `bulkWrite` (MongoDB 8.0); which of its writes failed is in its cursor.
    fn bulk_write(&mut self, reply: &Document) {
        self.counts.inserted = count(reply, "nInserted");
        self.counts.matched = count(reply, "nMatched");
        self.counts.modified = count(reply, "nModified");
        self.counts.upserted = count(reply, "nUpserted");
        self.counts.deleted = count(reply, "nDeleted");
        if count(reply, "nErrors").is_some_and(|n| n > 0) {
            self.some_failed = true;
            self.error.get_or_insert_default().name.get_or_insert_with(|| "BulkWrite".to_owned());
        }
    }

    /// The reply tells what matched; whether an update changed anything it does not.
    fn find_and_modify(&mut self, reply: &Document) {
        let Ok(last) = reply.get_document("lastErrorObject") else { return };
        let n = count(last, "n");
        match last.get_bool("updatedExisting") {
            Ok(true) => self.counts.matched = n,
            Ok(false) => {
                let upserted = last.get("upserted").cloned();
                self.counts.matched = Some(0);
                self.counts.upserted = upserted.is_some().then_some(1);
                self.upserted_ids.extend(upserted);
            }
            // A removal has no `updatedExisting`.
            Err(_) => {
                self.counts.matched = n;
                self.counts.deleted = n;
            }
        }
    }
}

/// Source: the driver specification "Retryable Writes", labels of a `writeConcernError`.
fn is_retryable(reply: &Document) -> bool {
    let labelled = |document: &Document| {
        document.get_array("errorLabels").is_ok_and(|labels| {
            labels.iter().any(|label| label.as_str() == Some("RetryableWriteError"))
        })
    };
    reply
        .get_document("writeConcernError")
        .is_ok_and(|concern| labelled(concern) || labelled(reply))
}

/// The failure in a reply that says `ok: 1`.
fn write_failure(reply: &Document) -> Option<ErrorInfo> {
    let mut error = ErrorInfo::default();
    if let Ok(concern) = reply.get_document("writeConcernError") {
        fill(&mut error, concern);
    }
    if let Ok(writes) = reply.get_array("writeErrors") {
        let writes = || writes.iter().filter_map(Bson::as_document);
        if let Some(first) = writes().next() {
            fill(&mut error, first);
        }
        error.write_errors = writes()
            .map(|write| {
                let index = count(write, "index").and_then(|index| usize::try_from(index).ok());
                WriteError::new(index.unwrap_or_default(), write.get_i32("code").unwrap_or(0))
            })
            .collect();
    }
    (error != ErrorInfo::default()).then_some(error)
}

fn fill(error: &mut ErrorInfo, document: &Document) {
    let text = |key: &str| document.get_str(key).ok().map(str::to_owned);
    error.code = document.get_i32("code").ok();
    error.name = text("codeName")
        .or_else(|| error.code.and_then(super::failure::code_name).map(str::to_owned));
    error.message = text("errmsg");
}

fn count(document: &Document, key: &str) -> Option<u64> {
    match document.get(key)? {
        Bson::Int32(n) => u64::try_from(*n).ok(),
        Bson::Int64(n) => u64::try_from(*n).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        Bson::Double(n) if *n >= 0.0 => Some(*n as u64),
        _ => None,
    }
}

/// The length of a document in BSON, without writing it.
///
/// Source: the BSON specification, version 1.1.
pub(super) fn bson_len(document: &Document) -> u64 {
    // The length, the elements (type, name, zero byte, value) and the final zero byte.
    5 + document.iter().map(|(key, value)| 2 + key.len() as u64 + value_len(value)).sum::<u64>()
}

fn value_len(value: &Bson) -> u64 {
    let text_len = |text: &str| text.len() as u64 + 5;
    match value {
        Bson::Double(_) | Bson::DateTime(_) | Bson::Timestamp(_) | Bson::Int64(_) => 8,
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => text_len(text),
        Bson::Array(items) => {
            let item_len = |(index, item): (usize, &Bson)| {
                2 + u64::from(index.checked_ilog10().unwrap_or(0)) + 1 + value_len(item)
            };
            5 + items.iter().enumerate().map(item_len).sum::<u64>()
        }
        Bson::Document(document) => bson_len(document),
        Bson::Boolean(_) => 1,
        Bson::RegularExpression(regex) => {
            let text = RawDocumentBuf::try_from(&mongodb::bson::doc! { "": regex.clone() });
            text.map_or(0, |raw| raw.as_bytes().len() as u64 - 7)
        }
        Bson::JavaScriptCodeWithScope(code) => 4 + text_len(&code.code) + bson_len(&code.scope),
        Bson::Int32(_) => 4,
        Bson::Binary(binary) => {
            // The outdated subtype 2 repeats the length inside.
            let repeated =
                if binary.subtype == mongodb::bson::spec::BinarySubtype::BinaryOld { 4 } else { 0 };
            5 + binary.bytes.len() as u64 + repeated
        }
        Bson::ObjectId(_) => 12,
        Bson::Decimal128(_) => 16,
        Bson::DbPointer(_) => 4,
        Bson::Null | Bson::Undefined | Bson::MaxKey | Bson::MinKey => 0,
    }
}
