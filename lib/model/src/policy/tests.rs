use super::*;

fn network(text: &str) -> Network {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn inside_and_outside() {
    for (net, address, inside) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("0.0.0.0/0", "255.255.255.255", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "10.0.0.1", false),
        ("::/0", "::ffff:10.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("10.0.0.0/8", "::ffff:11.0.0.1", false),
        ("::ffff:10.0.0.0/104", "10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::1", "2001:db8::1", true),
        ("10.0.0.0/31", "10.0.0.1", true),
        ("10.0.0.0/31", "10.0.0.2", false),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(network(net).contains(address), inside, "{net} {address}");
    }
}

#[test]
fn no_network() {
    for text in [
        "",
        "/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "010.0.0.0/8",
        "::1/129",
        "::ffff:10.0.0.0/8",
        "example.com",
        "10.0.0.0/0008",
        " 10.0.0.0/8",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}

#[test]
fn a_prefix_beyond_the_address_is_the_address() {
    let beyond = Network { address: IpAddr::from([10, 0, 0, 1]), prefix: 200 };
    assert!(beyond.contains(IpAddr::from([10, 0, 0, 1])));
    assert!(!beyond.contains(IpAddr::from([10, 0, 0, 2])));
}

#[test]
fn written_and_read_again() {
    for text in ["10.0.0.0/8", "2001:db8::/32", "10.0.0.1/32"] {
        assert_eq!(network(text).to_string(), text);
    }
    assert_eq!(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
}

#[test]
fn the_lists_are_names() {
    for service in GUARDED.iter().chain(&BACKGROUND) {
        assert!(Service::new(service).is_ok(), "{service}");
    }
    assert!(GUARDED.iter().all(|service| !BACKGROUND.contains(service)));
}
