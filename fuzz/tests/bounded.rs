//! Every target on stable Rust: the seeds as they are, and a bounded number of random changes to each. The changes are the
//! same in every run, so that a failure can be repeated.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

/// xorshift64*, Marsaglia and Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % n.max(1)
    }
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    const NASTY: &[&[u8]] = &[
        b"\0",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\xff\xff\xff\xff",
        b"\x80",
        b"\\",
        b"\"",
        b"=",
        b"*",
        b" ",
        b"::",
    ];
    let at = random.below(bytes.len() + 1);
    let length = random.below(16).min(bytes.len() - at);
    match random.below(7) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let copy = bytes[at..at + length].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        3 => {
            let nasty = NASTY[random.below(NASTY.len())];
            bytes.splice(at..at + length.min(random.below(3)), nasty.iter().copied());
        }
        4 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(64)).min(other.len());
            bytes.splice(at..at + length, other[from..to].iter().copied());
        }
        _ => {
            for byte in &mut bytes[at..at + length.min(1 + random.below(2))] {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

#[test]
fn seeds_and_changes_to_them() {
    let runs: u32 = std::env::var("JIT_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2_000);
    for (name, target) in jit_fuzz::TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
        let mut paths: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(!seeds.is_empty(), "no seeds for {name}");
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for (path, seed) in paths.iter().zip(&seeds) {
            for run in 0..=runs {
                let mut bytes = seed.clone();
                for _ in 0..if run == 0 { 0 } else { 1 + random.below(4) } {
                    let other = &seeds[random.below(seeds.len())];
                    change(&mut random, &mut bytes, other);
                }
                if panic::catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
                    panic!(
                        "{name}: {} after change {run}: {:?}",
                        path.display(),
                        String::from_utf8_lossy(&bytes)
                    );
                }
            }
        }
    }
}

/// Each target's seeds get beyond the first check of its decoder: else the changes to them would prove little.
#[test]
fn the_seeds_are_good() {
    let seed = |path: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(path)).unwrap();
    jit_proto::Question::decode(&seed("frame/question")).unwrap();
    jit_proto::Answer::decode(&seed("frame/answer")).unwrap();
    jit_proto::enforcing::Rules::parse(&seed("enforcing/rules")).unwrap();
    jitd::store::Store::decode(&seed("store/payload")).unwrap();
    jitd::disk::envelope::unwrap(jitd::store::KIND, &seed("store/file")).unwrap();
    jitd::ledger::Ledger::decode(&seed("ledger/payload")).unwrap();
    jitd::disk::envelope::unwrap(jitd::ledger::KIND, &seed("ledger/file")).unwrap();
    jitd::config::parse(std::str::from_utf8(&seed("config/jitd.toml")).unwrap()).unwrap();
    let roll = jitd::people::roll::Roll::decode(&seed("people/payload")).unwrap();
    assert_ne!(roll, jitd::people::roll::Roll::default());
    jitd::disk::envelope::unwrap(jitd::people::roll::KIND, &seed("people/file")).unwrap();
    let options = ["restrict", "command", "from"].map(str::to_owned).into();
    for line in ["keys/options", "keys/plain"] {
        let line = String::from_utf8(seed(line)).unwrap();
        jitd::keys::Key::read(&line, &options, &jitd::keys::zone::Zone::of_host()).unwrap();
    }
    for name in jit_fuzz::SIGNED {
        assert!(jit_fuzz::is_good(&seed(&format!("signature/{name}"))), "{name}");
    }
    let whole = seed("map/whole");
    jit_proto::map::read::Map::open(&whole[jit_proto::map::layout::FIXED..]).unwrap();
    assert_eq!(jit_fuzz::sealed(whole.clone()), whole);
    jit_model::dn::Dn::parse(std::str::from_utf8(&seed("dn/escaped")).unwrap()).unwrap();
    jit_directory::ldif::parse::parse(&seed("ldif/grants")).unwrap();
}
