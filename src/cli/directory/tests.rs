use super::*;

#[test]
fn a_scope_in_toml_and_in_json_says_the_same() {
    let own = || FacilityId::parse("ajisai-central").unwrap();
    let toml = scope(
        "[[rules]]\ncategories = [\"laboratory\", \"medication\"]\nviewer_kinds = [\"all\"]\n\
         viewer_roles = [\"clinical\"]\nhold_back_days = 7\nsince = \"2024-04-01\"\n\
         [[break_glass]]\nviewer_kinds = [\"hospital\"]\nviewer_roles = [\"physician\"]\n",
        own(),
    )
    .unwrap();
    let json = scope(
        r#"{"rules":[{"categories":["laboratory","medication"],"viewer_kinds":["all"],"viewer_roles":["clinical"],
            "hold_back_days":7,"since":"2024-04-01"}],
            "break_glass":[{"viewer_kinds":["hospital"],"viewer_roles":["physician"]}],
            "guardian_consents":"go-on"}"#,
        own(),
    )
    .unwrap();
    assert_eq!(toml, json);
    assert!(toml.break_glass.first().unwrap().viewer_roles.contains(Role::Physician));
    let rule = toml.rules.first().unwrap();
    assert!(rule.viewer_roles.contains(Role::Physician) && !rule.viewer_roles.contains(Role::Clerk));
    assert_eq!((rule.author_roles, rule.hold_back), (RoleSet::all(), HoldBack::Days(7)));
    assert!(rule.labels.is_empty());
}

#[test]
fn an_unknown_word_in_a_scope_is_named_with_its_rule() {
    let scope = |text| scope(text, FacilityId::parse("ajisai-central").unwrap());
    let refused = scope("[[rules]]\ncategories=[\"labs\"]\nviewer_kinds=[]\nviewer_roles=[]\n").unwrap_err();
    assert!(format!("{refused:#}").contains("rules[0]: categories: `labs`"), "{refused:#}");
    assert!(scope("[[rules]]\ncategory=[]\n").is_err());
    let both =
        "[[rules]]\ncategories=[]\nviewer_kinds=[]\nviewer_roles=[]\nhold_back_days=1\nhold_until_released=true\n";
    assert!(format!("{:#}", scope(both).unwrap_err()).contains("hold_until_released"));
    assert!(scope("rules = []\nguardian_consents = \"end\"\n").is_err());
}
