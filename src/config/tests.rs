use super::keys::{EDGE, Fallback, NODE, Table, split};
use super::settings::{Settings, literal};
use super::source::variable;
use super::*;
use std::path::Path;

const ENOUGH: &str = "[identity]\njwt_keys_file = \"keys.json\"\n";

const MLLP: &str = "[[mllp]]\naddress = \"127.0.0.1:2575\"\nfacilities = [\"hospital\"]\ntls = false\n";
const FHIR: &str = "[[fhir]]\nfacility = \"hospital\"\ninstitutions = [\"4210000000\"]\n";
const STORAGE: &str = "[[storage]]\nname = \"std\"\npath = \"ssmix2\"\nfacility = \"hospital\"\n";
const TLS: &str = "[tls]\ncertificate = \"n.pem\"\nkey = \"n.key\"\nclient_ca = \"ca.pem\"\n";

/// What an edge must be given, and a way in.
const EDGE_ENOUGH: &str = "[edge]\nfacility = \"hospital\"\n[node]\naddress = \"https://node:7443\"\n\
    certificate = \"h.pem\"\nkey = \"h.key\"\n[[mllp]]\naddress = \"127.0.0.1:2575\"\n\
    facilities = [\"hospital\"]\ntls = false\n";

#[track_caller]
fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(&Source::new("/etc/ajisai/ajisai.toml", text).with_env(env))
}

#[track_caller]
fn refusal(text: &str, env: &[(&str, &str)]) -> ConfigErrors {
    read(text, env).expect_err("the configuration should be refused")
}

#[track_caller]
fn broken(text: &str) -> Vec<(&'static str, Rule)> {
    let refused = refusal(text, &[]);
    let rules = refused.faults().iter().filter_map(|fault| match fault {
        ConfigError::Broken { key, rule, .. } => Some((*key, *rule)),
        _ => None,
    });
    rules.collect()
}

#[test]
fn token_keys_are_all_that_must_be_given() {
    let config = read(ENOUGH, &[]).unwrap();
    assert_eq!(config.listen.grpc, "127.0.0.1:7443".parse().unwrap());
    assert_eq!(config.node.data_dir, Path::new("/etc/ajisai/data"));
    assert_eq!(config.views.dir, Path::new("/etc/ajisai/data/views"));
    assert!(matches!(&config.log, Log::Embedded(log)
        if log.dir == Path::new("/etc/ajisai/data/log") && log.segment_bytes == 128 * 1024 * 1024));
    assert_eq!(config.tls, None);
}

#[test]
fn nothing_at_all_is_refused_because_there_is_no_anonymous_door() {
    assert_eq!(broken(""), [("identity.jwt_keys_file", Rule::NoDoor)]);
}

