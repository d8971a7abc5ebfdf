//! The shared-care booklet: of the caller's own patient, with what is open alone, and absences told apart.

use crate::region::{CLINIC, HOSPITAL, Region, STRANGER, physician, token};
use http_body_util::BodyExt as _;
use model::Role;

const PATH: &str = "/api/diabetes/booklet?patient=clinic-0000";

async fn page(region: &Region, path: &str, token: &str) -> (u16, String) {
    let response = region.get(path, Some(token)).await;
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    assert_eq!(kind.as_deref() == Some("text/html; charset=utf-8"), status == 200, "{kind:?}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// The row of an item in the page.
#[track_caller]
fn row<'a>(page: &'a str, item: &str) -> &'a str {
    let after = page.split_once(&format!("<tr data-item=\"{item}\">")).unwrap().1;
    after.split_once("</tr>").unwrap().0
}

#[tokio::test]
async fn a_booklet_is_of_the_callers_own_view() {
    let region = Region::open().await;
    let (status, booklet) = page(&region, PATH, &physician(CLINIC)).await;
    assert_eq!(status, 200, "{booklet}");
    assert!(booklet.starts_with("<article class=\"booklet a4\""), "{booklet}");
    // the newest value with its day and its facility by name
    let hba1c = row(&booklet, "hba1c");
    assert!(hba1c.contains("<td>8.0 <small>%</small></td><td>2026-04-04</td><td>県立あじさい病院</td>"), "{hba1c}");
    assert!(row(&booklet, "uacr").contains("not-measured"), "{}", row(&booklet, "uacr"));
    assert!(row(&booklet, "due_hba1c").contains("2026-07-04"), "{}", row(&booklet, "due_hba1c"));
    // one line of the course per day and facility
    assert_eq!(booklet.matches("<td>県立あじさい病院</td><td></td><td></td><td>").count(), 4, "{booklet}");
    assert!(booklet.contains("糖尿病連携手帳") && booklet.contains("Diabetes shared-care booklet"));
    assert!(!booklet.contains("となり町医院") && !booklet.contains("99.0"), "nothing of a stranger");

    let (_, small) = page(&region, &format!("{PATH}&size=a6"), &physician(CLINIC)).await;
    assert!(small.starts_with("<article class=\"booklet a6\""), "{small}");
    assert_eq!(page(&region, "/api/diabetes/booklet?patient=clinic-0000&size=a3", &physician(CLINIC)).await.0, 400);
}

#[tokio::test]
async fn another_facilitys_patient_has_no_booklet() {
    let region = Region::open().await;
    for (patient, who) in [
        ("hospital-0000", physician(CLINIC)),
        ("clinic-0000", physician(HOSPITAL)),
        ("clinic-0000", physician(STRANGER)),
        ("clinic-0000", token(CLINIC, Role::Clerk)),
    ] {
        let (status, said) = page(&region, &format!("/api/diabetes/booklet?patient={patient}"), &who).await;
        assert_eq!(status, 404, "{patient}: {said}");
        assert!(said.contains("\"nothing\"") && !said.contains(patient), "{said}");
    }
    assert_eq!(region.get(PATH, None).await.status(), 401);
    assert_eq!(page(&region, "/api/diabetes/booklet", &physician(CLINIC)).await.0, 400);
}

#[tokio::test]
async fn what_is_withdrawn_is_in_no_booklet_and_said_to_be_closed() {
    let region = Region::open().await;
    // the clinic's own result keeps the person in its view
    region.result(CLINIC, 0, 9, 7.1);
    let (_, before) = page(&region, PATH, &physician(CLINIC)).await;
    assert!(row(&before, "hba1c").contains("7.1"), "{}", row(&before, "hba1c"));
    assert!(row(&before, "ldl").contains("not-measured"), "{}", row(&before, "ldl"));
    region.withdraw(0);
    let (_, after) = page(&region, PATH, &physician(CLINIC)).await;
    assert!(row(&after, "hba1c").contains("<td>7.1") && !after.contains("2026-04-04"), "{after}");
    let ldl = row(&after, "ldl");
    assert!(ldl.contains("absent not-consented") && ldl.contains("県立あじさい病院"), "{ldl}");
}
