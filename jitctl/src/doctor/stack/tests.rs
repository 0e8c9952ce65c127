//! What stacks by chance seldom reach.

use super::chain::{File, Handler, Kind, Module, Place};
use super::code::Code;
use super::control::{self, Word};
use super::dispatch::first;
use super::text::Words;

fn line(level: usize, control: &str, returns: Code) -> Handler {
    let Word::Control(control) = control::parse(control.as_bytes()) else { panic!("{control}") };
    let module = Module { name: returns.name().to_owned(), arguments: Vec::new(), file: File::Unknown };
    let place = Place { file: String::new(), line: 0 };
    Handler { kind: Kind::Module(module), level, control: *control, place }
}

fn substack(level: usize) -> Handler {
    Handler { kind: Kind::Substack, ..line(level, "required", Code::SUCCESS) }
}

#[test]
fn done_and_die_end_the_innermost_substack_alone() {
    for (word, code, told) in
        [("done", Code::SUCCESS, Code::AUTH_ERR), ("die", Code::USER_UNKNOWN, Code::SUCCESS)]
    {
        let chain = [
            substack(0),
            substack(1),
            line(2, &format!("{code}={word} default=bad"), code),
            line(2, "required", Code::PERM_DENIED),
            line(1, if word == "done" { "required" } else { "default=reset" }, Code::AUTH_ERR),
            line(0, "required", Code::SUCCESS),
        ];
        let returns = |_: usize, handler: &Handler| Code::named(&handler.module().unwrap().name).unwrap();
        assert_eq!(first(&chain, returns).0, told, "{word}");
    }
}

#[test]
fn a_word_may_follow_a_bracket_at_once() {
    let words: Vec<Vec<u8>> = Words::of(b" account [a=b c\\]]pam_x.so [d e").collect();
    assert_eq!(words, [&b"account"[..], b"a=b c]", b"pam_x.so", b"d e"]);
}
