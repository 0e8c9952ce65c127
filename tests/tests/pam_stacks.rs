//! `jitctl doctor` judges PAM stacks by going through them itself. Whether it does that as libpam does is found out here: the same stacks, made by chance, are
//! given to both. Modules are Linux-PAM's own pam_debug, which returns what its options say, pam_permit, pam_deny and one that does not exist.
//!
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` say how many, and which.

use std::fmt::Write as _;
use std::path::Path;

use jit_tests::libpam::Call;
use jit_tests::libpam::ffi::{Speech, Transaction};
use jitctl::doctor::stack::chain::{Handler, Phase, Service};
use jitctl::doctor::stack::code::Code;
use jitctl::doctor::stack::dispatch;
use jitctl::doctor::stack::libpam::Libpam;
use jitctl::doctor::stack::load::Loader;
use jitctl::doctor::stack::tree::Tree;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// What a line may be.
#[derive(Clone, Debug)]
enum Line {
    Module {
        phase: &'static str,
        control: String,
        module: String,
    },
    Include {
        phase: &'static str,
        how: &'static str,
        file: Index,
    },
    /// Debian's.
    Everything {
        file: Index,
    },
    Odd(&'static str),
}

const PHASES: [&str; 9] =
    ["auth", "account", "session", "account", "account", "session", "-account", "ACCOUNT", "-session"];
const WORDS: [&str; 5] = ["required", "requisite", "sufficient", "optional", "[Required]"];
const ODD: [&str; 23] = [
    "@include /nowhere",
    "account optional pam_permit.so \\",
    "# a comment \\",
    "",
    "   \t ",
    "account",
    "acount optional pam_permit.so",
    "acount required pam_permit.so",
    "account required",
    "account [success=ok",
    "account [success=ok default=ignore]pam_debug.so acct=perm_denied",
    "account [success=okdefault=die] pam_debug.so acct=user_unknown",
    "account [success=ok nonsense=ignore] pam_permit.so",
    "account [success=1 default=0] pam_permit.so",
    "account [ default = ignore\tsuccess =\tok ] pam_debug.so acct=try_again # why",
    "account optional pam_debug.so [acct=perm_denied] acct=success",
    "account \\\n  required \\ \n\tpam_debug.so \\\n acct=maxtries",
    "account required pam_debug.so acct=succ\\\ness",
    "session include nowhere",
    "account substack nowhere",
    "account sufficient /nowhere/pam_permit.so",
    "account required pam_permit.so\r",
    "account required /bin",
];

fn codes() -> impl Strategy<Value = Code> {
    // Those that are treated specially come up often.
    let special = [
        Code::SUCCESS,
        Code::SUCCESS,
        Code::SUCCESS,
        Code::NEW_AUTHTOK_REQD,
        Code::IGNORE,
        Code::PERM_DENIED,
    ];
    prop_oneof![3 => select(special.to_vec()), 1 => (0_u8..31).prop_map(|number| Code::new(number).unwrap())]
}

fn controls() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        6 => select(vec!["ok", "ok", "done", "die", "bad", "ignore", "reset"]).prop_map(str::to_owned),
        2 => (1_u32..4).prop_map(|count| count.to_string()),
    ];
    let name =
        prop_oneof![3 => codes().prop_map(|code| code.name().to_owned()), 2 => Just("default".to_owned())];
    let pairs = prop::collection::vec((name, action), 1..5).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(name, action)| format!("{name}={action}")).collect();
        format!("[{}]", pairs.join(" "))
    });
    prop_oneof![1 => select(WORDS.to_vec()).prop_map(str::to_owned), 2 => pairs]
}

fn modules() -> impl Strategy<Value = String> {
    let debug = (codes(), codes(), codes(), codes(), codes()).prop_map(|(auth, cred, acct, open, close)| {
        format!("pam_debug.so auth={auth} cred={cred} acct={acct} open_session={open} close_session={close}")
    });
    prop_oneof![
        8 => debug,
        1 => Just("pam_permit.so".to_owned()),
        1 => Just("pam_deny.so".to_owned()),
        1 => Just("pam_nowhere.so".to_owned()),
        1 => Just("pam_debug.so acct=incomplete".to_owned()),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let module = (select(PHASES.to_vec()), controls(), modules())
        .prop_map(|(phase, control, module)| Line::Module { phase, control, module });
    let include = (select(PHASES.to_vec()), select(vec!["include", "substack", "substack"]), any::<Index>())
        .prop_map(|(phase, how, file)| Line::Include { phase, how, file });
    let everything = any::<Index>().prop_map(|file| Line::Everything { file });
    let line = prop_oneof![
        14 => module,
        6 => include,
        1 => everything,
        2 => select(ODD.to_vec()).prop_map(Line::Odd),
    ];
    prop::collection::vec(line, 0..9)
}

/// A service's file, the files that it and they include, and `other`.
fn stacks() -> impl Strategy<Value = Vec<Vec<Line>>> {
    (prop::collection::vec(lines(), 1..5), prop_oneof![Just(Vec::new()), lines()]).prop_map(
        |(mut files, other)| {
            files.push(other);
            files
        },
    )
}

/// The names of the files; the last is `other`.
fn names(count: usize) -> Vec<String> {
    let mut names: Vec<String> = (0..count.saturating_sub(1)).map(|number| format!("sub{number}")).collect();
    names[0] = "stacks".to_owned();
    names.push("other".to_owned());
    names
}

/// A file's text; it includes none but those after it.
fn render(lines: &[Line], later: &[String], below: &str) -> String {
    let mut text = String::new();
    for line in lines {
        let named = |file: &Index| {
            if later.is_empty() { "nowhere".to_owned() } else { format!("{below}{}", file.get(later)) }
        };
        let done = match line {
            Line::Module { phase, control, module } => writeln!(text, "{phase} {control} {module}"),
            Line::Include { phase, how, file } => writeln!(text, "{phase} {how} {}", named(file)),
            // To include what is not there ends the transaction, which would end most of them.
            Line::Everything { .. } if later.is_empty() => Ok(()),
            Line::Everything { file } => writeln!(text, "@include {}", named(file)),
            Line::Odd(odd) => writeln!(text, "{odd}"),
        };
        done.unwrap();
    }
    text
}

/// What a line's module returns; one that does not exist is never asked.
fn returns(call: Call, handler: &Handler) -> Code {
    let module = handler.module().unwrap();
    let event = match call {
        Call::Authenticate => "auth=",
        Call::Setcred => "cred=",
        Call::Account => "acct=",
        Call::OpenSession => "open_session=",
        Call::CloseSession => "close_session=",
        Call::Chauthtok => "chauthtok=",
    };
    let denied = match call {
        Call::Authenticate | Call::Account => Code::AUTH_ERR,
        Call::Setcred => Code::CRED_ERR,
        Call::OpenSession | Call::CloseSession => Code::SESSION_ERR,
        Call::Chauthtok => Code::AUTHTOK_ERR,
    };
    match module.stem() {
        "pam_deny" => denied,
        "pam_debug" => {
            let said = module.arguments.iter().find_map(|argument| argument.strip_prefix(event));
            said.and_then(Code::named).unwrap_or(Code::SUCCESS)
        }
        _ => Code::SUCCESS,
    }
}

/// What jitctl makes of the calls.
fn ours(service: &Service, calls: &[Call]) -> Vec<i32> {
    let mut frozen = dispatch::Frozen::default();
    let code = |call: &Call| {
        let phase = match call {
            Call::Authenticate | Call::Setcred => Phase::Auth,
            Call::Account => Phase::Account,
            Call::OpenSession | Call::CloseSession => Phase::Session,
            Call::Chauthtok => Phase::Password,
        };
        let chain = service.chain(phase);
        if matches!(call, Call::Setcred | Call::CloseSession) {
            return dispatch::second(chain, &frozen, |_, handler| returns(*call, handler));
        }
        let (code, then) = dispatch::first(chain, |_, handler| returns(*call, handler));
        frozen = then;
        code
    };
    calls.iter().map(code).map(|code| i32::from(code.number())).collect()
}

/// A case takes some 4 ms: in all a quarter of a minute.
const CASES: u32 = 4000;

const TRANSACTIONS: [&[Call]; 3] =
    [&[Call::Account], &[Call::Authenticate, Call::Setcred], &[Call::OpenSession, Call::CloseSession]];

/// What libpam makes of them; `None` if it refuses.
fn libpams(directory: &Path, calls: &[Call]) -> Option<Vec<i32>> {
    let directory = directory.to_str().unwrap();
    let mut transaction = Transaction::start("stacks", Some("root"), directory).ok()?;
    Some(calls.iter().map(|call| transaction.call(*call, Speech::Spoken)).collect())
}

/// How much a run has shown.
#[derive(Default)]
struct Seen {
    compared: usize,
    entered: usize,
    refused: usize,
    doubtful: usize,
}

fn alike(files: &[Vec<Line>], libpam: &Libpam, seen: &mut Seen) -> TestCaseResult {
    let dir = tempfile::tempdir().unwrap();
    let names = names(files.len());
    let below = format!("{}/", dir.path().display());
    for (number, lines) in files.iter().enumerate() {
        let later = names.get(number + 1..names.len() - 1).unwrap_or(&[]);
        std::fs::write(dir.path().join(&names[number]), render(lines, later, &below)).unwrap();
    }
    let tree = Tree::new(Path::new("/"));
    let libpam = Libpam { directories: vec![dir.path().to_str().unwrap().to_owned()], ..libpam.clone() };
    let service = Loader::new(&tree, &libpam).service("stacks");
    let shown = || {
        let text = |name: &String| {
            format!("--- {name}\n{}", std::fs::read_to_string(dir.path().join(name)).unwrap())
        };
        format!("{}{service:#?}", names.iter().map(text).collect::<String>())
    };
    for calls in TRANSACTIONS {
        let theirs = libpams(dir.path(), calls);
        seen.refused += usize::from(theirs.is_none());
        if service.doubts(Phase::Account).is_empty() && service.doubts(Phase::Session).is_empty() {
            let ours = service.refused.is_none().then(|| ours(&service, calls));
            prop_assert_eq!(&ours, &theirs, "{:?}\n{}", calls, shown());
            seen.compared += 1;
            seen.entered += usize::from(theirs.is_some_and(|codes| codes.first() == Some(&0)));
        } else {
            seen.doubtful += 1;
        }
    }
    Ok(())
}

#[test]
fn a_stack_is_gone_through_as_libpam_does() {
    // `PROPTEST_CASES` has the last word.
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { CASES };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    let mut seen = Seen::default();
    let stacks = stacks();
    let mut runner = TestRunner::new(config);
    let cell = std::cell::RefCell::new(&mut seen);
    let libpam = Libpam::find(&Tree::new(Path::new("/")));
    assert!(libpam.debian && libpam.file.is_some(), "{libpam:?}");
    runner.run(&stacks, |files| alike(&files, &libpam, &mut cell.borrow_mut())).unwrap();
    // The comparison has to have been about something.
    let Seen { compared, entered, refused, doubtful } = seen;
    println!("{compared} compared, of which {entered} entered; {refused} refused; {doubtful} doubtful");
    assert!(
        entered * 40 > compared && (compared - entered) * 40 > compared,
        "{entered} of {compared} entered"
    );
    assert!(doubtful * 10 < compared, "{doubtful} of {compared} doubtful");
    assert!(refused > 0);
}
