//! What the adapter asks for, and what is written about it.

use std::collections::BTreeSet;

/// What the adapter asks for, as its sources name it: `verb resource`.
fn calls() -> BTreeSet<&'static str> {
    let sources = [
        include_str!("../view.rs"),
        include_str!("../nodes.rs"),
        include_str!("../evict.rs"),
    ];
    let texts = sources
        .iter()
        .flat_map(|source| source.split('"').skip(1).step_by(2));
    let is_call = |text: &&str| {
        let verbs = [
            "list ", "get ", "patch ", "create ", "delete ", "update ", "watch ",
        ];
        verbs.iter().any(|verb| text.starts_with(verb)) && text.split(' ').count() == 2
    };
    texts.filter(is_call).collect()
}

#[test]
fn every_call_stands_in_the_pages_about_it_and_the_role_allows_just_these() {
    let pages = [
        include_str!("../../../../docs/fidelity.md"),
        include_str!("../../../../docs/kubernetes-access.md"),
    ];
    let role = include_str!("../../../../examples/workers/rbac.yaml");
    let mut allowed = BTreeSet::new();
    for line in role
        .lines()
        .filter(|line| line.starts_with("- { apiGroups: [") && line.contains("verbs:"))
    {
        let inner = |key: &str| line.split_once(key).unwrap().1.split(']').next().unwrap();
        let verbs = inner("verbs: [").split(", ");
        allowed.extend(verbs.map(|verb| format!("{verb} {}", inner("resources: ["))));
    }
    let calls = calls();
    assert_eq!(calls.len(), 9, "{calls:?}");
    for call in &calls {
        for page in pages {
            assert!(page.contains(&format!("`{call}`")), "`{call}` is not told");
        }
    }
    assert_eq!(allowed, calls.iter().map(|call| (*call).to_owned()).collect());
}
