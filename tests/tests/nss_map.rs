//! The group map while it changes: real jitd, real glibc, many processes. Never a wrong answer, a partial one, or one of what has been taken
//! away; and never one from what is no map.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use jit_proto::map::layout::{COVERED, FIXED, HEADER, MAGIC, SUPERSEDED, checksum};
use jit_tests::nss_map::kills;
use jit_tests::nss_map::stage::Stage;
use jit_tests::strace::Point;
use jit_tests::trouble::{Result, Trouble};

const READER: &str = env!("CARGO_BIN_EXE_nss_map_reader");

fn up(brief: &[i64]) -> Result<Stage> {
    Stage::up(Path::new(READER), brief)
}

/// A thousand maps, one after the other; jitd is killed now and then in whatever it does, and ten people's grants end meanwhile.
#[test]
fn a_thousand_maps() -> Result<()> {
    let mut stage = up(&[5, 6, 7, 8, 10, 12, 15, 20, 25, 3600])?;
    let readers = stage.readers(2)?;
    for n in 1..=1000 {
        let dies = n % 100 == 0;
        if dies {
            stage.kept()?;
        }
        stage.change()?;
        if dies {
            // Anywhere between its reading of the file and its writing of the map.
            std::thread::sleep(Duration::from_micros(n * 37 % 9000));
            stage.door.kill_jitd()?;
            stage.ask_once()?;
            stage.revive()?;
        }
        stage.shown()?;
        readers.are_content()?;
    }
    stage.ask_once()?;
    println!("{} questions", readers.end(&stage)?);
    Ok(())
}

/// Grants end at their seconds for whoever asks, when jitd is dead and nobody writes a map any more.
#[test]
fn the_end_comes_without_jitd() -> Result<()> {
    let stage = up(&[4, 5, 6, 7, 3600])?;
    let readers = stage.readers(1)?;
    stage.door.kill_jitd()?;
    let brief = || stage.door.host().exec(["getent", "group", "brief"]).run().map(|output| output.stdout);
    let over = || brief().is_ok_and(|line| line.trim_end().ends_with(":e4"));
    jit_tests::wait::until(jit_tests::door::SOON, "four have ended", over)?;
    readers.are_content()?;
    readers.end(&stage)?;
    Ok(())
}

/// Killed at each call that has to do with maps.
#[test]
fn killed_at_each_step_of_a_replacement() -> Result<()> {
    let mut stage = up(&[3600])?;
    let readers = stage.readers(1)?;
    let points = kills::whole(&mut stage)?;
    let cuts = kills::of_maps(&points);
    let changes = |point: &&Point| ["rename", "pwrite64"].iter().any(|call| point.call.starts_with(call));
    assert!(cuts.iter().filter(changes).count() >= 3, "two renames and the word: {cuts:?}");
    let died = kills::all(&mut stage, &cuts, &readers)?.len();
    println!("jitd died at {died} of {} calls; {} questions", cuts.len(), readers.end(&stage)?);
    // How many files it opens before that depends on what else it looks at.
    assert!(died + 2 >= cuts.len(), "jitd died at {died} of {} calls", cuts.len());
    Ok(())
}

/// Killed between the word and the rename, so that the next map is in force beside the old one; and killed again while it comes back and ends
/// what was begun.
#[test]
fn killed_again_while_it_comes_back() -> Result<()> {
    let mut stage = up(&[3600])?;
    let readers = stage.readers(1)?;
    let points = kills::whole(&mut stage)?;
    let mut renames = kills::of_maps(&points).into_iter().filter(|point| point.call == "rename");
    let last = renames.next_back().ok_or_else(|| Trouble::new(format!("no rename: {points:?}")))?;
    let mut deaths = 0;
    for (call, number) in
        [("rename", 1), ("rename", 2), ("rename", 3), ("pwrite64", 1), ("pwrite64", 2), ("pwrite64", 3)]
    {
        let told = |e: Trouble| Trouble::new(format!("{call} no. {number} of the second life: {e}"));
        let died = kills::die(&mut stage, &last).map_err(told)?;
        assert!(
            died.is_some() && stage.path().with_extension("map.next").exists(),
            "{call} {number}: {died:?}"
        );
        deaths += u32::from(kills::start_and_die(&mut stage, call, number).map_err(told)?);
        stage.revive()?;
        stage.shown().map_err(told)?;
        stage.ask_once().map_err(told)?;
        readers.are_content().map_err(told)?;
    }
    println!("died again in {deaths} of 6; {} questions", readers.end(&stage)?);
    assert!(deaths >= 4, "died again in {deaths} of 6");
    Ok(())
}

/// The same file with another length and the checksum that is right for it.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let length = file.len() as u64;
    file[FIXED..FIXED + 8].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&file[COVERED..]);
    file[FIXED + 8..COVERED].copy_from_slice(&sum.to_le_bytes());
    file
}

/// Everywhere these bytes stand, others.
fn exchanged(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    for at in 0..file.len().saturating_sub(from.len()) {
        if file[at..].starts_with(from) {
            file[at..at + to.len()].copy_from_slice(to);
        }
    }
    sealed(file)
}

