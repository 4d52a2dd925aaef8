//! Names of secrets: `password`, `userApiKey`, `access_tokens`.
//!
//! A name is a row of words: a new one begins at a change of case, and where something else than a
//! letter stands. So `compass` is one word, and `userPass` is two. What is written without such a sign,
//! `dbpassword`, is known by its beginning or end, if that is long enough to tell.

/// Words that make a name secret, wherever they stand; each also with an `s` behind it.
const WORDS: &[&str] =
    &["authorization", "bearer", "cred", "csrf", "cvc", "cvv", "jwt", "otp", "pin", "totp", "xsrf"];

/// Words that make a name secret one behind the other; the last one also with an `s`.
const PAIRS: &[(&str, &str)] = &[
    ("access", "code"),
    ("access", "key"),
    ("api", "key"),
    ("auth", "code"),
    ("auth", "key"),
    ("backup", "code"),
    ("encryption", "key"),
    ("hmac", "key"),
    ("master", "key"),
    ("mfa", "code"),
    ("pass", "hash"),
    ("pass", "key"),
    ("pass", "salt"),
    ("private", "key"),
    ("recovery", "code"),
    ("secret", "key"),
    ("security", "code"),
    ("session", "id"),
    ("session", "key"),
    ("shared", "key"),
    ("signing", "key"),
    ("ssh", "key"),
];

/// A word that is one of these, or ends with it, is secret, also with an `s`.
const ENDS: &[&str] = &[
    "accesscode",
    "accesskey",
    "authkey",
    "cookie",
    "hmackey",
    "mfacode",
    "pincode",
    "pswd",
    "pwd",
    "recoverycode",
    "secret",
    "securitycode",
    "sessionid",
    "sharedkey",
    "sshkey",
    "token",
];

/// A name that holds these letters, one behind the other, is secret, wherever a word begins.
const LETTERS: &[&str] = &[
    "apikey",
    "credential",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secretkey",
];

/// What stands before a `pass` that means a password: `dbpass`, but not `compass`.
const BEFORE_PASS: &[&str] = &[
    "admin", "auth", "db", "ftp", "ldap", "login", "mongo", "my", "new", "old", "proxy", "root",
    "smtp", "ssh", "user",
];

/// Is it the name of a secret, or a way that leads through one: `user.password.hash`?
pub(super) fn is_secret(name: &str) -> bool {
    // Nothing shorter is one.
    name.len() >= 3 && name.split('.').any(is_secret_part)
}

/// Does a text of code hold the name of a secret?
pub(super) fn names_secret(code: &str) -> bool {
    let is_in_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '$');
    code.split(|letter| !is_in_name(letter)).any(is_secret)
}

fn is_secret_part(part: &str) -> bool {
    let mut before = "";
    let mut n_words = 0;
    for word in words(part) {
        if is_secret_word(word)
            || PAIRS.iter().any(|(first, second)| {
                first.eq_ignore_ascii_case(before) && is_one_or_more(word, second)
            })
        {
            return true;
        }
        before = word;
        n_words += 1;
    }
    // A `pass` before other words is one of other meanings: `passCount`.
    before.eq_ignore_ascii_case("pass") || (n_words > 1 && are_secret_letters(part))
}

fn is_secret_word(word: &str) -> bool {
    let one = word.strip_suffix(['s', 'S']).unwrap_or(word).as_bytes();
    let ends_with = |end: &str| {
        one.len() >= end.len() && one[one.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    let is_pass = || {
        let before = word.len().checked_sub(4).and_then(|at| word.split_at_checked(at));
        before.is_some_and(|(before, pass)| {
            pass.eq_ignore_ascii_case("pass")
                && BEFORE_PASS.iter().any(|known| known.eq_ignore_ascii_case(before))
        })
    };
    WORDS.iter().any(|secret| is_one_or_more(word, secret))
        || ENDS.iter().any(|end| ends_with(end))
        || LETTERS.iter().any(|secret| contains(word.as_bytes(), secret))
        || is_pass()
}

fn is_one_or_more(word: &str, secret: &str) -> bool {
    word.eq_ignore_ascii_case(secret)
        || word.strip_suffix(['s', 'S']).is_some_and(|one| one.eq_ignore_ascii_case(secret))
}

/// Looks for what changes of case, or letters that one does not see, have cut: `pAssword`.
fn are_secret_letters(part: &str) -> bool {
    let mut on_stack = [0; 64];
    let mut on_heap;
    let letters = if part.len() <= on_stack.len() {
        &mut on_stack[..]
    } else {
        on_heap = vec![0; part.len()];
        &mut on_heap[..]
    };
    let mut n_letters = 0;
    for letter in part.bytes().filter(u8::is_ascii_alphabetic) {
        letters[n_letters] = letter;
        n_letters += 1;
    }
    LETTERS.iter().any(|secret| contains(&letters[..n_letters], secret))
}

fn contains(word: &[u8], secret: &str) -> bool {
    word.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()))
}

/// The words of a name.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|letter: char| !letter.is_alphabetic());
        let end = word_end(rest)?;
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// Where the first word of a text ends that begins with a letter.
fn word_end(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    let (_, first) = letters.next()?;
    let mut before = (0, first);
    while let Some((at, letter)) = letters.next() {
        if !letter.is_alphabetic() {
            return Some(at);
        }
        let is_upper = letter.is_uppercase();
        if is_upper && !before.1.is_uppercase() {
            return Some(at);
        }
        // `APIKey` is `API` and `Key`, but `APIs` is one word.
        if !is_upper && before.1.is_uppercase() && before.0 > 0 {
            let is_plural =
                letter == 's' && letters.peek().is_none_or(|(_, next)| !next.is_lowercase());
            if !is_plural {
                return Some(before.0);
            }
        }
        before = (at, letter);
    }
    Some(text.len())
}
