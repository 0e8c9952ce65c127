use super::*;

fn meant(ids: &[&str], typed: &str) -> Result<String, (String, String)> {
    let all: Vec<(String, Dn)> = ids
        .iter()
        .map(|id| ((*id).to_owned(), Dn::parse("ou=grants,dc=x").unwrap().child("cn", id).unwrap()))
        .collect();
    find(all.iter().map(|(id, dn)| (id.clone(), dn, id.clone())), typed)
        .map_err(|failure| (failure.code, failure.text))
}

#[test]
fn an_id_is_known_by_its_beginning() {
    let ids = ["3f2a91", "3f2b00", "Tower-1"];
    assert_eq!(meant(&ids, "3f2a").as_deref(), Ok("3f2a91"));
    assert_eq!(meant(&ids, "3F2A91").as_deref(), Ok("3f2a91"));
    assert_eq!(meant(&ids, "tower-1").as_deref(), Ok("Tower-1"));
    assert_eq!(meant(&ids, "3f2").unwrap_err().0, "usage");
    assert_eq!(meant(&ids, "zzzz").unwrap_err().0, "no-such-grant");
    assert_eq!(meant(&ids, "").unwrap_err().0, "usage");
    assert_eq!(meant(&["a"], "a").as_deref(), Ok("a"));
    assert_eq!(meant(&["REQ-1", "REQ-10"], "REQ-1").as_deref(), Ok("REQ-1"));
}

/// Whoever writes a grant chooses its id: mallory's decoy must not be taken for the grant whose beginning somebody types.
#[test]
fn a_decoy_stands_for_nobody_else() {
    let whole = "3f2a91c4d5e6f708192a3b4c5d6e7f80";
    let ids = [whole, "3f2a", &format!("{whole}-more")];
    let (code, text) = meant(&ids, "3f2a").unwrap_err();
    assert_eq!(code, "ambiguous");
    assert!(text.contains("cn=3f2a,ou=grants,dc=x"), "{text}");
    assert_eq!(meant(&ids, "cn=3f2a,ou=grants,dc=x").as_deref(), Ok("3f2a"));
    // Nor does a longer one stand in the way of the one that is meant.
    assert_eq!(meant(&ids, whole).as_deref(), Ok(whole));
}
