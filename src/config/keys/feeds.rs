//! The ways in that a hospital's own systems know.

use super::Fallback::{Absent, Is};
use super::{Section, key, whole};
use crate::config::value::Kind;

/// Spellings that a message which names no character set may be in.
const CHARSETS: Kind = Kind::OneOf(&["ISO-2022-JP", "Shift_JIS", "EUC-JP", "UTF-8"]);
/// What `charset` means.
const CHARSET: [&str; 3] = [
    "\"ISO-2022-JP\"",
    "文字コードを名乗らないメッセージ（MSH-18が空）の文字コード。省略時はバイト列から判断する",
    "Character set of messages that name none in `MSH-18`; without it, it is told by their bytes.",
];
/// What `zone` means.
const ZONE: [&str; 3] = [
    "\"+09:00\"",
    "時差のない時刻をどの時差で読むか。+09:00 のような時差、または Asia/Tokyo のような地域名",
    "Zone of times without an offset: an offset, or a name such as `Asia/Tokyo`.",
];

/// `[ingest]`
pub(super) const INGEST: Section = Section {
    path: "ingest",
    ja: "受け付け",
    en: "The door for events.",
    keys: &[
        key(
            "ingest.quarantine_mib",
            whole(1, 1_048_576),
            Is("1024"),
            [
                "1024",
                "受け付けられなかったデータを保管する領域（MiB）。一杯になると、その旨を返して拒む",
                "Room in MiB for refused bytes; when it is full they are refused aloud.",
            ],
        ),
        key(
            "ingest.fhir_mib",
            whole(1, 1024),
            Is("64"),
            ["64", "一度に受け取るFHIRの本文の上限（MiB）", "The largest body of one `POST /fhir`, in MiB."],
        ),
    ],
};

