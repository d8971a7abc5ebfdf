use super::*;
use std::io::Write as _;

fn found(bytes: &[u8]) -> Vec<Result<(Place, String), (Place, Reason)>> {
    let describe = |found: Result<Resource, Refusal>| match found {
        Ok(resource) => Ok((resource.place(), resource.resource_type().to_owned())),
        Err(refusal) => Err((refusal.place, refusal.reason)),
    };
    read(bytes).map(describe).collect()
}

fn line(line: u64) -> Place {
    Place { line, entry: None }
}

#[test]
fn a_broken_line_of_ndjson_is_refused_and_the_rest_is_read() {
    let text =
        b"{\"resourceType\":\"Patient\"}\n{oops\n\n{\"resourceType\":\"Condition\"}\n[1]\n{\"resourceType\":\"Enc";
    let expected = vec![
        Ok((line(1), "Patient".to_owned())),
        Err((line(2), Reason::UnreadableJson)),
        Ok((line(4), "Condition".to_owned())),
        Err((line(5), Reason::NotAResource)),
        Err((line(6), Reason::UnreadableJson)),
    ];
    assert_eq!(found(text), expected);
}

#[test]
fn ndjson_whose_first_line_is_cut_off_is_still_ndjson() {
    // Cut within a text, and between two members, where it might be a document over many lines.
    for cut in ["{\"resourceType\":\"Pat", "{\"resourceType\":\"Patient\","] {
        let text = format!("{cut}\n{{\"resourceType\":\"Condition\"}}\n\n{{\"resourceType\":\"Encounter\"}}");
        let expected = vec![
            Err((line(1), Reason::UnreadableJson)),
            Ok((line(2), "Condition".to_owned())),
            Ok((line(4), "Encounter".to_owned())),
        ];
        assert_eq!(found(text.as_bytes()), expected, "{cut}");
    }
}

#[test]
fn a_resource_over_many_lines_is_one_document() {
    let text = serde_json::to_vec_pretty(&patient()).unwrap();
    assert_eq!(found(&text), vec![Ok((line(1), "Patient".to_owned()))]);
}

#[test]
fn a_damaged_document_over_many_lines_is_one_refusal() {
    let mut text = serde_json::to_vec_pretty(&patient()).unwrap();
    text.pop();
    assert_eq!(found(&text), vec![Err((line(1), Reason::UnreadableJson))]);
}

#[test]
fn a_byte_order_mark_is_passed_over_and_an_empty_file_is_empty() {
    assert_eq!(found("\u{feff}{\"resourceType\":\"Patient\"}".as_bytes()), vec![Ok((line(1), "Patient".to_owned()))]);
    assert_eq!(found(b""), vec![]);
    assert_eq!(found(b"\n \n"), vec![]);
}

#[test]
fn a_bundle_is_walked_and_an_entry_without_a_resource_is_refused() {
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": patient()}, {"request": {"method": "DELETE", "url": "Observation/1"}}, {"resource": lab(json!({}))}]});
    let entry = |entry| Place { line: 1, entry: Some(entry) };
    let expected = vec![
        Ok((entry(0), "Patient".to_owned())),
        Err((entry(1), Reason::EntryWithoutResource)),
        Ok((entry(2), "Observation".to_owned())),
    ];
    assert_eq!(found(&serde_json::to_vec_pretty(&bundle).unwrap()), expected);
    assert_eq!(found(bundle.to_string().as_bytes()), expected);
}

#[test]
fn a_line_over_the_limit_is_refused_and_the_next_is_read() {
    let text = format!(
        "{}\n{}\n",
        json!({"resourceType": "Patient", "id": "x".repeat(200)}),
        json!({"resourceType": "Patient"})
    );
    let reasons: Vec<_> =
        read(text.as_bytes()).with_limit(100).map(|found| found.map_err(|refusal| refusal.reason).is_ok()).collect();
    assert_eq!(reasons, vec![false, true]);
    let pretty = serde_json::to_vec_pretty(&patient()).unwrap();
    let refusals: Vec<_> =
        read(pretty.as_slice()).with_limit(20).filter_map(|found| found.err().map(|refusal| refusal.reason)).collect();
    assert_eq!(refusals, vec![Reason::TooLarge]);
}

#[test]
fn a_gzip_file_is_read_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Patient.ndjson.gz");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for index in 0..200 {
        writeln!(gzip, "{}", with(patient(), json!({"id": format!("p{index}")}))).unwrap();
    }
    let mut bytes = gzip.finish().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(open(&path).unwrap().filter(Result::is_ok).count(), 200);
    assert_eq!(patient_numbers(&[&path], &context()).unwrap().len(), 1);

    bytes.truncate(bytes.len() / 2);
    std::fs::write(&path, &bytes).unwrap();
    let last = open(&path).unwrap().last().unwrap().unwrap_err();
    assert_eq!(last.reason, Reason::UnreadableFile);
}