#[test]
fn the_environment_overrides_the_file() {
    let text = format!("[node]\nname = \"file\"\ndrain_seconds = 5\n{ENOUGH}");
    let env = [("AJISAI_NODE__NAME", "env"), ("AJISAI_LOG__EMBEDDED__SEGMENT_MIB", "64"), ("HOME", "/root")];
    let config = read(&text, &env).unwrap();
    assert_eq!(config.node.name, "env");
    assert_eq!(config.node.drain, Duration::from_secs(5));
    assert!(matches!(config.log, Log::Embedded(log) if log.segment_bytes == 64 * 1024 * 1024));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_key() {
    let refused = refusal(&format!("{ENOUGH}[query]\nstatment_seconds = 3\n"), &[]);
    assert_eq!(
        refused.to_string(),
        "unknown key `query.statment_seconds` at /etc/ajisai/ajisai.toml line 4; did you mean \
         `query.statement_seconds`? `ajisai config` lists all keys"
    );
    assert!(refused.japanese().contains("4行目 の `query.statment_seconds` という項目はありません"));
}

#[test]
fn an_unknown_section_is_refused_even_when_it_is_empty() {
    assert!(refusal(&format!("{ENOUGH}[teelmetry]\n"), &[]).to_string().contains("unknown key `teelmetry`"));
    assert!(read(&format!("{ENOUGH}[telemetry]\n"), &[]).is_ok());
}

#[test]
fn a_known_name_in_the_wrong_section_is_pointed_to_its_own() {
    let refused = refusal(&format!("{ENOUGH}[log]\nsegment_mib = 3\n"), &[]).to_string();
    assert!(refused.contains("did you mean `log.embedded.segment_mib`"), "{refused}");
}

#[test]
fn an_unknown_variable_is_refused_by_its_name() {
    let refused = refusal(ENOUGH, &[("AJISAI_QUERY__MEMORY", "3")]).to_string();
    assert!(refused.contains("unknown key `query.memory` at environment variable AJISAI_QUERY__MEMORY"), "{refused}");
}

#[test]
fn a_variable_with_single_underscores_is_a_slip_and_not_ignored() {
    let refused = refusal(ENOUGH, &[("AJISAI_NODE_DATA_DIR", "/x")]).to_string();
    assert!(refused.contains("did you mean `node.data_dir`"), "{refused}");
    assert!(read(ENOUGH, &[("AJISAI_CONFIG", "/x")]).is_ok(), "it names the file and is no key");
}

#[test]
fn a_bad_value_says_key_place_type_and_example() {
    let refused = refusal(&format!("[query]\nmemory_mib = \"lots\"\n{ENOUGH}"), &[]);
    assert_eq!(
        refused.to_string(),
        "`query.memory_mib` at /etc/ajisai/ajisai.toml line 2 is \"lots\"; it takes a whole number from 1 to 1048576, \
         for example 512"
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let refused = refusal("[query]\nmemory_mib = 0\nmax = 1\n", &[("AJISAI_LISTEN__GRPC", "here")]);
    assert_eq!(refused.faults().len(), 3, "{refused}");
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    let refused = refusal("[node]\nname = \n", &[]).to_string();
    assert!(refused.starts_with("not TOML at /etc/ajisai/ajisai.toml line 2"), "{refused}");
}

/// How the section of a key is headed.
fn head(table: &Table, path: &str) -> String {
    table.section(split(path).0).unwrap().head()
}

/// Reads a file of a table's kind.
fn faults(table: &Table, text: &str) -> ConfigErrors {
    let source = Source::new("a.toml", text);
    let read = if table.command == EDGE.command {
        EdgeConfig::read(&source).map(|_| ())
    } else {
        Config::read(&source).map(|_| ())
    };
    read.expect_err("the configuration should be refused")
}

/// Each with what makes every key be read.
fn tables() -> [(&'static Table, String); 2] {
    let kafka = "[log]\nkind = \"kafka\"\n[log.kafka]\nbrokers = [\"127.0.0.1:9092\"]\n";
    [(&NODE, format!("{kafka}{MLLP}{STORAGE}{FHIR}")), (&EDGE, format!("{EDGE_ENOUGH}{STORAGE}{FHIR}"))]
}

/// For each kind of key, a value of a wrong type; each key is tried with it in the file.
#[test]
fn every_key_refuses_a_value_of_another_type() {
    for (table, key) in [&NODE, &EDGE].into_iter().flat_map(|table| table.keys().map(move |key| (table, key))) {
        let wrong = match key.kind {
            value::Kind::Text | value::Kind::Path | value::Kind::OneOf(_) | value::Kind::Url => "7",
            value::Kind::Address | value::Kind::AddressOrOff => "\"localhost\"",
            value::Kind::Integer { .. } | value::Kind::Switch => "\"many\"",
            value::Kind::Ratio => "1.5",
            value::Kind::Texts => "[1, 2]",
        };
        let (head, name) = (head(table, key.path), split(key.path).1);
        let refused = faults(table, &format!("{head}\n{name} = {wrong}\n"));
        let named = refused.faults().iter().any(|fault| {
            matches!(fault, ConfigError::BadValue { key: named, example, .. } if *named == key.path && *example == key.example)
        });
        assert!(named, "{}: {refused}", key.path);
    }
}

#[test]
fn every_key_can_be_given_in_the_file_and_in_the_environment() {
    for (table, key) in [&NODE, &EDGE].into_iter().flat_map(|table| table.keys().map(move |key| (table, key))) {
        let (head, name) = (head(table, key.path), split(key.path).1);
        let source = Source::new("a.toml", &format!("{head}\n{name} = {}\n", key.example));
        assert!(Settings::read(&source, table).is_ok(), "{} in the file", key.path);

        let text = match literal(key.example).unwrap() {
            source::Given::List(items) => {
                items.iter().map(|i| i.to_string().replace('"', "")).collect::<Vec<_>>().join(",")
            }
            given => given.to_string().replace('"', ""),
        };
        let source = Source::none().with_env([(variable(key.path), text)]);
        let read = Settings::read(&source, table);
        if head.starts_with("[[") {
            let refused = read.err().unwrap().to_string();
            assert!(refused.contains(&format!("write {head} in the file")), "{refused}");
        } else {
            assert!(read.is_ok(), "{} in the environment", key.path);
        }
    }
}

#[test]
fn every_default_is_a_value_of_its_key() {
    for key in NODE.keys().chain(EDGE.keys()) {
        if let Fallback::Is(toml) = key.default {
            let given = literal(toml).unwrap_or_else(|| panic!("{} has a default that is not TOML", key.path));
            assert!(key.kind.accept(&given).is_some(), "{}", key.path);
        }
    }
}

#[test]
fn every_documented_key_is_read_and_every_key_read_is_documented() {
    for (table, text) in tables() {
        let settings = Settings::read(&Source::new("a.toml", &text), table).unwrap();
        if table.command == EDGE.command {
            let _ = settings.build_edge();
        } else {
            let _ = settings.build();
        }
        let documented: std::collections::BTreeSet<_> = table.keys().map(|key| key.path).collect();
        assert_eq!(settings.asked(), documented, "{}", table.command);
    }
}

#[test]
fn every_key_belongs_to_a_documented_section_and_stands_once() {
    for (table, _) in tables() {
        for section in table.sections {
            assert!(section.keys.iter().all(|key| split(key.path).0 == section.path), "{}", section.path);
        }
        for (at, key) in table.keys().enumerate() {
            assert!(table.keys().take(at).all(|other| other.path != key.path), "{} stands twice", key.path);
        }
    }
}

#[test]
fn a_listener_off_loopback_needs_tls() {
    for listener in ["listen.grpc", "listen.postgres", "listen.dashboards", "listen.admin", "listen.fhir"] {
        let (_, name) = split(listener);
        let rules = broken(&format!("{ENOUGH}[listen]\n{name} = \"0.0.0.0:9000\"\n"));
        assert_eq!(rules, [("tls.certificate", Rule::TlsOffLoopback { listener })]);
    }
}

#[test]
fn with_tls_a_listener_may_leave_loopback_and_tokens_are_optional() {
    let text =
        "[listen]\ngrpc = \"[::]:7443\"\n[tls]\ncertificate = \"n.pem\"\nkey = \"n.key\"\nclient_ca = \"/ca.pem\"\n";
    let tls = read(text, &[]).unwrap().tls.unwrap();
    assert_eq!(tls.certificate, Path::new("/etc/ajisai/n.pem"));
    assert_eq!(tls.client_ca, Path::new("/ca.pem"));
}

#[test]
fn half_a_tls_section_is_refused() {
    let rules = broken(&format!("{ENOUGH}[tls]\ncertificate = \"n.pem\"\nkey = \"n.key\"\n"));
    assert_eq!(rules, [("tls.client_ca", Rule::TlsWhole)]);
}

#[test]
fn two_sources_of_token_keys_are_refused() {
    let rules = broken(&format!("{ENOUGH}jwks_url = \"https://id.example.jp/jwks\"\n"));
    assert_eq!(rules, [("identity.jwt_keys_file", Rule::TwoKeySources)]);
}

#[test]
fn plain_http_is_for_loopback_only() {
    let rules = broken("[identity]\njwks_url = \"http://id.example.jp/jwks\"\n");
    assert_eq!(rules, [("identity.jwks_url", Rule::PlainAddressOffLoopback)]);
    assert!(read("[identity]\njwks_url = \"http://[::1]:80/jwks\"\n", &[]).is_ok());
    let rules = broken(&format!("{ENOUGH}[telemetry]\notlp_endpoint = \"http://10.0.0.1:4317\"\n"));
    assert_eq!(rules, [("telemetry.otlp_endpoint", Rule::PlainAddressOffLoopback)]);
}

#[test]
fn kafka_elsewhere_is_spoken_to_over_tls() {
    let kafka = |rest: &str| format!("{ENOUGH}[log]\nkind = \"kafka\"\n[log.kafka]\n{rest}\n");
    assert_eq!(broken(&kafka("")), [("log.kafka.brokers", Rule::NoBrokers)]);
    assert_eq!(
        broken(&kafka("brokers = [\"127.0.0.1:9092\", \"k1:9092\"]\nsecurity = \"plaintext\"")),
        [("log.kafka.security", Rule::PlainKafkaOffLoopback)]
    );
    assert!(read(&kafka("brokers = [\"localhost:9092\"]\nsecurity = \"plaintext\""), &[]).is_ok());
    assert!(read(&kafka("brokers = [\"k1:9093\"]"), &[]).is_ok(), "TLS is the default");
}

#[test]
fn sasl_needs_a_name_and_a_password_file() {
    let kafka = "[log]\nkind = \"kafka\"\n[log.kafka]\nbrokers = [\"k1:9093\"]\nsecurity = \"sasl_ssl\"\n";
    assert_eq!(broken(&format!("{ENOUGH}{kafka}")), [("log.kafka.username", Rule::SaslIncomplete)]);
    let whole = read(&format!("{ENOUGH}{kafka}username = \"u\"\npassword_file = \"p\"\n"), &[]).unwrap();
    let Log::Kafka(log) = whole.log else { panic!("kafka was asked for") };
    assert_eq!(log.security.sasl.unwrap().password_file, Path::new("/etc/ajisai/p"));
}

#[test]
fn a_fault_in_the_section_of_the_log_that_is_not_used_is_still_told() {
    assert_eq!(
        broken(&format!("{ENOUGH}[log.kafka]\ncertificate = \"c.pem\"\n")),
        [("log.kafka.key", Rule::KafkaCertificateIncomplete)]
    );
}

#[test]
fn two_listeners_do_not_share_an_address() {
    let rules = broken(&format!("{ENOUGH}[listen]\nadmin = \"127.0.0.1:7443\"\n"));
    assert_eq!(rules, [("listen.admin", Rule::SameAddress { other: "listen.grpc" })]);
    let free = "[listen]\nadmin = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\npostgres = \"off\"\n";
    assert_eq!(read(&format!("{ENOUGH}{free}"), &[]).unwrap().listen.postgres, None);
}

#[test]
fn an_operator_is_a_facility_and_a_member() {
    let config = read(&format!("{ENOUGH}operators = [\"office/sato\"]\n"), &[]).unwrap();
    assert_eq!(config.identity.operators[0].facility.as_str(), "office");
    for wrong in ["sato", "Office/sato", "office/"] {
        let refused = refusal(&format!("{ENOUGH}operators = [\"{wrong}\"]\n"), &[]);
        assert!(refused.to_string().starts_with(&format!("`identity.operators` has \"{wrong}\"")), "{refused}");
    }
}

#[test]
fn a_log_filter_that_cannot_be_read_is_refused() {
    let refused = refusal(&format!("{ENOUGH}[telemetry]\nlog = \"query=loud\"\n"), &[]).to_string();
    assert!(refused.starts_with("`telemetry.log` has \"query=loud\""), "{refused}");
}

#[test]
fn every_fault_is_told_in_japanese_too() {
    let refused = refusal("[query]\nmemory_mib = 0\nmax = 1\n", &[]);
    for fault in refused.faults() {
        let told = fault.japanese();
        assert!(told.chars().any(|c| ('ぁ'..='ん').contains(&c)), "{told}");
    }
}

/// Compares with the committed page; `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_documentation_page_is_the_table() {
    expect_test::expect_file!["../../docs/configuration.md"].assert_eq(&markdown());
    expect_test::expect_file!["../../docs/edge-configuration.md"].assert_eq(&edge_markdown());
}

#[test]
fn the_template_with_every_line_uncommented_is_accepted_key_by_key() {
    let uncommented = |table: &Table| -> String {
        template(table)
            .lines()
            .filter_map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with("[[") => Some(rest),
                Some(rest) if rest.split_once(" = ").is_some_and(|(name, _)| !name.contains([' ', '/'])) => Some(rest),
                Some(_) => None,
                None => Some(line),
            })
            .map(|line| format!("{line}\n"))
            .collect()
    };
    for table in [&NODE, &EDGE] {
        let settings = uncommented(table);
        assert_eq!(settings.matches(" = ").count(), table.keys().count());
        assert_eq!(
            faults(table, &settings).faults(),
            [ConfigError::Broken {
                key: "identity.jwt_keys_file",
                rule: Rule::TwoKeySources,
                example: table.example("identity.jwt_keys_file"),
            }],
            "the only fault is that both sources of keys are shown"
        );
    }
}