/// `[[mllp]]`
pub(super) const MLLP: Section = Section {
    path: "mllp",
    ja: "HL7 v2をMLLPで受け取る口。口の数だけ書く",
    en: "HL7 v2 over MLLP: one for each listener.",
    keys: &[
        key(
            "mllp.address",
            Kind::Address,
            Absent,
            [
                "\"0.0.0.0:2575\"",
                "待ち受けるアドレス（必須）。ループバック以外ではTLSが必須",
                "Where it listens (required). Off loopback with TLS only.",
            ],
        ),
        key(
            "mllp.facilities",
            Kind::Texts,
            Absent,
            [
                "[\"my-hospital\"]",
                "送ってくる施設（必須）。TLSではクライアント証明書の施設がこの中になければならない。TLSなしでは一つだけ",
                "Who sends here (required). With TLS the facility of the client certificate must be among them; without TLS it is the only one.",
            ],
        ),
        key(
            "mllp.tls",
            Kind::Switch,
            Is("true"),
            [
                "true",
                "TLSとクライアント証明書を求めるか。false はループバックに限る（同じ機器の連携エンジンなど）",
                "Whether TLS and a client certificate are asked for. `false` is for loopback only, such as an engine on the same machine.",
            ],
        ),
        key("mllp.charset", CHARSETS, Absent, CHARSET),
        key("mllp.zone", Kind::Text, Is("\"+09:00\""), ZONE),
        key(
            "mllp.sending_facilities",
            Kind::Texts,
            Is("[]"),
            [
                "[\"HOSP\"]",
                "MSH-4に現れてよい送信施設名。空ならどれでもよい",
                "Names that may stand in `MSH-4`; empty takes any.",
            ],
        ),
        key(
            "mllp.assigning_authorities",
            Kind::Texts,
            Is("[]"),
            [
                "[\"HOSP\"]",
                "PID-3のうち自施設の患者番号に付く発番者名。空なら種別PI・MRのもの、または唯一のもの",
                "Assigning authorities of the facility's own numbers in `PID-3`; empty takes those typed `PI` or `MR`, else the only one.",
            ],
        ),
        key(
            "mllp.device_channels",
            Kind::Texts,
            Is("[]"),
            [
                "[\"61643=fhr1\", \"61643@1.1.2=fhr2\"]",
                "監視装置のどのコード（OBX-3、任意でOBX-4の場所）がベッドのどの波形か。MDCの標準コードは書かなくてよい",
                "Which code of a bedside device (`OBX-3`, or below a place of `OBX-4`) is which channel of a bed. Standard MDC codes need not be named.",
            ],
        ),
        key(
            "mllp.take_tests",
            Kind::Switch,
            Is("false"),
            [
                "false",
                "試験用のメッセージ（MSH-11がP以外）も受け取るか",
                "Whether messages for training and debugging (`MSH-11` other than `P`) are taken too.",
            ],
        ),
        key(
            "mllp.largest_mib",
            whole(1, 256),
            Is("16"),
            ["16", "一つのメッセージの上限（MiB）", "The largest message, in MiB."],
        ),
        key(
            "mllp.idle_seconds",
            whole(1, 86_400),
            Is("3600"),
            [
                "3600",
                "この秒数だけ何も来ない接続は閉じる",
                "Seconds without a byte after which a connection is closed.",
            ],
        ),
        key(
            "mllp.bed_silent_minutes",
            whole(1, 1_440),
            Is("30"),
            [
                "30",
                "監視装置の波形（HL7のみで、ベッドの開始を告げないもの）がこの分数だけ届かなければ、そのベッドを閉じる。同じ施設の節が複数あれば最も短いものが働く。画面からは30分で消える",
                "Minutes without a frame after which the bed of a monitor that speaks HL7 alone is closed; of several entries for one facility the shortest holds. A board shows such a bed for 30 minutes.",
            ],
        ),
        key(
            "mllp.most_connections",
            whole(1, 100_000),
            Is("1000"),
            ["1000", "同時に開ける接続の数。それ以上は待たせる", "Connections at a time; further ones wait."],
        ),
        key(
            "mllp.silent_seconds",
            whole(0, 2_678_400),
            Is("900"),
            [
                "900",
                "この秒数だけメッセージが届かなければ、途絶えたと知らせる（ログ・メトリクス・`ajisai feeds`）。送り手が普段あける間より少し長くする。0 は知らせない",
                "Seconds without a message after which the feed is said to be silent, in the log, the metrics and `ajisai feeds`: a little more than the longest pause of the sender. 0 is never.",
            ],
        ),
    ],
};

/// `[[fhir]]`
pub(super) const FHIR: Section = Section {
    path: "fhir",
    ja: "FHIRで送ってくる施設ごとの読み方。書かない施設は標準の規則で読む",
    en: "How one facility's FHIR is read: one for each that differs from the standard.",
    keys: &[
        key(
            "fhir.facility",
            Kind::Text,
            Absent,
            ["\"my-hospital\"", "どの施設か（必須）", "Whose FHIR it is (required): who authenticated."],
        ),
        key(
            "fhir.institutions",
            Kind::Texts,
            Is("[]"),
            [
                "[\"1318814790\"]",
                "その施設の保険医療機関番号（10桁）。他の番号を名乗る患者番号・資源は拒む。空なら比べない",
                "The facility's own medical institution numbers. Patient numbers and resources that name another are refused; empty compares nothing.",
            ],
        ),
        key(
            "fhir.patient_number_system",
            Kind::Text,
            Absent,
            [
                "\"urn:oid:1.2.392.100495.20.3.51.11318814790\"",
                "その施設の患者番号の identifier.system。省略時は標準の体系",
                "The `identifier.system` of the facility's own patient numbers; without it, the standard ones.",
            ],
        ),
    ],
};

