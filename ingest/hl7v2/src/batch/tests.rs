use super::*;

#[test]
fn a_file_is_cut_where_messages_begin() {
    let file = b"\xef\xbb\xbfFHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|1\rPID|1\r\nMSH|^~\\&|2\rNTE|MSH\rBTS|2\rFTS|1\r";
    let kinds: Vec<String> = pieces(file).map(|piece| format!("{piece:?}")).collect();
    assert_eq!(
        kinds,
        [
            "Envelope(10 bytes)",
            "Envelope(10 bytes)",
            "Message(17 bytes)",
            "Message(18 bytes)",
            "Envelope(5 bytes)",
            "Envelope(5 bytes)"
        ]
    );
    assert_eq!(messages(file).count(), 2);
    let counts: Vec<Option<u64>> = pieces(file)
        .filter_map(|piece| match piece {
            Piece::Envelope(line) => Some(stated_count(line, b'|')),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [None, None, Some(2), Some(1)]);
}

#[test]
fn frames_that_were_stored_are_no_part_of_a_message() {
    let file = b"\x0bMSH|^~\\&|1\rPID|1\r\x1c\r\x0bMSH|^~\\&|2\r\x1c\r";
    let found: Vec<&[u8]> = messages(file).collect();
    assert_eq!(found.len(), 2);
    for bytes in found {
        assert!(crate::Message::parse(bytes, &crate::Options::default()).is_ok());
    }
}

#[test]
fn what_stands_before_the_first_message_is_kept_apart() {
    let found: Vec<Piece<'_>> = pieces(b"hello\nMSHA\nMSH|^~\\&|1").collect();
    assert_eq!(found, [Piece::Stray(b"hello\nMSHA"), Piece::Message(b"MSH|^~\\&|1")]);
    assert_eq!(pieces(b" \r\n").count(), 0);
}

#[test]
fn an_envelope_has_delimiters_of_its_own() {
    assert_eq!(syntax_of(b"FHS#*@!%#A").unwrap().component, b'*');
}
