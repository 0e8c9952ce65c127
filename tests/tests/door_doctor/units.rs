//! What only a host with systemd shows: units that do not begin with it.

use jit_tests::door::{Door, Mode};
use jit_tests::ldif::Ldif;
use jit_tests::trouble::{Result, Trouble};

use super::{doctor, finds};

const CONFIG: &str = r#"[host]
name = "web1.prod.example.com"

[source.ldif]
path = "/etc/jitd/grants.ldif"
base = "dc=example,dc=com"

[default_role]
max_duration = "8h"

[break_glass]
users = ["rescue"]
"#;

#[test]
fn a_daemon_that_does_not_begin_with_the_host_is_found() -> Result<()> {
    let door = Door::booted(&["alice", "rescue"], Mode::Permissive, CONFIG, &Ldif::new())?;
    let host = door.host();
    host.write("/usr/bin/chronyc", 0o755, "#!/bin/sh\necho 1,Normal\n")?;
    host.sh("echo root:secret | chpasswd; systemctl enable -q jitd.service jitd.socket jitd-control.socket")
        .run()?
        .must()?;
    let good = |when: &str| finds(host, &[]).map_err(|why| Trouble::new(format!("{when}: {why}")));
    good("enabled")?;
    let said = doctor(host)?;
    assert_eq!(said.whole["unexamined"].as_array().map(Vec::len), Some(0), "{:#}", said.whole["unexamined"]);
    let (unit, socket) = (("warning", "jitd-unit"), ("warning", "jitd-socket"));
    for (plant, remove, found) in [
        ("disable jitd.socket", "enable jitd.socket", &[socket][..]),
        ("mask jitd.service", "unmask jitd.service", &[unit]),
        // Its `Also=` takes the sockets along.
        ("disable jitd.service", "enable jitd.service", &[unit, socket]),
    ] {
        host.sh(&format!("systemctl {plant}")).run()?.must()?;
        finds(host, found).map_err(|why| Trouble::new(format!("{plant}: {why}")))?;
        host.sh(&format!("systemctl {remove}")).run()?.must()?;
        good(remove)?;
    }
    Ok(())
}