/// `[[storage]]`
pub(super) const STORAGE: Section = Section {
    path: "storage",
    ja: "読み取って追いかけるSS-MIX2標準化ストレージ。ストレージの数だけ書く",
    en: "An SS-MIX2 storage that is loaded and then followed: one for each.",
    keys: &[
        key(
            "storage.name",
            Kind::Text,
            Absent,
            [
                "\"std\"",
                "短い名前（必須、英数字と - _）。置き場所が変わっても変えない。`ajisai feeds` に現れる",
                "A short name (required; letters, digits, `-`, `_`) that stays when the storage is mounted elsewhere. `ajisai feeds` shows it.",
            ],
        ),
        key(
            "storage.path",
            Kind::Path,
            Absent,
            [
                "\"/mnt/ssmix2\"",
                "標準化ストレージの根（必須）。読むだけで、書き込まない",
                "The storage's root (required). It is only read.",
            ],
        ),
        key(
            "storage.facility",
            Kind::Text,
            Absent,
            ["\"my-hospital\"", "どの施設のストレージか（必須）", "Whose storage it is (required)."],
        ),
        key(
            "storage.other_patient",
            Kind::OneOf(&["refuse", "take-path"]),
            Is("\"refuse\""),
            [
                "\"refuse\"",
                "パスとメッセージで患者が違うファイルをどうするか。refuse は隔離、take-path はパスの患者とする",
                "A file whose message is about another patient than its path: `refuse` keeps it in quarantine, `take-path` believes the path.",
            ],
        ),
        key("storage.charset", CHARSETS, Absent, CHARSET),
        key("storage.zone", Kind::Text, Is("\"+09:00\""), ZONE),
        key(
            "storage.watch",
            Kind::Switch,
            Is("true"),
            [
                "true",
                "OSの通知で変化を知るか。他の機器が書き込むネットワークドライブでは false（定期的な走査で追う）",
                "Whether the system tells of changes. `false` for a network drive that other machines write to: sweeps follow it.",
            ],
        ),
        key(
            "storage.transactions",
            Kind::Path,
            Absent,
            [
                "\"/mnt/ssmix2-trans\"",
                "トランザクションストレージの根。あれば変化をそこから知る",
                "The transaction storage's root, where there is one: it names what has changed.",
            ],
        ),
        key(
            "storage.sweep_seconds",
            whole(1, 86_400),
            Is("600"),
            [
                "600",
                "全体を走査する間隔（秒）。通知の漏れはここで見つかる",
                "Seconds between sweeps over the whole tree: they find what nothing told of.",
            ],
        ),
        key(
            "storage.settled_seconds",
            whole(0, 3600),
            Is("2"),
            [
                "2",
                "書き込まれてからこの秒数が過ぎたファイルだけを読む",
                "A file is read when it has been left alone for so many seconds.",
            ],
        ),
        key(
            "storage.survey_minutes",
            whole(1, 10_080),
            Is("1440"),
            [
                "1440",
                "全ファイルを読み直して、受け取ったものと突き合わせる間隔（分）。最初は取り込みが一巡した直後。結果は `ajisai feeds`",
                "Minutes between surveys, which read every file anew and compare it with what was taken; the first follows the first load. `ajisai feeds` shows what they find.",
            ],
        ),
        key(
            "storage.threads",
            whole(1, 256),
            Is("16"),
            ["16", "同時に読むファイルの数", "How many threads read files."],
        ),
        key(
            "storage.largest_mib",
            whole(1, 1024),
            Is("16"),
            ["16", "一つのファイルの上限（MiB）", "The largest file, in MiB."],
        ),
        key(
            "storage.silent_seconds",
            whole(0, 2_678_400),
            Is("60"),
            [
                "60",
                "この秒数だけストレージを見に行けなければ、途絶えたと知らせる。新しいファイルがないだけでは途絶えたとしない。0 は知らせない",
                "Seconds for which the storage could not be looked at after which it is said to be silent; that there is nothing new is no silence. 0 is never.",
            ],
        ),
    ],
};