/// Whatever lies where the map should be: groups of ours are not there, and everything else is as ever.
#[test]
fn what_is_no_map_harms_nobody() -> Result<()> {
    let stage = up(&[3600])?;
    let host = stage.door.host();
    // Local names, by name and number; ours; a miss. In a minute, or it hangs.
    let asked = "getent group root >/dev/null && getent passwd root >/dev/null && getent group 0 >/dev/null || echo lost; \
                 test \"$(id -Gn alice | tr ' ' ,)\" = alice,people || echo alice; test \"$(id -G)\" = 0 || echo root; \
                 getent group twin-a; echo $?; getent group jit-nothing; echo $?; getent initgroups p0 q0 | tr -s ' '";
    let ask = || host.sh(asked).run()?.must();
    let well = ask()?;
    assert!(well.starts_with("twin-a:*:"), "{well}");
    stage.door.kill_jitd()?;
    assert_eq!(ask()?, well, "with jitd dead");
    let none = "2\n2\np0 \nq0 \n".replace(" \n", "\n");
    let ask = || ask().map(|said| said.replace(" \n", "\n"));
    let whole = fs::read(stage.path()).map_err(|e| Trouble::io(&stage.path(), e))?;
    let put = |bytes: &[u8]| {
        let fresh = stage.path().with_file_name("fresh");
        let written = fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, stage.path()));
        written.map_err(|e| Trouble::io(&fresh, e))
    };
    let flipped = |at: usize| {
        let mut file = whole.clone();
        file[at] ^= 0x10;
        file
    };
    let mut cases: Vec<(String, Vec<u8>)> = (0..whole.len())
        .filter(|at| !(SUPERSEDED + 4..FIXED).contains(at))
        .step_by(whole.len() / 20)
        .flat_map(|at| {
            [(format!("{at} flipped"), flipped(at)), (format!("cut at {at}"), whole[..at].to_vec())]
        })
        .collect();
    cases.extend([
        ("nothing but zeros".to_owned(), vec![0; whole.len()]),
        ("text".to_owned(), b"root::0:0::/:/bin/sh\n".repeat(40)),
        ("the magic and no more".to_owned(), [&MAGIC[..], &[0; HEADER]].concat()),
        ("of a later version".to_owned(), [&b"jitmap\0\x02"[..], &whole[8..]].concat()),
        ("cut, and says so".to_owned(), sealed(whole[..whole.len() - 40].to_vec())),
    ]);
    for (what, file) in cases {
        put(&file)?;
        let said = ask()?;
        // Where only a text's end is missing, what does not need it is still there.
        assert!(said == none || what == "cut, and says so" && !said.contains("lost"), "{what}: {said}");
    }
    put(&whole)?;
    assert_eq!(host.sh(asked).run()?.must()?, well, "whole again");
    // Hostile, with a checksum that is right: root's number, the one that the kernel takes for none, a name that ends a line.
    let gid: u32 =
        well.split(':').nth(2).and_then(|gid| gid.parse().ok()).ok_or_else(|| Trouble::new(&*well))?;
    for (what, to) in [("root", 0_u32), ("none", u32::MAX)] {
        put(&exchanged(&whole, &gid.to_le_bytes(), &to.to_le_bytes()))?;
        let said = ask()?;
        assert!(!said.contains("twin-a"), "{what}: {said}");
        assert!(said.ends_with("p0\nq0\n"), "{what}: {said}");
    }
    for bad in [b"p0:\0", b"p\n0\0", b"\0\0\0\0"] {
        let hostile = exchanged(&exchanged(&whole, b"p0\0", &bad[..3]), b"q0\0", &bad[..3]);
        put(&hostile)?;
        let said = ask()?;
        assert!(said.starts_with("2\n"), "{bad:?}: {said}");
    }
    for mode in [0o664, 0o646, 0o666] {
        put(&whole)?;
        let set = fs::set_permissions(stage.path(), Permissions::from_mode(mode));
        set.map_err(|e| Trouble::io(&stage.path(), e))?;
        assert_eq!(ask()?, none, "{mode:o}");
    }
    let path = stage.path();
    let link = || fs::rename(&path, path.with_file_name("aside")).and_then(|()| symlink("aside", &path));
    put(&whole)?;
    link().map_err(|e| Trouble::io(&path, e))?;
    assert_eq!(ask()?, none, "a link");
    for make in [
        "mkfifo groups.map",
        "mkdir groups.map",
        "truncate -s 65M groups.map",
        "true",
        "mknod groups.map c 1 5",
    ] {
        host.sh(&format!("cd /run/jitd/pub && rm -rf groups.map && {make}")).run()?.must()?;
        assert_eq!(ask()?, none, "{make}");
    }
    // As large as may be, and nothing in it: read once, and refused.
    host.sh("cd /run/jitd/pub && rm -f groups.map && truncate -s 64M groups.map").run()?.must()?;
    assert_eq!(ask()?, none, "64 MiB of nothing");
    // Whatever it was, jitd's next one takes its place.
    stage.door.start_jitd()?;
    stage.shown()?;
    assert_eq!(host.sh(asked).run()?.must()?, well, "jitd is back");
    Ok(())
}
