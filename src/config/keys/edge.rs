//! A hospital's edge: itself, and the node it brings everything to.

use super::Fallback::{Absent, Below, Is};
use super::{SYSTEM_CA, Section, key, whole};
use crate::config::value::Kind;

/// `[edge]`
pub(super) const EDGE: Section = Section {
    path: "edge",
    ja: "このゲートウェイそのもの",
    en: "The gateway itself.",
    keys: &[
        key(
            "edge.facility",
            Kind::Text,
            Absent,
            [
                "\"my-hospital\"",
                "どの施設のゲートウェイか（必須）。node.certificate の施設と同じでなければならない",
                "Whose gateway it is (required): the facility that `node.certificate` names.",
            ],
        ),
        key(
            "edge.name",
            Kind::Text,
            Is("\"edge\""),
            [
                "\"edge-1\"",
                "ログ・メトリクスと、ノードの `ajisai feeds` に現れる名前（英数字と - _）。一つの施設に複数置くときは別の名前にする",
                "Its name in logs, metrics and, at the node, `ajisai feeds` (letters, digits, `-`, `_`). Where a facility has several, each has its own.",
            ],
        ),
        key(
            "edge.data_dir",
            Kind::Path,
            Is("\"data\""),
            [
                "\"/var/lib/ajisai-edge\"",
                "データの置き場所。届けるまでのデータ（患者情報）がここにある。相対パスは、どの項目でも設定ファイルのあるディレクトリから数える",
                "Where everything the edge keeps lies: what waits for the line (patient data) is here. In every key, a relative path starts at the configuration file's directory.",
            ],
        ),
        key(
            "edge.queue_dir",
            Kind::Path,
            Below("queue"),
            [
                "\"/mnt/large/queue\"",
                "ノードに届けるまで溜めておくディレクトリ",
                "Directory of what waits for the line to the node.",
            ],
        ),
        key(
            "edge.queue_mib",
            whole(1, 16_777_216),
            Is("20480"),
            [
                "20480",
                "溜めておく量の上限（MiB）。一杯になると受け取らず（MLLPではAR）、送り手とストレージが持ち続ける。1日の量×切れてよい日数で決める",
                "The most that waits, in MiB. When it is full nothing more is taken (`AR` over MLLP) and the sources keep what they have. A day's amount times the days that the line may be cut.",
            ],
        ),
        key(
            "edge.drain_seconds",
            whole(0, 3600),
            Is("30"),
            [
                "30",
                "停止の指示を受けてから、処理中の受信が終わるのを待つ秒数",
                "Seconds that a graceful stop waits for what is being taken in.",
            ],
        ),
    ],
};

/// `[node]` of an edge.
pub(super) const UPSTREAM: Section = Section {
    path: "node",
    ja: "届け先のノード",
    en: "The node that everything is brought to.",
    keys: &[
        key(
            "node.address",
            Kind::Url,
            Absent,
            [
                "\"https://ajisai.example.jp:7443\"",
                "ノードの listen.grpc のアドレス（必須）。https:// のみ",
                "Address of the node's `listen.grpc` (required), over TLS.",
            ],
        ),
        key(
            "node.ca",
            Kind::Path,
            Is(SYSTEM_CA),
            [
                "\"ca.pem\"",
                "ノードの証明書を確かめるCA（PEM）",
                "PEM: CA certificates that the node's certificate is checked against.",
            ],
        ),
        key(
            "node.certificate",
            Kind::Path,
            Absent,
            [
                "\"my-hospital.pem\"",
                "施設のクライアント証明書（PEM、必須）。起動時に読む",
                "PEM: the facility's client certificate (required). Read at the start.",
            ],
        ),
        key(
            "node.key",
            Kind::Path,
            Absent,
            ["\"my-hospital.key\"", "その秘密鍵（PEM、必須）", "PEM: its private key (required)."],
        ),
    ],
};
