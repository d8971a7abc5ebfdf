//! What is kept to be read, and who may read how much of it.

use super::Fallback::{Below, Is};
use super::{Section, key, whole};
use crate::config::value::Kind;

/// `[views]`
pub(super) const VIEWS: Section = Section {
    path: "views",
    ja: "記録の保管",
    en: "The record store.",
    keys: &[
        key(
            "views.dir",
            Kind::Path,
            Below("views"),
            ["\"/var/lib/ajisai/views\"", "保管庫のディレクトリ", "Directory of the record store."],
        ),
        key(
            "views.flush_rows",
            whole(1_000, 100_000_000),
            Is("500_000"),
            [
                "500_000",
                "メモリ上の行がこの数になると表ファイルに書き出す",
                "Hot rows at which they are written to table files.",
            ],
        ),
        key(
            "views.flush_seconds",
            whole(1, 3600),
            Is("10"),
            [
                "10",
                "メモリ上の最も古い行がこの秒数を過ぎると書き出す",
                "Age in seconds of the oldest hot row at which they are written.",
            ],
        ),
    ],
};

/// `[ledger]`
pub(super) const LEDGER: Section = Section {
    path: "ledger",
    ja: "開示の台帳",
    en: "The ledger of who saw what.",
    keys: &[key(
        "ledger.disclosures",
        Kind::Switch,
        Is("true"),
        [
            "false",
            "書き出しのたびに、どの施設から何が見えるようになったかを台帳に記す。閲覧の記録は、この設定に関わらず必ず残る",
            "Note in the ledger, per commit of the views, what became visible to which facility. What is read is noted in any case.",
        ],
    )],
};

/// `[query]`
pub(super) const QUERY: Section = Section {
    path: "query",
    ja: "問い合わせの上限",
    en: "Limits of statements.",
    keys: &[
        key(
            "query.statement_seconds",
            whole(1, 86_400),
            Is("30"),
            ["30", "一つの問い合わせに許す秒数", "Seconds that a statement may run."],
        ),
        key(
            "query.memory_mib",
            whole(1, 1_048_576),
            Is("512"),
            ["512", "一つの問い合わせに許すメモリ（MiB）", "Memory of one statement, in MiB."],
        ),
        key(
            "query.max_concurrent",
            whole(1, 10_000),
            Is("8"),
            ["8", "一つの施設が同時に実行できる問い合わせの数", "Statements of one facility that may run at once."],
        ),
        key(
            "query.at_least_wait_seconds",
            whole(0, 3600),
            Is("10"),
            [
                "10",
                "「少なくともこの位置まで」を求める問い合わせが待つ最長の秒数",
                "Seconds that a statement asking for \"at least position p\" waits for it.",
            ],
        ),
    ],
};
