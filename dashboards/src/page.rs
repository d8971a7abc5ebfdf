//! The built page, carried in the binary. `web/` holds its source; `npm run build` there writes `web/dist`.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

/// Path, media type and content of each of the page's files.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("../web/dist/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../web/dist/app.js")),
    ("/app.css", "text/css; charset=utf-8", include_str!("../web/dist/app.css")),
    ("/icon.svg", "image/svg+xml", include_str!("../web/dist/icon.svg")),
    ("/licenses.txt", "text/plain; charset=utf-8", include_str!("../web/dist/licenses.txt")),
];

/// A route per file. `no-cache`: after an update nobody looks at yesterday's page.
pub(crate) fn routes() -> Router {
    FILES.iter().fold(Router::new(), |router, (path, media_type, content)| {
        router.route(path, get(|| async { file(media_type, content) }))
    })
}

fn file(media_type: &'static str, content: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], content)
}