#[test]
fn the_packaged_example_is_accepted() {
    let text = include_str!("../../deploy/ajisai.toml");
    let config = Config::read(&Source::new("/etc/ajisai/ajisai.toml", text)).unwrap();
    assert!(!config.listen.grpc.ip().is_loopback());
    assert!(config.tls.is_some());
    let text = include_str!("../../deploy/edge.toml");
    let config = EdgeConfig::read(&Source::new("/etc/ajisai/edge.toml", text)).unwrap();
    assert!(!config.mllp[0].address.ip().is_loopback() && !config.storages.is_empty());
}

#[test]
fn each_entry_of_a_list_has_its_own_values_and_defaults() {
    let second = "[[storage]]\nname = \"ext\"\npath = \"/mnt/ext\"\nfacility = \"clinic\"\ncharset = \"Shift_JIS\"\n\
                  zone = \"+00:00\"\nother_patient = \"take-path\"\nwatch = false\n";
    let config = read(&format!("{ENOUGH}{MLLP}{STORAGE}{second}"), &[]).unwrap();
    let mllp = &config.mllp[0];
    assert_eq!((mllp.facilities[0].as_str(), mllp.tls, mllp.largest), ("hospital", false, 16 << 20));
    assert_eq!(mllp.bed_silent, Duration::from_secs(30 * 60));
    let shorter = read(&format!("{ENOUGH}{MLLP}bed_silent_minutes = 5\n"), &[]).unwrap();
    assert_eq!(shorter.mllp[0].bed_silent, Duration::from_secs(5 * 60));
    for outside in [0, 1_441] {
        let refused = refusal(&format!("{ENOUGH}{MLLP}bed_silent_minutes = {outside}\n"), &[]).to_string();
        assert!(refused.contains("mllp.bed_silent_minutes"), "{refused}");
    }
    let [std, ext] = config.storages.as_slice() else { panic!("two were given") };
    assert_eq!(std.path, Path::new("/etc/ajisai/ssmix2"));
    assert_eq!((std.text.charset, std.path_is_right, std.watch), (None, false, true));
    assert_eq!(ext.text.charset, Some(ingest::hl7::Charset::ShiftJis));
    assert_eq!((ext.facility.as_str(), ext.path_is_right, ext.watch), ("clinic", true, false));
    assert_ne!(std.text.zone, ext.text.zone);
    assert!(read(ENOUGH, &[]).unwrap().storages.is_empty());
}

