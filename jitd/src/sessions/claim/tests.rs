mod becomes;
mod by_hand;
mod laws;
mod logins;
mod persons;
mod world;

use super::*;

#[test]
fn who_becomes_another_by_which_service() {
    for service in ["sudo", "sudo-i", "su", "su-l", "doas", "polkit-1"] {
        assert_eq!(Kind::of(service), Kind::Become, "{service}");
    }
    for service in ["sshd", "login", "cron", "atd", "systemd-user", "", "Sudo", "sudo "] {
        assert_eq!(Kind::of(service), Kind::Login, "{service}");
    }
}
