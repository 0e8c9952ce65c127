//! Asking whoever sits at the terminal, one question a line, on standard error, so that standard output stays the answer. Must never
//! wait for somebody where nobody sits, and never take an end of input for a yes.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use crate::report::Failure;
use crate::terminal::clean;

/// The longest text that a person may give: it is shown in tables and in the audit.
pub const LONGEST: usize = 500;

/// How often somebody may answer one question wrongly.
const TRIES: usize = 5;

/// Two ends of a talk.
pub trait Talk {
    /// Shows text as it is.
    fn say(&mut self, text: &str);
    /// A line without its end; `None` when there is nobody any more.
    fn hear(&mut self) -> Option<String>;
}

/// Whether there is somebody to ask.
pub enum Asker<'a> {
    /// A script, a pipe.
    Nobody,
    /// A person at a terminal.
    Person(&'a mut dyn Talk),
}

impl Asker<'_> {
    /// Whether there is somebody.
    pub fn is_person(&self) -> bool {
        matches!(self, Asker::Person(_))
    }

    /// Shows whole lines, cleaned already, to whoever is there; to the log of a script too.
    pub fn show(&mut self, text: &str) {
        match self {
            Asker::Person(talk) => talk.say(text),
            Asker::Nobody => {
                let _ = io::stderr().write_all(text.as_bytes());
            }
        }
    }

    /// Asks until the answer will do: `read` says what is wrong with one that does not.
    ///
    /// # Errors
    /// `missing` when nobody is there, or goes away, or does not get it right.
    pub fn ask<T>(
        &mut self,
        question: &str,
        missing: impl Fn() -> Failure,
        mut read: impl FnMut(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let Asker::Person(talk) = self else { return Err(missing()) };
        for _ in 0..TRIES {
            talk.say(&format!("{question} "));
            let Some(answer) = talk.hear() else {
                talk.say("\n");
                return Err(missing());
            };
            match read(answer.trim()) {
                Ok(value) => return Ok(value),
                Err(wrong) => talk.say(&format!("  {}\n", clean(&wrong))),
            }
        }
        Err(missing())
    }

    /// Whether the person says yes, in one word. Anything else, and no answer at all, is a no.
    pub fn agrees(&mut self, question: &str) -> bool {
        let Asker::Person(talk) = self else { return false };
        talk.say(&format!("{question} [y/N] "));
        let Some(answer) = talk.hear() else {
            talk.say("\n");
            return false;
        };
        matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

/// This process's terminal: standard input is read, standard error written.
#[derive(Debug, Default)]
pub struct Terminal;

impl Terminal {
    /// Somebody if both are a terminal.
    pub fn asker(&mut self) -> Asker<'_> {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            Asker::Person(self)
        } else {
            Asker::Nobody
        }
    }
}

impl Talk for Terminal {
    fn say(&mut self, text: &str) {
        // A terminal that cannot be written to is one that nobody answers on.
        let _ = io::stderr().write_all(text.as_bytes());
        let _ = io::stderr().flush();
    }

    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_mul(4);
        match io::stdin().lock().take(most).read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }
}

/// One line that says something.
///
/// # Errors
/// What is wrong with it.
pub fn line(what: &str, text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    if text.chars().count() > LONGEST {
        return Err(format!("the {what} is longer than {LONGEST} characters"));
    }
    if clean(text) != text {
        return Err(format!("the {what} holds control characters: write one line of plain text"));
    }
    Ok(text.to_owned())
}

/// A reason that was given, or that a person at the terminal gives now.
///
/// # Errors
/// When it is no line of text, or `needed` and nobody gives one.
pub fn reason(
    given: Option<&str>,
    asker: &mut Asker<'_>,
    needed: Needed<'_>,
) -> Result<Option<String>, Failure> {
    if let Some(given) = given {
        return line("reason", given).map(Some).map_err(Failure::usage);
    }
    match (asker.is_person(), needed) {
        (false, Needed::No) => Ok(None),
        (_, Needed::Because(why)) => {
            let missing = || Failure::usage(format!("{why}: --reason 'a sentence'; nothing was written"));
            asker.ask("reason:", missing, |typed| line("reason", typed).map(Some))
        }
        (true, Needed::No) => {
            let missing = || Failure::usage("no reason was given; nothing was written");
            asker.ask("reason (Enter for none):", missing, |typed| match typed {
                "" => Ok(None),
                typed => line("reason", typed).map(Some),
            })
        }
    }
}

/// Whether there must be a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed<'a> {
    /// A person is asked, and may leave it empty.
    No,
    /// There must, and why.
    Because(&'a str),
}

#[cfg(test)]
pub(crate) mod fake {
    use super::Talk;

    /// A terminal whose person has made up his mind.
    #[derive(Debug, Default)]
    pub(crate) struct Script {
        pub(crate) answers: Vec<&'static str>,
        pub(crate) said: String,
    }

    impl Script {
        pub(crate) fn of(answers: &[&'static str]) -> Script {
            Script { answers: answers.iter().rev().copied().collect(), said: String::new() }
        }
    }

    impl Talk for Script {
        fn say(&mut self, text: &str) {
            self.said.push_str(text);
        }

        fn hear(&mut self) -> Option<String> {
            self.answers.pop().map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::Script;
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answers, agrees) in [
            (&["y"][..], true),
            (&["YES "], true),
            (&[""], false),
            (&["n"], false),
            (&["yep"], false),
            (&[], false),
        ] {
            let mut script = Script::of(answers);
            assert_eq!(Asker::Person(&mut script).agrees("sure?"), agrees, "{answers:?}");
            assert!(script.said.starts_with("sure? [y/N] "), "{}", script.said);
        }
        assert!(!Asker::Nobody.agrees("sure?"));
    }

    #[test]
    fn a_wrong_answer_is_explained_and_asked_again() {
        let mut script = Script::of(&["", "a\u{1b}[2Jb", " deploy "]);
        let said = reason(None, &mut Asker::Person(&mut script), Needed::Because("why")).unwrap();
        assert_eq!(said.as_deref(), Some("deploy"));
        assert_eq!(script.said.matches("reason:").count(), 3, "{}", script.said);
        assert!(script.said.contains("the reason is empty") && script.said.contains("control characters"));
    }

    #[test]
    fn nobody_is_asked_for_ever() {
        for answers in [&["", "", "", "", "", "late"][..], &["", ""]] {
            let mut script = Script::of(answers);
            let asked = reason(None, &mut Asker::Person(&mut script), Needed::Because("the role wants one"));
            let failure = asked.unwrap_err();
            assert_eq!(failure.code, "usage");
            assert!(failure.text.contains("the role wants one: --reason"), "{}", failure.text);
        }
    }

    #[test]
    fn a_script_is_not_asked() {
        assert_eq!(reason(None, &mut Asker::Nobody, Needed::No).unwrap(), None);
        assert!(reason(None, &mut Asker::Nobody, Needed::Because("why")).is_err());
        assert!(reason(Some(" "), &mut Asker::Nobody, Needed::No).is_err());
    }
}