#[test]
fn every_character_set_that_may_be_given_is_known() {
    let value::Kind::OneOf(names) = NODE.find("mllp.charset").unwrap().kind else { panic!("it is one of some") };
    for name in names {
        assert!(ingest::hl7::Charset::from_name(name).is_some(), "{name}");
    }
}

#[test]
fn an_entry_that_lacks_what_every_entry_has_is_refused_by_its_number() {
    let rules = broken(&format!("{ENOUGH}{STORAGE}[[storage]]\n[[mllp]]\n"));
    let all = ["mllp.address", "mllp.facilities", "storage.name", "storage.path", "storage.facility"];
    let entries = [1, 1, 2, 2, 2];
    let expected = all.into_iter().zip(entries).map(|(key, entry)| (key, Rule::Required { entry }));
    assert_eq!(rules, expected.collect::<Vec<_>>());
}

#[test]
fn a_list_is_written_as_one_and_a_misspelt_key_in_it_is_named() {
    let refused = refusal(&format!("{ENOUGH}[mllp]\naddress = \"127.0.0.1:2575\"\n"), &[]).to_string();
    assert!(refused.contains("write [[mllp]] in the file"), "{refused}");
    let refused = refusal(&format!("{ENOUGH}{STORAGE}pth = \"x\"\n"), &[]).to_string();
    assert!(refused.contains("unknown key `storage.pth` at /etc/ajisai/ajisai.toml line 7"), "{refused}");
}

