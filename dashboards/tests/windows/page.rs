//! The page itself.

use crate::region::{CLINIC, Region, physician};
use http_body_util::BodyExt as _;

const FILES: [(&str, &str); 4] =
    [("/", "text/html"), ("/app.js", "text/javascript"), ("/app.css", "text/css"), ("/icon.svg", "image/svg+xml")];

#[tokio::test]
async fn the_page_is_in_the_binary_and_may_load_from_nowhere_else() {
    let region = Region::open().await;
    for (path, media_type) in FILES {
        let response = region.get(path, None).await;
        assert_eq!(response.status(), 200, "{path}");
        let headers = response.headers();
        assert!(headers["content-type"].to_str().unwrap().starts_with(media_type), "{path}");
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self';"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&bytes).unwrap().replace("http://www.w3.org/", "");
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} names another host");
        assert!(!text.contains("localStorage") && !text.contains("sessionStorage"), "{path} keeps something");
    }
}

#[tokio::test]
async fn the_page_asks_for_every_file_that_it_needs_and_each_is_there() {
    let region = Region::open().await;
    let page = region.get("/", None).await.into_body().collect().await.unwrap().to_bytes();
    let page = std::str::from_utf8(&page).unwrap();
    let wanted: Vec<&str> = page.split('"').filter(|text| text.starts_with('/') && text.len() > 1).collect();
    assert!(wanted.contains(&"/app.js") && wanted.contains(&"/app.css"), "{wanted:?}");
    for path in wanted {
        assert_eq!(region.get(path, None).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn data_is_never_kept_by_a_browser_and_has_the_pages_headers() {
    let region = Region::open().await;
    let response = region.get("/api/summary", Some(&physician(CLINIC))).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn the_licence_of_what_the_page_contains_comes_with_it() {
    let region = Region::open().await;
    let response = region.get("/licenses.txt", None).await;
    assert_eq!(response.status(), 200);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(std::str::from_utf8(&bytes).unwrap().contains("Permission is hereby granted"));
}
