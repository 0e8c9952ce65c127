//! The second word of a line in pam.d: what is done with each code that its module may return.

use super::code::Code;

/// What libpam does with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `ignore`: nothing.
    Ignore,
    /// `ok`: it counts, unless something failed before.
    Ok,
    /// `done`: the same, and the stack ends here, unless something failed before.
    Done,
    /// `bad`: the stack has failed, by this code if it is the first.
    Bad,
    /// `die`: the same, and the stack ends here.
    Die,
    /// `reset`: whatever was before is forgotten.
    Reset,
    /// The next so many lines are skipped.
    Jump(u32),
}

/// The words in the order in which libpam tries them.
const WORDS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

/// What is done with each code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control([Option<Action>; 32]);

/// What the second word says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A module follows.
    Control(Box<Control>),
    /// A file follows, whose lines stand here.
    Include,
    /// A file follows, whose lines are a stack of their own.
    Substack,
    /// A number of lines that no version can count to; what it comes to differs.
    Overflow,
}

impl Control {
    /// Everything fails.
    pub fn bad() -> Control {
        Control([Some(Action::Bad); 32])
    }

    /// What is done with this code.
    pub fn action(&self, code: Code) -> Action {
        self.0.get(code.index()).copied().flatten().unwrap_or(Action::Bad)
    }

    /// Whether any code is acted upon so.
    pub fn has(&self, action: impl Fn(Action) -> bool) -> bool {
        Code::all().any(|code| action(self.action(code)))
    }

    fn put(&mut self, code: Code, action: Action) {
        if let Some(slot) = self.0.get_mut(code.index()) {
            *slot = Some(action);
        }
    }

    fn fill(&mut self, action: Action) {
        for slot in &mut self.0 {
            slot.get_or_insert(action);
        }
    }

    fn of(set: &[(Code, Action)], rest: Action) -> Control {
        let mut control = Control([None; 32]);
        for (code, action) in set {
            control.put(*code, *action);
        }
        control.fill(rest);
        control
    }
}

/// `required`
pub fn required() -> Control {
    let (success, expired) = (Code::SUCCESS, Code::NEW_AUTHTOK_REQD);
    Control::of(&[(success, Action::Ok), (expired, Action::Ok), (Code::IGNORE, Action::Ignore)], Action::Bad)
}

/// Reads the second word, without its brackets (libpam does not tell `[required]` from `required`).
pub fn parse(word: &[u8]) -> Word {
    use Action::{Bad, Die, Done, Ignore, Ok};
    let (success, expired) = (Code::SUCCESS, Code::NEW_AUTHTOK_REQD);
    let control = match word.to_ascii_lowercase().as_slice() {
        b"required" => required(),
        b"requisite" => Control::of(&[(success, Ok), (expired, Ok), (Code::IGNORE, Ignore)], Die),
        b"optional" => Control::of(&[(success, Ok), (expired, Ok)], Ignore),
        b"sufficient" => Control::of(&[(success, Done), (expired, Done)], Ignore),
        b"include" => return Word::Include,
        b"substack" => return Word::Substack,
        _ => match pairs(word) {
            Pairs::Control(mut control) => {
                control.fill(Bad);
                *control
            }
            Pairs::Unintelligible => Control::bad(),
            Pairs::Overflow => return Word::Overflow,
        },
    };
    Word::Control(Box::new(control))
}

enum Pairs {
    Control(Box<Control>),
    /// Then libpam takes every code for a failure.
    Unintelligible,
    Overflow,
}

/// `code=action …`, as `_pam_parse_control` takes it: a word is known by its beginning, and may be followed by the next at once.
fn pairs(text: &[u8]) -> Pairs {
    let mut control = Control([None; 32]);
    let mut rest = skip_space(text);
    while !rest.is_empty() {
        // `default` is the last that is tried.
        let (code, after) = match (Code::prefix(rest), rest.strip_prefix(b"default")) {
            (Some((code, after)), _) => (Some(code), after),
            (None, Some(after)) => (None, after),
            (None, None) => return Pairs::Unintelligible,
        };
        let Some(after) = skip_space(after).strip_prefix(b"=") else { return Pairs::Unintelligible };
        let after = skip_space(after);
        let word =
            WORDS.iter().find_map(|(word, action)| Some((*action, after.strip_prefix(word.as_bytes())?)));
        let (action, after) = match word {
            Some(found) => found,
            None => match number(after) {
                Number::Jump(count, after) => (Action::Jump(count), after),
                Number::None => return Pairs::Unintelligible,
                Number::Overflow => return Pairs::Overflow,
            },
        };
        match code {
            Some(code) => control.put(code, action),
            None => control.fill(action),
        }
        rest = skip_space(after);
    }
    Pairs::Control(Box::new(control))
}

enum Number<'a> {
    Jump(u32, &'a [u8]),
    None,
    Overflow,
}

fn number(text: &[u8]) -> Number<'_> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = text.split_at(digits);
    let count = digits
        .iter()
        .try_fold(0_u32, |sum, digit| sum.checked_mul(10)?.checked_add(u32::from(digit.wrapping_sub(b'0'))));
    match count {
        _ if digits.is_empty() => Number::None,
        // No jump at all; libpam wants `ignore` there.
        Some(0) => Number::None,
        Some(count) if i32::try_from(count).is_ok() => Number::Jump(count, after),
        _ => Number::Overflow,
    }
}

/// isspace(3) in the C locale.
fn skip_space(text: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let count = text.iter().take_while(|byte| space(byte)).count();
    text.get(count..).unwrap_or(&[])
}