#[test]
fn mllp_leaves_loopback_over_tls_only_and_without_tls_speaks_for_one_facility() {
    let mllp = |address: &str, facilities: &str, tls: bool| {
        format!("{ENOUGH}[[mllp]]\naddress = \"{address}\"\nfacilities = [{facilities}]\ntls = {tls}\n")
    };
    let (here, everywhere, one, two) = ("127.0.0.1:2575", "0.0.0.0:2575", "\"a\"", "\"a\", \"b\"");
    assert_eq!(broken(&mllp(everywhere, one, false)), [("mllp.tls", Rule::PlainMllpOffLoopback { entry: 1 })]);
    assert_eq!(broken(&mllp(here, two, false)), [("mllp.facilities", Rule::OneFacilityWithoutTls { entry: 1 })]);
    assert_eq!(broken(&mllp(here, one, true)), [("tls.certificate", Rule::MllpTls { entry: 1 })]);
    assert_eq!(read(&(mllp(everywhere, two, true) + TLS), &[]).unwrap().mllp[0].facilities.len(), 2);
    let twice = mllp(here, one, false) + MLLP;
    assert_eq!(broken(&twice), [("mllp.address", Rule::SameAddress { other: "mllp.address" })]);
}

#[test]
fn a_storage_has_a_plain_name_of_its_own() {
    assert_eq!(broken(&format!("{ENOUGH}{STORAGE}{STORAGE}")), [("storage.name", Rule::SameName { entry: 2 })]);
    for (name, said) in [("a: b", "only letters"), ("mllp", "another feed")] {
        let refused = refusal(&format!("{ENOUGH}{}", STORAGE.replace("std", name)), &[]).to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let refused = refusal(&format!("{ENOUGH}{STORAGE}zone = \"Nowhere/Else\"\n"), &[]).to_string();
    assert!(refused.starts_with("`storage.zone` has \"Nowhere/Else\""), "{refused}");
}

#[test]
fn each_facility_that_sends_fhir_is_read_in_one_way_and_an_institution_has_ten_digits() {
    let second = "[[fhir]]\nfacility = \"clinic\"\npatient_number_system = \"urn:x\"\n";
    let config = read(&format!("{ENOUGH}{FHIR}{second}"), &[]).unwrap();
    let [hospital, clinic] = config.fhir_of.as_slice() else { panic!("two were given") };
    assert!(hospital.institutions.contains("4210000000") && hospital.patient_number_system.is_none());
    assert!(clinic.institutions.is_empty() && clinic.patient_number_system.as_deref() == Some("urn:x"));
    assert_eq!(broken(&format!("{ENOUGH}{FHIR}{FHIR}")), [("fhir.facility", Rule::SameName { entry: 2 })]);
    assert_eq!(broken(&format!("{ENOUGH}[[fhir]]\n")), [("fhir.facility", Rule::Required { entry: 1 })]);
    let refused = refusal(&format!("{ENOUGH}{}", FHIR.replace("4210000000", "421")), &[]).to_string();
    assert!(refused.starts_with("`fhir.institutions` has \"421\"") && refused.contains("ten digits"), "{refused}");
    let other = FHIR.replace("\"hospital\"", "\"clinic\"");
    assert_eq!(edge(&(EDGE_ENOUGH.to_owned() + &other)), [("fhir.facility", Rule::OtherFacility { entry: 1 })]);
}

#[track_caller]
fn edge(text: &str) -> Vec<(&'static str, Rule)> {
    let refused = faults(&EDGE, text);
    let broken = |fault: &ConfigError| match fault {
        ConfigError::Broken { key, rule, .. } => (*key, *rule),
        other => panic!("{other}"),
    };
    refused.faults().iter().map(broken).collect()
}

#[test]
fn an_edge_must_be_told_whose_it_is_where_the_node_is_and_what_to_take() {
    let config = EdgeConfig::read(&Source::new("/etc/ajisai/edge.toml", EDGE_ENOUGH)).unwrap();
    assert_eq!(config.edge.queue_dir, Path::new("/etc/ajisai/data/queue"));
    assert_eq!(config.edge.queue_bytes, 20 << 30);
    assert_eq!(config.listen.admin, Some("127.0.0.1:7481".parse().unwrap()));
    assert_eq!((config.mllp[0].silent, config.listen.fhir_silent), (Some(Duration::from_secs(900)), None));
    let needed = ["edge.facility", "node.address", "node.certificate", "node.key"];
    assert_eq!(edge(""), needed.map(|key| (key, Rule::Needed)));
    let nothing = EDGE_ENOUGH.split("[[mllp]]").next().unwrap();
    assert_eq!(edge(nothing), [("mllp.address", Rule::NoWayIn)]);
}

#[test]
fn an_edge_speaks_for_its_own_facility_over_tls() {
    let other = EDGE_ENOUGH.replace("facilities = [\"hospital\"]", "facilities = [\"clinic\"]");
    assert_eq!(edge(&other), [("mllp.facilities", Rule::OtherFacility { entry: 1 })]);
    let storage = STORAGE.replace("\"hospital\"", "\"clinic\"");
    assert_eq!(edge(&(EDGE_ENOUGH.to_owned() + &storage)), [("storage.facility", Rule::OtherFacility { entry: 1 })]);
    // Also on loopback: the node knows the facility by its certificate.
    let plain = EDGE_ENOUGH.replace("https://node", "http://127.0.0.1");
    assert_eq!(edge(&plain), [("node.address", Rule::NodeOverTls)]);
    let fhir = format!("{EDGE_ENOUGH}[listen]\nfhir = \"127.0.0.1:7444\"\n");
    assert_eq!(edge(&fhir), [("identity.jwt_keys_file", Rule::NoDoor)]);
    let open = format!("{EDGE_ENOUGH}[listen]\nadmin = \"0.0.0.0:7481\"\n");
    assert_eq!(edge(&open), [("tls.certificate", Rule::TlsOffLoopback { listener: "listen.admin" })]);
    let named = EDGE_ENOUGH.replace("[node]", "name = \"a/b\"\n[node]");
    assert!(faults(&EDGE, &named).to_string().contains("only letters"));
}

#[test]
fn a_key_of_the_other_kind_of_file_is_unknown_and_its_command_is_named() {
    let refused = faults(&EDGE, &format!("{EDGE_ENOUGH}[views]\nflush_rows = 3000\n")).to_string();
    assert!(
        refused.contains("unknown key `views.flush_rows`") && refused.contains("`ajisai edge config`"),
        "{refused}"
    );
    assert!(refusal(&format!("{ENOUGH}[edge]\nname = \"x\"\n"), &[]).to_string().contains("unknown key `edge.name`"));
}
